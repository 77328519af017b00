"""The figure of metamers by two searches, drawn from folders of metamers."""

import shutil

import numpy as np
import pytest

from model_metamers import InputError
from model_metamers.runs.record import sealed
from model_metamers.storage.reading import read_json
from model_metamers.storage.writing import write_json
from model_metamers_experiments.figures import two_searches
from tests.builders.metamers import write_metamers


@pytest.fixture(scope="module")
def two(tmp_path_factory, tiny_vgg, tiny_word_cnn, small_images, small_sounds):
    """Folders of metamers whose records are of Adam, and others of L-BFGS."""
    folder = tmp_path_factory.mktemp("two")
    for name in ("adam", "lbfgs"):
        write_metamers(tiny_vgg, small_images[:2], ("conv1_2",), (0,), folder / name / "images")
        write_metamers(tiny_word_cnn, small_sounds[:2], ("conv_2",), (0,), folder / name / "sounds")
    for path in (folder / "lbfgs").rglob("metamer.json"):
        record = read_json(path)
        record["config"]["optimizer"] = "lbfgs"
        write_json(path, sealed(record))
    return folder


def test_each_search_has_examples_a_histogram_and_a_spectrum(two):
    figure = two_searches.draw([two])
    assert len(figure.subfigs) == 2  # the images' and the sounds'
    for part in figure.subfigs:
        above, below = part.subfigs
        assert len(above.axes) == 3 * 2  # natural, adam, lbfgs, of two stimuli
        assert [a.get_ylabel().split("\n")[0] for a in above.axes[::2]] == ["natural", "adam", "lbfgs"]
        values, spectrum = below.axes
        assert len(values.patches) == len(spectrum.lines) == 3


@pytest.mark.parametrize(
    ("setting", "value"), [("hidden_relu", "rounded"), ("frontend", "fast"), ("convolutions", "winograd")]
)
def test_searches_by_one_optimizer_are_told_apart_by_how_they_were_computed(two, tmp_path, setting, value):
    shutil.copytree(two / "lbfgs" / "images", tmp_path / "other")
    for path in tmp_path.rglob("metamer.json"):
        record = read_json(path)
        record["config"][setting] = value
        write_json(path, sealed(record))
    (part,) = two_searches.draw([two / "lbfgs" / "images", tmp_path]).subfigs
    labels = [a.get_ylabel().replace("\n", " ") for a in part.subfigs[0].axes[::2]]
    assert len(labels) == 3 and [value in label for label in labels] == [False, False, True]


def test_one_search_is_refused(two):
    with pytest.raises(InputError, match="by two searches"):
        two_searches.draw([two / "adam"])


@pytest.mark.parametrize("cycles", [1, 3, 7])
def test_the_spectrum_of_a_grating_has_its_frequency(cycles):
    grating = np.sin(2 * np.pi * cycles * np.arange(32) / 32)[np.newaxis, :, np.newaxis]
    picture = np.broadcast_to(grating, [32, 32, 3])
    frequencies, power = two_searches.mean_spectrum([picture])
    assert frequencies[power.argmax()] == cycles


@pytest.mark.parametrize("hertz", [250.0, 1000.0, 3000.0])
def test_the_spectrum_of_a_tone_has_its_frequency(hertz):
    tone = np.sin(2 * np.pi * hertz * np.arange(8000) / 8000)
    frequencies, power = two_searches.mean_spectrum([tone], 8000)
    assert frequencies[power.argmax()] == pytest.approx(hertz, abs=16)
