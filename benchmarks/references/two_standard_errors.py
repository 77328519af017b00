"""The rule by which claims 1 to 8 were decided before: two standard errors, in the place of tests.

A difference of shares held where it was more than two standard errors above zero, and did not where its value
plus two lay below 0.1; the error of a share was at least 1 / (stimuli + 2); fewer than five stimuli said
nothing. It was bootstrapped; here it has its closed form, which the bootstrap comes near.
"""

from __future__ import annotations

import numpy as np

from model_metamers_experiments.reproduction.contrasts import FAILS, HOLDS, UNTOLD

FEWEST = 5
MARGIN = 0.1
NEAR_ONE = 0.9
AT_CHANCE = 0.05


def difference(values: np.ndarray) -> str:
    """The verdict on a difference of shares, [stimuli]."""
    if len(values) < FEWEST:
        return UNTOLD
    mean, sem = values.mean(), max(_sem(values), 1 / (len(values) + 2))
    return HOLDS if mean > 2 * sem else FAILS if mean + 2 * sem < MARGIN else UNTOLD


def better(values: np.ndarray) -> str:
    """The verdict on a difference of rho, [stimuli]."""
    if len(values) < FEWEST or abs(values.mean()) <= 2 * _sem(values):
        return UNTOLD
    return HOLDS if values.mean() > 0 else FAILS


def near_one(values: np.ndarray) -> str:
    """The verdict on a mean rho near one, [stimuli]."""
    return UNTOLD if len(values) < FEWEST else HOLDS if values.mean() >= NEAR_ONE else FAILS


def at_chance(rho: np.ndarray, maximum: float) -> str:
    """The verdict on rho no better than that of unrelated pairs, [stimuli], by their maximum."""
    above = (rho > maximum).astype(float)
    if len(rho) < FEWEST:
        return UNTOLD
    if above.mean() <= AT_CHANCE:
        return HOLDS
    return FAILS if above.mean() - 2 * max(_sem(above), 1 / (len(rho) + 2)) > AT_CHANCE else UNTOLD


def _sem(values: np.ndarray) -> float:
    return float(values.std() / np.sqrt(len(values)))
