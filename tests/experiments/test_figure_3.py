"""Figure 3, drawn from folders of metamers."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import model_metamers as mm
from model_metamers import InputError
from model_metamers.runs.record import sealed
from model_metamers.storage.reading import read_json
from model_metamers.storage.writing import write_json
from model_metamers_experiments.figures import figure_3
from tests.builders.metamers import write_metamers


@pytest.fixture(scope="module")
def made(tmp_path_factory, tiny_vgg, tiny_word_cnn, small_images, small_sounds) -> Path:
    """Two images and two sounds; signal_0 of the images fails at conv3_4."""
    folder = tmp_path_factory.mktemp("made")
    passing = lambda layer, stimulus, seed: (layer, stimulus) != ("conv3_4", "signal_0")  # noqa: E731
    write_metamers(tiny_vgg, small_images[:2], ("conv1_2", "conv3_4"), (1, 0), folder / "images", passing)
    write_metamers(tiny_word_cnn, small_sounds[:2], ("conv_2", "logits"), (0,), folder / "sounds")
    return folder


def test_figure_3_shows_the_files(made):
    figure = figure_3.draw([made])
    pictures, sounds = figure.subfigs
    natural, early, late = pictures.axes
    assert natural.get_title() == "natural\nsignal_1" and natural.get_ylabel() == "vgg_tiny, untrained"
    assert [a.get_title().split("\n")[0] for a in (early, late)] == ["conv1_2", "conv3_4"]
    for axes, file in ((natural, "conv1_2/signal_1/target"), (late, "conv3_4/signal_1/metamer")):
        spec = mm.SignalSpec("image", (32, 32, 3), 0.0, 1.0)
        shown = mm.load_image(made / "images" / "0" / f"{file}.png", spec)
        np.testing.assert_allclose(axes.images[0].get_array(), shown, atol=1e-6)
    titles = [a.get_title().split("\n")[0] for a in sounds.axes]
    assert titles == ["natural", "conv_2", "logits"]
    assert [a.get_xlabel() for a in sounds.axes] == ["time (s)"] * 3
    assert "frequency (Hz)" in sounds.axes[0].get_ylabel()
    brightest = {a.images[0].get_clim() for a in sounds.axes}
    assert brightest == {(0.0, float(sounds.axes[0].images[0].get_array().max()))}


def test_figure_3_chooses_and_tells_what_fails(made):
    figure = figure_3.draw([made / "images"], ["signal_0"], ["conv3_4"], {"vgg_tiny": "VGG"})
    (part,) = figure.subfigs
    natural, late = part.axes
    assert natural.get_ylabel() == "VGG" and late.get_title().endswith(", fails")
    with pytest.raises(InputError, match="no metamers of the stimulus 'dog'; there are signal_0, signal_1"):
        figure_3.draw([made], ["dog"])
    with pytest.raises(InputError, match="no metamers of the layer 'conv_9'"):
        figure_3.draw([made], layers=["conv_9"])


@pytest.mark.parametrize(
    ("rho", "passes", "shown"),
    [
        ({"float": 0.25, "file": 0.75}, {"float": False, "file": True}, "ρ 0.750"),
        ({"float": 0.75, "file": 0.25}, {"float": True, "file": False}, "ρ 0.250, fails"),
        ({"float": 0.75, "file": None}, {"float": True, "file": True}, "ρ –"),
    ],
)
def test_figure_3_tells_rho_and_verdict_of_the_file_and_not_of_the_floats(made, tmp_path, rho, passes, shown):
    folder = tmp_path / "conv1_2" / "signal_0"
    shutil.copytree(made / "images" / "0" / "conv1_2" / "signal_0", folder)
    record = read_json(folder / "metamer.json")
    for part in ("float", "file"):
        record[part]["spearman"]["conv1_2"] = rho[part]
        record[part]["verdict"]["passes"] = passes[part]
    write_json(folder / "metamer.json", sealed(record))
    (part,) = figure_3.draw([tmp_path]).subfigs
    assert part.axes[1].get_title() == f"conv1_2\n{shown}"


def test_figure_3_refuses_other_folders(tmp_path):
    (tmp_path / "recognition.csv").touch()
    with pytest.raises(InputError, match="holds no metamers"):
        figure_3.draw([tmp_path])
    with pytest.raises(InputError, match="no such folder"):
        figure_3.draw([tmp_path / "recognition.csv"])


def test_long_names_of_figure_3_are_broken_and_kept_whole():
    name = "environmental_reduced_aliasing_small, untrained"
    broken = figure_3._in_lines(name)
    assert max(map(len, broken.split("\n"))) <= 22
    assert broken.replace("\n", "").replace(" ", "") == name.replace(" ", "")
    assert figure_3._in_lines("vgg_19") == "vgg_19"


def test_figure_3_is_drawn_without_tensorflow(made):
    code = (
        "import sys\nfrom model_metamers_experiments.figures import figure_3\n"
        "figure_3.draw([sys.argv[1]]).savefig(sys.argv[1] + '/figure.png')\n"
        "assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(made)], check=True)
    assert (made / "figure.png").stat().st_size > 10_000
