"""`mm.plot` and `mm.play`: what is drawn, and what is refused in one line."""

import subprocess
import sys
import types

import numpy as np
import pytest
from matplotlib.figure import Figure

import model_metamers as mm
from model_metamers import InputError
from model_metamers.frontends.erb_filters import erb_centers_hz
from tests.synthesis.test_notebook import IMAGE, SOUND, metamer, null_of

FRONTEND = mm.CochleagramConfig()
CENTERS = erb_centers_hz(FRONTEND.num_filters, FRONTEND.low_hz, FRONTEND.high_hz, FRONTEND.sample_factor)
COCHLEAGRAM = mm.SignalSpec("cochleagram", (len(CENTERS), 30, 1), 0.0, 1.0, frontend=FRONTEND)


def axes():
    return Figure().add_subplot()


@pytest.fixture(autouse=True)
def close_figures():
    yield
    from matplotlib import pyplot

    pyplot.close("all")


@pytest.mark.parametrize("spec", [IMAGE, SOUND, COCHLEAGRAM], ids=lambda spec: spec.kind)
def test_a_metamer_is_drawn_beside_its_target(spec):
    target, own = mm.plot.metamer(metamer(spec))
    assert len(target.images) == len(own.images) == 1
    assert target.get_title() == "a photo\ncat" and own.get_title() == "conv1, ρ = 0.988\ndog"
    assert not np.array_equal(target.images[0].get_array(), own.images[0].get_array())


def test_given_axes_are_drawn_on_and_returned():
    pair, one = Figure().subplots(1, 2), axes()
    assert list(mm.plot.metamer(metamer(IMAGE), pair)) == list(pair)
    assert mm.plot.loss(metamer(SOUND), one) is one
    np.testing.assert_array_equal(one.lines[0].get_xydata(), [[0, 3.0], [7, 0.5]])
    for call in (lambda a: mm.plot.spearman([metamer(IMAGE)] * 3, null_of([6, 6]), a),):
        new = axes()
        assert call(new) is new and new.get_title() == "conv1"


def test_rho_stands_among_that_of_unrelated_pairs():
    drawn = mm.plot.spearman([metamer(IMAGE)] * 3, null_of([6, 6]))
    texts = [text.get_text() for text in drawn.get_legend().get_texts()]
    assert set(texts) == {"unrelated pairs (6)", "null maximum", "metamers (3)"}


def test_the_cochleagram_of_a_tone_is_brightest_at_its_frequency():
    tone = np.sin(2 * np.pi * 1000 * np.arange(8000) / 8000)
    drawn = mm.plot.cochleagram(tone, 8000)
    values = np.asarray(drawn.images[0].get_array())
    ticks = dict(zip([t.get_text() for t in drawn.get_yticklabels()], drawn.get_yticks(), strict=True))
    assert abs(values.mean(axis=1).argmax() + 0.5 - ticks["1000"]) < 2


def test_activations_are_drawn_pair_by_pair(tiny_vgg, small_images):
    found = mm.synthesize(
        tiny_vgg, "conv1_2", small_images[0], mm.SynthesisConfig(iterations=1), progress=False
    )
    drawn = mm.plot.activations(tiny_vgg, found, "conv2_1")
    values = tiny_vgg.activations(np.stack([found.target, found.signal]), ["conv2_1"])["conv2_1"].numpy()
    points = drawn.collections[0].get_offsets()
    np.testing.assert_allclose(points, values.reshape(2, -1).T)
    assert f"{mm.spearman(*values):.4f}" in drawn.get_title()
    with pytest.raises(mm.UnknownLayerError, match="no layer 'conv9'"):
        mm.plot.activations(tiny_vgg, found, "conv9")
    with pytest.raises(InputError, match="expected shape"):
        mm.plot.activations(tiny_vgg, metamer(SOUND), "conv2_1")


WRONG = {
    "a cochleagram of an image": lambda: mm.plot.cochleagram(metamer(IMAGE)),
    "a cochleagram of pixels": lambda: mm.plot.cochleagram(np.zeros([32, 32, 3]), 8000),
    "a cochleagram without a rate": lambda: mm.plot.cochleagram(np.zeros(800)),
    "a metamer on one axes": lambda: mm.plot.metamer(metamer(IMAGE), axes()),
    "a metamer of an array": lambda: mm.plot.metamer(np.zeros([32, 32, 3])),
    "the loss of a network's name": lambda: mm.plot.loss("vgg_19_small"),
    "loss on no axes": lambda: mm.plot.loss(metamer(IMAGE), "here"),
    "rho of nothing": lambda: mm.plot.spearman([]),
    "rho of a number": lambda: mm.plot.spearman(3),
    "rho with a null of other layers": lambda: mm.plot.spearman(metamer(IMAGE), null_of([6])),
    "activations without a network": lambda: mm.plot.activations("vgg_19_small", metamer(IMAGE)),
    "a run that is not there": lambda: mm.plot.run("nowhere"),
    "playing an image": lambda: mm.play(metamer(IMAGE)),
    "playing without a rate": lambda: mm.play(np.zeros(800)),
    "playing without a notebook": lambda: mm.play(metamer(SOUND)),
}


@pytest.mark.parametrize("call", WRONG.values(), ids=WRONG)
def test_what_is_of_the_wrong_kind_is_refused_in_one_line(call):
    with pytest.raises(InputError) as refused:
        call()
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 200


def test_a_notebook_plays_at_the_sounds_own_level(monkeypatch):
    given = []
    display = types.SimpleNamespace(Audio=lambda data, **how: given.append((data, how)))
    shell = types.SimpleNamespace(kernel=None)
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    mm.play(np.array([0.5, -2.0, 0.1]), 8000)
    np.testing.assert_array_equal(given[0][0], [0.5, -1.0, 0.1])
    assert given[0][1] == {"rate": 8000, "normalize": False}


def test_naming_the_plots_imports_no_matplotlib():
    check = (
        "import sys, model_metamers as mm; mm.plot.run; "
        "assert not {'matplotlib', 'tensorflow'} & {*sys.modules}"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
