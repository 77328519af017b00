"""Exact tests of paired differences by flipping their signs (Fisher 1935).

Where two conditions do not differ, the difference of a stimulus is as likely to be positive as negative.
All ways to give the differences signs are then equally likely; the probability is the share of them whose
mean is at least as large as the one found. No form of distribution is assumed.
"""

from __future__ import annotations

import functools

import numpy as np

from model_metamers.statistics.finite import finite

MOST_EXACT = 16  # with more differences that are not zero, flips are drawn
DRAWS = 10_000  # flips that are drawn; a probability of 0.05 is then precise to 0.002
_SEED = 0
_ROUNDING = 1e-9  # of the largest sum, below which two sums are the same


def probability_above_zero(differences: np.ndarray) -> float:
    """One-sided probability of a mean so large where the two conditions do not differ.

    Differences of zero stay as they are however their signs are flipped, so that they say nothing. With
    up to `MOST_EXACT` others all flips are counted, with more `DRAWS` that are drawn (always the same), and
    the flip that was found among them.

    Args:
      differences: [stimuli], one value a stimulus; NaN are left out.

    Returns:
      At least 2 ** -stimuli; 1 where all are zero, or there are none.

    Example:
      >>> probability_above_zero(np.array([0.2, 0.1, 0.3, 0.1, 0.0, 0.2]))
      0.03125
    """
    values = finite(differences)
    values = values[values != 0]
    if not len(values):
        return 1.0
    # A flip of some signs takes twice the sum of these differences off.
    taken = _flipped(len(values)) @ values
    at_least = int(np.count_nonzero(taken <= _ROUNDING * np.abs(values).sum()))
    if len(values) <= MOST_EXACT:
        return at_least / len(taken)
    return (at_least + 1) / (len(taken) + 1)


def interval(differences: np.ndarray, level: float = 0.9) -> tuple[float, float]:
    """The means that the same test, one-sided at either end, does not refuse (Hartigan 1969).

    The ends are quantiles of the means of subsets of the differences.

    Args:
      differences: [stimuli]; NaN are left out.
      level: of the interval, such as 0.9 for two tests at 5 %.

    Returns:
      Both ends; infinite where there are too few stimuli to refuse anything, NaN without any.
    """
    values = finite(differences)
    if not len(values):
        return float("nan"), float("nan")
    flipped = _flipped(len(values))
    counts = flipped.sum(axis=1)
    means = np.sort((flipped[counts > 0] @ values) / counts[counts > 0])
    # The empty subset is no evidence for any mean: it lies beyond either end.
    flips = len(means) + 1
    refused = int(np.floor((1 - level) / 2 * flips + _ROUNDING))
    if refused < 1:
        return float("-inf"), float("inf")
    return float(means[refused - 1]), float(means[len(means) - refused])


@functools.lru_cache(maxsize=8)
def _flipped(count: int) -> np.ndarray:
    """1 where a sign is flipped, else 0; float64 [flips, count]: all there are, or `DRAWS`."""
    if count <= MOST_EXACT:
        return ((np.arange(2**count)[:, np.newaxis] >> np.arange(count)) & 1).astype(np.float64)
    return np.random.default_rng(_SEED).integers(2, size=(DRAWS, count)).astype(np.float64)
