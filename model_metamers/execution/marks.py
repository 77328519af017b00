"""Marks of the tasks that ended well, from which the next run knows what is left to do.

What a task read and what it made are known by their digests. No clock is asked: folders that were copied,
unpacked or written by machines whose clocks differ tell the same.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from model_metamers.errors import InputError
from model_metamers.execution.programs import flags
from model_metamers.execution.tasks import Task, file_name, in_order
from model_metamers.storage.digests import file_digest, text_digest
from model_metamers.storage.folders import files_below
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
      needs: digest of what each task that it needs had made, by name.
      made: digest of what it made; of its command and all that it read where that is not checked.
      seconds: how long it took.
    """

    command: list[str]
    inputs: list[str]
    needs: dict[str, str]
    made: str
    seconds: float


def left(tasks: Sequence[Task], out: Path) -> list[Task]:
    """The tasks that are still to run, in the order given.

    A task is done if it ended well with the same program, arguments and inputs, what it made is there as
    it was then, and every task that it needs is done and had made then what is there now.

    Args:
      tasks: all tasks.
      out: folder that they were run in; it need not exist.

    Raises:
      ValueError: see `tasks.in_order`.
    """
    made: dict[str, str] = {}
    for task in in_order(tasks):
        if made_now := _made_by(task, out, made):
            made[task.name] = made_now
    return [task for task in tasks if task.name not in made]


def is_done(task: Task, out: Path) -> bool:
    """Whether a task is done, if those that it needs are: what they made is believed as it is noted."""
    noted = {need: mark.made for need in task.needs if (mark := _read(file_name(need), out))}
    return bool(_made_by(task, out, noted))


def _made_by(task: Task, out: Path, made: Mapping[str, str]) -> str:
    """Digest of what a task made that ended well with what others had `made`; else empty."""
    mark = _read(task.file_name, out)
    if (
        mark is not None
        and mark.command == _command(task)
        and mark.inputs == list(task.inputs)
        and mark.needs == {need: made.get(need) for need in task.needs}
        and mark.made == _made(task, mark.needs)
    ):
        return mark.made
    return ""


def seconds(task: Task, out: Path) -> float:
    """How many seconds a task took; NaN where it did not end well or this is not known."""
    mark = _read(task.file_name, out)
    return mark.seconds if mark else float("nan")


def write_mark(task: Task, out: Path, took: float) -> None:
    """Notes that a task ended well just now, after `took` seconds."""
    make_folder(out / _FOLDER)
    there = {need: _read(file_name(need), out) for need in task.needs}
    needs = {need: mark.made for need, mark in there.items() if mark}
    mark = Mark(_command(task), list(task.inputs), needs, _made(task, needs), round(took, 1))
    write_json(_path(task.file_name, out), dataclasses.asdict(mark))


def remove_mark(task: Task, out: Path) -> None:
    """Removes the mark of a task that begins anew, because its earlier results may be overwritten."""
    _path(task.file_name, out).unlink(missing_ok=True)


def _made(task: Task, needs: Mapping[str, str]) -> str:
    """Digest of what a task made; empty where that is not there, or cannot be read."""
    if task.makes is None:
        return text_digest(
            [*_command(task), *task.inputs, *(f"{name} {made}" for name, made in needs.items())]
        )
    try:
        if not task.makes.is_dir():
            return file_digest(task.makes)
        below = files_below(task.makes)
        return text_digest(f"{path.relative_to(task.makes)} {file_digest(path)}" for path in below)
    except InputError:
        return ""


def _command(task: Task) -> list[str]:
    return [task.program, *flags(task.arguments)]


def _read(name: str, out: Path) -> Mark | None:
    """The mark of a task of this file name; None where there is none, or it is damaged or of another kind."""
    try:
        mark = Mark(**read_json(_path(name, out)))
        return dataclasses.replace(mark, seconds=float(mark.seconds), needs=dict(mark.needs))
    except (InputError, TypeError, ValueError):
        return None


def _path(name: str, out: Path) -> Path:
    return out / _FOLDER / f"{name}.json"
