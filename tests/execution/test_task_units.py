"""Tasks that workers run: after what they need, once, and on from where a worker was stopped or killed."""

import dataclasses
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from model_metamers.execution import driving, local, marks, stopping, task_units
from model_metamers.execution.tasks import Task
from model_metamers.execution.units import Needs, UnitFailed, UnitStopped, do
from tests.builders.file_units import Threads
from tests.execution.test_local import PROGRAM

NEEDS = Needs.here(0)
# Waits for a file, saving what it has when it is told to end.
SAVES = """
import pathlib, signal, sys, time
out, until = (pathlib.Path(flag.partition("=")[2]) for flag in sys.argv[1:])
state = out.with_suffix(".state")
def save(*_):
    state.write_text("half")
    sys.exit(143)
signal.signal(signal.SIGTERM, save)
out.with_suffix(".begun").touch()
while not until.exists() and not state.exists():
    time.sleep(0.01)
out.write_text("went on" if state.exists() else "at once")
"""


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    for name, seconds in {"_TICK_S": 0.02, "_SHOWS_S": 0.05}.items():
        monkeypatch.setattr(driving, name, seconds)
    monkeypatch.setattr(task_units, "_POLL_S", 0.02)
    yield
    stopping.forget()


@pytest.fixture
def task(tmp_path, monkeypatch):
    """Makes a task of a small program; its paths are relative to the folder of the test."""
    (tmp_path / "program").mkdir()
    (tmp_path / "program" / "joins.py").write_text(PROGRAM)
    (tmp_path / "program" / "saves.py").write_text(SAVES)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "program"))
    monkeypatch.chdir(tmp_path)

    def make(name, *needs, text=None, **more):
        arguments = {"out": Path(name), "text": text or name, "reads": [Path(need) for need in needs]}
        return Task(name, "joins", arguments, needs, makes=Path(name), **more)

    return make


@pytest.fixture
def saves(task):
    return Task("slow", "saves", {"out": Path("slow"), "until": Path("go")}, makes=Path("slow"))


def run(tasks, failed=None, workers=None, retries=0):
    def drive(units, after):
        return driving.drive(units, workers or Threads(), NEEDS, retries, False, after=after)

    return task_units.run(tasks, Path("."), drive, failed)


def unit(task):
    return task_units.TaskUnit(task, ".", os.getcwd())


def appears(path):
    until = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_tasks_run_after_those_they_need_and_once(task, tmp_path):
    tasks = [task("d", "b", "c"), task("c", "a"), task("b", "a"), task("a")]
    assert run(tasks) == {} and (tmp_path / "d").read_text() == "abacd"
    again = Threads()
    assert run(tasks, workers=again) == {} and again.order == []
    assert marks.left(tasks, Path(".")) == [] and local.run(tasks, Path("."), 1, False) == {}


def test_what_was_begun_in_one_process_is_gone_on_with_by_workers(task, tmp_path):
    tasks = [task("c", "b"), task("b", "a"), task("a")]
    local.run(tasks[1:], Path("."), 1, False)
    (tmp_path / "a").write_text("changed")
    workers = Threads()
    assert run(tasks, workers=workers) == {} and workers.order == ["a", "b", "c"]
    assert (tmp_path / "c").read_text() == "abc"


def test_the_longest_begins_first(task):
    workers = Threads(1)
    run([task("short", seconds=1), task("long", seconds=3), task("middle", seconds=2)], workers=workers)
    assert workers.order == ["long", "middle", "short"]


@pytest.mark.parametrize("before", [False, True])
def test_what_needs_a_failed_task_is_not_begun_and_the_rest_done(task, tmp_path, before):
    tasks = [task("a", text="fail"), task("b", "a"), task("c", "b"), task("d")]
    failed = run(tasks, {"a": "a: before"} if before else None)
    assert failed["b"] == "b: not begun, as a failed" and failed["c"] == "c: not begun, as b failed"
    assert failed["a"] == "a: before" or "it cannot be done (all of it: " in failed["a"]
    assert (tmp_path / "d").exists() and not (tmp_path / "b").exists()
    again = [task("a"), *tasks[1:]]
    assert run(again) == {} and (tmp_path / "c").read_text() == "abc"


def test_status_1_is_final_and_others_are_tried_again(task):
    bad = Task("bad", "joins", {"out": Path("bad"), "text": "fail"}, makes=Path("bad"))
    with pytest.raises(UnitFailed) as failed:
        do(unit(bad), NEEDS)
    assert failed.value.final and failed.value.reason == "it cannot be done"
    missing = dataclasses.replace(bad, program="joins", arguments={"outs": 1})  # argparse: 2
    workers = Threads(1)
    assert "status 2" in run([missing], workers=workers, retries=2)["bad"] and len(workers.order) == 3


def test_a_worker_that_is_told_to_end_ends_the_program_which_saves(saves, tmp_path):
    begun = threading.Thread(target=lambda: (appears(tmp_path / "slow.begun"), stopping.tell()))
    begun.start()
    with pytest.raises(UnitStopped):
        do(unit(saves), NEEDS)
    begun.join()
    assert (tmp_path / "slow.state").exists() and not unit(saves).done()
    stopping.forget()
    do(unit(saves), NEEDS)
    assert (tmp_path / "slow").read_text() == "went on" and unit(saves).done()


def test_the_program_of_a_killed_worker_is_waited_for(saves, tmp_path):
    code = "import pickle, sys; pickle.load(sys.stdin.buffer).run()"
    worker = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE)
    worker.stdin.write(pickle.dumps(unit(saves)))
    worker.stdin.close()
    appears(tmp_path / "slow.begun")
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    (tmp_path / "slow.begun").unlink()
    second = threading.Thread(target=do, args=(unit(saves), NEEDS))
    second.start()
    time.sleep(0.2)
    assert second.is_alive() and not (tmp_path / "slow.begun").exists()
    (tmp_path / "go").touch()
    second.join(20)
    assert unit(saves).done() and (tmp_path / "slow").read_text() == "at once"


def test_a_worker_that_waits_for_anothers_program_can_be_told_to_end(saves, tmp_path):
    with local.hold(tmp_path / "logs", "slow"):
        other = subprocess.run(
            [sys.executable, "-c", _TOLD], input=pickle.dumps(unit(saves)), capture_output=True, timeout=60
        )
    assert other.stdout.split() == [b"UnitStopped"], other.stderr


_TOLD = """
import pickle, sys, threading
from model_metamers.execution import stopping
from model_metamers.execution.units import Needs, do
unit = pickle.load(sys.stdin.buffer)
threading.Timer(0.3, stopping.tell).start()
try:
    do(unit, Needs.here(0))
except Exception as error:
    print(type(error).__name__)
"""
