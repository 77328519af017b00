"""Tasks as units: what a program makes may be made by any worker that sees its folder."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from model_metamers.errors import InUseError
from model_metamers.execution import marks, stopping
from model_metamers.execution.running import TaskFailed, log_of, run_held
from model_metamers.execution.tasks import Task, in_order
from model_metamers.execution.units import UnitFailed
from model_metamers.storage.locks import hold

_POLL_S = 0.2
_UNFINISHED = 1  # status of a program that did all but what failed on every try

# Does the units given, each after those of the keys beside its own; gives what failed, by key.
Drive = Callable[[Sequence["TaskUnit"], Mapping[str, Sequence[str]]], Mapping[str, str]]


@dataclasses.dataclass(frozen=True)
class TaskUnit:
    """A task that a worker runs, as a program of its own.

    A worker that is told to end ends the program, which saves what it has; another goes on from there.
    The program of a worker that was killed is waited for where it still runs.

    Attributes:
      task: what is run; its paths may be relative to `base`.
      out: folder of logs and marks.
      base: folder that the program runs in.
    """

    task: Task
    out: str
    base: str

    @property
    def key(self) -> str:
        return self.task.name

    @property
    def group(self) -> str:
        return ""

    @property
    def steps(self) -> int:
        return max(1, round(self.task.seconds))

    def done(self) -> bool:
        return marks.is_done(self._task, self._out)

    def run(self) -> None:
        task, out = self._task, self._out
        with _held(log_of(task, out).parent, task.file_name) as lock:
            if self.done():
                return  # another made it meanwhile
            try:
                run_held(task, out, lock, functools.partial(subprocess.Popen, cwd=self.base), _wait)
            except TaskFailed as failed:
                if stopping.told():
                    raise KeyboardInterrupt from None
                raise UnitFailed(failed.text, failed.reason, failed.status == _UNFINISHED) from None

    @property
    def _out(self) -> Path:
        return Path(self.base, self.out)

    @property
    def _task(self) -> Task:
        """The task, whose result is found from any folder."""
        makes = self.task.makes
        return self.task if makes is None else dataclasses.replace(self.task, makes=Path(self.base, makes))


def run(
    tasks: Sequence[Task], out: Path, drive: Drive, failed: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Lets workers run the tasks that are not done, the longest first of those that could begin.

    Args:
      tasks: all tasks, including those that are done.
      out: folder for their logs and marks.
      drive: hands units out.
      failed: errors of tasks that failed before, by name; these are not tried again.

    Returns:
      The errors of all tasks that failed or were not begun, by name; those of `failed` included.

    Raises:
      ValueError: see `tasks.in_order`.
    """
    failures = dict(failed or {})
    left = marks.left(tasks, out)
    for task in left:  # whose mark tells of what it no longer reads, say
        marks.remove_mark(task, out)
    begun: list[Task] = []
    for task in (task for task in in_order(tasks) if task in left and task.name not in failures):
        if lost := [need for need in task.needs if need in failures]:
            failures[task.name] = f"{task.name}: not begun, as {lost[0]} failed"
        else:
            begun.append(task)
    names = {task.name for task in begun}
    after = {task.name: [need for need in task.needs if need in names] for task in begun}
    longest_first = sorted(begun, key=lambda task: task.seconds, reverse=True)
    failures |= drive([TaskUnit(task, os.fspath(out), os.getcwd()) for task in longest_first], after)
    return failures


@contextlib.contextmanager
def _held(folder: Path, what: str) -> Iterator[int]:
    """Holds a task's lock once nobody else does, unless this process is told to end before."""
    with contextlib.ExitStack() as stack:
        while True:
            try:
                lock = stack.enter_context(hold(folder, what))
            except InUseError:
                if stopping.told():
                    raise KeyboardInterrupt from None
                time.sleep(_POLL_S)
            else:
                break
        yield lock


def _wait(process: subprocess.Popen) -> int:
    """Waits for a program, which is told to end when this process is."""
    told = False
    while True:
        try:
            return process.wait(_POLL_S)
        except subprocess.TimeoutExpired:
            if stopping.told() and not told:
                process.terminate()
                told = True
