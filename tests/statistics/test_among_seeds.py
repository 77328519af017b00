"""Where a number lies among those of several seeds."""

import math

import numpy as np
import pytest
from scipy import stats

from model_metamers.statistics.among_seeds import LOSS, RHO, place


def test_rank_range_and_score():
    found = place(5.0, [1.0, 10.0, 100.0], LOSS, 0.95)
    assert (found.rank, found.of, found.least, found.median, found.most) == (2, 3, 1.0, 10.0, 100.0)
    assert found.score == pytest.approx((math.log10(5) - 1) / 1.0)
    assert place(0.5, [1.0, 2.0], LOSS, 0.95).rank == 1 and place(3.0, [1.0, 2.0], LOSS, 0.95).rank == 3


def test_interval_is_that_of_the_next_number():
    """With five numbers of a normal distribution, the sixth lies inside as often as was asked for."""
    random = np.random.RandomState(0)
    for probability in (0.8, 0.95):
        inside = [
            place(10 ** draw[5], list(10 ** draw[:5]), LOSS, probability).inside
            for draw in random.randn(1500, 6)
        ]
        error = math.sqrt(probability * (1 - probability) / 1500)
        assert abs(np.mean(inside) - probability) < 3.5 * error


def test_interval_is_students():
    found = place(1.0, [1.0, 2.0, 4.0, 8.0], LOSS, 0.9)
    logs = np.log10([1, 2, 4, 8])
    reach = stats.t.ppf(0.95, 3) * logs.std(ddof=1) * math.sqrt(1.25)
    assert found.low == pytest.approx(10 ** (logs.mean() - reach))
    assert found.high == pytest.approx(10 ** (logs.mean() + reach))


def test_rho_is_told_by_its_distance_from_one():
    found = place(0.9999, [0.99, 0.992, 0.994], RHO, 0.95)
    assert found.rank == 4 and found.score > 10 and found.inside is False
    assert 0.9 < found.low < 0.99 and 0.994 < found.high < 0.9999
    assert place(0.991, [0.99, 0.992, 0.994], RHO, 0.95).inside is True


def test_what_was_printed_as_one_is_as_near_as_can_be_told():
    found = place(1.0, [1.0 - 1e-9, 1.0 - 1e-8, 1.0 - 1e-12], RHO, 0.95)
    assert found.inside is True and math.isnan(found.score)
    assert place(0.9999, [1.0 - 1e-9] * 3, RHO, 0.95).inside is False


@pytest.mark.parametrize("others", [[1.0], [1.0, 2.0]])
def test_of_fewer_than_three_seeds_nothing_is_told(others):
    found = place(100.0, others, LOSS, 0.95)
    assert found.inside is None and math.isnan(found.low) and found.rank == len(others) + 1
