"""The coordinates in which L-BFGS searches sounds."""

import numpy as np
import pytest
import tensorflow as tf

from model_metamers.synthesis import scaling


def words(batch, samples, rate=8000):
    """Bursts of low hum and soft high noise, with silence between."""
    rng = np.random.RandomState(samples)
    time = np.arange(samples) / rate
    hum = np.sin(2 * np.pi * (110 + 40 * np.arange(batch)[:, None]) * time)
    loud = (time % 0.2 < 0.1) * np.linspace(0.02, 0.2, batch)[:, None]
    return (hum * loud + 1e-3 * rng.randn(batch, samples)).astype(np.float32)


def coordinates(targets, starts=None, rate=8000):
    starts = np.zeros_like(targets) if starts is None else starts
    return {name: tf.constant(array) for name, array in scaling.fresh(starts, targets, rate).items()}


@pytest.mark.parametrize("samples", [40, 999, 8000, 16001])
def test_gradient_is_that_of_the_sounds(samples):
    targets = words(3, samples)
    ours = coordinates(targets)
    rng = np.random.RandomState(0)
    u, v = (tf.constant(rng.randn(3, samples), tf.float32) for _ in range(2))
    with tf.GradientTape() as tape:
        tape.watch(u)
        value = tf.reduce_sum(scaling.sounds(ours, u) * v)
    theirs = tape.gradient(value, u).numpy()
    np.testing.assert_allclose(scaling.gradient(ours, v), theirs, rtol=1e-3, atol=1e-4 * abs(theirs).max())


def test_search_begins_at_the_start_itself():
    targets, starts = words(2, 8000), words(2, 8000)[::-1]
    ours = coordinates(targets, starts)
    np.testing.assert_array_equal(scaling.sounds(ours, tf.zeros([2, 8000])), starts)


def test_loud_moments_and_strong_frequencies_move_further():
    targets = words(1, 8000)
    ours = coordinates(targets)
    envelope, gain = ours["envelope"].numpy()[0], ours["gain"].numpy()[0]
    assert envelope[300:500].min() > 3 * envelope[1100:1300].max()
    assert gain[110] > 3 * gain[3000]
    assert np.mean(envelope**2) == pytest.approx(1.0, rel=1e-5)
    assert np.mean(gain**2) == pytest.approx(1.0, rel=1e-5)


@pytest.mark.parametrize("level", [1e-6, 1.0, 100.0])
def test_level_does_not_matter(level):
    quiet, loud = (scaling.fresh(x, x, 8000) for x in (words(2, 4000), words(2, 4000) * level))
    np.testing.assert_allclose(loud["envelope"], quiet["envelope"], rtol=1e-4)
    np.testing.assert_allclose(loud["gain"], quiet["gain"], rtol=1e-4)


@pytest.mark.parametrize("target", ["silence", "click", "one sample"])
def test_every_number_can_move(target):
    targets = np.zeros([1, 8000], np.float32)
    if target == "click":
        targets[0, 4000:4010] = 1.0
    elif target == "one sample":
        targets[0, 17] = 1e-20
    ours = scaling.fresh(targets, targets, 8000)
    for name in ("envelope", "gain"):
        assert np.isfinite(ours[name]).all() and ours[name].min() > 0.0
    if target == "silence":
        assert (ours["envelope"] == 1.0).all() and (ours["gain"] == 1.0).all()


def test_a_sound_is_scaled_by_its_own_target():
    targets = words(4, 8000)
    together = scaling.fresh(targets, targets, 8000)
    alone = scaling.fresh(targets[2:3], targets[2:3], 8000)
    for name in scaling.NAMES:
        np.testing.assert_array_equal(together[name][2], alone[name][0])
