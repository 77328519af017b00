"""Bounds on the mean of values that lie in a known range, such as shares and their differences.

They hold for few stimuli, and where all gave the same answer. The bound is Gaffke's (2005), as
Learned-Miller and Thomas (2019, arXiv:1905.06208) have it: of values that are 0 or 1 it is that of
Clopper and Pearson (1934). It keeps its level in every simulation known, there and here; a proof for all
distributions is not known.
"""

from __future__ import annotations

import functools

import numpy as np

from model_metamers.statistics.finite import finite

DRAWS = 10_000  # of weights; a probability of 0.05 is then precise to 0.002
_SEED = 0


def probability_above(values: np.ndarray, at: float, low: float, high: float) -> float:
    """One-sided probability of values so large where their mean is at most `at`.

    Every draw gives the values, and one more at the low end, random weights; the probability is the share
    of draws whose weighted mean is at most `at`. A value beyond the range counts as its end.

    Args:
      values: [stimuli]; NaN are left out.
      at: the mean to be exceeded.
      low, high: the range.

    Returns:
      1 without values.

    Example:
      >>> bool(probability_above(np.ones(16), 0.8, 0.0, 1.0) < 0.05)  # 0.8 ** 16 is 0.028
      True
    """
    means = _lowest_means(values, low, high)
    return float((np.count_nonzero(means <= at) + 1) / (len(means) + 1)) if len(means) else 1.0


def probability_below(values: np.ndarray, at: float, low: float, high: float) -> float:
    """One-sided probability of values so small where their mean is at least `at`; see `probability_above`."""
    return probability_above(-np.asarray(values, np.float64), -at, -high, -low)


def interval(values: np.ndarray, low: float, high: float, level: float = 0.9) -> tuple[float, float]:
    """Bounds of the mean, each one-sided at (1 - level) / 2; the range's ends without values.

    Args:
      values: [stimuli]; NaN are left out.
      low, high: the range.
      level: of the interval, such as 0.9 for two tests at 5 %.
    """
    values = np.asarray(values, np.float64)
    below, above = _lowest_means(values, low, high), -_lowest_means(-values, -high, -low)
    if not len(below):
        return low, high
    tail = (1 - level) / 2
    return float(np.quantile(below, tail)), float(np.quantile(above, 1 - tail))


def _lowest_means(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """[draws] weighted means of the values and the low end; empty without values."""
    values = np.clip(finite(values), low, high)
    if not len(values):
        return np.empty(0)
    # Sorted, so that the draws do not depend on the stimuli's order.
    return _weights(len(values) + 1) @ np.append(np.sort(values), low)


@functools.lru_cache(maxsize=8)
def _weights(count: int) -> np.ndarray:
    """Weights drawn evenly among all that sum to one; float64 [draws, count]."""
    drawn = np.random.default_rng(_SEED).standard_exponential((DRAWS, count))
    return drawn / drawn.sum(axis=1, keepdims=True)
