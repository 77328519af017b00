"""The paper's cochlear model: ERB filters, Hilbert envelopes, compression.

Source: paper 3.2 and docs/sources.md 1e. The numbers are those of the released TensorFlow 1
code; the arithmetic is arranged anew so that a gradient step is cheap: bands run
in chunks that stay in the cache, downsampling is a matrix product over frames
instead of a one-channel convolution, and the gradient is written out.
"""

from __future__ import annotations

import functools

import numpy as np
import tensorflow as tf

from model_metamers import gradients
from model_metamers.errors import InputError
from model_metamers.frontends import erb_filters
from model_metamers.frontends.numpy_cochleagram import downsampling_window
from model_metamers.signals.cochleagram_config import CochleagramConfig

# Samples of all bands of a chunk: 16 bands of 40,000 complex64 samples are 5 MB, within
# the L3 cache. At least two chunks, so that two cores are kept busy.
_SAMPLES_PER_CHUNK = 640_000


def cochleagram(waveforms: tf.Tensor, config: CochleagramConfig | None = None) -> tf.Tensor:
    """Cochleagrams of waveforms, differentiable with clipped compression slopes.

    Args:
      waveforms: [batch, samples], float32, at `config.sample_rate`; speech at an RMS
        of 0.1 in the paper. The length must be even and a multiple of the stride.
      config: the front end; the paper's when None.

    Returns:
      [batch, filters, frames, 1], float32, >= 0; low frequencies first.

    Raises:
      InputError: shape, length, rate or range do not fit.
    """
    config = config or CochleagramConfig()
    waveforms = tf.convert_to_tensor(waveforms, tf.float32)
    if waveforms.shape.rank != 2 or waveforms.shape[1] is None:
        raise InputError(f"waveforms must be [batch, samples], got shape {waveforms.shape}")
    return compress(subband_envelopes(waveforms, config), config)


def compress(envelopes: tf.Tensor, config: CochleagramConfig) -> tf.Tensor:
    """Cochleagrams [batch, filters, frames, 1] of envelopes [batch, filters, frames]."""
    compressed = gradients.clipped_power(
        tf.nn.relu(envelopes) * config.scale, config.exponent, config.slope_clip
    )
    return compressed[..., tf.newaxis]


def subband_envelopes(waveforms: tf.Tensor, config: CochleagramConfig) -> tf.Tensor:
    """Downsampled Hilbert envelopes of the subbands, [batch, filters, frames].

    The envelope is half the magnitude of the analytic signal: the one-sided spectrum
    is padded with zeros and not doubled (docs/sources.md 1e, item 1). Values can be slightly
    negative, because the downsampling filter has negative lobes.
    """
    num_samples = waveforms.shape[1]
    num_frames = config.num_frames(num_samples)
    chunks = _filter_chunks(num_samples, config)
    num_bands = [chunk.shape[0] for chunk in chunks]
    downsample = Downsample(
        num_samples, num_frames, config.stride, downsampling_window(config.stride, config.window_size)
    )

    @tf.custom_gradient
    def envelopes(signal):
        spectrum = tf.signal.rfft(signal)[:, tf.newaxis, :]
        padding = [[0, 0], [0, 0], [0, num_samples // 2 - 1]]
        phasors, frames = [], []
        for chunk in chunks:
            analytic = tf.signal.ifft(tf.pad(spectrum * chunk, padding))
            real, imag = tf.math.real(analytic), tf.math.imag(analytic)
            magnitude = tf.sqrt(real * real + imag * imag)
            phasors.append((real, imag, magnitude))
            frames.append(downsample(magnitude))

        def gradient(dy):
            total = tf.zeros_like(spectrum)
            for chunk, (real, imag, magnitude), d_frames in zip(
                chunks, phasors, tf.split(dy, num_bands, axis=1), strict=True
            ):
                # d|z| along the phasor z/|z|; zero where z is zero, as in TensorFlow.
                ratio = tf.math.divide_no_nan(downsample.transposed(d_frames), magnitude)
                d_analytic = tf.signal.fft(tf.complex(ratio * real, ratio * imag))
                d_subbands = d_analytic[..., : num_samples // 2 + 1] * chunk
                total += tf.reduce_sum(d_subbands, axis=1, keepdims=True)
            # Transpose of rfft through irfft, which counts the inner bins twice.
            weights = np.full(num_samples // 2 + 1, 0.5, np.float32)
            weights[[0, -1]] = 1.0
            return tf.signal.irfft(total[:, 0] * tf.constant(weights, tf.complex64))

        return tf.concat(frames, axis=1), gradient

    return envelopes(waveforms)


class Downsample:
    """Strided convolution with a long window, as a matrix product over blocks.

    Equals `tf.nn.conv2d(..., stride, "SAME")` with the window as its kernel: the
    signal is cut into blocks of `stride` samples, every block meets the window's
    `taps` blocks in one matrix product, and diagonals of the result are summed.
    """

    def __init__(self, num_samples: int, num_frames: int, stride: int, window: np.ndarray):
        window_size = len(window)
        self.num_samples, self.num_frames, self.stride = num_samples, num_frames, stride
        self.taps = -(-window_size // stride)
        padded = np.pad(window, (0, self.taps * stride - window_size))
        self.matrix = tf.constant(padded.reshape(self.taps, stride).T, tf.float32)
        self.blocks = num_frames + self.taps - 1
        self.left = max(window_size - stride, 0) // 2  # as TensorFlow pads for "SAME"
        self.right = self.blocks * stride - num_samples - self.left

    def __call__(self, signal: tf.Tensor) -> tf.Tensor:
        """[batch, bands, samples] -> [batch, bands, frames]."""
        bands = signal.shape[1]
        padded = tf.pad(signal, [[0, 0], [0, 0], [self.left, self.right]])
        blocks = tf.reshape(padded, [-1, bands, self.blocks, self.stride])
        products = tf.matmul(blocks, self.matrix)
        return tf.add_n([products[:, :, j : j + self.num_frames, j] for j in range(self.taps)])

    def transposed(self, frames: tf.Tensor) -> tf.Tensor:
        """[batch, bands, frames] -> [batch, bands, samples], for the gradient."""
        bands = frames.shape[1]
        products = tf.stack(
            [tf.pad(frames, [[0, 0], [0, 0], [j, self.taps - 1 - j]]) for j in range(self.taps)],
            axis=-1,
        )
        blocks = tf.matmul(products, self.matrix, transpose_b=True)
        padded = tf.reshape(blocks, [-1, bands, self.blocks * self.stride])
        return padded[:, :, self.left : self.left + self.num_samples]


@functools.lru_cache(maxsize=8)
def _filter_chunks(num_samples: int, config: CochleagramConfig) -> tuple[tf.Tensor, ...]:
    """The filterbank of a front end in chunks of bands, computed once.

    The tensors live outside any graph, which takes them in as inputs: as constants of a
    graph they would be copied and searched for folding at every tracing.
    """
    filters, _ = erb_filters.erb_cosine_filters(
        num_samples,
        config.sample_rate,
        config.num_filters,
        config.low_hz,
        config.high_hz,
        config.sample_factor,
    )
    num_chunks = max(2, -(-filters.shape[0] * num_samples // _SAMPLES_PER_CHUNK))
    with tf.init_scope():
        return tuple(tf.constant(c, tf.complex64) for c in np.array_split(filters, num_chunks))
