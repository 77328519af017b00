"""Exact tests and intervals of a median, by counting (the sign test); no form of distribution is assumed."""

from __future__ import annotations

import numpy as np
from scipy import special

from model_metamers.statistics.finite import finite


def probability_above(values: np.ndarray, at: float) -> float:
    """One-sided probability of so many values above `at` where the median is at most that.

    Args:
      values: [stimuli]; NaN are left out; one that equals `at` is not above it.
      at: the median to be exceeded.

    Returns:
      At least 2 ** -stimuli; 1 without values.

    Example:
      >>> probability_above(np.array([0.95, 0.99, 0.97, 0.92, 0.91]), 0.9)
      0.03125
    """
    values = finite(values)
    above = int(np.count_nonzero(values > at))
    return float(special.bdtrc(above - 1, len(values), 0.5)) if above else 1.0


def probability_below(values: np.ndarray, at: float) -> float:
    """One-sided probability of so many values below `at` where the median is at least that."""
    return probability_above(-np.asarray(values, np.float64), -at)


def interval(values: np.ndarray, level: float = 0.9) -> tuple[float, float]:
    """Two of the ordered values, between which the median lies, each end one-sided at (1 - level) / 2.

    Args:
      values: [stimuli]; NaN are left out.
      level: of the interval.

    Returns:
      Both ends; infinite where there are too few, NaN without any.
    """
    ordered = np.sort(finite(values))
    if not len(ordered):
        return float("nan"), float("nan")
    # The largest rank r with P(fewer than r of n lie below the median) at most the tail.
    rank = sum(special.bdtr(r, len(ordered), 0.5) <= (1 - level) / 2 for r in range(len(ordered)))
    if rank < 1:
        return float("-inf"), float("inf")
    return float(ordered[rank - 1]), float(ordered[len(ordered) - rank])
