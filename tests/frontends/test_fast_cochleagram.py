"""The fast cochleagram within its stated error of the exact one; its gradient is that of its values."""

import numpy as np
import pytest
import tensorflow as tf

from model_metamers import InputError
from model_metamers.frontends.cochleagram import cochleagram
from model_metamers.frontends.fast_cochleagram import fast_cochleagram
from model_metamers.signals.cochleagram_config import CochleagramConfig
from tests.builders import tf1_graph
from tests.builders.front_ends import with_gradient

_SMALL = CochleagramConfig(sample_rate=8000, num_filters=53, high_hz=3600.0, sample_factor=2)


def _sounds(num_samples, sample_rate):
    random = np.random.RandomState(0)
    noise = 0.1 * random.standard_normal(num_samples)
    pink = np.fft.rfft(random.standard_normal(num_samples)) / np.sqrt(1 + np.arange(num_samples // 2 + 1))
    pink = np.fft.irfft(pink)
    seconds = np.arange(num_samples) / sample_rate
    tone = 0.1 * np.sin(2 * np.pi * 1234.5 * seconds) * (seconds > seconds[-1] / 3)
    click = np.zeros(num_samples)
    click[num_samples // 3] = 1.0
    speech = tf1_graph.speech_like(num_samples, sample_rate)
    return np.stack([noise, 0.01 * pink / pink.std(), speech, tone, click]).astype(np.float32)


def _relative(values, wanted):
    return [np.linalg.norm(a - b) / np.linalg.norm(b) for a, b in zip(values, wanted, strict=True)]


@pytest.mark.parametrize(
    ("config", "num_samples"),
    [
        (_SMALL, 8000),
        (CochleagramConfig(), 8000),
        (CochleagramConfig(num_filters=31, envelope_rate=400), 4000),
    ],
    ids=["small", "paper", "400-hz"],
)
def test_errors_are_as_stated(config, num_samples):
    sounds = _sounds(num_samples, config.sample_rate)
    exact, exact_gradient = with_gradient(cochleagram, sounds, config)
    fast, gradient = with_gradient(fast_cochleagram, sounds, config)
    errors, gradient_errors = _relative(fast, exact), _relative(gradient, exact_gradient)
    assert max(errors[:3]) < 4e-3 and max(errors) < 1.2e-2
    assert max(gradient_errors[:3]) < 6e-3 and max(gradient_errors) < 2.5e-2
    assert max(errors) > 1e-4  # else it is the exact one


def test_the_gradient_is_that_of_the_values(small_sounds):
    """Against differences of the values, where no slope is clipped."""
    config = CochleagramConfig(
        sample_rate=4000, num_filters=31, high_hz=1800.0, window_size=201, exponent=1.0, slope_clip=1e9
    )
    _, gradient = with_gradient(fast_cochleagram, small_sounds, config)
    random = np.random.RandomState(0)
    for _ in range(3):
        step = gradient / np.sqrt(np.mean(gradient**2)) + random.standard_normal(gradient.shape)
        step = np.float32(1e-4 * step)
        above, below = (
            np.sum(fast_cochleagram(small_sounds + sign * step, config).numpy().astype(float) ** 2)
            for sign in (1, -1)
        )
        assert np.sum(gradient * step) == pytest.approx((above - below) / 4, rel=1e-3)


def test_silence_has_a_finite_gradient():
    values, gradient = with_gradient(fast_cochleagram, np.zeros([1, 8000], np.float32), _SMALL)
    assert not values.any() and not gradient.any()


def test_refusals():
    with pytest.raises(InputError, match=r"\[batch, samples\]"):
        fast_cochleagram(tf.zeros([8000]), _SMALL)
    with pytest.raises(InputError, match="multiple of 40 samples"):
        fast_cochleagram(tf.zeros([1, 8020]), _SMALL)
