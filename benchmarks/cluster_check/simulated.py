"""A plan of the paper's size, handed out in simulated time."""

from __future__ import annotations

import collections
import concurrent.futures
import dataclasses
import heapq
import itertools
import random
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

from benchmarks.cluster_check.lines import Line
from benchmarks.cluster_check.running import photographs, run
from model_metamers.execution import driving
from model_metamers.execution.units import Needs, UnitFailed

_UNITS, _WORKERS, _FAIL, _MOST = 100_000, 200, 0.05, 1.1


@dataclasses.dataclass(frozen=True)
class _Simulated:
    key: str
    seconds: float
    over: set[str] = dataclasses.field(compare=False, repr=False)
    group: str = ""
    steps: int = 1

    def done(self) -> bool:
        return self.key in self.over

    def run(self) -> None: ...


class _Clock:
    """Workers in simulated time: a unit's end comes when the driver waits for one."""

    logs = "no logs"

    def __init__(self, count: int, chance: random.Random):
        self._free, self._chance = count, chance
        self._queue: collections.deque = collections.deque()
        self._running: list = []
        self.now = self.worked = 0.0
        self._number = 0
        self._most = 2 * count + 8

    @property
    def room(self) -> int:
        if len(self._queue) + len(self._running) >= self._most:
            self.present()
        return self._most

    def present(self) -> int:
        if self._running:
            self.now, _, unit, future = heapq.heappop(self._running)
            self._free += 1
            self._begin()
            if self._chance.random() < _FAIL:
                future.set_exception(UnitFailed("simulated"))
            else:
                unit.over.add(unit.key)
                future.set_result(None)
        return 1

    def submit(self, function, unit, needs, avoid="") -> concurrent.futures.Future:
        future: concurrent.futures.Future = concurrent.futures.Future()
        self._queue.append((unit, future))
        self._begin()
        return future

    def _begin(self) -> None:
        while self._free and self._queue:
            unit, future = self._queue.popleft()
            self._free -= 1
            self._number += 1
            self.worked += unit.seconds
            heapq.heappush(self._running, (self.now + unit.seconds, self._number, unit, future))


def check(out: Path) -> Iterator[Line]:
    measured = _measured(out)
    chance, over = random.Random(0), set()
    units = [_Simulated(f"u{i}", chance.choice(measured), over) for i in range(_UNITS)]
    clock = _Clock(_WORKERS, chance)
    with mock.patch.object(driving, "_TICK_S", 0.0):
        failed = driving.drive(units, clock, Needs.here(0), retries=5, progress=False)
    ideal = clock.worked / _WORKERS
    yield Line(
        f"{_UNITS:,} units on {_WORKERS} workers in simulated time, {_FAIL:.0%} of the tries failing; their "
        f"seconds are drawn from {len(measured)} measured, {min(measured):.2f} to {max(measured):.2f}",
        f"all done, within {_MOST:g} of the ideal time",
        f"{len(over):,} done, {len(failed)} failed on every try; {clock.now / ideal:.4f} of the ideal time "
        f"(all tries, spread evenly)",
        len(over) + len(failed) == _UNITS and len(failed) <= 2 and clock.now / ideal <= _MOST,
    )


def _measured(out: Path) -> list[float]:
    """Seconds of units of the small VGG at three layers, by when each left its result."""
    inputs = photographs(out / "inputs", 16)
    flags = [f"--inputs={inputs}", "--network=vgg_19_small", "--layers=conv1_2,conv3_2,fc7"]
    flags += ["--iterations=60", "--batch_size=1", "--threads=1", "--noprogress"]
    status, printed = run("make_metamers", *flags, f"--out={out / 'run'}")
    if status:
        raise RuntimeError(printed)
    ends = sorted(path.stat().st_mtime for path in out.glob("run/*/*/*/metamer.json"))
    return [later - earlier for earlier, later in itertools.pairwise(ends)]
