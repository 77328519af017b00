"""Random variation of training examples, as TensorFlow functions of batches.

Every function takes a seed, int32 [2], and gives the same result for the same seed. So a training
that was interrupted goes on as if it had not been.
"""

from __future__ import annotations

from typing import TypeAlias

import tensorflow as tf

Seed: TypeAlias = tf.Tensor
_FINER = 4  # factor of the finer rate; 0.4 dB are lost at 7/8 of the highest frequency, 4.5 dB at factor 1


def split_seed(seed: Seed, count: int) -> list[Seed]:
    """`count` independent seeds made from one."""
    return tf.unstack(tf.random.split(seed, count), num=count)


def flip_and_shift(images: tf.Tensor, seed: Seed, max_shift: int = 4) -> tf.Tensor:
    """Images [batch, height, width, 3], mirrored at random and shifted by up to `max_shift` pixels.

    Each image is padded by reflection and cropped at its own random offset.
    """
    batch, (height, width) = tf.shape(images)[0], images.shape[1:3]
    flip_seed, shift_seed = split_seed(seed, 2)
    mirrored = tf.random.stateless_uniform([batch, 1, 1, 1], flip_seed) < 0.5
    images = tf.where(mirrored, images[:, :, ::-1], images)
    margin = [[0, 0], [max_shift, max_shift], [max_shift, max_shift], [0, 0]]
    padded = tf.pad(images, margin, "REFLECT")
    offsets = tf.random.stateless_uniform([batch, 2], shift_seed, 0, 2 * max_shift + 1, tf.int32)
    rows = offsets[:, :1] + tf.range(height)
    columns = offsets[:, 1:] + tf.range(width)
    padded = tf.gather(padded, rows, axis=1, batch_dims=1)
    return tf.ensure_shape(tf.gather(padded, columns, axis=2, batch_dims=1), [None, height, width, 3])


def shift_in_time(waveforms: tf.Tensor, seed: Seed, max_shift: int) -> tf.Tensor:
    """Waveforms [batch, samples], each moved by up to `max_shift` samples; silence fills the gap."""
    num_samples = waveforms.shape[1]
    padded = tf.pad(waveforms, [[0, 0], [max_shift, max_shift]])
    shape = [tf.shape(waveforms)[0], 1]
    offsets = tf.random.stateless_uniform(shape, seed, 0, 2 * max_shift + 1, tf.int32)
    return tf.gather(padded, offsets + tf.range(num_samples), axis=1, batch_dims=1)


def stretch_in_time(waveforms: tf.Tensor, seed: Seed, max_stretch: float) -> tf.Tensor:
    """Waveforms [batch, samples], each played slower or faster, which changes pitch and formants too.

    The logarithm of the factor is uniform within +-log(1 + max_stretch). The middle stays in
    place, and silence fills the ends. Values between samples are interpolated linearly in a
    band-limited waveform of four times the rate; interpolation between the samples themselves
    would lose high frequencies. This is not in the paper: it makes up for the few speakers of a
    small data set.
    """
    num_samples = waveforms.shape[1]
    width = tf.math.log1p(max_stretch)
    factor = tf.exp(tf.random.stateless_uniform([tf.shape(waveforms)[0], 1], seed, -width, width))
    middle = (num_samples - 1) / 2
    places = ((tf.range(num_samples, dtype=tf.float32) - middle) * factor + middle) * _FINER
    finer = tf.signal.irfft(tf.signal.rfft(waveforms), [_FINER * num_samples]) * _FINER
    # Places beyond the ends read the value of silence that is added on either side.
    places = tf.clip_by_value(places + 1.0, 0.0, float(_FINER * num_samples))
    padded = tf.pad(finer, [[0, 0], [1, 2]])
    below = tf.floor(places)
    index = tf.cast(below, tf.int32)
    left = tf.gather(padded, index, axis=1, batch_dims=1)
    right = tf.gather(padded, index + 1, axis=1, batch_dims=1)
    return left + (places - below) * (right - left)


def mix(foreground: tf.Tensor, background: tf.Tensor, snr_db: tf.Tensor, rms: float = 0.1) -> tf.Tensor:
    """Foreground and background added at a signal-to-noise ratio, the sum brought to an RMS.

    The means of both are subtracted first (docs/sources.md 1d). Where the foreground is silent
    the result is the background alone, and the reverse.

    Args:
      foreground, background: [batch, samples].
      snr_db: [batch], ratio of the RMS levels in dB.
      rms: RMS of each mixture.

    Returns:
      [batch, samples].
    """
    foreground -= tf.reduce_mean(foreground, axis=1, keepdims=True)
    background -= tf.reduce_mean(background, axis=1, keepdims=True)
    level = tf.where(_rms(foreground) > 0, _rms(foreground), 1.0)
    gain = tf.math.divide_no_nan(level, _rms(background)) * 10.0 ** (-snr_db[:, tf.newaxis] / 20)
    mixture = foreground + gain * background
    return rms * tf.math.divide_no_nan(mixture, _rms(mixture))


def _rms(waveforms: tf.Tensor) -> tf.Tensor:
    return tf.sqrt(tf.reduce_mean(waveforms**2, axis=1, keepdims=True))
