"""Sample rates raised by matrix products against plain convolutions and sines."""

import numpy as np
import pytest
import tensorflow as tf

from model_metamers.frontends import resampling


def _by_definition(low, before, kernel, first, factor, num_samples):
    """high[t] = the sum over j of low[j] x kernel[t - j x factor + first]; low[0] stands at `before`."""
    high = np.zeros(num_samples)
    for t in range(num_samples):
        for index, value in enumerate(low):
            tap = t - (index - before) * factor + first
            if 0 <= tap < len(kernel):
                high[t] += value * kernel[tap]
    return high


@pytest.mark.parametrize(
    ("taps", "first", "factor", "size"),
    [(9, 4, 2, 8), (31, 12, 5, 12), (7, 0, 10, 5), (25, 24, 3, 7), (41, 20, 4, 34), (3, 1, 1, 19)],
)
def test_is_the_sum_of_moved_kernels(taps, first, factor, size):
    random = np.random.RandomState(0)
    kernel = random.standard_normal(taps)
    resample = resampling.Resampling(kernel, first, factor, size)
    low = random.standard_normal([2, resample.length])
    high = resample(tf.constant(low, tf.float32)).numpy()
    expected = [_by_definition(row, resample.before, kernel, first, factor, size * factor) for row in low]
    np.testing.assert_allclose(high, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("taps", "first", "factor", "size"), [(31, 12, 5, 12), (7, 0, 10, 5), (41, 20, 4, 34)]
)
def test_transposes_are_transposes(taps, first, factor, size):
    random = np.random.RandomState(1)
    resample = resampling.Resampling(random.standard_normal(taps), first, factor, size)
    low = random.standard_normal([1, size]).astype(np.float32)
    high = random.standard_normal([1, size * factor]).astype(np.float32)
    raised = resample(resampling.periodic(tf.constant(low), resample.length)).numpy()
    lowered = resampling.periodic_transposed(resample.transposed(tf.constant(high)), size).numpy()
    assert np.sum(raised * high) == pytest.approx(np.sum(low * lowered), abs=1e-3)


def test_periodic_goes_round_as_often_as_it_takes():
    low = tf.constant([[1.0, 2.0, 3.0]])
    np.testing.assert_array_equal(resampling.periodic(low, 8), [[1, 2, 3, 1, 2, 3, 1, 2]])
    np.testing.assert_array_equal(resampling.periodic_transposed(tf.ones([1, 8]), 3), [[3, 3, 2]])


@pytest.mark.parametrize(("oversampling", "factor", "size"), [(1.5, 5, 60), (2.0, 8, 64), (3.1, 2, 62)])
def test_a_band_is_interpolated_within_the_stated_error(oversampling, factor, size):
    """Every frequency of the band, divided by the kernel's response, comes out as itself."""
    taps = resampling.interpolation_taps(oversampling, 1e-6)
    kernel = resampling.interpolation_kernel(taps, factor, oversampling)
    resample = resampling.Resampling(kernel, taps * factor // 2, factor, size)
    response = resampling.frequency_response(kernel, size * factor)
    highest = int(size / oversampling / 2)
    frequencies = np.arange(highest + 1)[:, np.newaxis]
    samples = np.arange(resample.length) - resample.before
    low = np.cos(2 * np.pi * frequencies * samples / size) / response[: highest + 1, np.newaxis]
    high = resample(tf.constant(low, tf.float32)).numpy()
    wanted = np.cos(2 * np.pi * frequencies * np.arange(size * factor) / (size * factor)) / factor
    assert np.abs(high - wanted).max() < 5e-6 / factor
