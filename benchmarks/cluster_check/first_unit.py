"""What a worker takes from its start to the first unit that it finished."""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterator
from pathlib import Path

import psutil

from benchmarks.cluster_check.lines import Line
from benchmarks.cluster_check.running import metamers, photographs, start, wait_for, workers_of

_MOST_S, _RUNS = 10.0, 5


def check(out: Path) -> Iterator[Line]:
    inputs = photographs(out / "inputs", 2)  # two units, so that the worker lives on after the first
    flags = [f"--inputs={inputs}", "--network=vgg_19_small", "--layers=conv1_2", "--iterations=10"]
    flags += ["--batch_size=1", "--noprogress", "--cluster=local", "--workers=1"]
    spent = sorted(_spent(flags, out / f"run_{i}") for i in range(_RUNS))
    median = statistics.median(spent)
    yield Line(
        f"A worker, from its start to its first finished unit of vgg_19_small; {_RUNS} runs",
        f"at most {_MOST_S:g} s of processor time",
        f"{median:.1f} s at the median, {spent[0]:.1f} to {spent[-1]:.1f} "
        f"(load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores)",
        median <= _MOST_S,
    )


def _spent(flags: list[str], folder: Path) -> float:
    """Processor seconds of the one worker of a run when its first metamer was there."""
    driver = start("make_metamers", *flags, f"--out={folder}")
    workers: list[psutil.Process] = []
    spent = float("inf")

    def first() -> bool:
        nonlocal spent
        workers[:] = workers or workers_of(driver.pid)
        if not metamers(folder):
            return False
        spent = sum(sum(one.cpu_times()[:2]) for one in workers)
        return True

    assert wait_for(first, driver, 0.02) and workers, driver.communicate()[0]
    driver.communicate()
    return spent
