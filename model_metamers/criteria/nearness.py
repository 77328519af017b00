"""How near activations came to the target's, beside rho.

Where most units are zero, rho is a matter of ties: a tiny positive value in place of one of many equal
zeros costs it as much rank as a large one. These numbers tell such a match from one that is far off.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from model_metamers.errors import InputError


@dataclasses.dataclass(frozen=True)
class Match:
    """How near a signal's activations at a layer are to its target's.

    Attributes:
      target_zeros, signal_zeros: share of the units that are exactly zero, 0 to 1.
      relative_error: norm of the difference over the norm of the target's activations; NaN where the
        latter is zero.
      pearson: Pearson's correlation, -1 to 1; NaN where either is constant.
    """

    target_zeros: float
    signal_zeros: float
    relative_error: float
    pearson: float


def match(target: np.ndarray, signal: np.ndarray) -> Match:
    """The match of two equally shaped activations, computed in float64.

    Raises:
      InputError: other shapes.

    Example:
      >>> match(np.array([0.0, 0.0, 3.0, 4.0]), np.array([0.0, 0.5, 3.0, 4.0])).relative_error
      0.1
    """
    if np.shape(target) != np.shape(signal):
        raise InputError(f"a match needs equal shapes, got {np.shape(target)} and {np.shape(signal)}")
    a, b = (np.asarray(values, np.float64).ravel() for values in (target, signal))
    with np.errstate(invalid="ignore", over="ignore"):  # activations that are no numbers give NaN
        return Match(
            target_zeros=float(np.mean(a == 0)),
            signal_zeros=float(np.mean(b == 0)),
            relative_error=_ratio(float(np.linalg.norm(b - a)), float(np.linalg.norm(a))),
            pearson=_pearson(a, b),
        )


def _pearson(a: np.ndarray, b: np.ndarray) -> float:
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return math.nan
    a, b = a - a.mean(), b - b.mean()
    return float(np.clip(_ratio(float(a @ b), float(np.linalg.norm(a) * np.linalg.norm(b))), -1.0, 1.0))


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else math.nan
