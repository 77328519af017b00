"""Tables of contenders beside ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks import timing
from benchmarks.timing import Spread, Times

OURS = "ours"
COLUMNS = ("by", "ms", "processor, ms", "ours is faster by", "in processor time")


def rows(times: Mapping[str, Times]) -> list[tuple[str, ...]]:
    """A row of `COLUMNS` for each contender, ours among them."""
    faster = timing.against(times, OURS)
    found = []
    for name, own in times.items():
        milliseconds = (Spread.of(own.wall).text(1e3), Spread.of(own.processor).text(1e3))
        ratios = [spread.text(unit="x") for spread in faster[name]] if name in faster else ["", ""]
        found.append((name, *milliseconds, *ratios))
    return found


def numbers(times: Mapping[str, Times]) -> dict[str, Any]:
    """All rounds, for JSON."""
    return {
        "wall_seconds": {name: own.wall for name, own in times.items()},
        "processor_seconds": {name: own.processor for name, own in times.items()},
        "repetitions": {name: own.repetitions for name, own in times.items()},
    }
