"""Intervals against SciPy and statsmodels, and how often they hold the truth."""

import math

import numpy as np
import pytest
import scipy.stats
from statsmodels.stats.proportion import proportion_confint

from model_metamers.errors import InputError
from model_metamers.people.statistics import intervals


@pytest.mark.parametrize(("right", "trials"), [(0, 10), (3, 10), (10, 10), (69, 80), (1, 1)])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_wilson_is_statsmodels(right, trials, level):
    expected = proportion_confint(right, trials, 1 - level, method="wilson")
    assert intervals.wilson(right, trials, level) == pytest.approx(expected, abs=1e-12)


def test_people_who_are_all_alike_count_as_their_trials():
    expected = intervals.wilson(24, 80, df=15)
    assert intervals.wilson_over_people(np.full(16, 0.3), 80) == pytest.approx(expected)


def test_people_who_differ_count_as_fewer():
    proportions = np.array([0.1, 0.9] * 8)
    low, high = intervals.wilson_over_people(proportions, 160)
    t = scipy.stats.t.interval(0.95, 15, 0.5, scipy.stats.sem(proportions))
    assert (low, high) == pytest.approx(t, abs=0.03)
    assert high - low > 1.9 * np.diff(intervals.wilson(80, 160))[0]


def test_the_bootstrap_is_as_wide_as_students_interval_for_values_that_are_normal():
    values = np.random.default_rng(0).normal(0.5, 0.1, 16)
    expected = scipy.stats.t.interval(0.95, 15, values.mean(), scipy.stats.sem(values))
    assert intervals.bootstrap(values, resamples=20_000) == pytest.approx(expected, abs=0.008)
    assert intervals.bootstrap(values, resamples=100) == intervals.bootstrap(values, resamples=100)


def test_sem_is_scipys():
    values = np.random.default_rng(1).random(7)
    assert intervals.sem(values) == pytest.approx(scipy.stats.sem(values))


@pytest.mark.parametrize(
    ("right", "trials", "chance"), [(0, 10, 0.5), (3, 160, 1 / 16), (22, 160, 1 / 16), (5, 5, 0.1)]
)
def test_above_chance_is_scipys_exact_test(right, trials, chance):
    expected = scipy.stats.binomtest(right, trials, chance, alternative="greater").pvalue
    assert intervals.above_chance(right, trials, chance) == pytest.approx(expected, rel=1e-9)


def test_beyond_guessing():
    assert intervals.beyond_guessing(1 / 16, 1 / 16) == 0.0
    assert intervals.beyond_guessing(1.0, 1 / 16) == 1.0
    with pytest.raises(InputError, match="chance is 1"):
        intervals.beyond_guessing(0.5, 1.0)


def test_one_person_has_no_error():
    one = np.array([0.5])
    assert math.isnan(intervals.sem(one))
    assert np.isnan([*intervals.bootstrap(one), *intervals.wilson_over_people(one, 10)]).all()
    assert np.isnan(intervals.wilson(0, 0)).all() and math.isnan(intervals.above_chance(0, 0, 0.5))
