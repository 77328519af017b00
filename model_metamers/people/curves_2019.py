"""What people recognised in 2019, as read off the authors' published figures."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from pathlib import Path

from model_metamers.storage.reading import read_json

_FILE = Path(__file__).parents[1] / "data" / "human_curves_2019.json"


@dataclasses.dataclass(frozen=True)
class Curve:
    """One network's curve, means over 16 people.

    Attributes:
      task: "images" or "words".
      natural: proportion correct for natural signals.
      layers: for metamers, early to late; "cochleagram" is the inverted cochleagram.
      network: mean of the network's own recognition; None where it was not shown.
    """

    task: str
    natural: float
    layers: Mapping[str, float]
    network: float | None


@dataclasses.dataclass(frozen=True)
class _Curves:
    source: str
    read: str
    people: int
    trials_per_condition: dict[str, int]
    curves: dict[str, Curve]


@functools.cache
def curves() -> dict[str, Curve]:
    """By the beginning of the network's name; small networks and those of other seeds begin alike."""
    return read_json(_FILE, "file of the package", _Curves).curves


def curve_of(network: str) -> Curve | None:
    """The curve of a network, by its name; None where 2019 had none."""
    named = [name for name in curves() if network.startswith(name)]
    return curves()[max(named, key=len)] if named else None
