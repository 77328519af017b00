"""What a comparison of the paper says of a mean over stimuli, and the tests for it and against it.

Every hypothesis has two one-sided tests, one of which can show that it holds and one that it does not.
What neither shows cannot be told. Differences are tested by sign flips, which need no margin; what is to
be within a margin of something is tested by bounds that hold for any values in a known range.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Protocol

import numpy as np

from model_metamers.statistics import bounded, detectable, medians, sign_flips
from model_metamers.statistics.finite import finite, mean

LEVEL = 0.9  # of intervals: what two one-sided tests at 5 % leave over
_NORMAL_SIGN_TEST = math.sqrt(math.pi / 2)  # how much larger an effect a median's test needs than a mean's


class Hypothesis(Protocol):
    """Something said of stimuli's values, [stimuli]; NaN are left out."""

    def probabilities(self, values: np.ndarray) -> tuple[float, float]:
        """One-sided probabilities of such values if it does not hold, and if it does."""

    def estimate(self, values: np.ndarray) -> tuple[float, float, float]:
        """The value that it is about, and both ends of its interval at `LEVEL`."""

    def detectable(self, values: np.ndarray, alpha: float) -> float:
        """The least true value by which it would be shown to hold with a power of 80 %; NaN for none."""

    def sentences(self) -> tuple[str, str, str]:
        """What is said where it holds, where it does not, and where that cannot be told."""


@dataclasses.dataclass(frozen=True)
class Above:
    """A difference is above zero; it does not hold where one of `margin` is ruled out.

    Attributes:
      margin: the least difference that counts as an effect.
      low, high: the range of the stimuli's values.
    """

    margin: float
    low: float = -1.0
    high: float = 1.0

    def probabilities(self, values: np.ndarray) -> tuple[float, float]:
        against = bounded.probability_below(values, self.margin, self.low, self.high)
        return sign_flips.probability_above_zero(values), against

    def estimate(self, values: np.ndarray) -> tuple[float, float, float]:
        return (mean(values), *bounded.interval(values, self.low, self.high, LEVEL))

    def detectable(self, values: np.ndarray, alpha: float) -> float:
        return detectable.least_above(values, 0.0, alpha, self.low, self.high)

    def sentences(self) -> tuple[str, str, str]:
        return (
            "There is a difference.",
            f"A difference of {self.margin:g} or more is ruled out.",
            f"Neither no difference nor one of {self.margin:g} is ruled out.",
        )


@dataclasses.dataclass(frozen=True)
class MoreThan:
    """A mean is above a bound that is given beforehand; it does not hold where it is shown to be below.

    Attributes:
      bound: such as minus the margin within which a share counts as nearly as high as another.
      low, high: the range of the stimuli's values.
    """

    bound: float
    low: float = -1.0
    high: float = 1.0

    def probabilities(self, values: np.ndarray) -> tuple[float, float]:
        above = bounded.probability_above(values, self.bound, self.low, self.high)
        return above, bounded.probability_below(values, self.bound, self.low, self.high)

    def estimate(self, values: np.ndarray) -> tuple[float, float, float]:
        return (mean(values), *bounded.interval(values, self.low, self.high, LEVEL))

    def detectable(self, values: np.ndarray, alpha: float) -> float:
        return detectable.least_above(values, self.bound, alpha, self.low, self.high)

    def sentences(self) -> tuple[str, str, str]:
        return (
            f"It is above {self.bound:.3g}.",
            f"It is below {self.bound:.3g}.",
            f"It may lie on either side of {self.bound:.3g}.",
        )


@dataclasses.dataclass(frozen=True)
class LessThan:
    """A mean is below a bound that is given beforehand; it does not hold where it is shown to be above.

    Attributes:
      bound: such as chance and the margin within which a share counts as no better.
      low, high: the range of the stimuli's values.
    """

    bound: float
    low: float = -1.0
    high: float = 1.0

    @property
    def _opposite(self) -> MoreThan:
        return MoreThan(self.bound, self.low, self.high)

    def probabilities(self, values: np.ndarray) -> tuple[float, float]:
        above, below = self._opposite.probabilities(values)
        return below, above

    def estimate(self, values: np.ndarray) -> tuple[float, float, float]:
        return self._opposite.estimate(values)

    def detectable(self, values: np.ndarray, alpha: float) -> float:
        return detectable.greatest_below(values, self.bound, alpha, self.low, self.high)

    def sentences(self) -> tuple[str, str, str]:
        above, below, unclear = self._opposite.sentences()
        return below, above, unclear


@dataclasses.dataclass(frozen=True)
class Better:
    """A difference without a known scale is above zero; it does not hold where it is below."""

    def probabilities(self, values: np.ndarray) -> tuple[float, float]:
        values = np.asarray(values, np.float64)
        return sign_flips.probability_above_zero(values), sign_flips.probability_above_zero(-values)

    def estimate(self, values: np.ndarray) -> tuple[float, float, float]:
        return (mean(values), *sign_flips.interval(values, LEVEL))

    def detectable(self, values: np.ndarray, alpha: float) -> float:
        return detectable.effect(values, alpha)

    def sentences(self) -> tuple[str, str, str]:
        return "It is better.", "It is worse.", "It may be better or worse, or neither."


@dataclasses.dataclass(frozen=True)
class MedianAbove:
    """A median is above a bound that is given beforehand; it does not hold where it is shown to be below.

    Of values that crowd at one end, such as rho near one, a mean has no exact test.
    """

    bound: float

    def probabilities(self, values: np.ndarray) -> tuple[float, float]:
        return medians.probability_above(values, self.bound), medians.probability_below(values, self.bound)

    def estimate(self, values: np.ndarray) -> tuple[float, float, float]:
        held = finite(values)
        return (float(np.median(held)) if len(held) else math.nan, *medians.interval(values, LEVEL))

    def detectable(self, values: np.ndarray, alpha: float) -> float:
        return self.bound + _NORMAL_SIGN_TEST * detectable.effect(values, alpha)

    def sentences(self) -> tuple[str, str, str]:
        return MoreThan(self.bound).sentences()
