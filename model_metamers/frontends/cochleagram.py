"""The paper's cochlear model: ERB filters, Hilbert envelopes, compression.

Source: paper 3.2 and docs/sources.md 1e. The numbers are those of the released TensorFlow 1
code. The computation is arranged differently, so that a gradient step is cheap: bands are
computed in chunks that fit into the processor's cache, downsampling is a matrix product over
frames instead of a one-channel convolution, and the gradient is written out by hand.
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

# Number of samples in all bands of a chunk: 16 bands of 40,000 complex64 samples are 5 MB, which
# fit into the L3 cache. There are at least two chunks, to keep two cores busy.
_SAMPLES_PER_CHUNK = 640_000


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
    waveforms = tf.convert_to_tensor(waveforms, tf.float32)
    if waveforms.shape.rank != 2 or waveforms.shape[1] is None:
        raise InputError(f"waveforms must be [batch, samples], got shape {waveforms.shape}")
    return compress(subband_envelopes(waveforms, config), config)


def compress(envelopes: tf.Tensor, config: CochleagramConfig) -> tf.Tensor:
    """Compresses envelopes [batch, filters, frames] to cochleagrams [batch, filters, frames, 1]."""
    compressed = gradients.clipped_power(
        tf.nn.relu(envelopes) * config.scale, config.exponent, config.slope_clip
    )
    return compressed[..., tf.newaxis]


def subband_envelopes(waveforms: tf.Tensor, config: CochleagramConfig) -> tf.Tensor:
    """Downsampled Hilbert envelopes of the subbands, [batch, filters, frames].

    The envelope is half the magnitude of the analytic signal, because the one-sided spectrum
    is padded with zeros but not doubled (docs/sources.md 1e, item 1). Values can be slightly
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
                # The gradient of |z| is z/|z|; it is zero where z is zero, as in TensorFlow.
                ratio = tf.math.divide_no_nan(downsample.transposed(d_frames), magnitude)
                d_analytic = tf.signal.fft(tf.complex(ratio * real, ratio * imag))
                d_subbands = d_analytic[..., : num_samples // 2 + 1] * chunk
                total += tf.reduce_sum(d_subbands, axis=1, keepdims=True)
            # The transpose of rfft, computed by irfft, which counts all but the outermost bins twice.
            weights = np.full(num_samples // 2 + 1, 0.5, np.float32)
            weights[[0, -1]] = 1.0
            return tf.signal.irfft(total[:, 0] * tf.constant(weights, tf.complex64))

        return tf.concat(frames, axis=1), gradient

    return envelopes(waveforms)


class Downsample:
    """Strided convolution with a long window, computed as a matrix product over blocks.

    It gives what `tf.nn.conv2d(..., stride, "SAME")` gives with the window as its kernel. Signal
    and window are cut into blocks of `stride` samples; one matrix product multiplies every block of
    the signal with every block of the window; the diagonals of the result are summed.

    Args:
      num_samples: length of the signal.
      num_frames: length of the result.
      stride: samples from one frame to the next.
      window: [taps], the kernel.
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
        """Downsamples [batch, bands, samples] to [batch, bands, frames]."""
        bands = signal.shape[1]
        padded = tf.pad(signal, [[0, 0], [0, 0], [self.left, self.right]])
        blocks = tf.reshape(padded, [-1, bands, self.blocks, self.stride])
        products = tf.matmul(blocks, self.matrix)
        return tf.add_n([products[:, :, j : j + self.num_frames, j] for j in range(self.taps)])

    def transposed(self, frames: tf.Tensor) -> tf.Tensor:
        """The transpose, for the gradient: from [batch, bands, frames] to [batch, bands, samples]."""
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
    """The filters of a front end in chunks of bands, computed once.

    The tensors are made outside any graph, so that graphs take them as inputs. As constants within a
    graph they would be copied and checked for constant folding at every tracing.
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
