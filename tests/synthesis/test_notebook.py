"""What a metamer and a network print, and how a notebook shows them."""

import base64
import dataclasses
import io
import re

import numpy as np
import pytest
import soundfile
from PIL import Image

import model_metamers as mm
from model_metamers.criteria import Measurement, Verdict
from model_metamers.criteria.null import BINS, LayerNull
from model_metamers.signals.cochleagram_config import CochleagramConfig

IMAGE = mm.SignalSpec("image", (32, 32, 3), 0.0, 1.0)
SOUND = mm.SignalSpec("sound", (800,), -1.0, 1.0, 8000)
COCHLEAGRAM = mm.SignalSpec("cochleagram", (20, 30, 1), 0.0, 1.0, frontend=CochleagramConfig())


def metamer(spec, classes=("cat", "dog"), stimulus="a photo"):
    signals = np.random.default_rng(0).uniform(0, 0.9, [2, *spec.shape]).astype(np.float32)
    return mm.Metamer(
        network="mine",
        checkpoint="",
        layer="conv1",
        stimulus=stimulus,
        signal=signals[0],
        target=signals[1],
        spec=spec,
        config=mm.SynthesisConfig(),
        iterations=7,
        loss=np.array([3.0, 0.5]),
        loss_iterations=np.array([0, 7]),
        measurement=Measurement({"conv1": 0.98765}, 0, 1, *classes),
    )


@pytest.mark.parametrize("spec", [IMAGE, SOUND, COCHLEAGRAM], ids=lambda spec: spec.kind)
def test_a_metamer_prints_a_line(spec):
    text = repr(metamer(spec))
    assert len(text) < 300 and "\n" not in text
    for told in ("a photo", "conv1", "mine", "rho 0.9877", "cat -> dog", "7 iterations", "3 -> 0.5"):
        assert told in text


def test_long_names_are_cut_and_missing_classes_left_out():
    text = repr(metamer(IMAGE, (None, None), "x" * 500))
    assert len(text) < 300 and "->" not in text.partition(", loss")[0]


def files(page):
    return [base64.b64decode(data) for data in re.findall(r"base64,([^']+)'", page)]


def test_a_notebook_shows_images_enlarged_beside_the_target():
    one = metamer(IMAGE, ("<b>cat", "dog"))
    page = one._repr_html_()
    target, own = (np.asarray(Image.open(io.BytesIO(content))) for content in files(page))
    assert target.shape == own.shape == (160, 160, 3) and not np.array_equal(target, own)
    np.testing.assert_array_equal(own[::5, ::5], np.round(one.signal * 255))
    assert "&lt;b&gt;cat" in page


def test_a_notebook_plays_sounds():
    one = metamer(SOUND)
    assert one._repr_html_().count("<audio controls") == 2
    for content, signal in zip(files(one._repr_html_()), (one.target, one.signal), strict=True):
        played, rate = soundfile.read(io.BytesIO(content))
        assert rate == 8000
        np.testing.assert_allclose(played, signal, atol=1e-4)


def test_a_notebook_shows_cochleagrams_with_low_frequencies_below():
    one = metamer(COCHLEAGRAM)
    signal = np.zeros_like(one.signal)
    signal[0] = 1.0  # the lowest filter
    own = files(dataclasses.replace(one, signal=signal)._repr_html_())[1]
    values = np.asarray(Image.open(io.BytesIO(own)))
    assert values.shape == (20, 30) and (values[-1] == 255).all() and not values[:-1].any()


def test_a_network_prints_a_line():
    text = repr(mm.load_network("vgg_19_small"))
    assert "vgg_19_small: images [32, 32, 3]" in text and "10 classes" in text and len(text) < 200


def null_of(counts, network="mine"):
    layers = {}
    for place, count in enumerate(counts):
        rho = np.linspace(-0.2, 0.1 * (place + 1), count)
        layers[f"conv{place}"] = LayerNull(
            np.histogram(rho, BINS)[0], -0.2, 0.1 * (place + 1), float(rho.mean()), 0, 1.0, np.nan, np.nan
        )
    return mm.NullDistribution(network, "", layers, "all_pairs")


def test_a_null_distribution_prints_a_line_and_a_table():
    null = null_of([6, 6], "x" * 500)
    assert len(repr(null)) < 300 and "rho of 6 pairs (all_pairs) at each of 2 layers" in repr(null)
    assert "maximum 0.1000 to 0.2000" in repr(null)
    assert null._repr_html_().count("<tr>") == 3 and "conv1" in null._repr_html_()
    assert len(repr(null.layers["conv0"])) < 100


def test_a_null_distribution_without_layers_or_pairs_prints_too():
    assert "0 pairs" in repr(mm.NullDistribution("<i>mine", "", {}, "blocks"))
    assert "&lt;i&gt;" in mm.NullDistribution("<i>mine", "", {}, "blocks")._repr_html_()


@pytest.mark.parametrize(
    ("pairs", "passes", "word"),
    [(6, True, "passes (6 pairs)"), (1, False, "fails (1 pair)"), (999, True, "passes (999 pairs)")]
    + [(1000, True, "passes"), (None, False, "fails")],
)
def test_verdicts_of_few_pairs_say_so(pairs, passes, word):
    assert Verdict(passes, None, passes, 0.9, 0.4, (), null_pairs=pairs).word == word


def test_a_verdict_stands_in_a_notebook_with_its_reasons():
    page = Verdict(
        False, False, True, 0.9, 0.4, ("class <b>, the target's is cat",), null_pairs=6
    )._repr_html_()
    assert ">fails (6 pairs)</b> ρ 0.9000, to exceed 0.4000<br>class &lt;b&gt;" in page


def test_a_verdict_is_told_its_pairs():
    assert mm.check(metamer(IMAGE), null_of([6, 7])).word == "fails (7 pairs)"  # the classes differ
