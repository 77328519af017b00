"""Raising and lowering sample rates by matrix products, and a filter that interpolates."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

# A block gets about as many samples of the low rate as this: more of them waste products with zeros, fewer
# copy each sample too often.
_SAMPLES_PER_BLOCK = 16


class Resampling:
    """Raises a sample rate by a whole factor with a filter; its transpose lowers it with the same filter.

    Sample t of the high rate is the sum over the samples j of the low rate of low[j] x
    kernel[t - j x factor + first]. The high rate is computed in blocks: each is a product of the samples
    around it with one matrix. Samples before the first and after the last one must be given.

    Args:
      kernel: [taps], the filter at the high rate.
      first: the tap that low[0] is multiplied with in high[0].
      factor: samples of the high rate for one of the low rate.
      size: number of samples at the low rate that stand for the whole signal.

    Attributes:
      factor: as given.
      before: how many samples must be given before these.
      length: how many must be given in all.
    """

    def __init__(self, kernel: np.ndarray, first: int, factor: int, size: int):
        self.factor = factor
        self.step = max(n for n in range(1, min(size, _SAMPLES_PER_BLOCK) + 1) if size % n == 0)
        self.block = self.step * factor
        self.num_blocks = size // self.step
        self.before = (len(kernel) - 1 - first) // factor
        self.reach = self.before + (self.block - 1 + first) // factor + 1
        self.parts = -(-self.reach // self.step)
        self.length = (self.num_blocks + self.parts - 1) * self.step
        low = np.arange(self.reach) - self.before
        taps = np.arange(self.block) - low[:, np.newaxis] * factor + first
        inside = (taps >= 0) & (taps < len(kernel))
        self.matrix = tf.constant(np.where(inside, kernel[np.where(inside, taps, 0)], 0.0), tf.float32)

    def __call__(self, low: tf.Tensor) -> tf.Tensor:
        """From [rows, length] to [rows, size x factor]."""
        blocks = tf.reshape(low, [-1, self.num_blocks + self.parts - 1, self.step])
        parts = [blocks[:, i : i + self.num_blocks, : self._width(i)] for i in range(self.parts)]
        around = tf.reshape(tf.concat(parts, axis=-1), [-1, self.reach])
        return tf.reshape(tf.matmul(around, self.matrix), [-1, self.num_blocks * self.block])

    def transposed(self, high: tf.Tensor) -> tf.Tensor:
        """From [rows, size x factor] to [rows, length]."""
        blocks = tf.reshape(high, [-1, self.block])
        around = tf.matmul(blocks, self.matrix, transpose_b=True)
        around = tf.reshape(around, [-1, self.num_blocks, self.reach])
        parts = []
        for i in range(self.parts):
            part, width = around[:, :, i * self.step : (i + 1) * self.step], self._width(i)
            parts.append(tf.pad(part, [[0, 0], [i, self.parts - 1 - i], [0, self.step - width]]))
        return tf.reshape(tf.add_n(parts), [-1, self.length])

    def _width(self, part: int) -> int:
        """How many samples of a block's surroundings come from the block `part` blocks on."""
        return min(self.step, self.reach - part * self.step)


def periodic(low: tf.Tensor, length: int) -> tf.Tensor:
    """[rows, size] repeated to [rows, length]."""
    times, rest = divmod(length, low.shape[1])
    return tf.concat([low] * times + [low[:, :rest]], axis=1)


def periodic_transposed(low: tf.Tensor, size: int) -> tf.Tensor:
    """The transpose of `periodic`, from [rows, length] to [rows, size]."""
    whole = -(-low.shape[1] // size)
    padded = tf.pad(low, [[0, 0], [0, whole * size - low.shape[1]]])
    return tf.add_n(tf.split(padded, whole, axis=1))


def interpolation_taps(oversampling: float, error: float) -> int:
    """How many samples of the low rate an interpolated one needs, an even number.

    Args:
      oversampling: sample rate over the width of what is interpolated, above 1.
      error: of the result, as a part of the largest value.

    Source: Barnett, Magland and af Klinteberg (2019), doi:10.1137/18M120885X.
    """
    return 2 * int(np.ceil(-np.log(error) / np.sqrt(1 - 1 / oversampling) / np.pi / 2))


def interpolation_kernel(taps: int, factor: int, oversampling: float) -> np.ndarray:
    """A Kaiser window [taps x factor + 1] that interpolates what was divided by its own spectrum.

    Source: Beatty, Nishimura and Pauly (2005), doi:10.1109/TMI.2005.848376, equation 5.
    """
    beta = np.pi * np.sqrt((taps / oversampling) ** 2 * (oversampling - 0.5) ** 2 - 0.8)
    return np.kaiser(taps * factor + 1, beta)


def frequency_response(kernel: np.ndarray, num_samples: int) -> np.ndarray:
    """Response [num_samples // 2 + 1] of a symmetric kernel at the frequencies of an FFT of that length."""
    times = np.arange(len(kernel)) - len(kernel) // 2
    return np.fft.rfft(np.bincount(times % num_samples, kernel, num_samples)).real
