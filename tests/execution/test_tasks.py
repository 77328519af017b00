"""Which tasks need which, and which are left to run."""

import dataclasses
import json

import pytest

from model_metamers.execution import marks
from model_metamers.execution.tasks import Task, causes, in_order


def task(name, *needs, **more):
    return Task(name, "program", {"name": name}, needs, **more)


def done(out, *tasks):
    """Marks tasks as done, a second after one another from the given time on."""
    for one in tasks:
        marks.write_mark(one, out, 1.0)


def ended(out, task, when):
    """Changes when a task that is marked ended."""
    path = out / "done" / f"{task.file_name}.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"ended": when}))


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
    early, late, last, apart = tasks = [task("early"), task("late", "early"), task("last", "late"), task("x")]
    done(tmp_path, *tasks)
    for when, one in enumerate(tasks):
        ended(tmp_path, one, 10.0 * when)
    assert marks.left(tasks, tmp_path) == []
    assert marks.left(tasks[::-1], tmp_path) == []
    ended(tmp_path, early, 15.0)  # made anew after what needs it
    assert marks.left(tasks, tmp_path) == [late, last]
    ended(tmp_path, early, 0.0)
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
        '{"command": 1, "inputs": 2, "seconds": "x", "ended": 1}',
    ],
)
def test_a_damaged_mark_counts_as_none(tmp_path, text):
    one = task("a")
    done(tmp_path, one)
    (tmp_path / "done" / "a.json").write_text(text)
    assert marks.left([one], tmp_path) == [one]
    assert marks.seconds(one, tmp_path) != marks.seconds(one, tmp_path)  # NaN
