"""Tasks, and the order in which they can be run."""

from __future__ import annotations

import collections
import dataclasses
import graphlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from model_metamers.execution.programs import Value


@dataclasses.dataclass(frozen=True)
class Task:
    """A program that is run once, after the tasks whose results it reads.

    Attributes:
      name: a name of its own, also for its log and its mark.
      program: a module that `python -m` runs.
      arguments: its flags by name; see `programs.flags`.
      needs: names of the tasks whose results it reads.
      inputs: digests of all else that it reads.
      makes: a file or folder that must exist after it, and stay as it is; None where this is not checked.
      seconds: estimate of its time on one core.
      bytes: estimate of its results' size on the disk.
    """

    name: str
    program: str
    arguments: Mapping[str, Value]
    needs: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    makes: Path | None = None
    seconds: float = 0.0
    bytes: float = 0.0

    @property
    def file_name(self) -> str:
        """File name of its log and its mark, without an extension."""
        return file_name(self.name)


def file_name(name: str) -> str:
    """What the log and the mark of the task of a name are called, without an extension."""
    return name.replace("/", "_")


def in_order(tasks: Sequence[Task]) -> list[Task]:
    """The tasks, each after those that it needs.

    Raises:
      ValueError: two tasks have the same name or file name, one needs a task that is not among
        them, or tasks need one another in a circle.
    """
    counts = collections.Counter(task.file_name for task in tasks)
    doubled = [name for name, count in counts.items() if count > 1]
    if doubled:
        raise ValueError(f"two tasks would be called {doubled[0]!r}")
    by_name = {task.name: task for task in tasks}
    for task in tasks:
        unknown = [need for need in task.needs if need not in by_name]
        if unknown:
            raise ValueError(f"{task.name} needs {unknown[0]}, which is no task")
    graph = graphlib.TopologicalSorter({task.name: task.needs for task in tasks})
    return [by_name[name] for name in graph.static_order()]


def causes(failures: Mapping[str, str], tasks: Sequence[Task]) -> dict[str, str]:
    """Those failures, by name of the task, that are no consequence of another failure."""
    needs = {task.name: task.needs for task in tasks}
    return {
        name: wrong
        for name, wrong in failures.items()
        if not any(need in failures for need in needs.get(name, ()))
    }
