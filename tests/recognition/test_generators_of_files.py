"""Metamers of Keras models in files: their networks are found again by their records, or why not is told."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import model_metamers as mm
from model_metamers.catalog import named_network
from model_metamers.recognition.generators import find_generator, load_generator, named_by, weights_place
from model_metamers.recognition.judgement import Who
from model_metamers.runs.measured_anew import measure_anew
from model_metamers.runs.record import read_record
from tests.builders import binaries

keras = tf.keras
SIGNAL = {"kind": "image", "shape": [16, 16, 3], "low": 0, "high": 1, "mean": 0.5, "std": 0.5}


def model(seed: int = 0, name: str = "mine"):
    """A model with a model in it."""
    keras.utils.set_random_seed(seed)
    i = keras.Input((16, 16, 3))
    inside = keras.Model(
        i, keras.layers.Conv2D(4, 5, strides=4, activation="relu", name="conv")(i), name="base"
    )
    j = keras.Input((16, 16, 3))
    features = keras.layers.Flatten()(inside(j))
    return keras.Model(j, keras.layers.Dense(3, name="answers")(features), name=name)


@pytest.fixture
def file(tmp_path) -> Path:
    model().save(tmp_path / "mine.keras")
    return tmp_path / "mine.keras"


def described(path: Path, **more) -> Path:
    path.write_text(json.dumps({**SIGNAL, "layers": ["base/conv"], **more}))
    return path


def metamer_of(network: mm.Network, folder: Path) -> tuple[Who, str | None]:
    """Saves a metamer; what its record says of the network."""
    target = np.random.default_rng(0).random(network.signal.shape).astype(np.float32)
    search = mm.SynthesisConfig(iterations=2)
    mm.save(mm.synthesize(network, "base/conv", target, search, progress=False), folder, network)
    record = read_record(folder)
    return Who(record.network, record.checkpoint), weights_place(folder, record)


def refused(who: Who, place: str | None) -> str:
    with pytest.raises(mm.InputError) as error:
        load_generator(who, [place])
    assert "\n" not in str(error.value) and "was not found (" in str(error.value)
    assert str(error.value).endswith(
        "; name it with --judges=MODEL.keras or MODEL.keras=SIGNAL.json, or leave it out with --without_self"
    )
    return str(error.value)


@pytest.mark.parametrize("beside", [True, False], ids=["model.signal.json", "another name"])
def test_a_metamer_of_a_file_is_measured_anew_by_its_record(file, tmp_path, beside, monkeypatch):
    signal = described(tmp_path / ("mine.signal.json" if beside else "what it is fed=a.json"))
    monkeypatch.chdir(tmp_path)
    network = named_network.load("mine.keras", signal=None if beside else signal.name)
    who, place = metamer_of(network, tmp_path / "metamer")
    assert place == (str(file) if beside else f"{file}={signal}")
    assert named_by("mine", place) == (str(file), None, None if beside else str(signal))
    monkeypatch.chdir("/")
    found = find_generator(who, [place])
    assert found.layers == ("base/conv",)
    assert measure_anew(tmp_path / "metamer", read_record(tmp_path / "metamer"), found).same_bits
    shown = mm.load(tmp_path / "metamer")
    assert (shown.network, shown.checkpoint_place) == ("mine", place)


def test_a_file_that_is_gone_or_another_now_is_told_in_one_line(file, tmp_path):
    signal = described(tmp_path / "mine.signal.json")
    who, place = metamer_of(named_network.load(str(file)), tmp_path / "metamer")
    moved = shutil.move(file, tmp_path / "moved.keras")
    assert f"its record names {file}, which is not on this machine" in refused(who, place)
    model(seed=1).save(file)
    told = refused(who, place)
    assert f"{file} is another one now, mine (sha256:" in told and who.weights[:19] in told
    file.write_bytes(b"no model")
    assert f"{file}: no readable .keras file" in refused(who, place)
    shutil.move(moved, file)
    described(signal, mean=0.25)  # another network, though of the same weights
    assert f"{file} is another one now" in refused(who, place)
    signal.unlink()
    assert f"{file}: a .keras file does not tell what its model is fed" in refused(who, place)
    described(signal, name="theirs")
    assert f"{file} is another one now, theirs (" in refused(who, place)
    described(signal)
    assert find_generator(who, [place]).name == "mine"


def test_a_file_that_takes_other_signals_now_is_told(file, tmp_path):
    signal = described(tmp_path / "mine.signal.json")
    who, place = metamer_of(named_network.load(str(file)), tmp_path / "metamer")
    described(signal, high=255)
    with pytest.raises(mm.InputError, match=r"is of .*high=1.*, mine now takes .*high=255"):
        measure_anew(tmp_path / "metamer", read_record(tmp_path / "metamer"), find_generator(who, [place]))


def test_a_record_names_files_in_full(file, tmp_path, monkeypatch):
    """One relative to wherever the command is typed is none that this program wrote."""
    described(tmp_path / "mine.signal.json")
    who, _ = metamer_of(named_network.load(str(file)), tmp_path / "metamer")
    monkeypatch.chdir(tmp_path)
    for place in ("mine.keras", f"{file}=mine.signal.json", f"{file}=//server/signal.json"):
        assert "followed only where you name it" in refused(who, place)


@pytest.mark.slow
def test_the_binaries_find_networks_of_files_by_their_records(file, tmp_path):
    signal = described(tmp_path / "fed.json")
    for number in range(2):
        np.save(tmp_path / f"{number}.npy", np.random.default_rng(number).random((16, 16, 3), np.float32))
    inputs = f"--inputs={tmp_path}/0.npy,{tmp_path}/1.npy"
    made = [f"--network={file}", f"--signal={signal}", inputs, "--iterations=2", f"--out={tmp_path}/out"]
    assert binaries.run("make_metamers", *made, "--noprogress").returncode == 0
    metamers = f"--metamers={tmp_path}/out"
    null = f"--null={tmp_path}/out/mine/null.npz"
    checked = binaries.run("check_metamers", metamers, null, f"--out={tmp_path}/verdicts", "--anew")
    assert checked.returncode == 0, checked.stderr
    assert "2 of them to the last bit as recorded" in checked.stdout
    assert f"make_null_distribution --network={file} --signal={signal}" in checked.stdout
    seen = [metamers, "--criteria=none", "--noprogress"]
    judged = binaries.run("recognize_metamers", *seen, f"--out={tmp_path}/seen")
    assert judged.returncode == 0 and "mine image" in judged.stdout, judged.stderr
    again = binaries.run("make_metamers", *made, "--noprogress")
    assert again.returncode == 0, again.stderr
    model(seed=1).save(file)
    for binary, flags in (
        ("check_metamers", [metamers, null, f"--out={tmp_path}/verdicts", "--anew"]),
        ("recognize_metamers", [*seen, f"--out={tmp_path}/seen"]),
        ("make_metamers", [*made, "--noprogress"]),
    ):
        done = binaries.run(binary, *flags)
        lines = [line for line in done.stderr.splitlines() if line.startswith(f"{binary}: ")]
        assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr
        assert any("another" in line or "other settings" in line for line in lines), done.stderr
