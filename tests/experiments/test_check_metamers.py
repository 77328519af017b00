"""The binary that judges: what it names, what it does nevertheless, and its exit status."""

import csv
import dataclasses
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import model_metamers as mm
from model_metamers import runs
from model_metamers.criteria.null_file import read_null
from model_metamers.runs import mending, null_runs
from model_metamers.runs.folder import MetamerFolder
from model_metamers.runs.record import read_record, write_record
from tests.builders import binaries, tampering


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> runs.Run:
    """A run of untrained weights that is made; nothing changes it."""
    network = mm.load_network("vgg_19_small", "random:0")
    out = tmp_path_factory.mktemp("check") / "whole"
    random = np.random.RandomState(0)
    signals = {f"noise_{i}": random.rand(*network.signal.shape).astype(np.float32) for i in range(3)}
    run = runs.Run(network, ("conv1_2", "fc7"), signals, {}, out, mm.SynthesisConfig(iterations=1))
    assert runs.execute([run], progress=False).complete
    return run


@pytest.fixture
def run(whole, tmp_path) -> runs.Run:
    shutil.copytree(whole.out, tmp_path / "run")
    return dataclasses.replace(whole, out=tmp_path / "run")


def check(run: runs.Run, *flags: str, null: Path | None = None):
    flags = (f"--metamers={run.out}", f"--null={null or run.folder.null}", *flags)
    done = binaries.run("check_metamers", *flags, f"--out={run.out.parent}/verdicts")
    lines = [line for line in done.stderr.splitlines() if "cuInit" not in line]
    assert all(line.startswith("check_metamers: ") for line in lines)
    return done.returncode, lines, done.stdout


def rows(run: runs.Run) -> list[dict[str, str]]:
    with open(run.out.parent / "verdicts" / "verdicts.csv", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_what_was_changed_is_named_and_the_rest_is_judged(run):
    copied = tampering.KINDS["layer copied"](run.folder).parent
    changed = tampering.KINDS["seed edited"](run.folder)
    (run.folder.metamer("fc7", "noise_0").path / "target.png").unlink()
    status, lines, _ = check(run)
    assert status == 1 and len(lines) == 5
    for part in (str(changed), str(copied / "noise_1"), "noise_0/target.png: missing"):
        assert any(part in line for line in lines), part
    assert [(row["layer"], row["stimulus"]) for row in rows(run)] == [
        (layer, f"noise_{i}") for layer, i in (("conv1_2", 1), ("conv1_2", 2), ("fc7", 1), ("fc7", 2))
    ]


def test_records_are_judged_without_tensorflow(run):
    flags = [f"--metamers={run.out}", f"--null={run.folder.null}", f"--out={run.out.parent / 'verdicts'}"]
    code = (
        "import sys; from model_metamers_experiments import check_metamers\n"
        "try: check_metamers.run()\n"
        "except SystemExit as ended: assert not ended.code\n"
        "assert not {'tensorflow', 'keras'} & sys.modules.keys()"
    )
    done = subprocess.run([sys.executable, "-c", code, *flags], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(rows(run)) == 6


def test_verdicts_of_another_null_are_told_in_one_line(run):
    null, stimuli = read_null(run.folder.null)
    layers = {name: dataclasses.replace(layer, maximum=-0.5) for name, layer in null.layers.items()}
    null_runs.write(run.out.parent / "other.npz", dataclasses.replace(null, layers=layers), stimuli)
    status, lines, _ = check(run, null=run.out.parent / "other.npz")
    assert status == 0 and lines == [
        "check_metamers: 6 of 6 metamers hold the verdict of another null distribution; all are judged here "
        "by --null"
    ]
    assert {row["null_max"] for row in rows(run)} == {"-0.5"}


def test_measured_anew_by_the_network_that_the_record_names(run):
    assert read_record(run.folder.metamer("fc7", "noise_0").path).checkpoint_place == "random:0"
    status, lines, told = check(run, "--anew")
    assert (status, lines) == (0, [])
    assert "Measured anew: 6 metamers, 6 of them to the last bit as recorded" in told
    place = run.folder.metamer("fc7", "noise_1")
    record = read_record(place.path)
    measured = dataclasses.replace(record.floats.measurement, spearman={"fc7": 0.9999})
    floats = dataclasses.replace(record.floats, measurement=measured)
    write_record(place, dataclasses.replace(record, floats=floats))
    status, lines, told = check(run, "--anew", "--network=vgg_19_small", "--checkpoint=random:0")
    assert status == 1 and len(lines) == 1 and "its record says 0.9999" in lines[0]
    assert str(place.path) in lines[0] and "6 metamers, 5 of them" in told
    mine = next(row for row in rows(run) if (row["layer"], row["stimulus"]) == ("fc7", "noise_1"))
    assert float(mine["rho"]) == record.floats.measurement.spearman["fc7"]


@pytest.mark.parametrize(
    ("flags", "status", "message"),
    [
        (["--network=vgg_19_small"], 2, "--network and --checkpoint are for --anew; add it"),
        (["--anew", "--checkpoint=random:0"], 2, "--checkpoint is for --network; name the network too"),
        (["--signal=signal.json"], 2, "--signal is for --anew; add it"),
        (["--anew", "--signal=signal.json"], 2, "--signal is for --network; name the network too"),
        (
            ["--anew", "--network=vgg_19_small", "--checkpoint=random:1"],
            2,
            "is of vgg_19_small (random:0), --network is vgg_19_small (random:1)",
        ),
    ],
)
def test_flags_of_another_network_are_refused(run, flags, status, message):
    ended, lines, _ = check(run, *flags)
    assert ended == status and any(message in line for line in lines)


def test_a_place_that_is_not_on_this_machine_is_not_followed(run):
    for place in run.folder.metamers():
        record = read_record(place.path)
        named = dataclasses.replace(record, checkpoint="sha256:" + "0" * 64, checkpoint_place="https://x.y/z")
        write_record(place, named)
    run.folder.settings.unlink()
    null, stimuli = read_null(run.folder.null)
    null_runs.write(run.folder.null, dataclasses.replace(null, checkpoint="sha256:" + "0" * 64), stimuli)
    status, lines, _ = check(run, "--anew")
    assert status == 2 and len(lines) == 7
    told = "was not found (its record names https://x.y/z, which is followed only where you name it); name it"
    assert all(f"{told} with --network" in line for line in lines[:6])


@pytest.mark.parametrize("name", ["../../x", "/tmp/x"])
def test_a_networks_name_out_of_a_record_writes_only_into_out(run, name):
    run.folder.settings.unlink()
    for place in run.folder.metamers():
        write_record(place, dataclasses.replace(read_record(place.path), network=name))
    null, stimuli = read_null(run.folder.null)
    null_runs.write(run.folder.null, dataclasses.replace(null, network=name), stimuli)
    before = {p for p in run.out.parent.parent.rglob("*") if "verdicts" not in p.parts}
    assert check(run)[0] == 0
    assert {p for p in run.out.parent.parent.rglob("*") if "verdicts" not in p.parts} == before
    drawn = sorted(p.name for p in (run.out.parent / "verdicts").iterdir())
    assert len(drawn) == 5 and sum(p.endswith("_spearman.png") for p in drawn) == 1


@pytest.fixture
def make(run, tmp_path) -> list[str]:
    """Flags of make_metamers that repeat the run."""
    inputs = tmp_path / "inputs"
    inputs.mkdir()
    for name, signal in run.stimuli.items():
        np.save(inputs / f"{name}.npy", signal)
    flags = ["--network=vgg_19_small", "--checkpoint=random:0", f"--inputs={inputs}", "--layers=conv1_2,fc7"]
    return [*flags, "--iterations=1", f"--out={run.out}", "--noprogress"]


def recognize(run: runs.Run):
    out = run.out.parent / "judged"
    return binaries.run("recognize_metamers", f"--metamers={run.out}", f"--out={out}", "--noprogress")


@pytest.mark.slow
@pytest.mark.parametrize("kind", tampering.KINDS)
def test_each_kind_of_tampering_is_noticed_by_all_three_tools(run, whole, make, kind):
    assert binaries.run("make_metamers", *make).returncode == 0
    folder = tampering.KINDS[kind](run.folder)
    status, lines, _ = check(run)
    assert status == 1 and any(str(folder) in line for line in lines)
    judged = recognize(run)
    assert judged.returncode == 2 and str(folder) in judged.stderr
    again = binaries.run("make_metamers", *make)
    assert again.returncode == 0 and str(folder) in again.stderr
    if kind == "layer copied":
        shutil.rmtree(folder.parent)
    assert check(run)[:2] == (0, [])
    for place in whole.folder.metamers():
        made = MetamerFolder(run.folder.path / place.path.relative_to(whole.folder.path))
        assert read_record(made.path).files == read_record(place.path).files


@pytest.mark.slow
@pytest.mark.parametrize("older", [False, True], ids=["format 2", "format 1"])
def test_verdicts_of_two_nulls_are_noticed_by_all_three_tools(run, make, older):
    """As an older version left them where two inputs came first and more later."""
    null, _ = read_null(run.folder.null)
    layers = {name: dataclasses.replace(layer, maximum=-0.5) for name, layer in null.layers.items()}
    other = dataclasses.replace(null, layers=layers)
    for place in run.folder.metamers()[::2]:
        mending.judge_anew([place], other)
    if older:
        for place in run.folder.metamers():
            record = read_record(place.path)
            write_record(place, dataclasses.replace(record, files=None, null_sha256=None))
    status, lines, _ = check(run)
    assert status == 0 and len(lines) == 1
    assert "3 of 6 metamers hold the verdict of another null distribution" in lines[0]
    judged = recognize(run)
    assert judged.returncode == 2 and "judged by different null distributions" in judged.stderr
    again = binaries.run("make_metamers", *make)
    assert again.returncode == 0 and f"{6 if older else 3} metamers were judged anew" in again.stderr
    assert check(run)[:2] == (0, []) and "different null" not in recognize(run).stderr
