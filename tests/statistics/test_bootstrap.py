"""Bootstrapped standard errors against closed forms, repeated experiments and a loop."""

import numpy as np
import pytest

from model_metamers.statistics import bootstrap


@pytest.mark.parametrize(("stimuli", "p"), [(16, 0.5), (60, 0.9), (576, 0.3)])
def test_standard_error_of_binomial_data_is_the_closed_form(stimuli, p):
    right = np.random.RandomState(0).rand(stimuli) < p
    closed = np.sqrt(right.mean() * (1 - right.mean()) / stimuli)
    assert bootstrap.standard_error(right, 40_000) == pytest.approx(closed, rel=0.015)


def test_standard_error_is_the_spread_of_repeated_experiments():
    random = np.random.RandomState(1)
    proportions, errors = [], []
    for trial in range(300):
        right = random.rand(100) < 0.7
        proportions.append(right.mean())
        errors.append(bootstrap.standard_error(right, 500, seed=trial))
    assert np.mean(errors) == pytest.approx(np.sqrt(0.7 * 0.3 / 100), rel=0.02)
    assert np.mean(errors) == pytest.approx(np.std(proportions), rel=0.1)


def test_standard_error_over_seeds_adds_their_variance():
    random = np.random.RandomState(2)
    of_stimuli, of_seeds = random.randn(40, 1), 0.5 * random.randn(1, 5)
    values = of_stimuli + of_seeds
    closed = np.sqrt(of_stimuli.var() / 40 + of_seeds.var() / 5)
    assert bootstrap.standard_error(values, 40_000, over_seeds=True) == pytest.approx(closed, rel=0.015)
    assert bootstrap.standard_error(values, 40_000) == pytest.approx(
        of_stimuli.std() / np.sqrt(40), rel=0.015
    )


def test_standard_error_with_missing_values_is_that_of_a_loop():
    random = np.random.RandomState(3)
    values = (random.rand(12, 3) < 0.6).astype(float)
    values[random.rand(12, 3) < 0.3] = np.nan
    values[4] = np.nan  # a stimulus without any
    rows = values[np.isfinite(values).any(axis=1)]
    means = {False: [], True: []}
    for _ in range(20_000):
        drawn = rows[random.randint(len(rows), size=len(rows))]
        means[False].append(np.nanmean(drawn))
        means[True].append(np.nanmean(drawn[:, random.randint(3, size=3)]))
    for over_seeds, expected in means.items():
        found = bootstrap.standard_error(values, 20_000, over_seeds=over_seeds)
        assert found == pytest.approx(np.nanstd(expected), rel=0.03)


def test_standard_error_is_seeded_and_may_be_undefined():
    right = np.random.RandomState(4).rand(30, 2) < 0.5
    first = bootstrap.standard_error(right, 500, seed=1, over_seeds=True)
    assert first == bootstrap.standard_error(right, 500, seed=1, over_seeds=True)
    assert first != bootstrap.standard_error(right, 500, seed=2, over_seeds=True)
    for values, over_seeds in (([], False), ([1.0], False), ([np.nan, 1.0], False), (right[:, 0], True)):
        assert np.isnan(bootstrap.standard_error(values, 100, over_seeds=over_seeds))


def test_contrast_of_independent_and_of_the_same_answers_has_the_closed_form():
    random = np.random.RandomState(5)
    one, other = (random.rand(400, 1) < 0.8).astype(float), (random.rand(400, 1) < 0.5).astype(float)
    value, error = bootstrap.contrast([one, other], (1, -1), 40_000)
    assert value == pytest.approx(one.mean() - other.mean())
    closed = np.sqrt((one - other).var() / 400)  # paired: of the differences
    assert error == pytest.approx(closed, rel=0.015)
    assert bootstrap.contrast([one, one], (1, -1))[1] == 0.0


def test_contrast_of_conditions_with_other_stimuli_adds_their_variances():
    random = np.random.RandomState(6)
    one, other = np.full((300, 2), np.nan), np.full((300, 1), np.nan)
    one[:150], other[150:] = random.rand(150, 2) < 0.6, random.rand(150, 1) < 0.3
    value, error = bootstrap.contrast([one, other], (1, -1), 40_000)
    assert value == pytest.approx(np.nanmean(one) - np.nanmean(other))
    closed = np.sqrt(one[:150].mean(axis=1).var() / 150 + other[150:].var() / 150)
    assert error == pytest.approx(closed, rel=0.03)


def test_contrast_without_answers_is_not_defined():
    empty, full = np.full((4, 1), np.nan), np.ones((4, 1))
    assert np.isnan(bootstrap.contrast([empty, full], (1, -1))).all()
    value, error = bootstrap.contrast([full[:1], full[:1]], (1, -1))
    assert value == 0 and np.isnan(error)
