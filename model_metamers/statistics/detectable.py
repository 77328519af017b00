"""The effect that an experiment with so many stimuli would have found."""

from __future__ import annotations

import math

import numpy as np
from scipy import special

POWER = 0.8  # with which it would have been found (Cohen 1988)


def effect(values: np.ndarray, alpha: float, largest: float | None = None) -> float:
    """The distance of the mean from a bound that a one-sided test finds with a probability of `POWER`.

    By Student's t with the standard deviation of the values. Of values in a range two more are assumed, at
    its two ends (Agresti and Min 2005, doi:10.1002/sim.1781), because stimuli that all gave the same
    answer do not show how much answers vary.

    Args:
      values: [stimuli]; NaN are left out.
      alpha: of the test.
      largest: half of the range that the values lie in; None where they have none.

    Returns:
      NaN where there are too few stimuli to find anything: fewer than two, or 2 ** -stimuli above alpha.
    """
    values = np.asarray(values, np.float64)
    values = values[np.isfinite(values)]
    count = len(values)
    if count < 2 or 2.0**-count > alpha:
        return math.nan
    squares, free = float(np.square(values - values.mean()).sum()), count - 1
    if largest is not None:
        squares, free = squares + 2 * largest**2, count + 1
    error = math.sqrt(squares / free / count)
    needed = float(special.nctdtrinc(count - 1, 1 - POWER, special.stdtrit(count - 1, 1 - alpha)))
    return needed * error
