"""Which numbers of saved metamers the claims of rho are told by."""

import numpy as np
import pytest

import model_metamers as mm
from model_metamers.criteria.null_file import write_null
from model_metamers.runs.folder import RunFolder
from model_metamers.runs.record import sealed
from model_metamers.storage.reading import read_json
from model_metamers.storage.writing import write_json
from model_metamers_experiments.reproduction import answers
from tests.builders.metamers import write_metamers


@pytest.fixture(scope="module")
def made(tiny_vgg, small_images, tmp_path_factory):
    """A run, in the place of the network's name "0", whose floats and files differ in rho."""
    out = tmp_path_factory.mktemp("linear") / "linear"
    write_metamers(
        tiny_vgg, small_images[:2], ("conv1_2",), (0,), out, lambda layer, name, seed: name[-1] == "1"
    )
    folder = RunFolder(out, "0")
    write_null(folder.null, mm.null_distribution(tiny_vgg, ["conv1_2"], small_images, progress=False), "")
    for metamer in folder.metamers():
        record = read_json(metamer.path / "metamer.json")
        record["float"]["spearman"]["conv1_2"], record["file"]["spearman"]["conv1_2"] = 0.99, 0.25
        write_json(metamer.path / "metamer.json", sealed(record))
    return out


def test_rho_is_that_of_the_file_a_person_is_shown(made):
    found = answers.correlations(RunFolder(made, "0"), ["conv1_2", "conv3_4"])
    assert found.rho["conv1_2"]["conv1_2"].tolist() == [0.25, 0.25]
    assert found.passed["conv1_2"].tolist() == [False, True]
    assert np.isfinite(found.null["conv1_2"].place(0.25))


def test_rho_of_figure_2_is_that_of_the_file_too(made):
    row = {"network": "0", "gradient": "linear", "layer": "conv1_2", "stimulus": "signal_0", "rho": 0.99}
    assert answers.relu_rho(made.parent, row) == 0.25
    assert answers.relu_rho(made.parent, {**row, "stimulus": "gone"}) is None
