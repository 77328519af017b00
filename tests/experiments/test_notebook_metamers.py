"""The metamers in a notebook, here one that the test writes as Jupyter would: read, and scored."""

import base64
import dataclasses
import io
import json

import matplotlib
import numpy as np
import pytest
import soundfile
from matplotlib.figure import Figure
from PIL import Image

import model_metamers as mm
from model_metamers.signals import sounds
from model_metamers.signals.cochleagram_config import CochleagramConfig
from model_metamers.synthesis import starts
from model_metamers_experiments import notebook_metamers, notebook_scores
from model_metamers_experiments.original_numbers import OriginalCase
from tests.builders import binaries
from tests.conftest import make_tiny_word_cnn

RATE = 4000


def stream(text: str) -> dict:
    return {"output_type": "stream", "text": text.splitlines(keepends=True)}


def generating(layer: str) -> dict:
    return stream(f"Generating metamer for a network (small) layer {layer}\n[0/30], loss=1.0\n")


def played(waveform: np.ndarray, rate: int = RATE) -> dict:
    """As IPython's Audio shows a sound: at a peak of one, 16 bits."""
    content = io.BytesIO()
    soundfile.write(content, np.int16(32767 * waveform / abs(waveform).max()), rate, "PCM_16", format="WAV")
    encoded = base64.b64encode(content.getvalue()).decode()
    return {
        "data": {"text/html": [f'<audio><source src="data:audio/wav;base64,{encoded}" type="x"/></audio>']}
    }


def drawn(pictures, scatters: int = 2) -> dict:
    """As the authors' figure: the original above, the metamers below it, then panels that are no pictures."""
    columns = len(pictures) - 1
    with matplotlib.rc_context({"savefig.bbox": "tight", "figure.dpi": 72}):
        figure = Figure(figsize=(3 * columns, 12))
        places = [1, *range(columns + 1, 2 * columns + 1)]
        for picture, place in zip(pictures, places, strict=True):
            axes = figure.add_subplot(4, columns, place)
            axes.imshow(picture)
            axes.set_title("a layer")
        for place in range(2 * columns + 1, 2 * columns + 1 + scatters):
            figure.add_subplot(4, columns, place).scatter(range(50), range(50))
        content = io.BytesIO()
        figure.savefig(content, transparent=True)
    return {"data": {"image/png": base64.b64encode(content.getvalue()).decode()}}


def notebook(path, *outputs):
    path.write_text(json.dumps({"nbformat": 4, "cells": [{"source": "x"}, {"outputs": list(outputs)}]}))
    return path


def loss_of(network, signal: np.ndarray, target: np.ndarray, layer: str) -> float:
    pair = network.activations(np.float32([target, signal]), (layer,))[layer].numpy()
    return 0.5 * float(np.sum((pair[0] - pair[1]) ** 2))


@pytest.fixture(scope="module")
def hissing(small_sounds) -> np.ndarray:
    """Sounds that are never silent: what is, 16 bits round away."""
    return small_sounds + np.float32(0.05 * np.random.RandomState(1).randn(*small_sounds.shape))


@pytest.fixture(scope="module")
def found(hissing):
    """A network, a sound that is nearly a metamer of another, and the recorded case of it."""
    network = make_tiny_word_cnn()
    target = sounds.set_level(hissing[0], network.signal.rms)
    signal = np.float32(target + 1e-4 * np.random.RandomState(0).randn(len(target)))
    start = starts.pink_noise(len(target), seed=0)
    case = OriginalCase(
        network=network.name,
        layer="pool_0_0",
        original_layer="pool_0_0",
        notebook="a notebook",
        stimulus="a.wav",
        stimulus_sha256="0" * 64,
        target_minimum=None,
        target_maximum=None,
        spearman_layer=None,
        spearman_logits=None,
        same_class=True,
        outside_null=True,
        iterations=(0, 300),
        loss=(loss_of(network, start, target, "pool_0_0"), loss_of(network, signal, target, "pool_0_0")),
    )
    return network, signal, case


def test_a_sound_is_read_in_full_but_for_its_level(found, hissing, tmp_path):
    network, signal, case = found
    path = notebook(tmp_path / "a.ipynb", played(hissing[0]), generating(case.original_layer), played(signal))
    embedded = notebook_metamers.read_notebook(path)
    assert (embedded.kind, embedded.rate_hz, list(embedded.metamers)) == (
        "sound",
        RATE,
        [case.original_layer],
    )
    for read, sound in (
        (embedded.target, hissing[0]),
        (embedded.metamers[case.original_layer], signal),
    ):
        np.testing.assert_allclose(read, sound / abs(sound).max(), atol=2**-14)

    (of_case, read) = notebook_scores.cases_of(embedded, [case], "a")[0]
    score = notebook_scores.score(embedded, of_case, read, network, None)
    assert score["level"] == pytest.approx(0.1, rel=0.02)
    assert score["rho"]["pool_0_0"] > 0.99 and score["rho"]["logits"] > 0.99
    assert score["loss"] < 0.01 * case.loss[0]
    assert score["agrees"] is True and score["checks"][0]["check"] == "same class"


def test_another_sound_is_no_metamer(found, hissing, tmp_path):
    network, _, case = found
    path = notebook(tmp_path / "a.ipynb", played(hissing[0]), generating("pool_0_0"), played(hissing[1]))
    embedded = notebook_metamers.read_notebook(path)
    score = notebook_scores.score(embedded, case, embedded.metamers["pool_0_0"], network, None)
    assert score["agrees"] is False and score["loss"] > 0.01 * case.loss[0]
    assert "differs in" in score["sentence"] and "loss at pool_0_0" in score["sentence"]


def test_the_null_is_held_to_the_weights(found, hissing, tiny_vgg, small_images):
    network, signal, case = found
    embedded = notebook_metamers.Embedded("sound", hissing[0], {case.original_layer: signal}, RATE)
    null = mm.null_distribution(network, ["pool_0_0"], hissing, progress=False)
    score = notebook_scores.score(embedded, case, signal, network, null)
    above = {check["check"]: check["ours"] for check in score["checks"]}["above the null"]
    assert above == (score["rho"]["pool_0_0"] > null.maximum("pool_0_0"))
    with pytest.raises(mm.InputError, match="measure one for it"):
        of_others = mm.null_distribution(tiny_vgg, ["conv2_2"], small_images, progress=False)
        notebook_scores.score(embedded, case, signal, network, of_others)


def test_without_weights_cochleagrams_are_compared(found, hissing):
    _, signal, case = found
    embedded = notebook_metamers.Embedded("sound", hissing[0], {case.original_layer: signal}, RATE)
    config = CochleagramConfig(sample_rate=RATE, num_filters=31, high_hz=1800.0, window_size=201)
    same = notebook_scores.score_cochleagram(embedded, case, 7 * hissing[0], config)
    assert same["agrees"] is None and same["rho"]["cochleagram"] > 0.99
    assert same["level"] == pytest.approx(0.1, rel=0.02)
    other = notebook_scores.score_cochleagram(embedded, case, hissing[1], config)
    assert other["rho"]["cochleagram"] < 0.999


def test_pictures_are_found_in_a_figure(tiny_vgg, small_images, tmp_path):
    """Panels of 224 pixels, of which the figure keeps some 140."""
    pictures = [
        np.kron(np.uint8(255 * picture), np.ones((7, 7, 1), np.uint8)) for picture in small_images[:3]
    ]
    pictures[2][:, :3] = 255  # white at an edge
    path = notebook(tmp_path / "v.ipynb", generating("conv1"), generating("conv5"), drawn(pictures))
    embedded = notebook_metamers.read_notebook(path)
    assert embedded.kind == "image" and list(embedded.metamers) == ["conv1", "conv5"]
    for panel, picture in zip([embedded.target, *embedded.metamers.values()], pictures, strict=True):
        assert 120 < panel.shape[0] == panel.shape[1] < 170
        whole = np.asarray(Image.fromarray(panel).resize((224, 224), Image.Resampling.NEAREST), float)
        inner = (slice(8, -8), slice(8, -8))
        assert np.median(abs(whole[inner] - picture[inner])) <= 6
        others = [np.mean(abs(whole[inner] - other[inner])) for other in pictures if other is not picture]
        assert np.mean(abs(whole[inner] - picture[inner])) < 0.5 * min(others)


def test_pictures_are_held_to_the_class_of_the_original_beside_them(tiny_vgg, small_images, found):
    random = np.random.RandomState(0)
    pixels = [np.uint8(255 * picture) for picture in small_images]
    pixels += [np.full((32, 32, 3), random.randint(0, 256, 3), np.uint8) for _ in range(20)]
    case = dataclasses.replace(found[2], layer="conv2_2", same_class=True)
    embedded = notebook_metamers.Embedded("image", pixels[0], {case.original_layer: pixels[0]}, 0)
    score = notebook_scores.score(embedded, case, pixels[0], tiny_vgg, None)
    assert score["agrees"] is True and score["rho"]["fc8"] > 0.9999 and score["level"] is None
    classes = [mm.recognize(tiny_vgg, np.float32(picture / 255))[0] for picture in pixels]
    other = next(i for i, name in enumerate(classes) if name != classes[0])
    score = notebook_scores.score(embedded, case, pixels[other], tiny_vgg, None)
    assert score["agrees"] is False and "same class" in score["sentence"]


def test_what_is_no_such_notebook_is_refused_in_one_line(hissing, tmp_path, found):
    sound, layer = played(hissing[0]), generating("conv_2")
    broken = {"data": {"text/html": 'src="data:audio/wav;base64,AAAA"'}}
    for outputs, message in (
        ([], "shows 0 pictures and 0 sounds of 0 layers"),
        ([layer, sound], "plays 0 sounds before the first layer and 1 after"),
        ([sound, sound], "plays 2 sounds before the first layer and 0 after"),
        ([sound, layer, played(hissing[0][:500])], "metamer of conv_2 is not as long"),
        ([sound, layer, broken], "an embedded sound"),
        ([layer, {"data": {"image/png": "AAAA"}}], "an embedded figure"),
    ):
        with pytest.raises(mm.InputError, match=message) as caught:
            notebook_metamers.read_notebook(notebook(tmp_path / "n.ipynb", *outputs))
        assert "\n" not in str(caught.value)
    for text in ("{", "[]", '{"cells": 1}'):
        (tmp_path / "n.ipynb").write_text(text)
        with pytest.raises(mm.InputError, match=r"n\.ipynb: no readable notebook"):
            notebook_metamers.read_notebook(tmp_path / "n.ipynb")
    embedded = notebook_metamers.Embedded("sound", hissing[0], {"conv_9": hissing[0]}, RATE)
    with pytest.raises(mm.InputError, match="a metamer of conv_9, whose numbers are not recorded"):
        notebook_scores.cases_of(embedded, [found[2]], "a")


def test_a_notebook_that_is_none_is_refused_before_anything_is_written(tmp_path):
    result = binaries.run("compare_with_original", "--notebook=none.ipynb", "--out=none", cwd=tmp_path)
    assert result.returncode == 2 and "none.ipynb: no readable notebook" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_binary_without_weights_compares_cochleagrams(tmp_path):
    """Two seconds of 20 kHz, as the authors' notebook has them."""
    sound = 0.1 * np.random.RandomState(0).randn(40000)
    path = notebook(
        tmp_path / "a.ipynb",
        played(sound, 20000),
        generating("pool_0_0"),
        played(sound + 0.01 * np.random.RandomState(1).randn(40000), 20000),
    )
    env = {"PATH": "", "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    result = binaries.run("compare_with_original", f"--notebook={path}", "--out=out", cwd=tmp_path, env=env)
    assert result.returncode == 0, result.stderr
    assert "only cochleagrams are compared" in result.stderr
    scores = json.loads((tmp_path / "out" / "notebook.json").read_text())["scores"]
    assert [(s["notebook"], s["layer"], s["agrees"]) for s in scores] == [("a.ipynb", "pool_0_0", None)]
    assert 0.9 < scores[0]["rho"]["cochleagram"] < 1 and scores[0]["level"] == pytest.approx(0.1, rel=0.03)
