"""Bootstrapped standard errors of proportions and of contrasts between them (paper, Figure 6)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_CHUNK = 1 << 22  # drawn indices that are kept in memory at a time


def standard_error(
    values: np.ndarray, resamples: int = 10000, seed: int = 0, over_seeds: bool = False
) -> float:
    """Bootstrapped standard error of the mean, over stimuli or over stimuli and seeds.

    Every resample draws as many stimuli as there are, with replacement. With `over_seeds` it also
    draws the seeds, independently of the stimuli, because every stimulus was searched with the same
    seeds (Owen 2007, doi:10.1214/07-AOAS122). The error then also holds for other seeds, and is
    rather too large than too small.

    Args:
      values: [stimuli] or [stimuli, seeds], NaN where a value is missing.
      resamples: number of resamples; the result is precise to about 1 / sqrt(2 resamples) of itself.
      seed: seed of the draws; the same seed gives the same result.
      over_seeds: whether seeds are drawn too.

    Returns:
      The standard error; NaN for fewer than two stimuli or, with `over_seeds`, two seeds.
    """
    values = np.asarray(values, np.float64)
    values = values.reshape(len(values), -1) if values.size else np.empty([0, 0])
    present = np.isfinite(values)
    values, present = (a[present.any(axis=1)][:, present.any(axis=0)] for a in (values, present))
    if len(values) < 2 or (over_seeds and values.shape[1] < 2):
        return float("nan")
    sums, random = np.where(present, values, 0.0), np.random.default_rng(seed)
    means = []
    step = max(1, _CHUNK // len(values))
    for first in range(0, resamples, step):
        count = min(step, resamples - first)
        stimuli = _counts(random, count, values.shape[0])
        seeds = _counts(random, count, values.shape[1]) if over_seeds else 1.0
        totals = ((stimuli @ sums) * seeds).sum(axis=1)
        weights = ((stimuli @ present.astype(np.float64)) * seeds).sum(axis=1)
        means.append(totals[weights > 0] / weights[weights > 0])
    drawn = np.concatenate(means)
    return float(drawn.std(ddof=1)) if len(drawn) > 1 else float("nan")


def contrast(
    conditions: Sequence[np.ndarray], weights: Sequence[float], resamples: int = 10000, seed: int = 0
) -> tuple[float, float]:
    """A weighted sum of the means of several conditions with the same stimuli, and its standard error.

    Every resample draws stimuli and takes their answers in all conditions, so that stimuli which are
    hard in every condition do not add to the error of a difference.

    Args:
      conditions: [stimuli, answers] each; row i is stimulus i in all of them; NaN where an answer is
        missing.
      weights: one for each condition, such as (1, -1) for a difference.
      resamples, seed: as in `standard_error`.

    Returns:
      The sum and its standard error. Both are NaN where a condition has no answers; the error is
      NaN for fewer than two stimuli.
    """
    sums = np.stack([np.nansum(values, axis=1) for values in conditions])
    counts = np.stack([np.isfinite(values).sum(axis=1) for values in conditions]).astype(np.float64)
    if not (counts.sum(axis=1) > 0).all():
        return float("nan"), float("nan")
    signs = np.asarray(weights, np.float64)
    value = float(signs @ (sums.sum(axis=1) / counts.sum(axis=1)))
    answered = counts.any(axis=0)
    sums, counts, stimuli = sums[:, answered], counts[:, answered], int(answered.sum())
    if stimuli < 2:
        return value, float("nan")
    random, contrasts = np.random.default_rng(seed), []
    step = max(1, _CHUNK // stimuli)
    for first in range(0, resamples, step):
        drawn = _counts(random, min(step, resamples - first), stimuli)
        totals, weight = drawn @ sums.T, drawn @ counts.T
        full = (weight > 0).all(axis=1)
        contrasts.append((totals[full] / weight[full]) @ signs)
    values = np.concatenate(contrasts)
    return value, float(values.std(ddof=1)) if len(values) > 1 else float("nan")


def _counts(random: np.random.Generator, resamples: int, units: int) -> np.ndarray:
    """How often each unit is drawn in each resample, with replacement; float64 [resamples, units]."""
    drawn = random.integers(units, size=(resamples, units)) + units * np.arange(resamples)[:, np.newaxis]
    counts = np.bincount(drawn.ravel(), minlength=resamples * units)
    return counts.reshape(resamples, units).astype(np.float64)
