"""How near activations came, where ties keep rho low."""

import math

import numpy as np
import pytest
import scipy.stats

from model_metamers import InputError, criteria
from model_metamers.criteria import match


def test_a_near_match_may_have_a_low_rho_where_most_units_are_zero():
    random = np.random.RandomState(0)
    target = np.zeros(2564)
    target[:26] = random.uniform(1.0, 2.0, 26)
    signal = target.copy()
    signal[26:30] = 1e-4 * target.max()  # four of the zeros, at a hundredth of a percent of the peak
    near = match(target, signal)
    assert near.target_zeros == 2538 / 2564 and near.signal_zeros == 2534 / 2564
    assert near.relative_error < 1e-4 and near.pearson > 0.999999
    assert criteria.spearman(target, signal) < 0.94
    far = match(target, random.permutation(target))
    assert far.relative_error > 1 and far.pearson < 0.2 and far.signal_zeros == near.target_zeros


@pytest.mark.parametrize("shape", [(40,), (4, 5, 6)])
def test_pearson_and_error_equal_scipys_and_numpys(shape):
    a, b = np.random.RandomState(1).randn(2, *shape).astype(np.float32)
    b = a + 0.3 * b
    found = match(a, b)
    assert found.pearson == pytest.approx(scipy.stats.pearsonr(a.ravel(), b.ravel()).statistic, abs=1e-6)
    assert found.relative_error == pytest.approx(np.linalg.norm(b - a) / np.linalg.norm(a), rel=1e-5)
    assert found.target_zeros == found.signal_zeros == 0


@pytest.mark.parametrize(
    ("a", "b", "relative_error", "pearson"),
    [
        ([0, 0, 0], [0, 1, 2], math.nan, math.nan),
        ([0, 1, 2], [0, 0, 0], 1.0, math.nan),
        ([0, 1, 2], [5, 5, 5], math.sqrt(50 / 5), math.nan),
        ([0, 1, 2], [0, 1, 2], 0.0, 1.0),
        ([1, 2, math.nan], [1, 2, 3], math.nan, math.nan),
        ([1, 2, 3], [1, 2, math.inf], math.inf, math.nan),
    ],
)
def test_what_is_not_defined_is_nan(a, b, relative_error, pearson):
    found = match(np.array(a, np.float32), np.array(b, np.float32))
    assert found.relative_error == pytest.approx(relative_error, nan_ok=True)
    assert found.pearson == pytest.approx(pearson, nan_ok=True)


def test_other_shapes_are_refused():
    with pytest.raises(InputError, match="equal shapes"):
        match(np.zeros(3), np.zeros(4))


def test_measure_takes_it_at_the_matched_layer(tiny_vgg, small_images):
    target, signal = small_images[:2]
    values = tiny_vgg.activations(small_images[:2], ["conv3_4"])["conv3_4"].numpy()
    for all_layers in (True, False):
        measured = criteria.measure(tiny_vgg, target, signal, "conv3_4", all_layers)
        assert measured.match == match(*values)
    assert criteria.measure(tiny_vgg, target, signal).match is None
