"""Runs tasks on this machine, several at once, each on its own share of the cores."""

from __future__ import annotations

import concurrent.futures
import os
import queue
import subprocess
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tqdm import tqdm

from model_metamers.execution import marks
from model_metamers.execution.programs import command
from model_metamers.execution.tasks import Task
from model_metamers.storage.locks import hold
from model_metamers.storage.whole import make_folder

_LOGS = "logs"
_BAR = "{l_bar}{bar}| {elapsed}<{remaining}{postfix}"


def run(
    tasks: Sequence[Task],
    out: Path,
    jobs: int,
    progress: bool = True,
    failed: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Runs the tasks that are not done, each as soon as those that it needs have ended.

    Of those that could begin, the longest does. A task that needs one which failed is not begun; all
    others are.

    Args:
      tasks: all of them, also those that are done.
      out: folder for their logs and marks.
      jobs: tasks at once; each gets its part of the cores.
      progress: whether to show a bar, in estimated seconds, with the tasks that run.
      failed: what went wrong before, by name of the task; these are not tried again.

    Returns:
      What went wrong, by name of the task that failed or was not begun, with that of `failed`.

    Raises:
      ValueError: see `tasks.in_order`.
      KeyboardInterrupt: after the tasks that ran were ended.
    """
    failures = dict(failed or {})
    waiting = [task for task in marks.left(tasks, out) if task.name not in failures]
    waiting.sort(key=lambda task: -task.seconds)
    unended = {task.name for task in waiting}
    running: dict[concurrent.futures.Future, Task] = {}
    total, ended, shares = sum(task.seconds for task in waiting), 0.0, _Shares(jobs)
    with (
        tqdm(total=total, disable=not progress, bar_format=_BAR) as bar,
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
    """How many cores this process may use."""
    return len(_cores()) or os.cpu_count() or 1


def _cores() -> list[int]:
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def _first_ready(waiting: Sequence[Task], unended: set[str]) -> Task | None:
    """The first that needs nothing which is still to end."""
    return next((task for task in waiting if unended.isdisjoint(task.needs)), None)


def _show(bar: tqdm, ended: float, running: Iterable[Task], elapsed: Mapping[str, float]) -> None:
    """Moves the bar to where the tasks that run are likely to be, and names them."""
    begun = [task for task in running if task.name in elapsed]
    # One that takes longer than was thought is not at its end.
    bar.n = ended + sum(min(elapsed[task.name], 0.95 * task.seconds) for task in begun)
    bar.set_postfix_str(", ".join(task.name for task in begun))


class _Shares:
    """Shares of the cores, handed to the programs that run."""

    def __init__(self, jobs: int):
        cores = _cores()
        self._free: queue.Queue[list[int]] = queue.Queue()
        for i in range(jobs):
            self._free.put(cores[i::jobs] or cores)
        self._processes: set[subprocess.Popen] = set()
        self._began: dict[str, float] = {}
        self._lock, self._stopped = threading.Lock(), False

    def stop(self) -> None:
        """Ends what runs, and lets nothing more begin."""
        with self._lock:
            self._stopped = True
            for process in self._processes:
                process.terminate()

    def elapsed(self) -> dict[str, float]:
        """Seconds since each task began that runs now."""
        with self._lock:
            return {name: time.monotonic() - began for name, began in self._began.items()}

    def run(self, task: Task, out: Path) -> str | None:
        """Runs a task on a free share, and marks it as done; what went wrong, or None."""
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
        log = make_folder(out / _LOGS) / f"{task.file_name}.txt"
        # The program inherits the lock: one that outlived a killed run is waited for.
        with hold(log.parent, task.file_name, wait=True) as lock, log.open("w", encoding="utf-8") as file:
            marks.remove_mark(task, out)
            began = time.monotonic()
            with self._lock:
                if self._stopped:
                    return f"{task.name}: not begun"
                process = subprocess.Popen(
                    command(task.program, task.arguments),
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    pass_fds=[lock],
                )
                if cores:
                    os.sched_setaffinity(process.pid, cores)
                self._processes.add(process)
            status = process.wait()
            with self._lock:
                self._processes.discard(process)
        if status:
            return f"{task.name}: ended with status {status}; {_last_line(log)} (all of it: {log})"
        if task.makes and not task.makes.exists():
            return f"{task.name}: ended well, but did not leave {task.makes} (what it said: {log})"
        marks.write_mark(task, out, time.monotonic() - began)
        return None


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
