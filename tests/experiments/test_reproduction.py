"""The paper in one command: the plan, the signals, the runs."""

import concurrent.futures
import contextlib
import csv
import dataclasses
import io
import json
import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
import soundfile
import tensorflow as tf
from PIL import Image
from tqdm import tqdm

from model_metamers import InputError, catalog
from model_metamers_experiments.reproduction import (
    cast,
    page,
    running,
    steps,
    stimuli,
)
from tests.experiments.test_figures import OTHER, SEED1, VGG, write_results


def test_checkpoints_decide_which_networks_take_part(tmp_path):
    for name in "abw":
        (tmp_path / f"{name}.ckpt.index").write_text(name)
    a, b, w = (tmp_path / f"{name}.ckpt" for name in "abw")
    scale, missing = cast.with_checkpoints(cast.PAPER, [f"vgg={a}", f"vgg_other_seed={b}"])
    assert [part.role for part in scale.parts] == ["vgg", "vgg_other_seed"]
    assert scale.parts[0].weights != scale.parts[1].weights
    assert "inception" in missing and "word" in missing and "nobody" in missing["untrained"]
    scale, _ = cast.with_checkpoints(cast.PAPER, [f"word={w}"])
    assert [(part.role, part.trained) for part in scale.parts] == [("word", True), ("untrained", False)]
    _, missing = cast.with_checkpoints(cast.PAPER, [f"vgg={a}", f"vgg_other_seed={a}"])
    assert "vgg_other_seed" in missing
    for text in (f"nobody={a}", "vgg"):
        with pytest.raises(InputError, match="ROLE=CHECKPOINT"):
            cast.with_checkpoints(cast.PAPER, [text])
    with pytest.raises(InputError, match="no such checkpoint"):
        cast.with_checkpoints(cast.PAPER, ["vgg=typo.ckpt"])
    with pytest.raises(InputError, match="trained ones"):
        cast.with_checkpoints(cast.PAPER, ["word=random:0"])


def everything_plan(scale, out, without=()):
    """The plan of a scale whose networks all have weights."""
    signals = {
        kind: stimuli.Stimuli(out / kind, out / "further", None, 4, "", "") for kind in ("image", "sound")
    }
    return steps.plan(scale, signals, out, without)


def test_plan_has_every_run_once_and_grows_with_the_work(tmp_path):
    planned = everything_plan(cast.MINI, tmp_path)
    names = [step.name for step in planned]
    assert len(names) == len(set(names))
    assert {
        "metamers/word_other_seed_cochleagram",
        "relu/word",
        "recognition/architectures_all",
        "figures/figure_5.pdf",
        "figures/figure_s9.pdf",
    } <= set(names)
    assert not any(name.startswith("metamers/vgg_other_seed") for name in names)
    longer = everything_plan(dataclasses.replace(cast.MINI, iterations=2 * cast.MINI.iterations), tmp_path)
    assert 1.2 < steps.total(longer)[0] / steps.total(planned)[0] < 2
    for step in planned:
        assert (step.stage > 0) == (not step.name.startswith(("metamers", "relu")))


def test_plan_of_the_paper(tmp_path):
    names = {step.name for step in everything_plan(cast.PAPER, tmp_path)}
    assert {
        "metamers/vgg",
        "metamers/word_other_seed_cochleagram",
        "relu/word_aliased",
        "recognition/images",
        "figures/figure_5.pdf",
        "figures/figure_6.pdf",
        "figures/figure_s9.pdf",
    } <= names


def test_later_steps_do_without_what_failed(tmp_path):
    lost = ["metamers/backgrounds", "metamers/word_other_seed_cochleagram"]
    planned = {step.name: step for step in everything_plan(cast.MINI, tmp_path, lost)}
    command = " ".join(planned["recognition/sounds"].command)
    assert "metamers/both_tasks" in command and "metamers/word_other_seed" in command
    assert "metamers/backgrounds" not in command and "cochleagram" not in command
    assert not {"verdicts/backgrounds", "figures/figure_s9.pdf"} & set(planned)
    assert set(lost) <= set(planned) and "figures/figure_6.pdf" in planned


def test_steps_run_once_and_failures_are_told(tmp_path):
    results = write_results(tmp_path / "recognition.csv", [(SEED1, VGG), (OTHER, VGG)])
    good = steps.Step(
        "figures/five",
        0,
        ("draw_figure", "--figure=5", f"--recognition={results}", f"--out={tmp_path / 'five.png'}"),
        1,
    )
    bad = steps.Step(
        "figures/none",
        0,
        (
            "draw_figure",
            "--figure=5",
            f"--recognition={tmp_path / 'no.csv'}",
            f"--out={tmp_path / 'none.png'}",
        ),
        1,
    )
    failures = running.run([good, bad], tmp_path, jobs=2, progress=False)
    assert list(failures) == [bad.name]
    assert failures[bad.name].startswith("figures/none: ended with status 2; draw_figure:")
    assert running.left([good, bad], tmp_path) == [bad]
    drawn = (tmp_path / "five.png").stat().st_mtime_ns
    assert running.run([good], tmp_path, jobs=1, progress=False) == {}
    assert (tmp_path / "five.png").stat().st_mtime_ns == drawn
    for other in (
        dataclasses.replace(good, command=(*good.command, "--names=")),
        dataclasses.replace(good, inputs=("other weights",)),
        dataclasses.replace(good, made=tmp_path / "six.png"),
    ):
        assert running.left([other], tmp_path) == [other]
    assert running.left([dataclasses.replace(good, made=tmp_path / "five.png")], tmp_path) == []


def test_the_longest_of_a_stage_begins_first(tmp_path):
    given = [
        steps.Step(name, stage, ("no_such_binary",), seconds)
        for name, stage, seconds in [("later", 1, 9), ("short", 0, 1), ("long", 0, 3), ("middle", 0, 2)]
    ]
    failures = running.run(given, tmp_path, jobs=1, progress=False)
    assert list(failures) == ["long", "middle", "short", "later"]


def test_the_bar_moves_while_a_step_runs(tmp_path):
    def at(elapsed):
        text = io.StringIO()
        with tqdm(total=300, file=text, bar_format="{n:g} of {total:g}{postfix}") as bar:
            running._show(bar, 100, [fast, slow], elapsed)
        return text.getvalue().split("\r")[-1].strip()

    fast, slow = (steps.Step(name, 0, (), seconds) for name, seconds in (("fast", 100), ("slow", 100)))
    assert at({"fast": 30.0}) == "130 of 300, fast"
    assert at({"fast": 500.0, "slow": 5.0}) == "200 of 300, fast, slow"


def test_steps_that_read_what_changed_are_run_again(tmp_path):
    early, late = (steps.Step(f"s/{stage}", stage, ("draw_figure", str(stage)), 1) for stage in (0, 1))

    def mark(step, ended):
        path = tmp_path / "done" / f"s_{step.stage}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"command": step.command, "inputs": [], "seconds": 1.0, "ended": ended}))

    assert running.left([early, late], tmp_path) == [early, late]
    mark(early, 10.0)
    mark(late, 20.0)
    assert running.left([early, late], tmp_path) == []
    mark(early, 30.0)
    assert running.left([early, late], tmp_path) == [late]
    changed = dataclasses.replace(early, command=("draw_figure", "--help"))
    mark(late, 40.0)
    assert running.left([changed, late], tmp_path) == [changed, late]


def test_installed_stimuli(tmp_path):
    pictures = stimuli.photographs(tmp_path / "images", 10)
    assert not (tmp_path / "images").exists()  # until they are wanted
    pictures.prepare()
    assert len(list(pictures.matched.iterdir())) == 10 and len(list(pictures.further.iterdir())) == 6
    assert pictures.labels is None
    words = stimuli.synthesised_words(tmp_path / "words", 4)
    words.prepare()
    with words.labels.open() as file:
        truths = {row["stimulus"]: row["label"] for row in csv.DictReader(file)}
    assert set(truths) == {path.stem for path in words.matched.iterdir()} and len(truths) == 4
    assert all(name == label for name, label in truths.items())


def test_paper_scale_needs_signals(tmp_path):
    (tmp_path / "a.ckpt").write_text("weights")
    command = [sys.executable, "-m", "model_metamers_experiments.reproduce_paper", "--scale=paper", "--plan"]
    for given, told in (
        ([], "no network has its weights"),
        (
            [f"--checkpoint=vgg={tmp_path / 'a.ckpt'}"],
            "--images: a folder of natural signals",
        ),
    ):
        done = subprocess.run([*command, *given, f"--out={tmp_path}"], capture_output=True, text=True)
        assert done.returncode == 2 and told in done.stderr


def test_a_plan_writes_nothing(tmp_path):
    command = [sys.executable, "-m", "model_metamers_experiments.reproduce_paper", "--plan"]
    done = subprocess.run([*command, f"--out={tmp_path / 'r'}"], capture_output=True, text=True, check=True)
    assert "metamers/word_aliased" in done.stdout and "0 of" not in done.stdout
    assert not (tmp_path / "r").exists()


def test_other_signals_of_the_user_are_other_signals(tmp_path):
    signal = catalog.build_network("vgg_19_small").signal
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        Image.new("RGB", (32, 32)).save(tmp_path / name / f"{name}.png")
    a, b = (stimuli.own(signal, str(tmp_path / name), None, None) for name in ("a", "b"))
    assert a.identity != b.identity and a.count == 1
    Image.new("RGB", (32, 32)).save(tmp_path / "a" / "more.png")
    more = stimuli.own(signal, str(tmp_path / "a"), None, None)
    assert more.identity != a.identity and more.count == 2
    with pytest.raises(InputError, match="no such file"):
        stimuli.own(signal, str(tmp_path / "c"), None, None)


@pytest.mark.slow
def test_a_killed_reproduction_ends_with_the_same_bytes(tmp_path):
    """On installed signals, all networks of the mini scale."""
    environment = {name: value for name, value in os.environ.items() if name != "METAMERS_DATA"}
    # oneDNN's convolutions of resnet_v2_small differ in the last bit with where memory happens to lie.
    environment["TF_ENABLE_ONEDNN_OPTS"] = "0"

    def begin(out):
        command = [
            sys.executable,
            "-m",
            "model_metamers_experiments.reproduce_paper",
            "--scale=mini",
            "--stimuli=2",
            "--iterations=20",
            "--noprogress",
            f"--out={out}",
        ]
        return subprocess.Popen(command, env=environment, start_new_session=True)

    whole, killed = tmp_path / "whole" / "r", tmp_path / "killed" / "r"
    stimuli.synthesised_words(tmp_path / "words", 2).prepare()
    for out in (whole, killed):
        shutil.copytree(tmp_path / "words", out / "stimuli" / "words")  # espeak-ng is not repeatable
    assert begin(whole).wait() == 0
    random = np.random.default_rng()
    for _ in range(3):
        process = begin(killed)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=random.uniform(20, 60))
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL  # and not that it had ended
    assert begin(killed).wait() == 0
    for path in sorted(whole.glob("recognition/*/*.csv")):
        assert (killed / path.relative_to(whole)).read_bytes() == path.read_bytes(), path
    assert (killed / page.CLAIMS).read_bytes() == (whole / page.CLAIMS).read_bytes()


def write_clips(path, clips):
    """Validation clips as build_speech_dataset writes them; a recording may lie in a folder."""
    with tf.io.TFRecordWriter(str(path)) as writer:
        for word, speaker, recording, level in clips:
            texts = {"word": word, "speaker": speaker, "recording": recording}
            features = {
                f"/stimuli/{key}": tf.train.Feature(bytes_list=tf.train.BytesList(value=[text.encode()]))
                for key, text in texts.items()
            }
            waveform = tf.train.FloatList(value=np.full(100, level))
            features["/stimuli/signal"] = tf.train.Feature(float_list=waveform)
            example = tf.train.Example(features=tf.train.Features(feature=features))
            writer.write(example.SerializeToString())


def test_spoken_words_are_of_unlike_words_and_speakers(tmp_path):
    clips = [
        (word, f"speaker{s}", f"{word}/{s}_nohash_0", 0.1 * s)
        for word in ("go", "no", "up")
        for s in range(4)
    ]
    (tmp_path / "speech").mkdir()
    write_clips(tmp_path / "speech" / "validation-00000-of-00001.tfrecord", clips)

    def drawn(out):
        found = stimuli.spoken_words(tmp_path / "speech", out, 3, 5, 8000, pytest.fail)
        found.prepare()
        return found

    found = drawn(tmp_path / "out")
    with found.labels.open() as file:
        truths = {row["stimulus"]: row["label"] for row in csv.DictReader(file)}
    assert sorted(truths.values()) == ["go", "no", "up"]
    matched, further = ({path.stem for path in folder.iterdir()} for folder in (found.matched, found.further))
    assert matched == set(truths) and len(further) == 5 and not matched & further
    assert len({name.split("_")[1] for name in matched}) == 3  # speakers
    for name, label in truths.items():
        waveform, rate = soundfile.read(found.matched / f"{name}.wav")
        assert (
            rate == 8000 and np.allclose(waveform, 0.1 * int(name.split("_")[1])) and name.startswith(label)
        )
    again = drawn(tmp_path / "again")
    assert {path.stem for path in again.matched.iterdir()} == matched


def test_a_step_waits_for_the_one_that_outlived_a_killed_reproduction(tmp_path):
    results = write_results(tmp_path / "recognition.csv", [(SEED1, VGG)])
    step = steps.Step(
        "figures/five",
        0,
        ("draw_figure", "--figure=5", f"--recognition={results}", f"--out={tmp_path / 'five.png'}"),
        1,
    )
    log = tmp_path / "logs" / "figures_five.txt"
    log.parent.mkdir()
    log.write_text("of the one before")
    hold = (
        "import fcntl, sys, time; file = open(sys.argv[1], 'a'); fcntl.flock(file, fcntl.LOCK_EX); "
        "print('held', flush=True); time.sleep(60)"
    )
    outlived = subprocess.Popen([sys.executable, "-c", hold, str(log)], stdout=subprocess.PIPE)
    assert outlived.stdout.readline() == b"held\n"
    with concurrent.futures.ThreadPoolExecutor() as pool:
        running_step = pool.submit(running.run, [step], tmp_path, 1, False)
        with pytest.raises(concurrent.futures.TimeoutError):
            running_step.result(timeout=1)
        assert log.read_text() == "of the one before"
        outlived.kill()
        outlived.wait()
        assert running_step.result(timeout=120) == {}
    assert (tmp_path / "five.png").exists()
