"""Scripts of array jobs: what a shell makes of them, with and without a place in an array."""

import dataclasses
import os
import shutil
import subprocess

import pytest

from model_metamers.errors import InputError
from model_metamers.execution.job_scripts import SYSTEMS, Job, read_walltime, script

# What a queue tells the first and the last of four jobs, and one that is no part of an array.
PLACES = {
    "slurm": ({"SLURM_ARRAY_TASK_ID": "0"}, {"SLURM_ARRAY_TASK_ID": "3"}, {}),
    "pbs": ({"PBS_ARRAY_INDEX": "0"}, {"PBS_ARRAY_INDEX": "3"}, {}),
    "sge": ({"SGE_TASK_ID": "1"}, {"SGE_TASK_ID": "4"}, {"SGE_TASK_ID": "undefined"}),
    "lsf": ({"LSB_JOBINDEX": "1"}, {"LSB_JOBINDEX": "4"}, {"LSB_JOBINDEX": "0"}),
}
AWKWARD = [
    'it\'s a "file".png',
    "$HOME `x` $(y).png",
    "a b;c|d&e*?[f].png",
    "-n",
    "ünï\\cödé#.png",
    "!1 ~ {a,b}",
]
JOB = Job("make_metamers", ["printf", r"%s\n", *AWKWARD], "/", 4)
FULL = dataclasses.replace(
    JOB,
    queue="gpu",
    walltime_s=14400,
    gpus=1,
    cores=2,
    memory_gb=4,
    prologue=["export PROLOGUE='was run'"],
)


def run(text: str, place: dict[str, str], path: str = "") -> list[str]:
    environment = {"PATH": f"{path}:{os.environ['PATH']}", "HOME": "/", **place}
    given = ["bash", "-c", text]
    done = subprocess.run(given, capture_output=True, text=True, env=environment)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_file_name_reaches_the_program_as_it_is(system, tmp_path):
    folder = tmp_path / AWKWARD[0]
    folder.mkdir()
    text = script(system, dataclasses.replace(FULL, folder=str(folder)))
    first, last, none = (run(text, place) for place in PLACES[system])
    assert first == [*AWKWARD, "--shard=0/4"] and last == [*AWKWARD, "--shard=3/4"] and none == AWKWARD
    where = dataclasses.replace(
        FULL, folder=str(folder), command=["sh", "-c", "pwd; echo $PROLOGUE $OMP_NUM_THREADS"]
    )
    assert run(script(system, where), {}) == [str(folder), "was run 2"]


@pytest.mark.parametrize(
    "job", [JOB, FULL, dataclasses.replace(FULL, workers=1, container="a b.sif")], ids=str
)
@pytest.mark.parametrize("system", SYSTEMS)
def test_bash_can_read_it_and_the_queue_finds_its_lines_before_any_command(system, job):
    text = script(system, job)
    checked = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True)
    assert checked.returncode == 0 and not checked.stderr
    lines = text.splitlines()
    marked = [line.startswith(SYSTEMS[system].mark) for line in lines]
    assert lines[0] == "#!/usr/bin/env bash" and marked[1] and all(marked[1 : sum(marked) + 1])


def test_one_worker_is_no_array():
    """PBS refuses arrays of one."""
    for system, array in {"slurm": "--array", "pbs": "-J", "sge": "-t", "lsf": "["}.items():
        marked = [line for line in script(system, JOB).splitlines() if line.startswith(SYSTEMS[system].mark)]
        assert any(array in line for line in marked), system
        alone = script(system, dataclasses.replace(JOB, workers=1))
        assert "--shard" not in alone.partition("cd ")[2], system
        assert not any(
            f" {array}" in line or "[1" in line
            for line in alone.splitlines()
            if line.startswith(SYSTEMS[system].mark)
        ), system


def test_what_a_job_needs_is_asked_for_in_each_queues_words():
    asked = {
        "slurm": ["--partition=gpu", "--time=04:00:00", "--gres=gpu:1", "--cpus-per-task=2", "--mem=4096M"],
        "pbs": ["-q gpu", "walltime=04:00:00", "select=1:ncpus=2:ngpus=1:mem=4096mb"],
        "sge": ["-q gpu", "h_rt=04:00:00", "s_rt=03:58:00", "gpu=1", "-pe smp 2", "h_vmem=4G"],
        "lsf": ["-q gpu", "-W 04:00", '-gpu "num=1"', "-n 2", "-M 4GB", "-wa USR1"],
    }
    for system, parts in asked.items():
        text = script(system, FULL)
        assert [part for part in parts if part not in text] == [], system


def test_in_a_container_the_program_is_the_images(tmp_path):
    fake = tmp_path / "apptainer"
    fake.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    fake.chmod(0o755)
    for gpus, more in ((0, []), (1, ["--nv"])):
        job = dataclasses.replace(JOB, container="my image.sif", gpus=gpus)
        told = run(script("slurm", job), {"SLURM_ARRAY_TASK_ID": "2"}, str(tmp_path))
        assert told == ["exec", *more, "--pwd", "/", "my image.sif", *JOB.command, "--shard=2/4"]
    assert shutil.which("bash")


@pytest.mark.parametrize(
    "text, seconds",
    [
        ("4h", 14400),
        ("1d12h", 129600),
        ("90m", 5400),
        ("30s", 30),
        ("04:00:00", 14400),
        ("100:00:00", 360000),
    ],
)
def test_times_that_are_understood(text, seconds):
    assert read_walltime(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "4", "0h", "4x", "h", "4:00", "-4h", "1.5h", "4h30", "00:00:00", "1:99:00"]
)
def test_what_is_no_time_is_refused(text):
    with pytest.raises(InputError, match="expected hours and minutes"):
        read_walltime(text)


@pytest.mark.parametrize(
    "system, change, told",
    [
        ("torque", {}, "expected one of slurm, pbs, sge, lsf"),
        ("slurm", {"workers": 0}, "expected 1 or more"),
        ("slurm", {"queue": "a b"}, "without white space"),
        ("lsf", {"queue": "$(rm)"}, "signs of the shell"),
    ],
)
def test_what_no_queue_takes_is_refused(system, change, told):
    with pytest.raises(InputError, match=told):
        script(system, dataclasses.replace(JOB, **change))
