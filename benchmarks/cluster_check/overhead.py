"""What it costs to hand a unit out."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from benchmarks.cluster_check.empty_units import EmptyUnit
from benchmarks.cluster_check.lines import Line
from benchmarks.cluster_check.running import scheduler_of, workers_of
from model_metamers.execution import dask_workers, driving, worker_plans
from model_metamers.execution.units import Needs

_MOST_MS, _AT_START_MB, _AFTER_MB = 5.0, 120.0, 300.0


def check(out: Path, count: int) -> Iterator[Line]:
    (out / "done").mkdir(parents=True)
    units = [EmptyUnit(str(out / "done" / f"{i:05d}")) for i in range(count)]
    first, rest = units[:50], units[50:]  # by the first, the workers set themselves up
    plan = worker_plans.Plan("local", 2, logs=out / "logs")
    with dask_workers.workers(plan) as workers:
        scheduler = scheduler_of(os.getpid())
        assert scheduler is not None
        all_processes = [psutil.Process(), scheduler, *workers_of(os.getpid())]
        before = scheduler.memory_info().rss / 1e6
        driving.drive(first, workers, Needs.here(1), progress=False)
        spent, began = _processor_s(all_processes), time.monotonic()
        failed = driving.drive(rest, workers, Needs.here(1), progress=False)
        each = (time.monotonic() - began) / len(rest) * 1e3
        spent = (_processor_s(all_processes) - spent) / len(rest) * 1e3
        after = scheduler.memory_info().rss / 1e6
        loaded = [m.path for m in scheduler.memory_maps() if "tensorflow" in m.path or "keras" in m.path]
    done = sum(unit.done() for unit in units)
    yield Line(
        f"{count:,} units that do nothing, 2 workers",
        f"at most {_MOST_MS:g} ms a unit",
        f"{done:,} done, {len(failed)} failed; {each:.2f} ms a unit; {spent:.2f} ms processor time of "
        f"driver, scheduler and workers together (load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores)",
        each <= _MOST_MS and done == count and not failed,
    )
    yield Line(
        "The scheduler's memory with 2 workers; after these units",
        f"at most {_AT_START_MB:g} MB; {_AFTER_MB:g} MB; no TensorFlow",
        f"{before:.0f} MB; {after:.0f} MB; {len(loaded)} libraries of TensorFlow",
        before <= _AT_START_MB and after <= _AFTER_MB and not loaded,
    )


def _processor_s(processes: list[psutil.Process]) -> float:
    return sum(sum(one.cpu_times()[:2]) for one in processes)
