"""The noise a search begins from."""

import numpy as np
import pytest

from model_metamers import CochleagramConfig, InputError, SignalSpec, cochleagram
from model_metamers.synthesis import starts

IMAGE = SignalSpec("image", (16, 16, 3), 0.0, 1.0)
SOUND = SignalSpec("sound", (40000,), -1.0, 1.0, sample_rate=20000)


def test_released_image_noise_lies_above_the_centre():
    noise = starts.start(IMAGE, seed=0)
    assert noise.dtype == np.float32 and noise.shape == (16, 16, 3)
    assert 0.5 <= noise.min() < 0.51 and 0.59 < noise.max() < 0.6


def test_paper_image_noise_has_its_mean_at_the_centre():
    noise = starts.start(IMAGE, seed=0, preset="paper")
    assert abs(noise.mean() - 0.5) < 0.005 and noise.min() >= 0.45 and noise.max() <= 0.55


def test_image_noise_scales_with_the_range():
    wide = SignalSpec("image", (16, 16, 3), 0.0, 255.0)
    np.testing.assert_allclose(starts.start(wide, 3), 255 * starts.start(IMAGE, 3), rtol=1e-6)


def test_image_noise_is_that_of_the_authors_generator():
    np.random.seed(7)
    np.testing.assert_array_equal(
        starts.start(IMAGE, 7), (np.random.random((16, 16, 3)) * 0.1 + 0.5).astype(np.float32)
    )


def written_out_pink_noise(num_samples: int, seed: int) -> np.ndarray:
    """Pink noise as docs/sources.md 6 says it, with the inverse Fourier transform written out as a sum.

    A complex Gaussian over sqrt(k + 1); at RMS 0.1, then without its mean, then times 0.1. An odd length
    is one sample less of the even one above it.
    """
    length = num_samples + num_samples % 2
    np.random.seed(seed)
    real, imaginary = np.random.randn(length // 2 + 1), np.random.randn(length // 2 + 1)
    noise = np.zeros(length)
    for k in range(length // 2 + 1):
        phase = 2 * np.pi * k * np.arange(length) / length
        twice = 1 if k in (0, length // 2) else 2  # the negative frequencies
        noise += twice * (real[k] * np.cos(phase) - imaginary[k] * np.sin(phase)) / np.sqrt(k + 1) / length
    noise = noise[:num_samples]
    noise = 0.1 * noise / np.sqrt(np.mean(noise**2))
    return 0.1 * (noise - noise.mean())


@pytest.mark.parametrize("num_samples", [100, 101])
@pytest.mark.parametrize("seed", [0, 7])
def test_pink_noise_is_the_formula_written_out(num_samples, seed):
    spec = SignalSpec("sound", (num_samples,), -1.0, 1.0, sample_rate=100)
    expected = written_out_pink_noise(num_samples, seed)
    for preset in ("released", "paper"):
        np.testing.assert_allclose(starts.start(spec, seed, preset), expected, rtol=1e-5, atol=1e-8)
    # Were the level set after the mean is taken off, it would be this.
    assert 0.0060 < np.sqrt(np.mean(expected**2)) < 0.0099


def test_a_cochleagrams_start_is_that_of_the_same_seeds_sound():
    frontend = CochleagramConfig(sample_rate=4000, num_filters=31, high_hz=1800.0, window_size=201)
    sound = SignalSpec("sound", (1000,), -1.0, 1.0, sample_rate=4000)
    spec = SignalSpec("cochleagram", (31, 50, 1), 0.0, np.inf, frontend=frontend)
    expected = cochleagram(starts.start(sound, 3)[np.newaxis], frontend)[0]
    np.testing.assert_array_equal(starts.start(spec, 3), expected)


def test_pink_noise_has_level_zero_mean_and_slope():
    noise = starts.start(SOUND, seed=1)
    assert noise.shape == (40000,) and noise.dtype == np.float32
    assert abs(np.sqrt(np.mean(noise**2)) / 0.01 - 1) < 0.05  # the mean is taken off afterwards
    assert abs(noise.mean()) < 1e-8
    power = np.abs(np.fft.rfft(noise)) ** 2
    octaves = [power[2**k : 2 ** (k + 1)].sum() for k in range(5, 14)]
    assert max(octaves) / min(octaves) < 1.6  # equal power in every octave


def test_odd_lengths_work():
    assert starts.pink_noise(1001, seed=0).shape == (1001,)


def test_seeds_differ_and_repeat():
    assert not np.array_equal(starts.start(SOUND, 0), starts.start(SOUND, 1))
    np.testing.assert_array_equal(starts.start(SOUND, 0), starts.start(SOUND, 0))


def test_unknown_preset_is_refused():
    with pytest.raises(InputError, match="'released' or 'paper'"):
        starts.start(IMAGE, 0, preset="other")
