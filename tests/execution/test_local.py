"""Tasks on this machine: in which order, how many at once, and what happens when one fails or is stopped."""

import concurrent.futures
import dataclasses
import io
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tqdm import tqdm

from model_metamers.execution import local, marks
from model_metamers.execution.tasks import Task

# Joins what it reads, waits, and writes; every start is noted in a file beside.
PROGRAM = """
import argparse, os, pathlib, time
parser = argparse.ArgumentParser()
for name in ("out", "text", "reads", "until"):
    parser.add_argument(f"--{name}", default="")
parser.add_argument("--seconds", type=float, default=0)
given = parser.parse_args()
out = pathlib.Path(given.out)
with open(out.parent / "begun.txt", "a") as file:
    file.write(f"{out.name} {sorted(os.sched_getaffinity(0))}\\n")
read = [pathlib.Path(path).read_text() for path in given.reads.split(",") if path]
time.sleep(given.seconds)
patience = time.monotonic() + 20
while given.until and not os.path.exists(given.until):
    assert time.monotonic() < patience
    time.sleep(0.01)
if given.text == "fail":
    print("first line")
    raise SystemExit("it cannot be done")
partial = out.with_name(f"{out.name}.{os.getpid()}")
partial.write_text("".join(read) + given.text)
partial.rename(out)
"""


@pytest.fixture
def task(tmp_path, monkeypatch):
    """Makes a task that runs `PROGRAM`."""
    (tmp_path / "program").mkdir()
    (tmp_path / "program" / "joins.py").write_text(PROGRAM)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "program"))

    def make(name, *needs, text=None, wait=0.0, until=None, **more):
        arguments = {
            "out": tmp_path / name,
            "text": name if text is None else text,
            "reads": [tmp_path / need for need in needs],
            "seconds": wait,
            "until": until,
        }
        return Task(name, "joins", arguments, needs, makes=tmp_path / name, **more)

    return make


def run(tasks, out, jobs=1, **more):
    return local.run(tasks, out, jobs, progress=False, **more)


def begun(out):
    """Names in the order in which they began."""
    path = out / "begun.txt"
    return [line.split()[0] for line in path.read_text().splitlines()] if path.exists() else []


def test_tasks_run_after_those_they_need_and_once(task, tmp_path):
    tasks = [task("d", "b", "c"), task("c", "a"), task("b", "a"), task("a")]
    assert run(tasks, tmp_path, jobs=2) == {}
    assert (tmp_path / "d").read_text() == "abacd"
    assert begun(tmp_path)[0] == "a" and begun(tmp_path)[-1] == "d" and len(begun(tmp_path)) == 4
    assert run(tasks, tmp_path, jobs=2) == {} and len(begun(tmp_path)) == 4
    (tmp_path / "c").unlink()
    assert run(tasks, tmp_path) == {} and begun(tmp_path)[4:] == ["c", "d"]


def test_a_failure_is_told_and_what_needs_it_is_not_begun(task, tmp_path, monkeypatch):
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)  # by itself, Python tells of the error first
    tasks = [task("bad", text="fail"), task("b", "bad"), task("c", "b"), task("good"), task("d", "good")]
    failures = run(tasks, tmp_path)
    assert list(failures) == ["bad", "b", "c"]
    assert failures["bad"] == (
        f"bad: ended with status 1; it cannot be done (all of it: {tmp_path / 'logs' / 'bad.txt'})"
    )
    assert (tmp_path / "logs" / "bad.txt").read_text() == "first line\nit cannot be done\n"
    assert failures["b"] == "b: not begun, as bad failed" and failures["c"] == "c: not begun, as b failed"
    assert sorted(begun(tmp_path)) == ["bad", "d", "good"]
    assert marks.left(tasks, tmp_path) == tasks[:3]
    mended = [task("bad"), *tasks[1:]]
    assert run(mended, tmp_path) == {} and (tmp_path / "c").read_text() == "badbc"


def test_what_failed_before_is_not_tried_again(task, tmp_path):
    tasks = [task("bad", text="fail"), task("b", "bad"), task("good")]
    failures = run(tasks, tmp_path, failed={"bad": "bad: broken"})
    assert failures == {"bad": "bad: broken", "b": "b: not begun, as bad failed"}
    assert begun(tmp_path) == ["good"]


def test_a_program_that_is_not_there_fails(tmp_path):
    failures = run([Task("none", "no_such_program", {})], tmp_path)
    assert "No module named" in failures["none"]


def test_a_task_that_does_not_leave_what_it_makes_has_failed(task, tmp_path):
    one = dataclasses.replace(task("a"), makes=tmp_path / "b")
    assert f"did not leave {tmp_path / 'b'}" in run([one], tmp_path)["a"]
    assert marks.left([one], tmp_path) == [one]


def test_of_those_that_can_begin_the_longest_does(task, tmp_path):
    tasks = [
        task("after_short", "short", seconds=9),
        task("short", seconds=1),
        task("long", seconds=3),
        task("middle", seconds=2),
    ]
    run(tasks, tmp_path)
    assert begun(tmp_path) == ["long", "middle", "short", "after_short"]


def test_nothing_waits_for_what_it_does_not_need(task, tmp_path):
    slow = task("slow", until=tmp_path / "c", seconds=5)  # cannot end before "c" was made
    assert run([slow, task("a"), task("b", "a"), task("c", "b")], tmp_path, jobs=2) == {}
    assert begun(tmp_path)[-1] == "c" and (tmp_path / "slow").exists()


@pytest.mark.skipif(local.cores() < 2, reason="one core cannot be shared")
def test_each_has_its_share_of_the_cores(task, tmp_path):
    run([task("a", wait=0.2), task("b", wait=0.2)], tmp_path, jobs=2)
    shares = [line.split(" ", 1)[1] for line in (tmp_path / "begun.txt").read_text().splitlines()]
    assert len(set(shares)) == 2
    assert sorted(int(core) for share in shares for core in share[1:-1].split(",")) == sorted(
        os.sched_getaffinity(0)
    )


def test_the_bar_moves_while_a_task_runs():
    def at(elapsed):
        text = io.StringIO()
        with tqdm(total=300, file=text, bar_format="{n:g} of {total:g}{postfix}") as bar:
            local._show(bar, 100, [fast, slow], elapsed)
        return text.getvalue().split("\r")[-1].strip()

    fast, slow = (Task(name, "", {}, seconds=100) for name in ("fast", "slow"))
    assert at({"fast": 30.0}) == "130 of 300, fast"
    assert at({"fast": 500.0, "slow": 5.0}) == "200 of 300, fast, slow"


def test_what_a_failed_task_overwrote_is_not_taken_for_done(task, tmp_path):
    first = task("a")
    run([first], tmp_path)
    other = dataclasses.replace(first, arguments={**first.arguments, "text": "fail"})
    assert list(run([other], tmp_path)) == ["a"]
    assert marks.left([first], tmp_path) == [first]


def test_a_task_waits_for_the_one_that_outlived_a_killed_run(task, tmp_path):
    log = tmp_path / "logs" / "a.txt"
    log.parent.mkdir()
    log.write_text("of the one before")
    hold = (
        "import sys, time; from model_metamers.storage.locks import hold\n"
        "with hold(sys.argv[1], 'a'): print('held', flush=True); time.sleep(60)"
    )
    outlived = subprocess.Popen([sys.executable, "-c", hold, str(log.parent)], stdout=subprocess.PIPE)
    assert outlived.stdout.readline() == b"held\n"
    with concurrent.futures.ThreadPoolExecutor() as pool:
        running = pool.submit(run, [task("a")], tmp_path)
        with pytest.raises(concurrent.futures.TimeoutError):
            running.result(timeout=0.5)
        assert log.read_text() == "of the one before" and begun(tmp_path) == []
        outlived.kill()
        outlived.wait()
        assert running.result(timeout=60) == {}
    assert (tmp_path / "a").read_text() == "a" and log.read_text() == ""


# Runs a chain of tasks below a folder, as a process that can be killed.
CHAIN = """
import sys
from pathlib import Path
from model_metamers.execution import local
from model_metamers.execution.tasks import Task
out = Path(sys.argv[1])
names = [f"task_{i}" for i in range(6)]
tasks = [
    Task(name, "joins", {"out": out / name, "text": name, "reads": [out / need for need in needs],
         "seconds": 0.15}, tuple(needs), makes=out / name)
    for name, needs in zip(names, [[], [], names[:1], names[:2], names[2:4], names[4:5]])
]
print("begun", flush=True)
print(local.run(tasks, out, 2, progress=False))
"""


def begin_chain(out: Path) -> subprocess.Popen:
    out.mkdir(exist_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-c", CHAIN, str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout.readline() == "begun\n"
    return process


def test_killed_runs_end_with_the_same_bytes(task, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert begin_chain(whole).communicate()[0] == "{}\n"
    for i in range(3):
        process = begin_chain(killed)
        time.sleep(random.uniform(0.1, 0.4))
        # The programs outlive it twice, and are killed with it once.
        (os.killpg if i == 1 else os.kill)(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    assert begin_chain(killed).communicate()[0] == "{}\n"
    for path in sorted(whole.glob("task_?")):
        assert (killed / path.name).read_bytes() == path.read_bytes()
    assert (whole / "task_5").exists()
    assert len(begun(whole)) == 6


def test_ctrl_c_ends_what_runs_and_begins_nothing_more(task, tmp_path):
    process = begin_chain(tmp_path / "out")
    while not begun(tmp_path / "out"):
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGINT)  # the run alone: it has to end the programs
    _, told = process.communicate(timeout=30)
    assert "KeyboardInterrupt" in told
    count = len(begun(tmp_path / "out"))
    time.sleep(0.5)
    assert len(begun(tmp_path / "out")) == count <= 3
    assert not (tmp_path / "out" / "task_5").exists()
    assert begin_chain(tmp_path / "out").communicate()[0] == "{}\n"
    assert (tmp_path / "out" / "task_5").exists()
