"""Exact tests and bounds against SciPy and counting by hand, and how often they err."""

import math

import numpy as np
import pytest
import scipy.stats

from model_metamers.statistics import bounded, detectable, medians, sign_flips


def by_hand(values):
    signs = 1 - 2 * ((np.arange(2 ** len(values))[:, np.newaxis] >> np.arange(len(values))) & 1)
    return np.mean(signs @ values >= np.sum(values) - 1e-12)


@pytest.mark.parametrize("count", [1, 5, 9, 16])
def test_all_flips_are_counted_where_there_are_few(count):
    values = np.random.default_rng(count).normal(0.3, 1, count)
    assert sign_flips.probability_above_zero(values) == by_hand(values)


def test_drawn_flips_are_near_all_of_them_and_the_same_again():
    values = np.random.default_rng(0).normal(0.6, 1, 18)
    drawn = sign_flips.probability_above_zero(values)
    assert drawn == pytest.approx(by_hand(values), abs=0.006) and 0.001 < by_hand(values) < 0.2
    assert sign_flips.probability_above_zero(values) == drawn


def test_zeros_say_nothing_and_ties_count_against():
    assert sign_flips.probability_above_zero(np.zeros(40)) == 1.0 == sign_flips.probability_above_zero([])
    some = np.array([1.0, 1.0, -1.0, 1.0, 1.0, 1.0])
    mcnemar = scipy.stats.binomtest(5, 6, alternative="greater").pvalue
    for zeros in (0, 5, 100):
        padded = np.concatenate([some, np.zeros(zeros), [np.nan]])
        assert sign_flips.probability_above_zero(padded) == mcnemar
    # A third plus a third plus a third is one, however it is rounded.
    thirds = np.array([1 / 3, 1 / 3, 1 / 3, -1.0, 0.1])
    assert sign_flips.probability_above_zero(thirds) == by_hand(thirds)


def test_interval_of_flips_is_what_the_test_does_not_refuse():
    values = np.random.default_rng(1).normal(0.5, 1, 9)
    low, high = sign_flips.interval(values)
    for end, away in ((low, 1), (-high, -1)):
        just_beyond, just_within = (
            sign_flips.probability_above_zero(away * values - end - step) for step in (-1e-6, 1e-6)
        )
        assert just_beyond <= 0.05 < just_within
    assert sign_flips.interval(np.ones(4)) == (-math.inf, math.inf)  # 2 ** -4 is above 0.05
    assert sign_flips.interval(np.ones(5)) == (1.0, 1.0)


@pytest.mark.parametrize(("right", "of"), [(0, 16), (3, 16), (9, 9), (20, 40)])
def test_bounds_of_right_answers_are_clopper_and_pearsons(right, of):
    answers = np.arange(of) < right
    exact = scipy.stats.binomtest(right, of).proportion_ci(0.9, "exact")
    assert bounded.interval(answers, 0, 1) == pytest.approx((exact.low, exact.high), abs=0.006)
    above = scipy.stats.binomtest(right, of, 0.3, alternative="greater").pvalue
    assert bounded.probability_above(answers, 0.3, 0, 1) == pytest.approx(above, abs=0.012)
    below = scipy.stats.binomtest(right, of, 0.3, alternative="less").pvalue
    assert bounded.probability_below(answers, 0.3, 0, 1) == pytest.approx(below, abs=0.012)


def test_bounds_keep_their_level_where_flips_would_not():
    """Rare large losses: 16 differences are all zero in a fifth of all runs though their mean is -0.1."""
    random = np.random.default_rng(0)
    runs = -(random.random((300, 16)) < 0.1).astype(float)
    assert np.mean([bounded.probability_above(run, -0.1, -1, 1) <= 0.05 for run in runs]) <= 0.07
    assert np.mean([sign_flips.probability_above_zero(run + 0.1) <= 0.05 for run in runs]) > 0.1


def test_median_is_tested_by_counting():
    values = np.random.default_rng(0).exponential(size=16)
    above = int((values > 0.4).sum())
    expected = scipy.stats.binomtest(above, 16, alternative="greater").pvalue
    assert medians.probability_above(values, 0.4) == pytest.approx(expected)
    assert medians.probability_below(values, 0.4) == pytest.approx(
        scipy.stats.binomtest(16 - above, 16, alternative="greater").pvalue
    )
    low, high = medians.interval(values)
    assert medians.probability_above(values, low - 1e-9) <= 0.05 < medians.probability_above(values, low)
    assert medians.probability_below(values, high + 1e-9) <= 0.05 < medians.probability_below(values, high)
    assert medians.interval(np.ones(4)) == (-math.inf, math.inf)
    assert medians.interval(np.arange(5.0)) == (0.0, 4.0)


@pytest.mark.parametrize("count", [9, 16, 40])
def test_detectable_effect_is_found_in_four_of_five_runs(count):
    random = np.random.default_rng(0)
    effect = detectable.effect(scipy.stats.norm.ppf((np.arange(count) + 0.5) / count), 0.05)
    runs = random.normal(effect, 1, (150, count))
    found = np.mean([sign_flips.probability_above_zero(run) <= 0.05 for run in runs])
    assert found == pytest.approx(0.8, abs=0.1)


@pytest.mark.parametrize(("count", "bound"), [(16, 0.0), (40, 0.0), (40, 0.15)])
def test_detectable_value_in_a_range_is_found_in_about_four_of_five_runs(count, bound):
    """Right and wrong answers: of sign flips where the bound is zero, of bounds where it is not."""
    low = -1.0 if bound == 0 else 0.0
    seen = np.where(np.arange(count) < count // 2, 1.0, 0.0)
    value = detectable.least_above(seen, bound, 0.05, low, 1.0)
    assert bound < value < 0.6
    runs = (np.random.default_rng(0).random((150, count)) < value).astype(float)
    tests = (
        [sign_flips.probability_above_zero(run) for run in runs]
        if bound == 0
        else [bounded.probability_above(run, bound, low, 1.0) for run in runs]
    )
    assert 0.6 <= np.mean(np.array(tests) <= 0.05) <= 1.0


def test_nothing_can_be_detected_with_too_few_stimuli():
    assert math.isnan(detectable.effect(np.ones(4), 0.05)) and math.isnan(detectable.effect(np.ones(5), 0.02))
    of_nine, of_sixteen = (detectable.least_above(np.zeros(n), 0.0, 0.05, -1, 1) for n in (9, 16))
    assert 0 < of_sixteen < of_nine < 1
    # Nought of 16 is 0.15 or less only at 7 %, nought of 40 at 0.2 %.
    assert math.isnan(detectable.greatest_below(np.zeros(16), 0.15, 0.05, 0, 1))
    assert 0 < detectable.greatest_below(np.zeros(40), 0.15, 0.05, 0, 1) < 0.15
