"""Which tasks need which, and which are left to run."""

import dataclasses
import os

import pytest

from model_metamers.execution import marks
from model_metamers.execution.tasks import Task, causes, in_order


def task(name, *needs, **more):
    return Task(name, "program", {"name": name}, needs, **more)


def done(out, *tasks):
    """Marks tasks as done, a second after one another from the given time on."""
    for one in tasks:
        marks.write_mark(one, out, 1.0)


def test_needed_tasks_come_first():
    tasks = [task("c", "b", "a"), task("b", "a"), task("a"), task("d")]
    names = [one.name for one in in_order(tasks)]
    assert sorted(names) == ["a", "b", "c", "d"] and names.index("a") < names.index("b") < names.index("c")


@pytest.mark.parametrize(
    "tasks, wrong",
    [
        ([task("a", "b")], "a needs b, which is no task"),
        ([task("a", "b"), task("b", "a")], "cycle"),
        ([task("a", "a")], "cycle"),
        ([task("a"), task("a")], "two tasks"),
        ([task("a/b"), task("a_b")], "two tasks"),
    ],
)
def test_tasks_that_cannot_be_run_are_refused(tasks, wrong):
    with pytest.raises(ValueError, match=wrong):
        in_order(tasks)


def test_a_failure_that_follows_from_another_is_no_cause():
    tasks = [task("a"), task("b", "a"), task("c", "b"), task("d")]
    failures = {"a": "broken", "b": "not begun", "c": "not begun", "d": "broken too"}
    assert causes(failures, tasks) == {"a": "broken", "d": "broken too"}


def test_what_is_done_is_not_left(tmp_path):
    one = task("a/b", inputs=("weights",), makes=tmp_path / "made")
    assert marks.left([one], tmp_path) == [one]
    assert not (tmp_path / "done").exists()  # asking writes nothing
    done(tmp_path, one)
    assert marks.left([one], tmp_path) == [one]  # what it makes is not there
    one.makes.touch()
    done(tmp_path, one)
    assert marks.left([one], tmp_path) == [] and marks.seconds(one, tmp_path) == 1.0
    for change in (
        {"program": "other"},
        {"arguments": {"name": "other"}},
        {"inputs": ("other weights",)},
        {"inputs": ()},
        {"makes": tmp_path / "elsewhere"},
    ):
        other = dataclasses.replace(one, **change)
        assert marks.left([other], tmp_path) == [other], change
    assert marks.left([dataclasses.replace(one, seconds=9.0)], tmp_path) == []
    marks.remove_mark(one, tmp_path)
    assert marks.left([one], tmp_path) == [one]


def test_what_reads_changed_results_is_left(tmp_path):
    early, late, last, apart = tasks = [
        task("early", makes=tmp_path / "made"),
        task("late", "early"),
        task("last", "late"),
        task("x"),
    ]
    early.makes.write_text("first")
    done(tmp_path, *tasks)
    assert marks.left(tasks, tmp_path) == []
    assert marks.left(tasks[::-1], tmp_path) == []
    done(tmp_path, early)  # made anew, and the same
    assert marks.left(tasks, tmp_path) == []
    early.makes.write_text("second")
    assert marks.left(tasks, tmp_path) == [early, late, last]  # changed behind the marks
    done(tmp_path, early)
    assert marks.left(tasks, tmp_path) == [late, last]
    done(tmp_path, late)
    assert marks.left(tasks, tmp_path) == [last]
    early.makes.write_text("first")
    done(tmp_path, early, late)
    assert marks.left(tasks, tmp_path) == []
    changed = dataclasses.replace(early, arguments={"name": "other"})
    assert marks.left([changed, late, last, apart], tmp_path) == [changed, late, last]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"command": ["program"]}',
        '{"command": 1, "inputs": 2, "needs": 3, "made": 4, "seconds": "x"}',
        '{"command": ["program", "--name=a"], "inputs": [], "seconds": 1.0, "ended": 1.0}',  # 0.1.0
    ],
)
def test_a_damaged_mark_counts_as_none(tmp_path, text):
    one = task("a")
    done(tmp_path, one)
    (tmp_path / "done" / "a.json").write_text(text)
    assert marks.left([one], tmp_path) == [one]
    assert marks.seconds(one, tmp_path) != marks.seconds(one, tmp_path)  # NaN


def test_no_clock_decides(tmp_path):
    """As where a folder was copied, or two machines' clocks differ."""
    early, late = task("early", makes=tmp_path / "made"), task("late", "early", makes=tmp_path / "also")
    for one in (early, late):
        one.makes.mkdir()
        (one.makes / "part").write_text(one.name)
        done(tmp_path, one)
    for path in (late.makes / "part", late.makes, tmp_path / "done" / "late.json"):
        os.utime(path, (0, 0))  # long before what it was made of
    assert marks.left([early, late], tmp_path) == []
    (early.makes / "further").write_text("new")
    assert marks.left([early, late], tmp_path) == [early, late]
