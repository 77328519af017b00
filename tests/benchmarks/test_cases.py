"""The list of cases, one of them run, and what is written."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import machine, registry, results
from benchmarks.cases import evaluations, network_steps
from benchmarks.results import Done, Result, Table
from benchmarks.settings import Settings
from model_metamers.errors import InputError

_ROOT = Path(__file__).parents[2]


def test_every_case_can_be_run():
    assert len(registry.CASES) > 10
    for case in registry.CASES.values():
        assert callable(importlib.import_module(f"benchmarks.cases.{case.module}").run)
        assert case.about


def test_all_leaves_the_long_ones_out():
    every = registry.chosen(["all"])
    assert "vgg_19" in every and "evaluations" not in every
    assert registry.chosen(["evaluations", "all", "null"]) == ["evaluations", *every]


@pytest.mark.parametrize("name", ["nope", "VGG_19", ""])
def test_unknown_cases_and_networks_are_refused(name):
    with pytest.raises(InputError, match="expected all or some of vgg_19"):
        registry.chosen(["null", name])
    with pytest.raises(InputError, match="expected some of vgg_19"):
        registry.check_networks(["vgg_19_small", name])


def test_a_step_of_a_small_network():
    settings = Settings(rounds=1, seconds=0.0, networks=("vgg_19_small",), layers=("conv1_1",), batch_size=2)
    result = network_steps.run("small_networks", settings)
    (table,) = result.tables
    assert table.title == "vgg_19_small, 2 signals at once"
    assert [row[:2] for row in table.rows][:2] == [("conv1_1", "ours"), ("conv1_1", "TF1 graph")]
    assert all(len(row) == len(table.columns) for row in table.rows)
    numbers = table.numbers["conv1_1"]
    assert numbers["gflop"] == pytest.approx(2 * 2 * 2 * 27 * 16 * 32 * 32 / 1e9)
    assert all(seconds > 0 for times in numbers["wall_seconds"].values() for seconds in times)
    assert set(numbers["ceilings_gflops"]) == {"matrix product", "convolution"}


def test_vgg_19_stands_beside_itself_by_winograds_convolutions(monkeypatch):
    monkeypatch.setattr(network_steps, "_ALWAYS", {"vgg_19_small": network_steps._ALWAYS["vgg_19"]})
    settings = Settings(rounds=1, seconds=0.0, networks=("vgg_19_small",), layers=("conv2_1",), batch_size=1)
    result = network_steps.run("small_networks", settings)
    assert "ours, convolutions=winograd" in [row[1] for row in result.tables[0].rows]
    (note,) = (note for note in result.notes if "TF1 graph takes" in note)
    assert "times as long as ours, convolutions=winograd, " in note


@pytest.mark.parametrize(
    ("losses", "wanted", "first", "expected"),
    [
        ([9.0, 5.0, 3.0, 2.0], 5.0, 0, 2),
        ([9.0, 5.0, 3.0, 2.0], 2.5, 0, 3),
        ([9.0, 5.0, 3.0, 2.0], 10.0, 0, 1),
        ([9.0, 5.0, 3.0, 2.0], 1.0, 0, None),
        ([1.0, 0.5, 3.0, 2.0, 1.5], 2.0, 2, 4),
        ([1.0, 0.5, 3.0, 2.0, 1.5], 3.0, 2, 3),
        ([1.0, 0.5, 3.0, 2.0, 1.5], 1.0, 2, None),
    ],
)
def test_evaluations_to_a_loss(losses, wanted, first, expected):
    """The last entry is the loss at the end, after no further evaluation; `first` are of another function."""
    assert evaluations.evaluations_to(np.array(losses), wanted, first) == expected


def test_what_is_written(tmp_path):
    table = Table(
        "A table", ("by", "ms"), (("ours", "1.00 (1.00-1.00)"),), {"wall_seconds": {"ours": (1e-3,)}}
    )
    done = [
        Done("good", Result((table,), ("A note.",), {"plot.png": b"png"}), "", 12.0, 1.5, 0.2),
        Done("bad", None, "memory ran out", 3.0, 0.0, 0.2),
    ]
    results.write(tmp_path, {"processor": "one"}, "python -m benchmarks", done)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "benchmarks.json",
        "benchmarks.md",
        "plot.png",
    ]
    page = (tmp_path / "benchmarks.md").read_text()
    for line in (
        "| processor | one |",
        "| ours | 1.00 (1.00-1.00) |",
        "![plot.png](plot.png)",
        "- A note.",
        "Not measured: memory ran out",
        "- Took 12 s, peak memory 1.5 GiB, load 0.2.",
    ):
        assert line in page.splitlines()
    written = json.loads((tmp_path / "benchmarks.json").read_text())
    assert written["cases"]["good"]["tables"]["A table"] == {"wall_seconds": {"ours": [1e-3]}}
    assert written["cases"]["bad"]["failure"] == "memory ran out"


def test_the_machine_is_described():
    found = machine.description()
    assert int(found["cores in use"]) >= 1
    assert "tensorflow 2." in found["packages"]
    assert all(isinstance(value, str) and value for value in found.values())


def _program(*arguments):
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, cwd=_ROOT, capture_output=True, text=True)


def test_a_wrong_flag_is_one_line():
    done = _program("--cases=null", "--networks=nope")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1 and "nope" in done.stderr


@pytest.mark.slow
def test_the_program(tmp_path):
    """A case that runs, and one whose network has no such layer: the first is written, the second told."""
    done = _program(
        "--cases=small_networks,word_aliased",
        "--networks=vgg_19_small",
        "--layers=conv1_1",
        "--rounds=1",
        "--seconds=0.01",
        "--batch_size=1",
        f"--out={tmp_path / 'out'}",
    )
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "out" / "benchmarks.md").read_text()
    assert "vgg_19_small, 1 signal at once" in page
    done = _program(
        "--cases=small_networks,one_channel_gradient",
        "--networks=vgg_19_small",
        "--layers=nope",
        "--rounds=1",
        "--seconds=0.01",
        f"--out={tmp_path / 'out'}",
    )
    assert done.returncode == 1
    assert "Not measured: vgg_19_small has no layer 'nope'" in done.stdout
    assert "1 x 171 x 400, 96 channels" in done.stdout
