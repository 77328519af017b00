"""Runs tasks on this machine, several at a time, each on its own share of the processor's cores."""

from __future__ import annotations

import concurrent.futures
import os
import queue
import subprocess
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

from model_metamers.execution import marks
from model_metamers.execution.lines import as_bar_or_lines
from model_metamers.execution.running import TaskFailed, log_of, run_held
from model_metamers.execution.tasks import Task
from model_metamers.storage.locks import hold

_BAR = "{l_bar}{bar}| {elapsed}<{remaining}{postfix}"
_LINE = "{percentage:3.0f}%, {elapsed} gone, {remaining} left{postfix}"


def run(
    tasks: Sequence[Task],
    out: Path,
    jobs: int,
    progress: bool = True,
    failed: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Runs the tasks that are not done, each as soon as the tasks that it needs have ended.

    Where several tasks could begin, the longest begins first. A task is not begun if one that it
    needs has failed; all other tasks still run.

    Args:
      tasks: all tasks, including those that are done.
      out: folder for their logs and marks.
      jobs: number of tasks to run at a time; the cores are divided among them.
      progress: whether to show a bar, in estimated seconds, with the names of the running tasks.
      failed: errors of tasks that failed before, by name; these are not tried again.

    Returns:
      The errors of all tasks that failed or were not begun, by name; those of `failed` included.

    Raises:
      ValueError: see `tasks.in_order`.
      KeyboardInterrupt: Ctrl-C was pressed; the running tasks have been ended.
    """
    failures = dict(failed or {})
    waiting = [task for task in marks.left(tasks, out) if task.name not in failures]
    waiting.sort(key=lambda task: task.seconds, reverse=True)
    unended = {task.name for task in waiting}
    running: dict[concurrent.futures.Future, Task] = {}
    total, ended, shares = sum(task.seconds for task in waiting), 0.0, _Shares(jobs)
    with (
        tqdm(total=total, disable=not progress, miniters=0, **as_bar_or_lines(_BAR, _LINE)) as bar,
        concurrent.futures.ThreadPoolExecutor(jobs) as pool,
    ):
        try:
            while waiting or running:
                while len(running) < jobs and (task := _first_ready(waiting, unended)):
                    waiting.remove(task)
                    if lost := [need for need in task.needs if need in failures]:
                        failures[task.name] = f"{task.name}: not begun, as {lost[0]} failed"
                        unended.discard(task.name)
                        ended += task.seconds
                    else:
                        running[pool.submit(shares.run, task, out)] = task
                complete, _ = concurrent.futures.wait(running, 1, concurrent.futures.FIRST_COMPLETED)
                for future in complete:
                    task = running.pop(future)
                    unended.discard(task.name)
                    ended += task.seconds
                    if wrong := future.result():
                        failures[task.name] = wrong
                _show(bar, ended, running.values(), shares.elapsed())
        except BaseException:
            shares.stop()
            raise
    return failures


def cores() -> int:
    """The number of cores that this process may use."""
    return len(_cores()) or os.cpu_count() or 1


def _cores() -> list[int]:
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def _first_ready(waiting: Sequence[Task], unended: set[str]) -> Task | None:
    """The first task for which all that it needs has ended."""
    return next((task for task in waiting if unended.isdisjoint(task.needs)), None)


def _show(bar: tqdm, ended: float, running: Iterable[Task], elapsed: Mapping[str, float]) -> None:
    """Moves the bar to where the running tasks probably are, and shows their names."""
    begun = [task for task in running if task.name in elapsed]
    # A task that takes longer than estimated counts as nearly done until it ends.
    bar.n = ended + sum(min(elapsed[task.name], 0.95 * task.seconds) for task in begun)
    bar.set_postfix_str(", ".join(task.name for task in begun), refresh=False)
    bar.update(0)  # shows it, unless that was done just now


class _Shares:
    """Divides the cores into shares and runs each program on one of them."""

    def __init__(self, jobs: int):
        cores = _cores()
        self._free: queue.Queue[list[int]] = queue.Queue()
        for i in range(jobs):
            self._free.put(cores[i::jobs] or cores)
        self._processes: set[subprocess.Popen] = set()
        self._began: dict[str, float] = {}
        self._lock, self._stopped = threading.Lock(), False

    def stop(self) -> None:
        """Ends the running programs and lets no others begin."""
        with self._lock:
            self._stopped = True
            for process in self._processes:
                process.terminate()

    def elapsed(self) -> dict[str, float]:
        """For each running task, the seconds since it began."""
        with self._lock:
            return {name: time.monotonic() - began for name, began in self._began.items()}

    def run(self, task: Task, out: Path) -> str | None:
        """Runs a task on a free share and marks it as done; returns an error message, or None."""
        cores = self._free.get()
        with self._lock:
            self._began[task.name] = time.monotonic()
        try:
            return self._run(task, out, cores)
        finally:
            with self._lock:
                del self._began[task.name]
            self._free.put(cores)

    def _run(self, task: Task, out: Path, cores: Sequence[int]) -> str | None:
        def begin(program: list[str], **how: Any) -> subprocess.Popen:
            with self._lock:
                if self._stopped:
                    raise _NotBegun
                process = subprocess.Popen(program, **how)
                if cores:
                    os.sched_setaffinity(process.pid, cores)
                self._processes.add(process)
            return process

        def wait(process: subprocess.Popen) -> int:
            status = process.wait()
            with self._lock:
                self._processes.discard(process)
            return status

        try:
            with hold(log_of(task, out).parent, task.file_name, wait=True) as lock:
                run_held(task, out, lock, begin, wait)
        except _NotBegun:
            return f"{task.name}: not begun"
        except TaskFailed as failed:
            return failed.text
        return None


class _NotBegun(Exception):
    """No further programs are to begin."""
