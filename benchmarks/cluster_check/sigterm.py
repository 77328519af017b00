"""SIGTERM in the middle of a search: to the driver, and to a worker."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.cluster_check.lines import Line
from benchmarks.cluster_check.running import (
    differing,
    digests,
    partial,
    photographs,
    run,
    start,
    wait_for,
    workers_of,
)
from model_metamers.storage.reading import read_arrays

_WHO = ("one process", "the driver of workers", "a worker")
_LATER_S = 1.0  # than a state was saved
_ITERATIONS, _EVERY = 9000, 3000  # a burst of steps, which is some hundreds, may end where one is saved


def check(out: Path) -> Iterator[Line]:
    inputs = photographs(out / "inputs", 2)
    flags = [f"--inputs={inputs}", "--network=vgg_19_small", "--layers=conv2_2", "--noprogress"]
    flags += [f"--iterations={_ITERATIONS}", f"--save_every={_EVERY}", "--batch_size=2", "--threads=1"]
    run("make_metamers", *flags, f"--out={out / 'whole'}")
    whole = digests(out / "whole")
    for who in _WHO:
        folder = out / who.replace(" ", "_")
        further = [f"--out={folder}", *(["--cluster=local", "--workers=1"] if who != "one process" else [])]
        process = start("make_metamers", *flags, *further)
        wait_for(lambda: bool(_states(folder)), process, 0.05)  # noqa: B023
        time.sleep(_LATER_S)
        for one in workers_of(process.pid) if who == "a worker" else [process]:
            one.send_signal(signal.SIGTERM)
        if who == "a worker":
            steps = _steps_when_saved_anew(folder, process)
        process.communicate()
        if who != "a worker":
            steps = [_step(path) for path in _states(folder)]
        status = process.returncode
        last = run("make_metamers", *flags, *further)[0] if who != "a worker" else status
        wanted = 0 if who == "a worker" else 143
        wrong = differing(whole, digests(folder))
        yield Line(
            f"SIGTERM to {who} in the middle of a search, which saves every {_EVERY} steps",
            f"status {wanted}; the state is of the last step; the same bytes afterwards",
            f"status {status}; state at step {steps}; then status {last}, {len(wrong)} of {len(whole)} files "
            f"of other bytes, {len(partial(folder))} partial files",
            status == wanted
            and bool(steps)
            and all(step % _EVERY for step in steps)
            and last == 0
            and not wrong
            and not partial(folder),
        )


def _states(folder: Path) -> list[Path]:
    return list(folder.glob("*/*/.search-*.npz"))


def _step(path: Path) -> int:
    return int(read_arrays(path, ("step",))["step"])


def _steps_when_saved_anew(folder: Path, process) -> list[int]:
    """The step of the state that a worker saves at its end, between those of every so many steps."""
    seen: set[int] = set()

    def between() -> bool:
        seen.update(_step(path) for path in _states(folder))
        return any(step % _EVERY for step in seen)

    wait_for(between, process, 0.01)
    return [step for step in seen if step % _EVERY]
