"""What is to be run, and which of it needs which."""

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
      name: tells it from the others; its log and its mark are called after it.
      program: a module that `python -m` runs.
      arguments: its flags by name; see `programs.flags`.
      needs: names of the tasks whose results it reads.
      inputs: digests of what it reads that no other task makes.
      makes: a file that it leaves; None where nobody asks.
      seconds: that it takes on one core, an estimate.
      bytes: that it leaves on the disk, an estimate.
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
        """Of its log and its mark, without an extension."""
        return self.name.replace("/", "_")


def in_order(tasks: Sequence[Task]) -> list[Task]:
    """The tasks, each after those that it needs.

    Raises:
      ValueError: two of one name or file name, one that needs a task which is not there, or tasks
        that need one another.
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
    """Of what went wrong, by name of the task, that which is no consequence of another failure."""
    needs = {task.name: task.needs for task in tasks}
    return {
        name: wrong
        for name, wrong in failures.items()
        if not any(need in failures for need in needs.get(name, ()))
    }
