"""Jobs that end by themselves, and others that start in their place."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.cluster_check.empty_units import EmptyUnit
from benchmarks.cluster_check.lines import Line
from model_metamers.execution import dask_workers, driving, worker_plans
from model_metamers.execution.units import Needs

_LIFETIME_S, _WORKERS, _UNITS, _EACH_S, _BACK_S = 25.0, 2, 120, 1.5, 60.0


def check(out: Path) -> Iterator[Line]:
    (out / "done").mkdir(parents=True)
    units = [EmptyUnit(str(out / "done" / f"{i:03d}"), _EACH_S) for i in range(_UNITS)]
    plan = worker_plans.Plan("local-jobs", _WORKERS, logs=out / "logs", lifetime_s=_LIFETIME_S)
    counts: list[tuple[float, int]] = []
    over = threading.Event()
    with dask_workers.workers(plan) as workers:

        def watch() -> None:
            while not over.wait(0.5):
                counts.append((time.monotonic(), len(workers.client.nthreads())))

        watching = threading.Thread(target=watch)
        watching.start()
        try:
            failed = driving.drive(units, workers, Needs.here(1), progress=False)
        finally:
            over.set()
            watching.join()
    tries = [len(Path(unit.path).read_text(encoding="utf-8").split()) for unit in units if unit.done()]
    processes = {line for unit in units if unit.done() for line in Path(unit.path).read_text("utf-8").split()}
    longest = _longest_below(counts, _WORKERS)
    yield Line(
        f"{_UNITS} units on {_WORKERS} jobs of dask_jobqueue.local with lifetimes of {_LIFETIME_S:g} s",
        f"every unit once in the results, workers back at {_WORKERS} within {_BACK_S:g} s",
        f"{len(tries)} units, {sum(n > 1 for n in tries)} of them twice, {len(failed)} failed, by "
        f"{len(processes)} processes; below {_WORKERS} for {longest:.0f} s at most",
        len(tries) == _UNITS
        and set(tries) == {1}
        and not failed
        and len(processes) >= 2 * _WORKERS
        and longest <= _BACK_S,
    )


def _longest_below(counts: list[tuple[float, int]], wanted: int) -> float:
    """Seconds of the longest time with less workers, once all were there."""
    first = next((place for place, (_, count) in enumerate(counts) if count >= wanted), len(counts))
    longest, since = 0.0, None
    for moment, count in counts[first:]:
        since = None if count >= wanted else (moment if since is None else since)
        longest = max(longest, moment - since if since is not None else 0.0)
    return longest
