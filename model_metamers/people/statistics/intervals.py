"""Proportions correct with their errors and intervals, and whether they are above chance."""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from model_metamers.errors import InputError

_CHUNK = 1 << 22  # drawn numbers that are kept in memory at a time


def sem(values: np.ndarray) -> float:
    """Standard error of a mean over people: standard deviation (ddof 1) over sqrt(people); NaN for one."""
    return float(np.std(values, ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.nan


def wilson(right: float, trials: float, level: float = 0.95, df: float = math.inf) -> tuple[float, float]:
    """Wilson's interval of a proportion (1927, doi:10.1080/01621459.1927.10502953).

    Args:
      right, trials: counts; they need not be whole.
      level: of the interval.
      df: degrees of freedom of Student's t, which stands in the place of the normal where it is finite.

    Returns:
      Both ends, within [0, 1]; NaN without trials.
    """
    if not trials > 0:
        return math.nan, math.nan
    tail = 0.5 + level / 2
    z = float(special.ndtri(tail) if math.isinf(df) else special.stdtrit(df, tail))
    share = right / trials
    middle = share + z**2 / (2 * trials)
    half = z * math.sqrt(share * (1 - share) / trials + (z / (2 * trials)) ** 2)
    low, high = (middle - half) / (1 + z**2 / trials), (middle + half) / (1 + z**2 / trials)
    return max(0.0, low), min(1.0, high)


def wilson_over_people(proportions: np.ndarray, trials: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson's interval with as many independent answers as the standard error over people implies.

    People differ, so that answers of one are alike and `trials` of them tell less than `trials`
    independent ones would. The form for surveys (Franco et al. 2019, doi:10.1093/jssam/smy019): the
    number of answers is p (1 - p) / SEM^2, with Student's t of people - 1 degrees, as that number is known
    no better than the SEM. People who are all alike count as their trials.

    Args:
      proportions: [people] of right answers.
      trials: answers of all.
      level: of the interval.

    Returns:
      Both ends; NaN for fewer than two people.
    """
    if len(proportions) < 2:
        return math.nan, math.nan
    mean, error = float(np.mean(proportions)), sem(proportions)
    effective = mean * (1 - mean) / error**2 if error > 0 else float(trials)
    return wilson(mean * effective, effective, level, len(proportions) - 1)


def bootstrap(
    proportions: np.ndarray, level: float = 0.95, resamples: int = 10_000, seed: int = 0
) -> tuple[float, float]:
    """A bootstrapped interval of the mean over people, by widened percentiles.

    Plain percentiles are too narrow for few people by sqrt((n - 1) / n) and by the normal in the place
    of Student's t; their levels are moved outwards by that (Hesterberg 2015,
    doi:10.1080/00031305.2015.1089789).

    Args:
      proportions: [people].
      level: of the interval.
      resamples, seed: of the draws.

    Returns:
      Both ends; NaN for fewer than two people.
    """
    people = len(proportions)
    if people < 2:
        return math.nan, math.nan
    random, means = np.random.default_rng(seed), []
    step = max(1, _CHUNK // people)
    for first in range(0, resamples, step):
        drawn = random.integers(people, size=(min(step, resamples - first), people))
        means.append(np.asarray(proportions, np.float64)[drawn].mean(axis=1))
    t = special.stdtrit(people - 1, 0.5 + level / 2)
    tail = float(special.ndtr(-math.sqrt(people / (people - 1)) * t))
    low, high = np.quantile(np.concatenate(means), [tail, 1 - tail])
    return float(low), float(high)


def above_chance(right: int, trials: int, chance: float) -> float:
    """Exact binomial probability of at least so many right answers by guessing; NaN without trials."""
    if trials < 1:
        return math.nan
    return 1.0 if right == 0 else float(special.bdtrc(right - 1, trials, chance))


def beyond_guessing(proportion: float, chance: float) -> float:
    """(p - c) / (1 - c): 0 for guessing, 1 for always right.

    Raises:
      InputError: chance is not below 1.
    """
    if not 0 <= chance < 1:
        raise InputError(f"chance is {chance}, expected a number from 0 to below 1")
    return (proportion - chance) / (1 - chance)
