"""The coordinates in which L-BFGS searches sounds: louder moments and frequencies move further.

A sound's loss bends much more along its soft moments and weak frequencies than along the others,
because the cochleagram compresses amplitudes. L-BFGS takes the more evaluations the more the
bends differ. So it searches numbers `u`, of which the sound is

    sound = start + envelope * filtered(u)

where the envelope is the square root of the target's amplitude over time, smoothed, and the filter's
gain the square root of its amplitude over frequency, smoothed. Half of each, as square roots, did
best where all of one or of both helped some sounds and hindered others
(docs/measurements.md, the quasi-Newton search for sounds).
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from scipy.ndimage import gaussian_filter1d, uniform_filter1d

NAMES = ("start", "envelope", "gain")
# Over so much is smoothed, and so much of the largest amplitude is added, so that nothing stands still.
_SECONDS, _HERTZ = 0.0125, 800.0
_LEAST_ENVELOPE, _LEAST_GAIN = 0.03, 1e-3


def fresh(starts: np.ndarray, targets: np.ndarray, sample_rate: int) -> dict[str, np.ndarray]:
    """The coordinates of each sound, from its own target.

    Args:
      starts: [batch, samples], where `u` is zero.
      targets: [batch, samples].
      sample_rate: in Hz.

    Returns:
      "start" and "envelope" [batch, samples], "gain" [batch, samples // 2 + 1], float32; envelope
      and gain have a mean square of 1.
    """
    samples = targets.shape[1]
    targets = targets.astype(np.float64)
    power = gaussian_filter1d(targets**2, _SECONDS * sample_rate, axis=1, mode="nearest")
    bins = 2 * max(0, round(_HERTZ * samples / sample_rate / 2)) + 1
    spectrum = uniform_filter1d(np.abs(np.fft.rfft(targets)) ** 2, bins, axis=1, mode="nearest")
    return {
        "start": np.array(starts, np.float32),
        "envelope": _scale(power, _LEAST_ENVELOPE),
        "gain": _scale(spectrum, _LEAST_GAIN),
    }


def sounds(scaling: dict[str, tf.Tensor], u: tf.Tensor) -> tf.Tensor:
    """The sounds [batch, samples] of numbers `u` [batch, samples]."""
    return scaling["start"] + scaling["envelope"] * _filtered(u, scaling["gain"])


def gradient(scaling: dict[str, tf.Tensor], of_sounds: tf.Tensor) -> tf.Tensor:
    """The gradient by `u` of what has the gradient `of_sounds`, both [batch, samples]."""
    return _filtered(scaling["envelope"] * of_sounds, scaling["gain"])


def _scale(power: np.ndarray, least: float) -> np.ndarray:
    """The square root of an amplitude, from its square, of mean square 1; 1 of silence."""
    amplitude = np.sqrt(np.maximum(power, 0.0))
    largest = amplitude.max(axis=1, keepdims=True)
    amplitude = np.where(largest > 0, amplitude + least * largest, 1.0)
    return np.sqrt(amplitude / amplitude.mean(axis=1, keepdims=True)).astype(np.float32)


def _filtered(sounds: tf.Tensor, gain: tf.Tensor) -> tf.Tensor:
    """Sounds whose every frequency was multiplied by its gain; this filter is its own transpose."""
    spectrum = tf.signal.rfft(sounds) * tf.cast(gain, tf.complex64)
    return tf.signal.irfft(spectrum, fft_length=[sounds.shape[1]])
