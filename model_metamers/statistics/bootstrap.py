"""Bootstrapped standard errors of proportions and of contrasts between them (paper, Figure 6)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_CHUNK = 1 << 22  # drawn indices held at once


def standard_error(
    values: np.ndarray, resamples: int = 10000, seed: int = 0, over_seeds: bool = False
) -> float:
    """Standard deviation of the mean over resampled stimuli, or stimuli and seeds.

    Every resample draws as many stimuli as there are, with replacement. `over_seeds` also
    draws the seeds, independently of the stimuli, because the same stimuli were searched
    with every seed (Owen 2007, doi:10.1214/07-AOAS122): the error then holds for other
    seeds too, and errs on the large side.

    Args:
      values: [stimuli] or [stimuli, seeds], NaN where one is missing.
      resamples: how many; the result is known to about 1 / sqrt(2 resamples).
      seed: of the draws; the same seed gives the same result.
      over_seeds: whether seeds are drawn too.

    Returns:
      NaN where there are not two stimuli, or `over_seeds` has not two seeds.
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
    """Weighted sum of the means of conditions that share their stimuli, and its standard error.

    Every resample draws stimuli, and takes of each condition what there is of them: stimuli
    that are hard in all conditions do not blur the difference.

    Args:
      conditions: [stimuli, answers] each, row i of all being stimulus i; NaN where one is missing.
      weights: of the conditions, such as (1, -1) for a difference.
      resamples, seed: as for `standard_error`.

    Returns:
      NaN for both where a condition has nothing; NaN for the error where there are not two stimuli.
    """
    sums = np.stack([np.nansum(values, axis=1) for values in conditions])
    counts = np.stack([np.isfinite(values).sum(axis=1) for values in conditions]).astype(np.float64)
    if not (counts.sum(axis=1) > 0).all():
        return float("nan"), float("nan")
    signs = np.asarray(weights, np.float64)
    value = float(signs @ (sums.sum(axis=1) / counts.sum(axis=1)))
    there = counts.any(axis=0)
    sums, counts, stimuli = sums[:, there], counts[:, there], int(there.sum())
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
    """How often each unit is drawn in each resample, float64 [resamples, units]."""
    drawn = random.integers(units, size=(resamples, units)) + units * np.arange(resamples)[:, np.newaxis]
    counts = np.bincount(drawn.ravel(), minlength=resamples * units)
    return counts.reshape(resamples, units).astype(np.float64)
