"""The ERB filterbank against the published counts and centre frequencies."""

import numpy as np
import pytest

from model_metamers.errors import InputError
from model_metamers.frontends import erb_filters

_SAMPLES, _RATE = 40000, 20000


@pytest.mark.parametrize(("bands", "filters"), [(40, 171), (50, 211)])
def test_counts(bands, filters):
    assert erb_filters.num_erb_filters(bands, 4) == filters
    assert erb_filters.num_erb_bands(filters, 4) == bands
    responses, centers = erb_filters.erb_cosine_filters(_SAMPLES, _RATE, filters)
    assert responses.shape == (filters, _SAMPLES // 2 + 1)
    assert centers.shape == (filters,)


@pytest.mark.parametrize("sample_factor", [1, 2, 4])
@pytest.mark.parametrize("bands", [1, 10, 40])
def test_formula_and_its_inverse(bands, sample_factor):
    filters = sample_factor * (bands + 1) - 1 + 2 * sample_factor
    assert erb_filters.num_erb_filters(bands, sample_factor) == filters
    assert erb_filters.num_erb_bands(filters, sample_factor) == bands
    responses, _ = erb_filters.erb_cosine_filters(_SAMPLES, _RATE, filters, sample_factor=sample_factor)
    assert len(responses) == filters


@pytest.mark.parametrize(
    ("samples", "rate", "filters", "high_hz"),
    [
        (40000, 20000, 171, 8000),
        (40000, 20000, 211, 8000),
        (40000, 20000, 211, 10000),
        (8000, 8000, 51, 3600),
    ],
)
def test_squares_sum_to_one_and_the_peak_is_a_half(samples, rate, filters, high_hz):
    responses, _ = erb_filters.erb_cosine_filters(samples, rate, filters, 20.0, high_hz)
    np.testing.assert_allclose((responses**2).sum(axis=0), 1.0, atol=1e-13)
    assert responses.min() >= 0
    assert responses.max() == pytest.approx(0.5, abs=1e-4)
    assert responses.max() <= 0.5


def test_centre_frequencies_of_211_filters():
    responses, centers = erb_filters.erb_cosine_filters(_SAMPLES, _RATE, 211)
    np.testing.assert_allclose(centers[:5], [7.52, 11.61, 15.77, 20.0, 24.30], atol=0.005)
    np.testing.assert_allclose(centers[-5:], [7860, 8000, 8142, 8287, 8434], atol=0.5)
    assert (np.diff(centers) > 0).all()
    # bandpass filters peak where the list says, to the grid's half hertz
    peaks_hz = responses[4:-4].argmax(axis=1) * _RATE / _SAMPLES
    np.testing.assert_allclose(peaks_hz, centers[4:-4], atol=0.26)


def test_order_is_lowpass_bandpass_highpass():
    responses, _ = erb_filters.erb_cosine_filters(_SAMPLES, _RATE, 171)
    passes_dc, passes_nyquist = responses[:, 0] > 0.1, responses[:, -1] > 0.1
    assert passes_dc.tolist() == [True] * 4 + [False] * 167
    assert passes_nyquist.tolist() == [False] * 167 + [True] * 4


def test_erb_rate_and_its_inverse():
    hz = np.array([0.0, 20.0, 1000.0, 8000.0])
    np.testing.assert_allclose(erb_filters.hz_to_erb(hz), 9.265 * np.log(1 + hz / 228.8455), rtol=1e-6)
    np.testing.assert_allclose(erb_filters.erb_to_hz(erb_filters.hz_to_erb(hz)), hz, rtol=1e-12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_samples": 39999}, "even"),
        ({"num_samples": 0}, "even"),
        ({"high_hz": 10001.0}, "half the sample rate"),
        ({"low_hz": -1.0}, "0-10000"),
        ({"low_hz": 8000.0}, "0-10000"),
        ({"num_filters": 170}, "171"),
        ({"num_filters": 172}, "171"),
        ({"num_filters": 11}, "171"),
    ],
)
def test_refusals(arguments, message):
    defaults = {"num_samples": _SAMPLES, "sample_rate": _RATE, "num_filters": 171}
    with pytest.raises(InputError, match=message):
        erb_filters.erb_cosine_filters(**{**defaults, **arguments})


def test_filters_narrower_than_the_frequency_grid_are_refused():
    with pytest.raises(InputError, match="26 of 211 filters fall between"):
        erb_filters.erb_cosine_filters(200, _RATE, 211)
