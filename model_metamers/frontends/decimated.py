"""Faster cochleagrams, accurate to about a hundredth, for training.

No gradient reaches the sound. The analytic signal of a subband can be sampled at a rate equal to its
bandwidth, so only its own part of the spectrum is transformed back, at a fraction of the sample
rate. This loses only the part of the envelope that the lower rate cannot represent, most of which
the downsampling filter would remove anyway.
"""

from __future__ import annotations

import functools

import numpy as np
import tensorflow as tf

from model_metamers.errors import InputError
from model_metamers.frontends import cochleagram as exact
from model_metamers.frontends import erb_filters
from model_metamers.frontends.numpy_cochleagram import downsampling_window

_DENSE = 1 << 20  # the largest number of values in a downsampling matrix that is used as a whole


def decimated_cochleagram(
    waveforms: tf.Tensor, config: exact.CochleagramConfig, decimation: int
) -> tf.Tensor:
    """Nearly what `cochleagram.cochleagram` gives; no gradient reaches the waveforms.

    Args:
      waveforms: [batch, samples], float32, at `config.sample_rate`.
      config: settings of the front end.
      decimation: envelopes are computed at sample_rate / decimation, which must be at least the
        width of the widest filter.

    Returns:
      [batch, filters, frames, 1], float32, >= 0; low frequencies first.

    Raises:
      InputError: the decimation does not divide the frames' stride or the length, or is too high.
    """
    num_samples = waveforms.shape[1]
    num_frames = config.num_frames(num_samples)
    if decimation < 1 or config.stride % decimation or num_samples % decimation:
        raise InputError(
            f"decimation={decimation} must divide the {config.stride} samples of a frame and the "
            f"{num_samples} of a sound"
        )
    filters, first = _bands(num_samples, config, decimation)
    size = num_samples // decimation
    # Slices copy whole rows, where a gather would copy value by value.
    spectrum = tf.pad(tf.signal.rfft(tf.stop_gradient(waveforms)), [[0, 0], [size, size]])
    bands = tf.stack([spectrum[:, size + bin : 2 * size + bin] for bin in first], axis=1)
    envelopes = tf.abs(tf.signal.ifft(bands * filters) / decimation)
    frames = _downsampled(envelopes, num_frames, config, decimation)
    return tf.stop_gradient(exact.compress(frames, config))


def _downsampled(
    envelopes: tf.Tensor, num_frames: int, config: exact.CochleagramConfig, decimation: int
) -> tf.Tensor:
    """Envelopes [batch, filters, samples] downsampled to the frame rate."""
    size = envelopes.shape[2]
    if size * num_frames > _DENSE:
        return _downsample(size, num_frames, config, decimation)(envelopes)
    return tf.matmul(envelopes, _matrix(size, num_frames, config, decimation))


@functools.lru_cache(maxsize=8)
def _matrix(size: int, num_frames: int, config: exact.CochleagramConfig, decimation: int) -> tf.Tensor:
    """The downsampling as one matrix [samples, frames]: mostly zeros, but faster for short sounds."""
    with tf.init_scope():
        return _downsample(size, num_frames, config, decimation)(tf.eye(size)[tf.newaxis])[0]


def _downsample(
    size: int, num_frames: int, config: exact.CochleagramConfig, decimation: int
) -> exact.Downsample:
    return exact.Downsample(size, num_frames, config.stride // decimation, _window(config, decimation))


def _window(config: exact.CochleagramConfig, decimation: int) -> np.ndarray:
    """Every `decimation`-th tap of the downsampling filter, aligned with the decimated samples."""
    left = max(config.window_size - config.stride, 0) // 2
    window = downsampling_window(config.stride, config.window_size)
    return decimation * window[left % decimation :: decimation]


@functools.lru_cache(maxsize=8)
def _bands(num_samples: int, config: exact.CochleagramConfig, decimation: int) -> tuple[tf.Tensor, list[int]]:
    """The filters without their zeros [filters, num_samples / decimation], and the first bin of each."""
    filters, _ = erb_filters.erb_cosine_filters(
        num_samples,
        config.sample_rate,
        config.num_filters,
        config.low_hz,
        config.high_hz,
        config.sample_factor,
    )
    size = num_samples // decimation
    support = [np.flatnonzero(row) for row in filters]
    widest = max(int(bins[-1] - bins[0]) + 1 for bins in support)
    if widest > size:
        raise InputError(
            f"decimation={decimation} leaves {size} bins, but the widest filter spans {widest}; lower it"
        )
    middles = np.array([(bins[0] + bins[-1]) // 2 for bins in support])
    bins = middles[:, np.newaxis] - size // 2 + np.arange(size)
    inside = (bins >= 0) & (bins < filters.shape[1])
    bins = np.where(inside, bins, 0)
    values = np.where(inside, np.take_along_axis(filters, bins, axis=1), 0.0)
    with tf.init_scope():
        return tf.constant(values, tf.complex64), (middles - size // 2).tolist()
