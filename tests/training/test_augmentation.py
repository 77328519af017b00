"""Augmentation and mixtures: what is drawn is what was asked, and the same seed draws it again."""

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from model_metamers import InputError
from model_metamers.networks.tasks import AUDIOSET_TASK, WORD_TASK
from model_metamers.training import augmentation, mixtures


def _seed(*values: int) -> tf.Tensor:
    return tf.constant(values, tf.int32)


def test_flip_and_shift_keeps_images_and_moves_them():
    images = tf.random.uniform([64, 8, 8, 3])
    moved = augmentation.flip_and_shift(images, _seed(1, 2), max_shift=2)
    assert moved.shape == images.shape
    same = np.all(moved.numpy() == images.numpy(), axis=(1, 2, 3))
    assert same.mean() < 0.2  # 1 in 50 on average
    assert set(np.unique(moved)) <= set(np.unique(images))


def test_half_of_the_images_are_mirrored():
    ramps = tf.tile(tf.reshape(tf.range(8.0), [1, 1, 8, 1]), [2000, 8, 1, 3])
    moved = augmentation.flip_and_shift(ramps, _seed(0, 0), max_shift=0).numpy()
    mirrored = moved[:, 0, 0, 0] > moved[:, 0, -1, 0]
    assert 0.46 < mirrored.mean() < 0.54  # four standard errors


@pytest.mark.parametrize(
    "augment",
    [
        lambda x, seed: augmentation.shift_in_time(x, seed, 7),
        lambda x, seed: augmentation.stretch_in_time(x, seed, 0.2),
        lambda x, seed: augmentation.flip_and_shift(
            tf.tile(tf.reshape(x, [-1, 10, 10, 1]), [1, 1, 1, 3]), seed
        ),
    ],
)
def test_a_seed_draws_the_same_again_and_another_does_not(augment):
    signals = tf.random.normal([20, 100])
    first, again, other = (augment(signals, _seed(*s)).numpy() for s in ((3, 4), (3, 4), (3, 5)))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_shift_in_time_moves_by_at_most_the_limit():
    clicks = np.zeros([500, 100], np.float32)
    clicks[:, 50] = 1.0
    moved = augmentation.shift_in_time(tf.constant(clicks), _seed(0, 1), 7).numpy()
    places = moved.argmax(axis=1)
    assert places.min() == 43 and places.max() == 57 and (moved.sum(axis=1) == 1).all()


def test_stretch_changes_the_pitch_within_the_limit_and_keeps_the_middle():
    time = np.arange(4000) / 8000
    tone = np.sin(2 * np.pi * 400 * (time - time.mean())).astype(np.float32)
    moved = augmentation.stretch_in_time(tf.tile(tone[None], [200, 1]), _seed(5, 6), 0.25).numpy()
    middle = moved[:, 1000:3000]  # at most a fifth of the sound is cut off or silent at either end
    crossings = (np.diff(np.signbit(middle).astype(int), axis=1) != 0).sum(axis=1)
    pitch = crossings / 2 / (2000 / 8000)
    assert 400 / 1.25 - 4 <= pitch.min() < 340 and 470 < pitch.max() <= 400 * 1.25 + 4
    np.testing.assert_allclose(moved[:, 1999:2001].mean(axis=1), 0.0, atol=1e-4)  # odd about the middle


def test_stretch_keeps_high_frequencies():
    time = np.arange(4000) / 8000
    tone = np.sin(2 * np.pi * 2800 * time).astype(np.float32)
    moved = augmentation.stretch_in_time(tf.tile(tone[None], [50, 1]), _seed(5, 6), 0.2).numpy()
    spectra = np.abs(np.fft.rfft(moved[:, 1000:3000] * np.hanning(2000), axis=1)) ** 2
    frequency = np.fft.rfftfreq(2000, 1 / 8000)
    near = np.abs(frequency - frequency[spectra.argmax(axis=1)][:, None]) < 20
    assert ((spectra * ~near).sum(axis=1) < 1e-3 * spectra.sum(axis=1)).all()  # no images
    level = moved[:, 1000:3000].std(axis=1) / tone.std()
    assert (np.abs(20 * np.log10(level)) < 0.6).all()


def test_no_stretch_leaves_sounds_as_they_are():
    sounds = tf.random.normal([3, 51])  # of an odd length, as no value at the highest frequency is told
    np.testing.assert_allclose(augmentation.stretch_in_time(sounds, _seed(0, 0), 0.0), sounds, atol=1e-5)


def test_mixture_has_the_asked_level_and_ratio():
    random = np.random.RandomState(0)
    speech, noise = random.randn(2, 6, 4000).astype(np.float32) * np.float32([[[0.3]], [[2.0]]])
    snr_db = np.array([-10, -5, 0, 5, 10, 30], np.float32)
    mixture = augmentation.mix(tf.constant(speech), tf.constant(noise), tf.constant(snr_db)).numpy()
    np.testing.assert_allclose(np.sqrt(np.mean(mixture**2, axis=1)), 0.1, rtol=1e-5)
    for mixed, a, b, snr in zip(mixture, speech, noise, snr_db, strict=True):
        assert _snr_db(mixed, a, b) == pytest.approx(snr, abs=1e-2)


def test_silent_foreground_leaves_the_background():
    noise = tf.random.normal([2, 1000])
    mixture = augmentation.mix(tf.zeros([2, 1000]), noise, tf.constant([0.0, 20.0])).numpy()
    assert np.isfinite(mixture).all()
    np.testing.assert_allclose(np.sqrt(np.mean(mixture**2, axis=1)), 0.1, rtol=1e-5)


def test_ten_thousand_mixtures_have_the_asked_statistics():
    """Ratio uniform within its bounds, level exact, shift uniform, shares of null examples.

    The word is a click, so that its place in a mixture tells the shift; given the shift,
    least squares tells the ratio.
    """
    count, length = 10_000, 400
    random = np.random.RandomState(7)
    click = np.zeros(length, np.float32)
    click[length // 2] = 1.0
    noise = random.randn(length).astype(np.float32)
    config = mixtures.MixtureConfig(
        sample_rate=1000,
        max_shift_s=0.05,
        snr_low_db=-5.0,
        snr_high_db=10.0,
        null_words=0.1,
        null_backgrounds=0.2,
    )
    labels = tf.one_hot(tf.fill([count], 3), 5)
    found, tasks = mixtures.mixtures(
        tf.tile(click[None], [count, 1]),
        tf.fill([count], tf.constant(4, tf.int64)),
        tf.tile(noise[None], [count, 1]),
        labels,
        _seed(11, 12),
        config,
    )
    found = found.numpy()
    np.testing.assert_allclose(np.sqrt(np.mean(found**2, axis=1)), 0.1, rtol=1e-4)

    no_word = tasks[WORD_TASK].numpy() == 0
    no_background = tasks[AUDIOSET_TASK].numpy()[:, 0] == 1
    assert not (no_word & no_background).any()
    assert no_word.mean() == pytest.approx(0.1, abs=0.012)  # four standard errors
    assert no_background.mean() == pytest.approx(0.2, abs=0.016)
    assert set(np.unique(tasks[WORD_TASK])) == {0, 4}
    np.testing.assert_array_equal(
        tasks[AUDIOSET_TASK].numpy()[~no_background], labels.numpy()[~no_background]
    )

    shifts = found[~no_word].argmax(axis=1) - length // 2
    assert shifts.min() == -50 and shifts.max() == 50  # 0.05 s at 1000 Hz
    assert (
        scipy.stats.kstest(shifts + random.uniform(-0.5, 0.5, len(shifts)), "uniform", (-50.5, 101)).pvalue
        > 0.01
    )
    both = ~no_word & ~no_background
    ratios = [
        _snr_db(mixture, np.roll(click, mixture.argmax() - length // 2), noise) for mixture in found[both]
    ]
    assert min(ratios) > -5.05 and max(ratios) < 10.05
    assert scipy.stats.kstest(ratios, "uniform", (-5, 15)).pvalue > 0.01


def test_mixtures_are_the_sources_unless_others_are_asked_for():
    """docs/sources.md 1d: -10 to 10 dB, RMS 0.1, words moved by a quarter of a second, none missing."""
    config = mixtures.MixtureConfig(sample_rate=20000)
    assert (config.snr_low_db, config.snr_high_db, config.rms) == (-10.0, 10.0, 0.1)
    assert config.max_shift == 5000
    assert (config.null_words, config.null_backgrounds, config.max_stretch) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"snr_low_db": 5.0, "snr_high_db": 0.0}, "lies above"),
        ({"null_words": 0.7, "null_backgrounds": 0.7}, "must not exceed 1 together"),
        ({"max_shift_s": -0.1}, "must be 0 or more"),
    ],
)
def test_impossible_mixtures_are_refused(values, message):
    with pytest.raises(InputError, match=message):
        mixtures.MixtureConfig(sample_rate=8000, **values)


def _snr_db(mixture: np.ndarray, foreground: np.ndarray, background: np.ndarray) -> float:
    """Ratio of the two parts of a mixture, by least squares."""
    parts = [part - part.mean() for part in (foreground, background)]
    gains = np.linalg.lstsq(np.stack(parts, axis=1), mixture, rcond=None)[0]
    levels = np.abs(gains) * [part.std() for part in parts]
    return 20 * np.log10(levels[0] / levels[1])
