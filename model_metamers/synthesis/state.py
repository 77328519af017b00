"""Where a search is: what it needs to go on to the same bits."""

from __future__ import annotations

import dataclasses

import numpy as np

# TF1's AdamOptimizer, docs/sources.md 6.
BETA1, BETA2 = 0.9, 0.999


@dataclasses.dataclass
class SearchState:
    """Everything a search needs to go on from where it is, to the same bits.

    Attributes:
      signals: [batch, *shape] float32.
      m, v: Adam's moments, as `signals`.
      beta_powers: Adam's running powers, float32 [2].
      step: finished iterations.
      losses: [iterations + 1, batch] float32, before each step; NaN yet to come.
    """

    signals: np.ndarray
    m: np.ndarray
    v: np.ndarray
    beta_powers: np.ndarray
    step: int
    losses: np.ndarray

    @classmethod
    def fresh(cls, signals: np.ndarray, iterations: int) -> SearchState:
        return cls(
            signals=signals.astype(np.float32),
            m=np.zeros_like(signals, np.float32),
            v=np.zeros_like(signals, np.float32),
            beta_powers=np.array([BETA1, BETA2], np.float32),
            step=0,
            losses=np.full([iterations + 1, len(signals)], np.nan, np.float32),
        )
