"""The training binaries as they are typed: files, refusals, damaged records, kills."""

import csv
import json
import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import model_metamers as mm
from model_metamers.weights import manifest
from tests.builders import binaries, training_data

_ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "METAMERS_DATA"}


def _start(binary: str, *flags: str) -> subprocess.Popen:
    command = [sys.executable, "-m", f"model_metamers_experiments.{binary}", "--noprogress", *flags]
    return subprocess.Popen(
        command, env=_ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def _run(binary: str, *flags: str) -> tuple[int, str, str]:
    result = binaries.run(binary, "--noprogress", *flags, env=_ENVIRONMENT)
    lines = [line for line in result.stderr.splitlines() if line.startswith(binary)]
    return result.returncode, result.stdout, "\n".join(lines)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    return training_data.write_speech(root / "speech"), training_data.write_backgrounds(root / "backgrounds")


def _words(folders, out, *more: str) -> list[str]:
    speech, backgrounds = folders
    data = [f"--speech={speech}", f"--backgrounds={backgrounds}"]
    return ["--network=word_aliased_small", *data, f"--out={out}", "--batch_size=8", "--epochs=2", *more]


# Runs a binary, and notes what losses it asks for, and by which configuration it mixes.
_NOTE = """
import dataclasses, json, pathlib, runpy, sys
from model_metamers.training import losses, mixtures

binary, path = sys.argv[1:3]
del sys.argv[1:3]
notes = []

def noting(module, name, about):
    function = getattr(module, name)
    def noted(*args, **kwargs):
        notes.append([name, about(*args, **kwargs)])
        pathlib.Path(path).write_text(json.dumps(notes))
        return function(*args, **kwargs)
    setattr(module, name, noted)

noting(losses, "tasks", lambda weights, decimation=1, smoothing=0.0: [weights, decimation, smoothing])
noting(losses, "classification", lambda smoothing=0.0, aux_weight=0.0: [smoothing, aux_weight])
noting(mixtures, "mixtures", lambda *args: dataclasses.asdict(args[-1]))
runpy.run_module("model_metamers_experiments." + binary, run_name="__main__", alter_sys=True)
"""


def _run_noting(binary: str, path, *flags: str) -> tuple[int, str, str, list]:
    result = binaries.run_program(_NOTE, binary, str(path), "--noprogress", *flags, env=_ENVIRONMENT)
    return result.returncode, result.stdout, result.stderr, json.loads(path.read_text())


def test_words_are_trained_and_filed(folders, tmp_path):
    more = ["--frontend_decimation=4", "--null_backgrounds=0.2", "--checkpoint_dtype=float16"]
    code, out, err, notes = _run_noting(
        "train_auditory_network", tmp_path / "notes", *_words(folders, tmp_path / "w", *more)
    )
    assert code == 0, err
    # The recipe's smoothing, the paper's ratios, and the level of the network's sounds.
    assert ["tasks", [{"/stimuli/word_int": 1.0}, 4, 0.1]] in notes
    noise = {"sample_rate": 8000, "snr_low_db": -10.0, "snr_high_db": 10.0, "rms": 0.1}
    words = {"max_shift_s": 0.25, "null_words": 0.0, "null_backgrounds": 0.2, "max_stretch": 0.0}
    configs = [about for name, about in notes if name == "mixtures"]
    assert configs[0] == {**noise, **words}
    still = {"max_shift_s": 0.0, "null_words": 0.0, "null_backgrounds": 0.0, "max_stretch": 0.0}
    assert {**noise, **still} in configs and {**noise, **still, "null_backgrounds": 1.0} in configs
    assert {path.name for path in (tmp_path / "w").iterdir()} == {
        "word_aliased_small.ckpt.index",
        "word_aliased_small.ckpt.data-00000-of-00001",
        "manifest.json",
        "state",
        "confusions_words_noise.csv",
        "confusions_words_quiet.csv",
    }
    entry = manifest.read_manifest(tmp_path / "w")["word_aliased_small.ckpt"]
    assert entry["steps"] == 6 and entry["stopped"] == "2 epochs are done" and entry["seed"] == 0
    assert "--frontend_decimation=4" in entry["command"] and "--out" not in entry["command"]
    network = mm.load_network("word_aliased_small", tmp_path / "w" / "word_aliased_small.ckpt")
    with (tmp_path / "w" / "confusions_words_quiet.csv").open() as file:
        rows = list(csv.reader(file))
    right = sum(int(row[1 + i]) for i, row in enumerate(rows[1:]))
    assert right / 10 == pytest.approx(entry["metrics"]["word_accuracy_quiet"], abs=1e-4)
    assert network.checkpoint_digest.startswith("sha256:") and "word_accuracy_quiet" in out


def test_images_are_trained_and_filed(tmp_path):
    images = training_data.write_images(tmp_path / "images")
    flags = [
        "--network=resnet_v2_small",
        f"--data={images}",
        f"--validation={training_data.write_images(tmp_path / 'held_out', counts=(1, 5))}",
        f"--out={tmp_path / 'r'}",
        "--batch_size=8",
        "--epochs=1",
    ]
    code, _, err = _run("train_image_network", *flags)
    assert code == 0, err
    entry = json.loads((tmp_path / "r" / "manifest.json").read_text())["resnet_v2_small.ckpt"]
    assert entry["held_out"] == "held_out, 5 images not trained on"
    assert entry["steps"] == 3 and set(entry["metrics"]) == {"accuracy"} and entry["dtype"] == "float32"
    assert mm.load_network("resnet_v2_small", tmp_path / "r" / "resnet_v2_small.ckpt")
    more = ["--seed=1", "--recipe=inception_v3"]
    code, _, err, notes = _run_noting("train_image_network", tmp_path / "notes", *flags, *more)
    assert code == 2 and "holds a run with other settings" in err
    assert notes == [["classification", [0.1, 0.4]]]  # the recipe's smoothing and auxiliary weight


@pytest.mark.parametrize(
    ("binary", "flags", "message"),
    [
        ("train_image_network", ["--network=vgg_19_small"], "METAMERS_DATA is not set"),
        ("train_image_network", ["--network=word_aliased_small", "--data=."], "takes sounds"),
        (
            "train_auditory_network",
            ["--network=vgg_19_small", "--speech=a", "--backgrounds=b"],
            "is no auditory CNN",
        ),
        (
            "train_auditory_network",
            ["--network=word_aliased_small", "--speech=/none", "--backgrounds=/none"],
            "summary of a data set",
        ),
    ],
)
def test_what_cannot_be_trained_is_refused(tmp_path, binary, flags, message):
    code, out, err = _run(binary, *flags, f"--out={tmp_path / 'out'}")
    assert code == 2 and message in err and not out, err
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_stopping_at_what_is_not_trained_is_refused(folders, tmp_path):
    code, _, err = _run("train_auditory_network", *_words(folders, tmp_path / "w", "--stop_at_mean_auc=0.83"))
    assert code == 2 and "the network is not trained on that task" in err


def test_training_nothing_is_refused(folders, tmp_path):
    code, _, err = _run("train_auditory_network", *_words(folders, tmp_path / "w", "--word_weight=0"))
    assert code == 2 and "nothing is trained" in err


def test_a_damaged_record_stops_training_with_a_line_and_a_good_state(folders, tmp_path):
    speech = training_data.write_speech(tmp_path / "speech")
    whole = {path: path.read_bytes() for path in speech.glob("train-*")}
    damaged = training_data.damage(speech, "train")
    flags = _words((speech, folders[1]), tmp_path / "w")
    code, _, err = _run("train_auditory_network", *flags)
    assert code == 2 and "a record is damaged" in err and damaged.name in err, err
    assert list((tmp_path / "w" / "state").glob("ckpt-*.index"))
    damaged.write_bytes(whole[damaged])
    code, _, err = _run("train_auditory_network", *flags)
    assert code == 0, err
    assert manifest.read_manifest(tmp_path / "w")["word_aliased_small.ckpt"]["steps"] == 6


@pytest.mark.slow
def test_killed_training_ends_with_the_same_weights(folders, tmp_path):
    flags = ["--epochs=8", "--saves_per_epoch=3", "--seed=5", "--max_stretch=0.1", "--null_words=0.1"]
    code, _, err = _run("train_auditory_network", *_words(folders, tmp_path / "whole", *flags))
    assert code == 0, err
    chance, kills, steps = random.Random(0), 0, []
    while True:
        process = _start("train_auditory_network", *_words(folders, tmp_path / "killed", *flags))
        state = tmp_path / "killed" / "state"
        before = set(state.glob("ckpt-*.index"))
        while process.poll() is None and (kills == 4 or set(state.glob("ckpt-*.index")) == before):
            time.sleep(0.02)
        if process.poll() is not None:
            break
        time.sleep(chance.uniform(0, 1.0))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        kills += 1
        steps.append(sorted(path.stem for path in state.glob("ckpt-*.index")))
    assert process.communicate() and process.returncode == 0 and kills >= 3, steps
    for name in ("word_aliased_small.ckpt.data-00000-of-00001", "confusions_words_noise.csv"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), steps
    ours, theirs = (
        mm.load_network("word_aliased_small", tmp_path / which / "word_aliased_small.ckpt")
        for which in ("killed", "whole")
    )
    for name, value in theirs.weights.items():
        np.testing.assert_array_equal(ours.weights[name], value)


@pytest.mark.parametrize(
    ("data", "flags", "message"),
    [
        (None, [], "METAMERS_DATA is not set"),
        ("here", ["--only=vgg_19"], "--only=vgg_19: expected some of vgg_19_small"),
    ],
)
def test_a_suite_that_cannot_be_trained_is_refused(tmp_path, data, flags, message):
    environment = _ENVIRONMENT | ({"METAMERS_DATA": data} if data else {})
    result = binaries.run("train_suite", f"--out={tmp_path / 's'}", *flags, env=environment)
    assert result.returncode == 2 and message in result.stderr and not (tmp_path / "s").exists()
