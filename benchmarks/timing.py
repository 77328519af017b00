"""Contenders for the same work, timed in turn.

A machine's speed wanders with its other work, so that a time by itself says little. Contenders are
therefore timed round by round, each round beginning with another of them, and the ratio of two is
taken within a round.
"""

from __future__ import annotations

import dataclasses
import resource
import statistics
import time
from collections.abc import Callable, Mapping, Sequence

_PAUSE_SECONDS = 0.02  # lets the threads of the one before fall asleep


@dataclasses.dataclass(frozen=True)
class Contender:
    """One way of doing the work.

    Attributes:
      name: as the tables show it.
      run: f(repetitions) does the work so often and returns when all of it is done.
    """

    name: str
    run: Callable[[int], object]


@dataclasses.dataclass(frozen=True)
class Spread:
    """The median of some rounds, and the smallest and largest of them."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Of at least one value."""
        return cls(statistics.median(values), min(values), max(values))

    def text(self, factor: float = 1.0, unit: str = "", digits: int = 3) -> str:
        """For a table: median (low-high), each times the factor."""
        median, low, high = (_digits(factor * v, digits) for v in (self.median, self.low, self.high))
        return f"{median}{unit} ({low}-{high})"


@dataclasses.dataclass(frozen=True)
class Times:
    """Seconds that one repetition took, in each round.

    Attributes:
      wall: by the clock.
      processor: of all threads together.
      repetitions: of a round.
    """

    wall: tuple[float, ...]
    processor: tuple[float, ...]
    repetitions: int


def in_turn(contenders: Sequence[Contender], rounds: int, seconds: float) -> dict[str, Times]:
    """Times contenders in turn.

    Args:
      contenders: of different names.
      rounds: at least 1.
      seconds: that a contender is to run in each round; at least one repetition, which may take longer.

    Returns:
      Times by name, of as many rounds each.
    """
    repetitions = {}
    for contender in contenders:
        contender.run(1)  # compiles, and fills caches
        repetitions[contender.name] = max(1, round(seconds / _timed(contender, 1)[0]))
    taken: dict[str, list[tuple[float, float]]] = {contender.name: [] for contender in contenders}
    for number in range(rounds):
        first = number % len(contenders)
        for contender in (*contenders[first:], *contenders[:first]):
            time.sleep(_PAUSE_SECONDS)
            taken[contender.name].append(_timed(contender, repetitions[contender.name]))
    return {
        name: Times(tuple(wall for wall, _ in pairs), tuple(cpu for _, cpu in pairs), repetitions[name])
        for name, pairs in taken.items()
    }


def ratios(slower: Sequence[float], faster: Sequence[float]) -> Spread:
    """How many times as long the first takes as the second, round by round."""
    return Spread.of([a / b for a, b in zip(slower, faster, strict=True)])


def against(times: Mapping[str, Times], ours: str) -> dict[str, tuple[Spread, Spread]]:
    """How many times as long each of the others takes as ours: by the clock, and of the processor."""
    own = times[ours]
    return {
        name: (ratios(other.wall, own.wall), ratios(other.processor, own.processor))
        for name, other in times.items()
        if name != ours
    }


def _timed(contender: Contender, repetitions: int) -> tuple[float, float]:
    """Wall and processor seconds of one repetition."""
    processor, wall = _processor_seconds(), time.perf_counter()
    contender.run(repetitions)
    wall, processor = time.perf_counter() - wall, _processor_seconds() - processor
    return max(wall, 1e-9) / repetitions, max(processor, 1e-9) / repetitions


def _processor_seconds() -> float:
    """Of this process, all threads, and of those that it started and that ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _digits(value: float, digits: int) -> str:
    """So many significant digits, without an exponent where the number is of ordinary size."""
    text = f"{value:#.{digits}g}"
    return f"{value:,.0f}" if "e" in text and abs(value) >= 1 else text.removesuffix(".")
