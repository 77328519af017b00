"""The faster front end of training against the exact one."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from model_metamers import CochleagramConfig, InputError, cochleagram
from model_metamers.frontends.decimated import decimated_cochleagram

_CONFIG = CochleagramConfig(sample_rate=4000, num_filters=31, high_hz=1800.0, window_size=201)


@pytest.mark.parametrize(("decimation", "tolerance"), [(1, 1e-5), (2, 0.01)])
def test_nearly_the_exact_cochleagram(small_sounds, decimation, tolerance):
    expected = cochleagram(small_sounds, _CONFIG).numpy()
    found = decimated_cochleagram(tf.constant(small_sounds), _CONFIG, decimation).numpy()
    assert found.shape == expected.shape
    assert np.linalg.norm(found - expected) < tolerance * np.linalg.norm(expected)


@pytest.mark.parametrize("window_size", [201, 203, 207])
def test_every_second_tap_is_the_one_that_meets_a_sample(small_sounds, window_size):
    """Where the filter reaches an odd number of samples to the left, it is not the first tap."""
    config = dataclasses.replace(_CONFIG, window_size=window_size)
    expected = cochleagram(small_sounds, config).numpy()
    found = decimated_cochleagram(tf.constant(small_sounds), config, 2).numpy()
    assert np.linalg.norm(found - expected) < 5e-4 * np.linalg.norm(expected)


def test_frames_stay_in_their_places():
    """A click's frame is the same one at every rate, though the filter has another number of taps."""
    config = CochleagramConfig(sample_rate=8000, num_filters=53, high_hz=3600.0, sample_factor=2)
    clicks = np.zeros([3, 8000], np.float32)
    clicks[range(3), [1000, 4321, 7000]] = 1.0
    expected = cochleagram(clicks, config).numpy()[..., 0].sum(axis=1).argmax(axis=1)
    for decimation in (1, 2, 4, 10):
        found = decimated_cochleagram(tf.constant(clicks), config, decimation).numpy()[..., 0]
        np.testing.assert_array_equal(found.sum(axis=1).argmax(axis=1), expected)


def test_no_gradient_reaches_the_sound(small_sounds):
    sounds = tf.constant(small_sounds)
    with tf.GradientTape() as tape:
        tape.watch(sounds)
        values = decimated_cochleagram(sounds, _CONFIG, 2)
    assert tape.gradient(values, sounds) is None


@pytest.mark.parametrize(
    ("decimation", "message"), [(3, "must divide"), (0, "must divide"), (20, "widest filter")]
)
def test_rates_that_cannot_be_are_refused(small_sounds, decimation, message):
    with pytest.raises(InputError, match=message):
        decimated_cochleagram(tf.constant(small_sounds), _CONFIG, decimation)
