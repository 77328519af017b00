"""What is kept of rho between unrelated signals at a layer: extremes, quantiles, and how sure they are."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from model_metamers.criteria.null import BINS, KEPT_LARGEST, LayerNull

_FEWEST_BLOCKS = 8  # below, block statistics say nothing


def layer_null(blocks: Sequence[np.ndarray], same: Sequence[np.ndarray], seed: int) -> LayerNull:
    """What is kept of a layer.

    Args:
      blocks: rho of each block's pairs; NaN where it is not defined.
      same: of each block's pairs, 1 where both are of one class, 0 where of two, -1 where that is not known.
      seed: of the blocks that are drawn anew for the interval of the maximum.
    """
    defined = [rho[np.isfinite(rho)] for rho in blocks]
    rho = np.concatenate(defined)
    kinds = np.concatenate([kind[np.isfinite(of_block)] for of_block, kind in zip(blocks, same, strict=True)])
    undefined = sum(len(b) for b in blocks) - len(rho)
    counts = np.histogram(rho, BINS)[0]
    if not len(rho):
        nan = math.nan
        return LayerNull(counts, nan, nan, nan, undefined, 0.0, nan, nan)
    low, high = _maximum_interval([b.max() for b in defined if len(b)], seed)
    quantiles = np.quantile(rho, [0.999, 0.9999])
    return LayerNull(
        counts=counts,
        minimum=float(rho.min()),
        maximum=float(rho.max()),
        mean=float(rho.mean()),
        undefined=undefined,
        effective_pairs=_effective_pairs(defined, rho),
        maximum_low=low,
        maximum_high=high,
        quantile_999=float(quantiles[0]),
        quantile_9999=float(quantiles[1]),
        same_class_pairs=int((kinds == 1).sum()),
        different_class_pairs=int((kinds == 0).sum()),
        same_class_largest=_largest(rho[kinds == 1]),
        different_class_largest=_largest(rho[kinds == 0]),
    )


def _largest(rho: np.ndarray) -> np.ndarray:
    """Those that are kept, in falling order."""
    first = max(0, len(rho) - KEPT_LARGEST)
    return np.sort(np.partition(rho, first)[first:])[::-1].copy() if len(rho) else np.empty(0)


def _effective_pairs(blocks: Sequence[np.ndarray], rho: np.ndarray) -> float:
    """Variance of rho over the variance of its mean, from the spread of the blocks' means."""
    means = np.array([b.mean() for b in blocks if len(b)])
    if len(means) < _FEWEST_BLOCKS:
        return math.nan
    spread = means.var(ddof=1)
    return float(min(len(rho), len(means) * rho.var() / spread)) if spread > 0 else float(len(rho))


def _maximum_interval(maxima: Sequence[float], seed: int, draws: int = 2000) -> tuple[float, float]:
    """5th and 95th percentile of the maximum over blocks drawn anew with replacement."""
    if len(maxima) < _FEWEST_BLOCKS:
        return math.nan, math.nan
    drawn = np.random.RandomState(seed).choice(maxima, [draws, len(maxima)]).max(axis=1)
    low, high = np.percentile(drawn, [5, 95])
    return float(low), float(high)
