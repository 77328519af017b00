"""The effect that an experiment with so many stimuli would have found, about."""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from model_metamers.statistics.finite import finite

POWER = 0.8  # with which it would have been found (Cohen 1988)
_TILTS = np.linspace(-60.0, 60.0, 1201)  # of a distribution, in units of one over its range


def effect(values: np.ndarray, alpha: float) -> float:
    """The mean above zero that a one-sided test finds with a probability of `POWER`, by Student's t.

    Args:
      values: [stimuli], whose standard deviation is taken; NaN are left out.
      alpha: of the test.

    Returns:
      NaN where there are too few stimuli to find anything: fewer than two, or 2 ** -stimuli above alpha.
    """
    values = finite(values)
    if len(values) < 2 or 2.0 ** -len(values) > alpha:
        return math.nan
    return _errors_needed(len(values), alpha) * float(values.std(ddof=1)) / math.sqrt(len(values))


def least_above(values: np.ndarray, bound: float, alpha: float, low: float, high: float) -> float:
    """The least mean, of values in a range, that is found to be above `bound` with a probability of `POWER`.

    By Student's t. What varies is taken to be distributed as the values are, and two more at the ends of
    the range (Agresti and Min 2005, doi:10.1002/sim.1781), because stimuli that all gave the same
    answer do not show how much answers vary; tilted, by weights that rise exponentially, until its
    mean is the one asked about.

    Args:
      values: [stimuli]; NaN are left out.
      bound: to be exceeded.
      alpha: of the test.
      low, high: the range.

    Returns:
      NaN where nothing could be found: too few stimuli, even if all were at the high end.
    """
    values = finite(values)
    if len(values) < 2 or max(0.5, (bound - low) / (high - low)) ** len(values) > alpha:
        return math.nan
    padded = np.concatenate([values, [low, high]])
    weights = np.exp(np.outer(_TILTS, (padded - high) / (high - low)) - np.maximum(0, -_TILTS)[:, np.newaxis])
    weights /= weights.sum(axis=1, keepdims=True)
    means = weights @ padded
    errors = np.sqrt(np.maximum(0, weights @ padded**2 - means**2) / len(values))
    found = means - bound >= _errors_needed(len(values), alpha) * errors
    return float(means[found & (means > bound)].min()) if (found & (means > bound)).any() else math.nan


def greatest_below(values: np.ndarray, bound: float, alpha: float, low: float, high: float) -> float:
    """The greatest mean that is found to be below `bound`; see `least_above`."""
    return -least_above(-np.asarray(values, np.float64), -bound, alpha, -high, -low)


def _errors_needed(count: int, alpha: float) -> float:
    """How many standard errors beyond the bound a mean must be."""
    return float(special.nctdtrinc(count - 1, 1 - POWER, special.stdtrit(count - 1, 1 - alpha)))
