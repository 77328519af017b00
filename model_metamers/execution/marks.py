"""Marks of the tasks that ended well, from which the next run knows what is left to do."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from pathlib import Path

from model_metamers.errors import InputError
from model_metamers.execution.programs import flags
from model_metamers.execution.tasks import Task, in_order
from model_metamers.storage.reading import read_json
from model_metamers.storage.whole import make_folder
from model_metamers.storage.writing import write_json

_FOLDER = "done"


@dataclasses.dataclass(frozen=True)
class Mark:
    """What is noted about a task that ended well.

    Attributes:
      command: its program and flags.
      inputs: its `Task.inputs`.
      seconds: how long it took.
      ended: when it ended, in seconds since 1970.
    """

    command: list[str]
    inputs: list[str]
    seconds: float
    ended: float


def left(tasks: Sequence[Task], out: Path) -> list[Task]:
    """The tasks that are still to run, in the order given.

    A task is done if it ended well with the same program, arguments and inputs, the file it made is
    still there, and every task that it needs is done and ended before it.

    Args:
      tasks: all tasks.
      out: folder that they were run in; it need not exist.

    Raises:
      ValueError: see `tasks.in_order`.
    """
    ended: dict[str, float] = {}
    for task in in_order(tasks):
        mark = _read(task, out)
        if (
            mark is not None
            and mark.command == _command(task)
            and mark.inputs == list(task.inputs)
            and (task.makes is None or task.makes.exists())
            and all(need in ended and ended[need] <= mark.ended for need in task.needs)
        ):
            ended[task.name] = mark.ended
    return [task for task in tasks if task.name not in ended]


def seconds(task: Task, out: Path) -> float:
    """How many seconds a task took; NaN where it did not end well or this is not known."""
    mark = _read(task, out)
    return mark.seconds if mark else float("nan")


def write_mark(task: Task, out: Path, took: float) -> None:
    """Notes that a task ended well just now, after `took` seconds."""
    make_folder(out / _FOLDER)
    mark = Mark(_command(task), list(task.inputs), round(took, 1), time.time())
    write_json(_path(task, out), dataclasses.asdict(mark))


def remove_mark(task: Task, out: Path) -> None:
    """Removes the mark of a task that begins anew, because its earlier results may be overwritten."""
    _path(task, out).unlink(missing_ok=True)


def _command(task: Task) -> list[str]:
    return [task.program, *flags(task.arguments)]


def _read(task: Task, out: Path) -> Mark | None:
    """A task's mark; None where there is none or it is damaged."""
    try:
        mark = Mark(**read_json(_path(task, out)))
        return dataclasses.replace(mark, seconds=float(mark.seconds), ended=float(mark.ended))
    except (InputError, TypeError, ValueError):
        return None


def _path(task: Task, out: Path) -> Path:
    return out / _FOLDER / f"{task.file_name}.json"
