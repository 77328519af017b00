"""What a run would take: units of work, time, disk and memory, measured on a few steps of it.

Of every layer one batch is begun and stopped after a second or two; of one batch the metamers are written
and drawn, in a folder of the system's for temporary files. Nothing is written to the run's own folder.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from model_metamers.criteria.null import NullDistribution
from model_metamers.runs.batches import WHOLE, batches
from model_metamers.runs.run import Run, check, measure_null
from model_metamers.storage.folders import files_below

if TYPE_CHECKING:
    from model_metamers.synthesis.search import Search
    from model_metamers.synthesis.state import SearchState

_SECONDS = 2.0  # of steps that are timed, of a batch
_LEAST_STEPS = 4  # beside the first
_NULL_SIGNALS = 8  # on which the null distribution is timed


class Unit(NamedTuple):
    """A batch of searches that is to be made: its place among all, its layer and its number of stimuli."""

    place: int
    layer: str
    size: int


@dataclasses.dataclass(frozen=True)
class Cost:
    """What batches of one size at one layer take, in seconds.

    Attributes:
      once: a process, until it has compiled them.
      batch: each, before and after its steps.
      step: each.
    """

    once: float
    batch: float
    step: float


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a run would take.

    Attributes:
      units: batches that are to be made.
      there: metamers that are there already.
      steps: of a search from one start.
      costs: by layer and size of a batch.
      start: seconds until a process has TensorFlow, the network and the signals.
      null: seconds for the null distribution.
      metamer: seconds for each metamer to be written.
      page: seconds for each metamer on the page.
      disk: bytes of results, at the end.
      memory: bytes that a process takes, at most so far.
      starts: that a metamer may be searched from.
      ends_early: whether criteria may end a search before its last step.
    """

    units: Sequence[Unit]
    there: int
    steps: int
    costs: dict[tuple[str, int], Cost]
    start: float
    null: float
    metamer: float
    page: float
    disk: float
    memory: int
    starts: int = 1
    ends_early: bool = False

    @property
    def is_bound(self) -> bool:
        """Whether searches may need fewer steps, so that steps and times are the most that there can be."""
        return self.ends_early or self.starts > 1

    @property
    def most_steps(self) -> int:
        """Of a metamer, from all of its starts."""
        return self.starts * self.steps

    @property
    def metamers(self) -> int:
        """That are to be made."""
        return sum(unit.size for unit in self.units)

    def of_unit(self, unit: Unit) -> float:
        """Seconds that a batch takes once its layer is compiled: from all starts, to the last step."""
        cost = self.costs[unit.layer, unit.size]
        return self.starts * (cost.batch + self.steps * cost.step) + unit.size * self.metamer

    def seconds(self, workers: int = 1) -> float:
        """Seconds until all is done, the page included.

        Args:
          workers: processes, each on a machine of its own as fast as this one, or on cores that nobody else
            uses; each takes every n-th batch, as shards do.
        """
        shares: dict[int, list[Unit]] = collections.defaultdict(list)
        for unit in self.units:
            shares[unit.place % workers].append(unit)
        page = self.page * (self.metamers + self.there)
        longest = max(map(self._of_worker, shares.values()), default=0.0)
        finishing = page if workers == 1 else self.start + page
        return self.start + self.null + longest + finishing

    def _of_worker(self, units: Sequence[Unit]) -> float:
        once = sum(self.costs[kind].once for kind in {(unit.layer, unit.size) for unit in units})
        return once + sum(map(self.of_unit, units))


def plan(run: Run) -> Plan:
    """Times a few steps of a run, and tells what all of it would take.

    A search counts with all its iterations from each of its starts, also where criteria may end it before,
    or the first start may do (`Plan.is_bound`); where the last tenth of the steps is computed in another way
    (`precision`, `frontend`), it counts as the others do. Batches that are partly there count whole.

    Args:
      run: see `Run`; its folder is only looked at.

    Raises:
      InputError: see `check`.
    """
    check(run)
    cut = list(enumerate(batches(run)))
    missing = [(place, layer, names) for place, (layer, names) in cut if _is_missing(run, layer, names)]
    units = [Unit(place, layer, len(names)) for place, layer, names in missing]
    there = sum(len(names) for _, (_, names) in cut) - sum(unit.size for unit in units)
    starts, ends_early = run.config.starts, run.config.stop_when is not None
    steps = run.config.iterations
    if not missing:
        return Plan(
            units, there, steps, {}, since_start(), 0.0, 0.0, 0.0, 0.0, peak_memory(), starts, ends_early
        )
    start = since_start()
    with tempfile.TemporaryDirectory() as folder:
        small = dataclasses.replace(run, out=Path(folder), shard=WHOLE)
        null, null_seconds = _timed_null(small)
        costs: dict[tuple[str, int], Cost] = {}
        written: tuple[float, float, float] | None = None
        for _, layer, names in missing:
            if (layer, len(names)) not in costs:
                cost, search, state = _timed_search(run, layer, names, null)
                costs[layer, len(names)] = cost
                written = written or _timed_files(small, search, names, state, null)
    assert written is not None
    metamer, page, of_each = written
    disk = of_each * sum(unit.size for unit in units)
    return Plan(
        units,
        there,
        steps,
        costs,
        start,
        null_seconds,
        metamer,
        page,
        disk,
        peak_memory(),
        starts,
        ends_early,
    )


def _is_missing(run: Run, layer: str, names: Sequence[str]) -> bool:
    return not all(run.folder.metamer(layer, name).path.exists() for name in names)


def _timed_null(small: Run) -> tuple[NullDistribution | None, float]:
    """A null distribution of a few signals, and the seconds that one of all would take."""
    if small.null is not None:
        return measure_null(small, progress=False), 0.0
    signals = {**small.null_stimuli, **small.stimuli}
    some = dict(list(signals.items())[:_NULL_SIGNALS])
    few = dataclasses.replace(small, stimuli=some, null_stimuli={})
    took = []
    null = None
    for number in range(2):  # the first compiles
        again = dataclasses.replace(few, out=few.out / f"null_{number}")
        began = time.monotonic()
        null = measure_null(again, progress=False)
        took.append(time.monotonic() - began)
    further = max(len(signals) - len(some), 0)
    return null, took[0] + took[1] * further / len(some)


def _timed_search(
    run: Run, layer: str, names: Sequence[str], null: NullDistribution | None
) -> tuple[Cost, Search, SearchState]:
    """What a batch takes; with its search, stopped after some steps."""
    from model_metamers.synthesis.finding import to_metamers
    from model_metamers.synthesis.search import Search

    search = Search(run.network, layer, run.config, null)
    targets = np.stack([run.stimuli[name] for name in names])
    begun, _, _ = _some_steps(search, targets, 1, 0.0)  # compiles
    before, step, state = _some_steps(search, targets, _LEAST_STEPS, _SECONDS)
    took = []
    for _ in range(2):  # the first compiles
        began = time.monotonic()
        to_metamers(search, names, targets, state)
        took.append(time.monotonic() - began)
    once = max(begun - before, 0.0) + max(took[0] - took[1], 0.0)
    return Cost(once, max(before - step, 0.0) + took[1], step), search, state


def _some_steps(
    search: Search, targets: np.ndarray, least: int, seconds: float
) -> tuple[float, float, SearchState]:
    """Seconds until the first step is over, seconds of each further one, and the state then."""
    began = time.monotonic()
    ends: list[tuple[int, float]] = []

    def told(step: int) -> None:
        ends.append((step, time.monotonic()))
        if step > least and ends[-1][1] - ends[0][1] > seconds:
            raise KeyboardInterrupt  # as Ctrl-C would end the search

    state, _ = search.run(targets, progress=False, told=told)
    (first, at), (last, end) = ends[0], ends[-1]
    return at - began, (end - at) / max(last - first, 1), state


def _timed_files(
    small: Run,
    search: Search,
    names: Sequence[str],
    state: SearchState,
    null: NullDistribution | None,
) -> tuple[float, float, float]:
    """Seconds to write a metamer, seconds to show it on the page, and bytes of both."""
    from model_metamers.runs import report, results
    from model_metamers.synthesis.finding import to_metamers

    targets = np.stack([small.stimuli[name] for name in names])
    some = dataclasses.replace(small, layers=[search.layer], stimuli=dict(zip(names, targets, strict=True)))
    ends = []
    for metamer in to_metamers(search, names, targets, state):
        results.save(metamer, small.folder.metamer(search.layer, metamer.stimulus).path, small.network, null)
        ends.append(time.monotonic())
    write = (ends[-1] - ends[0]) / max(len(ends) - 1, 1)
    took = []
    for _ in range(2):  # the first loads what draws
        for drawn in some.folder.path.rglob("*"):
            if drawn.name in ("loss.png", "spearman.png") or drawn.name.endswith("_cochleagram.png"):
                drawn.unlink()
        began = time.monotonic()
        report.write_report(some.out, [report.network_results(some, null)], "plan", "plan")
        took.append(time.monotonic() - began)
    taken = sum(path.stat().st_size for path in files_below(some.out) if "null_" not in str(path))
    trace = (
        12 * (small.config.iterations - state.step) / small.config.log_every
    )  # of the loss, which is longer
    return write, took[1] / len(names), taken / len(names) + trace


def since_start() -> float:
    """Seconds since this process began; 0 where the system does not tell."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        ticks = float(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
        up = float(Path("/proc/uptime").read_text().split()[0])
        return up - ticks / os.sysconf("SC_CLK_TCK")
    return 0.0


def peak_memory() -> int:
    """Bytes of memory that this process took at most; 0 where the system does not tell."""
    try:
        import resource
    except ImportError:
        return 0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else 1024 * most
