"""Runs the program of one task: its log, its lock, and its mark once it ended well."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from model_metamers.execution import marks
from model_metamers.execution.programs import command
from model_metamers.execution.tasks import Task
from model_metamers.storage.whole import make_folder

_LOGS = "logs"

Begin = Callable[..., subprocess.Popen]  # called as `subprocess.Popen` is


class TaskFailed(Exception):
    """A task's program did not do what it was to do.

    Attributes:
      text: one line that begins with the task's name.
      status: that it ended with.
      reason: the last line that it wrote.
    """

    def __init__(self, text: str, status: int, reason: str):
        super().__init__(text, status, reason)
        self.text, self.status, self.reason = text, status, reason


def log_of(task: Task, out: Path) -> Path:
    """Where what a task's program prints is written; the folder is made.

    Its lock lies beside it, under the task's file name: whoever runs the task holds that, and its program
    inherits it. So a program that outlived whoever ran it is waited for.
    """
    return make_folder(out / _LOGS) / f"{task.file_name}.txt"


def run_held(
    task: Task,
    out: Path,
    lock: int,
    begin: Begin = subprocess.Popen,
    wait: Callable[[subprocess.Popen], int] = subprocess.Popen.wait,
) -> None:
    """Runs a task and marks it as done.

    Args:
      task: what is run.
      out: folder of logs and marks.
      lock: descriptor of the lock of the task's log, which this process holds.
      begin: begins the program.
      wait: waits until it ended, and gives its status.

    Raises:
      TaskFailed: see there.
    """
    log = log_of(task, out)
    marks.remove_mark(task, out)
    began = time.monotonic()
    with log.open("w", encoding="utf-8") as file:
        process = begin(
            command(task.program, task.arguments),
            stdout=file,
            stderr=subprocess.STDOUT,
            pass_fds=[lock],
            # What was said last then stands last, whichever of the two streams it came by.
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        status = wait(process)
    reason = _last_line(log)
    if status:
        text = f"{task.name}: ended with status {status}; {reason} (all of it: {log})"
        raise TaskFailed(text, status, reason)
    if task.makes and not task.makes.exists():
        text = f"{task.name}: ended well, but did not leave {task.makes} (what it said: {log})"
        raise TaskFailed(text, status, reason)
    marks.write_mark(task, out, time.monotonic() - began)


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
