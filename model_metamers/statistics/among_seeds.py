"""Where one number lies among those of searches from several seeds."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence

import numpy as np

FEWEST = 3  # of fewer numbers the spread is not known


@dataclasses.dataclass(frozen=True)
class Scale:
    """On which the numbers of several seeds are spread evenly enough to have a standard deviation.

    Attributes:
      to: from a number to the scale.
      back: from the scale to a number.
    """

    to: Callable[[float], float]
    back: Callable[[float], float]


_TINY = 1e-30  # below every loss, above zero
_ROUNDING = 1e-9
_LEAST_DISTANCE = 5e-7  # of a rho from one: the notebook printed six decimals

LOSS = Scale(lambda loss: math.log10(max(loss, _TINY)), lambda x: 10.0**x)
RHO = Scale(lambda rho: -math.log10(max(1.0 - rho, _LEAST_DISTANCE)), lambda x: 1.0 - 10.0**-x)


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a number lies among others.

    Attributes:
      rank: 1 where it is below all others; `of` + 1 where it is above all.
      of: how many others there are.
      least, median, most: of the others.
      score: how many standard deviations of the others it lies above their mean, on the scale; NaN where
        they are all equal, or one.
      low, high: where one more number of the same kind would lie with the probability asked for; NaN where
        there are fewer than `FEWEST` others.
      inside: whether it lies there; None where that is not known.
    """

    rank: int
    of: int
    least: float
    median: float
    most: float
    score: float
    low: float
    high: float
    inside: bool | None


def place(number: float, others: Sequence[float], scale: Scale, probability: float) -> Place:
    """Where a number lies among others.

    Args:
      number: such as the original's.
      others: of as many seeds, at least one.
      scale: `LOSS` or `RHO`.
      probability: of the interval from `low` to `high`, Student's prediction interval for one more number
        (Geisser 1993, doi:10.1007/978-1-4899-4467-2).

    Example:
      >>> found = place(2.0, [1.0, 4.0, 16.0], LOSS, 0.95)
      >>> found.rank, found.median, round(found.score, 2), found.inside
      (2, 4.0, -0.5, True)
    """
    values, own = np.array([scale.to(other) for other in others]), scale.to(number)
    mean, spread = values.mean(), values.std(ddof=1) if len(values) > 1 else math.nan
    low, high, inside = math.nan, math.nan, None
    if len(values) >= FEWEST:
        from scipy.stats import t as student

        quantile = float(student.ppf((1 + probability) / 2, len(values) - 1))
        reach = quantile * spread * math.sqrt(1 + 1 / len(values))
        low, high = scale.back(mean - reach), scale.back(mean + reach)
        inside = bool(abs(own - mean) <= reach + _ROUNDING)
    return Place(
        rank=1 + sum(other < number for other in others),
        of=len(others),
        least=float(min(others)),
        median=float(np.median(others)),
        most=float(max(others)),
        score=float((own - mean) / spread) if spread > 0 else math.nan,
        low=low,
        high=high,
        inside=inside,
    )
