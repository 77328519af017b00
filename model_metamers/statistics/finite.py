"""The values of stimuli that have one."""

from __future__ import annotations

import math

import numpy as np


def mean(values: np.ndarray) -> float:
    """The mean of those that are numbers; NaN where none is."""
    held = finite(values)
    return float(held.mean()) if len(held) else math.nan


def finite(values: np.ndarray) -> np.ndarray:
    """The values that are numbers, float64 [n], in their order; NaN stands for a stimulus without one.

    Example:
      >>> finite(np.array([0.5, np.nan, 1.0])).tolist()
      [0.5, 1.0]
    """
    values = np.asarray(values, np.float64)
    return values[np.isfinite(values)]
