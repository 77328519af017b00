"""The paper in one command: what is refused, what a plan writes, and a run that is killed."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest

from model_metamers import SignalSpec
from model_metamers_experiments.reproduction import page, stimuli
from tests.builders import binaries


def test_paper_scale_needs_signals(tmp_path):
    (tmp_path / "a.ckpt").write_text("weights")
    for given, told in (
        ([], "no network has its weights"),
        (
            [f"--checkpoint=vgg={tmp_path / 'a.ckpt'}"],
            "--images: a folder of natural signals",
        ),
    ):
        done = binaries.run("reproduce_paper", "--scale=paper", "--plan", *given, f"--out={tmp_path}")
        assert done.returncode == 2 and told in done.stderr


def test_a_plan_writes_nothing(tmp_path):
    done = binaries.run("reproduce_paper", "--plan", f"--out={tmp_path / 'r'}")
    assert done.returncode == 0 and "metamers/word_aliased" in done.stdout and "\n0 of" not in done.stdout
    assert not (tmp_path / "r").exists()


@pytest.mark.slow
def test_a_killed_reproduction_ends_with_the_same_bytes(tmp_path):
    """On installed signals, all networks of the mini scale."""
    environment = {name: value for name, value in os.environ.items() if name != "METAMERS_DATA"}
    # What oneDNN chose by chance in earlier versions; claims.json was the same only without it.
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
    stimuli.synthesised_words(SignalSpec("sound", (8000,), -1.0, 1.0, 8000), tmp_path / "words", 2).prepare()
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


# The mini scale of two image networks, and of one that judges alone.
TINY = """
import dataclasses
from model_metamers_experiments.reproduction import scales

parts = [part for part in scales.MINI.parts if part.role in ("vgg", "vgg_other_seed", "inception")]
scales.SCALES = {"mini": dataclasses.replace(scales.MINI, parts=tuple(parts))}
from model_metamers_experiments import reproduce_paper

reproduce_paper.run()
"""


@pytest.mark.slow
def test_workers_of_which_one_is_killed_make_the_bytes_of_one_process(tmp_path):
    environment = {name: value for name, value in os.environ.items() if name != "METAMERS_DATA"}

    def begin(out, *how):
        given = ["--stimuli=2", "--iterations=4", "--threads=1", "--noprogress", f"--out={out}"]
        return subprocess.Popen([sys.executable, "-c", TINY, *given, *how], env=environment)

    alone, shared = tmp_path / "alone" / "r", tmp_path / "shared" / "r"
    assert begin(alone).wait() == 0
    process = begin(shared, "--cluster=local", "--workers=2")
    while not list(shared.glob("done/*.json")):
        assert process.poll() is None
        time.sleep(0.2)
    workers = [int(log.stem.rpartition("-")[2]) for log in shared.glob("logs/worker-*.txt")]
    os.kill(next(one for one in workers if psutil.pid_exists(one)), signal.SIGKILL)
    assert process.wait() == 0
    tasks = {mark.name for mark in alone.glob("done/*.json")}
    assert tasks == {mark.name for mark in shared.glob("done/*.json")} and (shared / "report.html").exists()
    made = ("recognition/*/*.csv", "*/**/*.npz", "*/**/metamer.json", "relu/**/*.csv", page.CLAIMS)
    paths = sorted({path.relative_to(alone) for pattern in made for path in alone.glob(pattern)})
    assert len(paths) > 50
    for path in paths:
        assert (shared / path).read_bytes() == (alone / path).read_bytes(), path


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["--shard=0/2"], "--cluster to share them"),
        (["--job_script=slurm"], "--cluster to share them"),
        (["--cluster=local", "--jobs=2"], "--workers tells how many"),
        (["--cluster=local", "--workers=0"], "--workers"),
        (["--threads=0"], "--threads"),
    ],
)
def test_workers_that_cannot_be_had_are_refused_before_anything_is_written(given, told, tmp_path):
    done = binaries.run("reproduce_paper", *given, f"--out={tmp_path / 'r'}")
    assert done.returncode == 2 and told in done.stderr.splitlines()[-1]
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize("binary", ["reproduce_paper", "train_suite"])
def test_help_comes_without_tensorflow(binary):
    ask = (
        "import sys, atexit; sys.argv[1:] = ['--help']; "
        "atexit.register(lambda: print('tensorflow' in sys.modules)); "
        f"from model_metamers_experiments import {binary}; {binary}.run()"
    )
    told = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True)
    assert "METAMERS_DATA" in told.stdout and told.stdout.splitlines()[-1] == "False", told.stderr
