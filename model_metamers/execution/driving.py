"""Hands units out to workers until all are done, or failed on every try.

The workers are anything with a `submit` as `concurrent.futures` has it. What a future gives is not asked
for; whether a unit is done, its output tells.
"""

from __future__ import annotations

import collections
import concurrent.futures
import queue
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

from model_metamers.errors import InputError
from model_metamers.execution.unit_bar import UnitBar
from model_metamers.execution.units import Needs, Unit, UnitFailed, UnitStopped, do

RETRIES = 2
_IN_A_ROW = 10  # units that fail for one reason, after which the rest is not tried
_PATIENCE_S = 600.0  # without a worker
_TICK_S = 1.0
_SHOWS_S = 5.0  # a shared disk may show what another machine wrote only after a while
_STOPS = 100  # of one unit, that count as no failure


class Workers(Protocol):
    """Who does units.

    Attributes:
      room: units that may be out at once.
      logs: where to look when something is wrong, in words.
    """

    @property
    def room(self) -> int: ...

    @property
    def logs(self) -> str: ...

    def present(self) -> int:
        """Workers that are there now; SchedulerLost where nobody can tell."""

    def submit(
        self, function: Callable, unit: Unit, needs: Needs, avoid: str = ""
    ) -> concurrent.futures.Future:
        """Lets a worker call the function; `avoid` names the one that failed before, if any.

        The future ends with what `do` raises, or SchedulerLost; a worker that is gone is a UnitFailed.
        """


def drive(
    units: Sequence[Unit],
    workers: Workers,
    needs: Needs,
    retries: int = RETRIES,
    progress: bool = True,
    patience_s: float = _PATIENCE_S,
    bar: UnitBar | None = None,
    after: Mapping[str, Sequence[str]] | None = None,
    watch: Callable[[], None] | None = None,
) -> dict[str, str]:
    """Lets workers do the units that are not done, group by group.

    A unit that fails is tried again, elsewhere if there is another worker. One that fails on every try is
    left, and the others go on. A worker that was told to end, and saved what it had, is no failure.

    Args:
      units: all of the run.
      workers: who does them.
      needs: what every worker must have.
      retries: further tries of a unit that failed.
      progress: whether to show a bar.
      patience_s: after so many seconds without a worker the run ends.
      bar: to be used instead of one of its own.
      after: keys of the units that must be done before a unit is begun, by its key. Where one of them
        failed, it is not begun, and listed too. No circle may be among them.
      watch: called when a unit came to an end, and every second meanwhile.

    Returns:
      What failed: the last line of each unit's last try, by key.

    Raises:
      InputError: no worker came, or ten units in a row failed for one reason.
      UnfitWorker: a worker is not like this process.
      SchedulerLost: whoever handed units on is gone; those that are done are kept.
    """
    driven = _Drive(workers, needs, retries, patience_s, after or {})
    return driven.run(units, bar or UnitBar(units, progress), watch or (lambda: None))


def do_alone(units: Sequence[Unit], progress: bool = True) -> None:
    """Does those units that are not done in this process, in order; what one raises ends all.

    Args:
      units: of the run, or of a shard of it.
      progress: whether to show a bar.
    """
    done = {unit.key for unit in units if unit.done()}
    with UnitBar(units, progress) as bar:
        bar.found(unit for unit in units if unit.key in done)
        for unit in units:
            if unit.key not in done:
                unit.run()
                bar.done(unit)


class _Drive:
    """The state of a run that is driven; see `drive`."""

    def __init__(
        self,
        workers: Workers,
        needs: Needs,
        retries: int,
        patience_s: float,
        after: Mapping[str, Sequence[str]],
    ):
        self._workers, self._needs = workers, needs
        self._retries, self._patience_s, self._after = retries, patience_s, after
        self._unended: set[str] = set()
        self._waiting: collections.deque[Unit] = collections.deque()
        self._out: dict[concurrent.futures.Future, Unit] = {}
        self._ended: queue.SimpleQueue[concurrent.futures.Future] = queue.SimpleQueue()
        self._tries: collections.Counter[str] = collections.Counter()
        self._stops: collections.Counter[str] = collections.Counter()
        self._avoid: dict[str, str] = {}
        self._row: list[tuple[str, str]] = []  # reasons and keys of the failures since the last success
        self._failures: dict[str, str] = {}
        self._seen = time.monotonic()  # when a worker was there

    def run(self, units: Sequence[Unit], bar: UnitBar, watch: Callable[[], None]) -> dict[str, str]:
        done = {unit.key for unit in units if unit.done()}
        with bar:
            bar.found(unit for unit in units if unit.key in done)
            self._waiting.extend(unit for unit in _by_group(units) if unit.key not in done)
            self._unended.update(unit.key for unit in self._waiting)
            while self._waiting or self._out:
                self._leave_what_cannot_begin(bar)
                while len(self._out) < self._workers.room and (unit := self._next()):
                    self._hand_out(unit)
                try:
                    future = self._ended.get(timeout=_TICK_S)
                except queue.Empty:
                    bar.tick()
                    self._look_for_workers()
                else:
                    self._seen = time.monotonic()
                    self._take_in(future, bar)
                watch()
        return self._failures

    def _leave_what_cannot_begin(self, bar: UnitBar) -> None:
        """Lists the units that need one that failed, and those that need these."""
        while self._failures and (lost := [unit for unit in self._waiting if self._lost(unit)]):
            for unit in lost:
                self._waiting.remove(unit)
                self._fail(unit, f"{unit.key}: not begun, as {self._lost(unit)} failed", bar)

    def _lost(self, unit: Unit) -> str | None:
        return next((need for need in self._after.get(unit.key, ()) if need in self._failures), None)

    def _next(self) -> Unit | None:
        """Takes the first unit for which all that it needs is done."""
        for unit in self._waiting:
            if self._unended.isdisjoint(self._after.get(unit.key, ())):
                self._waiting.remove(unit)
                return unit
        return None

    def _fail(self, unit: Unit, text: str, bar: UnitBar) -> None:
        self._failures[unit.key] = text
        self._unended.discard(unit.key)
        bar.failed(unit)

    def _hand_out(self, unit: Unit) -> None:
        self._tries[unit.key] += 1
        future = self._workers.submit(do, unit, self._needs, self._avoid.get(unit.key, ""))
        self._out[future] = unit
        future.add_done_callback(self._ended.put)

    def _take_in(self, future: concurrent.futures.Future, bar: UnitBar) -> None:
        """A unit came to an end, of whatever kind."""
        unit = self._out.pop(future)
        error = future.exception()
        if error is not None and not isinstance(error, (UnitFailed, UnitStopped)):
            raise error
        if _shows(unit, wait=error is None):
            self._row.clear()
            self._unended.discard(unit.key)
            bar.done(unit)
        elif isinstance(error, UnitStopped) and self._stops[unit.key] < _STOPS:
            self._stops[unit.key] += 1
            self._tries[unit.key] -= 1
            self._waiting.appendleft(unit)
        else:
            failed = error if isinstance(error, UnitFailed) else UnitFailed("it left no result")
            self._try_again_or_leave(unit, failed, bar)

    def _try_again_or_leave(self, unit: Unit, failed: UnitFailed, bar: UnitBar) -> None:
        self._row.append((failed.reason, unit.key))
        of_this = {key for reason, key in self._row if reason == failed.reason}
        if len(of_this) >= _IN_A_ROW and len({reason for reason, _ in self._row}) == 1:
            raise InputError(
                f"{len(of_this)} units in a row failed for one reason, so that the rest was not tried: "
                f"{failed.text} ({self._workers.logs})"
            )
        if failed.final or self._tries[unit.key] > self._retries:
            self._fail(unit, failed.text, bar)
        else:
            self._avoid[unit.key] = failed.worker
            self._waiting.append(unit)

    def _look_for_workers(self) -> None:
        if self._workers.present():
            self._seen = time.monotonic()
        elif time.monotonic() - self._seen > self._patience_s:
            raise InputError(
                f"no worker for {self._patience_s / 60:.3g} minutes; why, their logs may tell "
                f"({self._workers.logs}). What was done is kept, and the same command continues"
            )


def _by_group(units: Sequence[Unit]) -> Iterator[Unit]:
    """Groups in the order of their first unit, and the units of a group in theirs."""
    groups: dict[str, list[Unit]] = {}
    for unit in units:
        groups.setdefault(unit.group, []).append(unit)
    return (unit for group in groups.values() for unit in group)


def _shows(unit: Unit, wait: bool) -> bool:
    """Whether a unit's output is there, for which a shared disk is given some seconds."""
    until = time.monotonic() + (_SHOWS_S if wait else 0.0)
    pause = 0.01
    while not unit.done():
        if time.monotonic() > until:
            return False
        time.sleep(pause)
        pause *= 2
    return True
