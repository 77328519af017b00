"""The paper's cochlear model: ERB filters, Hilbert envelopes, compression.

Source: paper 3.2 and docs/sources.md 1e. The numbers are those of the released TensorFlow 1
code. The computation is arranged differently, so that a gradient step is cheap: FFTs are no longer
than each band needs (`filterbank`), interpolation and downsampling are matrix products, and the
gradient is written out by hand.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import tensorflow as tf

from model_metamers import gradients
from model_metamers.errors import InputError
from model_metamers.frontends import resampling
from model_metamers.frontends.filterbank import Filterbank, Group, filterbank
from model_metamers.signals.cochleagram_config import CochleagramConfig

# Bands are computed in chunks of about so many samples in all, so that what is passed on within a chunk
# stays in the processor's cache, but no smaller, because each chunk brings its own overhead.
_SAMPLES_PER_CHUNK = 2_000_000
_UNKNOWN_BATCH = 8  # the size of batch that chunks are made for where it is not known


def cochleagram(waveforms: tf.Tensor, config: CochleagramConfig | None = None) -> tf.Tensor:
    """Cochleagrams of waveforms.

    They are differentiable; in the gradient the slope of the compression is clipped.

    Args:
      waveforms: [batch, samples], float32, at `config.sample_rate`; speech has an RMS of 0.1
        in the paper. The length must be even and a multiple of `config.stride`.
      config: settings of the front end; the paper's when None.

    Returns:
      [batch, filters, frames, 1], float32, >= 0; low frequencies first.

    Raises:
      InputError: the shape is not [batch, samples], the length does not fit the stride, or the
        filters do not fit the sample rate or the length.

    Example:
      >>> cochleagram(tf.zeros([2, 40000])).shape
      TensorShape([2, 171, 400, 1])
    """
    config = config or CochleagramConfig()
    waveforms = checked(waveforms)
    return compress(subband_envelopes(waveforms, config, [1] * config.num_filters), config)


def checked(waveforms: tf.Tensor) -> tf.Tensor:
    """Waveforms as float32 [batch, samples].

    Raises:
      InputError: the shape is another.
    """
    waveforms = tf.convert_to_tensor(waveforms, tf.float32)
    if waveforms.shape.rank != 2 or waveforms.shape[1] is None:
        raise InputError(f"waveforms must be [batch, samples], got shape {waveforms.shape}")
    return waveforms


def compress(envelopes: tf.Tensor, config: CochleagramConfig) -> tf.Tensor:
    """Compresses envelopes [batch, filters, frames] to cochleagrams [batch, filters, frames, 1]."""
    compressed = gradients.clipped_power(
        tf.nn.relu(envelopes) * config.scale, config.exponent, config.slope_clip
    )
    return compressed[..., tf.newaxis]


def subband_envelopes(
    waveforms: tf.Tensor, config: CochleagramConfig, decimations: Sequence[int]
) -> tf.Tensor:
    """Downsampled Hilbert envelopes of the subbands, [batch, filters, frames].

    The envelope is half the magnitude of the analytic signal, because the one-sided spectrum
    is padded with zeros but not doubled (docs/sources.md 1e, item 1). Values can be slightly
    negative, because the downsampling filter has negative lobes.

    Args:
      waveforms: [batch, samples], float32.
      config: settings of the front end.
      decimations: [filters]: the magnitude of each band is taken at sample_rate / decimation. At 1 it is
        exact: a magnitude is not limited in frequency, and what a lower rate cannot hold is lost.
    """
    num_samples = waveforms.shape[1]
    num_frames = config.num_frames(num_samples)
    bank = filterbank(num_samples, config, tuple(decimations))
    chunks = list(_chunks(bank, waveforms.shape[0] or _UNKNOWN_BATCH))

    @tf.custom_gradient
    def envelopes(signal):
        # The FFTs are in float64: what they round spreads from loud times and bands to silent ones, where
        # the compression makes it large.
        spectrum = tf.signal.rfft(tf.cast(signal, tf.float64))
        phasors, frames = [], []
        for group, bands in chunks:
            real, imag = _analytic(spectrum, group, bands)
            magnitude = tf.sqrt(real * real + imag * imag)
            phasors.append((real, imag, magnitude))
            downsampled = group.downsampling.transposed(magnitude)[:, group.downsampling.before :]
            frames.append(tf.reshape(downsampled[:, :num_frames], [-1, _size(bands), num_frames]))

        def gradient(dy):
            d_bands = []
            for (group, bands), (real, imag, magnitude), d_frames in zip(
                chunks, phasors, tf.split(dy, [_size(bands) for _, bands in chunks], axis=1), strict=True
            ):
                before, length = group.downsampling.before, group.downsampling.length
                padding = [[0, 0], [before, length - before - num_frames]]
                d_magnitude = group.downsampling(tf.pad(tf.reshape(d_frames, [-1, num_frames]), padding))
                # The gradient of |z| is z/|z|; it is zero where z is zero, as in TensorFlow.
                ratio = tf.math.divide_no_nan(d_magnitude, magnitude)
                d_bands.append(_analytic_transposed(ratio * real, ratio * imag, group, bands))
            d_spectrum = tf.gather(tf.concat(d_bands, axis=1), bank.sources, axis=1) * bank.adjoint
            return tf.signal.irfft(tf.reduce_sum(d_spectrum, axis=-1))

        return tf.concat(frames, axis=1), gradient

    return envelopes(waveforms)


def _chunks(bank: Filterbank, batch_size: int) -> Iterator[tuple[Group, slice]]:
    """Groups with the bands of each that are computed together."""
    for group in bank.groups:
        factor = group.interpolation.factor if group.interpolation else 1
        most = max(1, _SAMPLES_PER_CHUNK // (batch_size * group.size * factor))
        for start in range(0, group.num_bands, most):
            yield group, slice(start, min(start + most, group.num_bands))


def _size(bands: slice) -> int:
    return bands.stop - bands.start


def _analytic(spectrum: tf.Tensor, group: Group, bands: slice) -> list[tf.Tensor]:
    """Real and imaginary part of the bands' analytic signals, moved down in frequency, [rows, samples]."""
    low = tf.signal.ifft(tf.gather(spectrum, group.bins[bands], axis=1) * group.filters[bands])
    parts = [
        tf.cast(tf.reshape(part(low), [-1, group.size]), tf.float32) for part in (tf.math.real, tf.math.imag)
    ]
    if not group.interpolation:
        return parts
    return [group.interpolation(resampling.periodic(part, group.interpolation.length)) for part in parts]


def _analytic_transposed(real: tf.Tensor, imag: tf.Tensor, group: Group, bands: slice) -> tf.Tensor:
    """[batch, bands x bins]: the transpose of `_analytic`, but for the filters."""
    if group.interpolation:
        real, imag = (
            resampling.periodic_transposed(group.interpolation.transposed(part), group.size)
            for part in (real, imag)
        )
    transformed = tf.signal.fft(tf.complex(real, imag))
    return tf.reshape(transformed, [-1, _size(bands) * group.size])
