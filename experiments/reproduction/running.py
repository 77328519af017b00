"""Runs steps, several at once, each on its own share of the cores; what is done is not done again."""

from __future__ import annotations

import concurrent.futures
import fcntl
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from tqdm import tqdm

from model_metamers.storage.writing import write_json
from model_metamers_experiments.reproduction.steps import Step

_DONE, _LOGS = "done", "logs"


def left(steps: Sequence[Step], out: Path) -> list[Step]:
    """The steps that are still to run, in order.

    A step is done if this very command ended well and left what it makes, and nothing that it may
    read changed since: no step of an earlier stage ended later, or is itself to run.
    """
    undone, changed = [], 0.0
    for stage in sorted({step.stage for step in steps}):
        own = [step for step in steps if step.stage == stage]
        records = {step.name: _record(step, out) for step in own}
        for step in own:
            record = records[step.name]
            done = (
                record
                and record["command"] == list(step.command)
                and record.get("inputs") == list(step.inputs)
                and record["ended"] >= changed
                and (step.made is None or step.made.exists())
            )
            if not done or any(other.stage < stage for other in undone):
                undone.append(step)
        changed = max([changed, *(record["ended"] for record in records.values() if record)])
    return undone


def seconds(step: Step, out: Path) -> float:
    """How long a step took that ended well."""
    return json.loads(_mark(step, out).read_text(encoding="utf-8"))["seconds"]


def run(steps: Sequence[Step], out: Path, jobs: int, progress: bool = True) -> dict[str, str]:
    """Runs what is not done, stage by stage.

    Args:
      steps: in order.
      out: folder of the reproduction; logs and marks go below it.
      jobs: steps at once; each gets its part of the cores.
      progress: whether to show a bar, in estimated seconds, with the steps that run.

    Returns:
      What went wrong, by name of the step that failed. The others of its stage and later ones are still
      run.
    """
    undone = left(steps, out)
    shares, failures = _Shares(jobs), {}
    form = "{l_bar}{bar}| {elapsed}<{remaining}{postfix}"
    with tqdm(total=sum(step.seconds for step in undone), disable=not progress, bar_format=form) as bar:
        ended = 0.0
        for stage in sorted({step.stage for step in undone}):
            # The longest first, so that no core waits long for the last.
            own = sorted((step for step in undone if step.stage == stage), key=lambda step: -step.seconds)
            with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
                running = {pool.submit(shares.run, step, out): step for step in own}
                try:
                    while running:
                        done, _ = concurrent.futures.wait(running, 1, concurrent.futures.FIRST_COMPLETED)
                        for future in [one for one in running if one in done]:
                            step = running.pop(future)
                            ended += step.seconds
                            if wrong := future.result():
                                failures[step.name] = wrong
                        _show(bar, ended, running.values(), shares.elapsed())
                except BaseException:
                    shares.stop()
                    raise
    return failures


def _show(bar: tqdm, ended: float, steps: Iterable[Step], elapsed: dict[str, float]) -> None:
    """Moves the bar to where the steps that run are likely to be, and names them."""
    begun = [step for step in steps if step.name in elapsed]
    # One that takes longer than was thought is not at its end.
    bar.n = ended + sum(min(elapsed[step.name], 0.95 * step.seconds) for step in begun)
    bar.set_postfix_str(", ".join(step.name for step in begun))


def cores() -> int:
    """How many this process may use."""
    return len(_cores()) or os.cpu_count() or 1


def _cores() -> list[int]:
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


class _Shares:
    """Shares of the cores, handed to steps."""

    def __init__(self, jobs: int):
        own = _cores()
        self._free: queue.Queue = queue.Queue()
        for i in range(jobs):
            self._free.put(own[i::jobs] or own)
        self._processes: set[subprocess.Popen] = set()
        self._begun: dict[str, float] = {}
        self._lock, self._stopped = threading.Lock(), False

    def stop(self) -> None:
        """Ends what runs, and lets nothing more begin."""
        with self._lock:
            self._stopped = True
            for process in self._processes:
                process.terminate()

    def elapsed(self) -> dict[str, float]:
        """Seconds since each step began that runs now."""
        with self._lock:
            return {name: time.monotonic() - began for name, began in self._begun.items()}

    def run(self, step: Step, out: Path) -> str | None:
        """Runs a step; what went wrong, or None."""
        cores = self._free.get()
        with self._lock:
            self._begun[step.name] = time.monotonic()
        try:
            return self._run(step, out, cores)
        finally:
            with self._lock:
                del self._begun[step.name]
            self._free.put(cores)

    def _run(self, step: Step, out: Path, cores: Sequence[int]) -> str | None:
        log = out / _LOGS / f"{step.name.replace('/', '_')}.txt"
        log.parent.mkdir(parents=True, exist_ok=True)
        binary, *flags = step.command
        command = [sys.executable, "-m", f"model_metamers_experiments.{binary}", *flags]
        if "draw_figure" not in binary and "check_metamers" not in binary:
            command.append("--noprogress")
        with log.open("a", encoding="utf-8") as file:
            # The command inherits the lock: one that outlived a killed reproduction is waited for.
            fcntl.flock(file, fcntl.LOCK_EX)
            file.truncate(0)
            began = time.monotonic()
            with self._lock:
                if self._stopped:
                    return f"{step.name}: not begun"
                process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)
                if cores:
                    os.sched_setaffinity(process.pid, cores)
                self._processes.add(process)
            status = process.wait()
            with self._lock:
                self._processes.discard(process)
        if status:
            return f"{step.name}: ended with status {status}; {_last_line(log)} (all of it: {log})"
        record = {
            "command": list(step.command),
            "inputs": list(step.inputs),
            "seconds": round(time.monotonic() - began, 1),
            "ended": time.time(),
        }
        path = _mark(step, out)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, record)
        return None


def _mark(step: Step, out: Path) -> Path:
    return out / _DONE / f"{step.name.replace('/', '_')}.json"


def _record(step: Step, out: Path) -> dict | None:
    path = _mark(step, out)
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
