"""Learning rates by step, as plain functions.

Each function here returns a schedule: f(step, counted from 0, before the update) -> learning rate.
A schedule has no state, so a training that was interrupted goes on with the same rates.
"""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Callable, Sequence

from model_metamers.errors import InputError

Schedule = Callable[[int], float]


def constant(rate: float) -> Schedule:
    """One rate throughout.

    Raises:
      InputError: the rate is not a positive number.
    """
    _check_rates([rate])
    return lambda step: rate


def warmup_cosine(peak: float, num_steps: int, warmup_steps: int = 0) -> Schedule:
    """Linear warm-up to a peak, then half a cosine down to zero at `num_steps` and after.

    Args:
      peak: highest learning rate, reached by the last step of the warm-up.
      num_steps: number of steps of the whole training, warm-up included.
      warmup_steps: number of steps before the cosine; the first one has peak / warmup_steps.

    Raises:
      InputError: the peak is not positive, or the warm-up is longer than the training.
    """
    _check_rates([peak])
    if not 0 <= warmup_steps <= num_steps:
        raise InputError(
            f"warm-up of {warmup_steps} steps in a training of {num_steps}; "
            "give a warm-up from 0 to the number of steps"
        )

    def rate(step: int) -> float:
        if step < warmup_steps:
            return peak * (step + 1) / warmup_steps
        progress = (step - warmup_steps) / max(1, num_steps - warmup_steps)
        return peak * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))

    return rate


def staircase(rate: float, factor: float, every_steps: int, floor: float = 0.0) -> Schedule:
    """The rate falls in stairs: rate * factor ** (step // every_steps).

    This is TensorFlow 1's tf.train.exponential_decay(staircase=True), which TF-slim uses.

    Args:
      rate: learning rate of the first `every_steps` steps.
      factor: above 0, at most 1.
      every_steps: at least 1.
      floor: the rate never falls below it.

    Raises:
      InputError: an argument is outside these ranges.

    Example:
      >>> rate = staircase(0.1, factor=0.5, every_steps=100)
      >>> rate(99), rate(100), rate(250)
      (0.1, 0.05, 0.025)
    """
    _check_rates([rate])
    if not 0 < factor <= 1:
        raise InputError(f"learning-rate factor {factor}; give one above 0 and at most 1")
    if every_steps < 1:
        raise InputError(f"learning rate to fall every {every_steps} steps; give at least 1")
    if not 0 <= floor <= rate:
        raise InputError(f"learning-rate floor {floor}; give one from 0 to the first rate, {rate}")
    return lambda step: max(floor, rate * factor ** (step // every_steps))


def piecewise(rates: Sequence[float], boundaries: Sequence[int]) -> Schedule:
    """Constant stretches: rates[0] before boundaries[0], rates[1] from there on, and so on.

    Args:
      rates: the learning rates, one more than there are boundaries.
      boundaries: the first step of every stretch but the first, ascending.

    Raises:
      InputError: the numbers of rates and boundaries do not fit, or the boundaries do not ascend.
    """
    rates, boundaries = tuple(rates), tuple(boundaries)
    _check_rates(rates)
    if len(rates) != len(boundaries) + 1:
        raise InputError(
            f"{len(rates)} learning rates with {len(boundaries)} boundaries; give one more rate than that"
        )
    if any(later <= earlier for earlier, later in itertools.pairwise(boundaries)):
        raise InputError(f"learning-rate boundaries {list(boundaries)}; give steps that ascend")
    return lambda step: rates[bisect.bisect_right(boundaries, step)]


def _check_rates(rates: Sequence[float]) -> None:
    for rate in rates:
        if not (math.isfinite(rate) and rate > 0):
            raise InputError(f"learning rate {rate}; give a positive number")
