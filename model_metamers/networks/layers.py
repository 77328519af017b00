"""Operations that several networks share, as pure functions of tensors.

Images and cochleagrams are [batch, height, width, channels]; for sounds height is
frequency and width is time.
"""

from __future__ import annotations

import functools
import math
import zlib
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import tensorflow as tf

from model_metamers.networks import transformed_kernels

# How a forward pass runs: False at test. In training it is the seed of this step's dropout, int32
# [2], which makes the step repeatable, or True to draw dropout anew.
Training: TypeAlias = bool | tf.Tensor


def initializer(kind: str) -> Callable:
    """A function (shape, seed) -> initial values: "zeros", "ones", "glorot_uniform" or "he_normal".

    TF-slim and tf.layers start kernels from glorot_uniform ("xavier").
    """
    if kind in ("zeros", "ones"):
        return lambda shape, seed: getattr(tf, kind)(shape)
    classes = {
        "glorot_uniform": tf.keras.initializers.GlorotUniform,
        "he_normal": tf.keras.initializers.HeNormal,
    }
    return lambda shape, seed: classes[kind](seed=seed)(shape)


def truncated_normal(stddev: float) -> Callable:
    """A function (shape, seed) -> values of a normal distribution cut at two standard deviations."""
    return lambda shape, seed: tf.keras.initializers.TruncatedNormal(stddev=stddev, seed=seed)(shape)


def depthwise_initializer(per_kernel: Callable) -> Callable:
    """An initialiser for depthwise kernels [height, width, in, multiplier].

    Initialisers take the number of input channels from the third axis, but each depthwise filter
    sees only one channel; so the last two axes are exchanged for `per_kernel`.
    """

    def initialize(shape, seed):
        height, width, channels, multiplier = shape
        return tf.transpose(per_kernel([height, width, multiplier, channels], seed), [0, 1, 3, 2])

    return initialize


def same_pads(lengths: Sequence[int], size: Sequence[int], strides: Sequence[int]) -> list[tuple[int, int]]:
    """The zeros that TensorFlow's "SAME" puts before and after each axis.

    Args:
      lengths: length of each axis.
      size: size of the window along each axis, dilation included.
      strides: stride along each axis.

    Returns:
      (before, after) for each axis.

    Example:
      >>> same_pads([7, 8], size=[3, 3], strides=[2, 2])
      [(1, 1), (0, 1)]
    """
    pads = []
    for length, window, stride in zip(lengths, size, strides, strict=True):
        total = max(window - (length % stride or stride), 0)
        pads.append((total // 2, total - total // 2))
    return pads


def convolution(
    x: tf.Tensor, kernel: tf.Tensor, strides: int | Sequence[int] = 1, padding: str = "SAME"
) -> tf.Tensor:
    """Convolution of [batch, height, width, in] with kernel [height, width, in, out].

    A search may take it by another algorithm (`transformed_kernels.py`), the same but for rounding.

    Args:
      x: of the kernel's type.
      kernel: as it stands in the network's `weights`.
      strides: one for both axes, or (height, width).
      padding: "SAME" or "VALID".
    """
    other = transformed_kernels.convolved(x, kernel, strides, padding)
    return tf.nn.conv2d(x, kernel, strides, padding) if other is None else other


def conv2d(
    x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor, strides: Sequence[int] = (1, 1), padding: str = "SAME"
) -> tf.Tensor:
    """Convolution of [batch, height, width, in] with kernel [height, width, in, out] and bias [out]."""
    return tf.nn.bias_add(convolution(tf.cast(x, kernel.dtype), kernel, strides, padding), bias)


def dilated_conv2d(
    x: tf.Tensor, kernel: tf.Tensor, strides: Sequence[int], dilation: Sequence[int], padding: str
) -> tf.Tensor:
    """Convolution with a kernel whose entries lie `dilation` apart; its gradient works on every machine.

    Args:
      x: [batch, height, width, in].
      kernel: [height, width, in, out].
      strides: (height, width).
      dilation: (height, width), 1 for neighbours.
      padding: "SAME" or "VALID".
    """
    if tuple(dilation) == (1, 1):
        return convolution(x, kernel, strides, padding)
    if _differentiates_dilation():
        return tf.nn.conv2d(x, kernel, strides, padding, dilations=dilation)
    return tf.nn.conv2d(x, _spread(kernel, dilation), strides, padding)


@functools.cache
def _differentiates_dilation() -> bool:
    """Whether TensorFlow has the gradient of dilated convolution here; on a CPU only oneDNN has it."""
    with tf.init_scope():
        try:
            tf.raw_ops.Conv2DBackpropInput(
                input_sizes=[1, 3, 3, 1],
                filter=tf.ones([2, 2, 1, 1]),
                out_backprop=tf.ones([1, 1, 1, 1]),
                strides=[1, 1, 1, 1],
                padding="VALID",
                dilations=[1, 2, 2, 1],
            )
        except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError):
            return False
    return True


def _spread(kernel: tf.Tensor, dilation: Sequence[int]) -> tf.Tensor:
    """The kernel with zeros between its entries."""
    height, width, *channels = kernel.shape
    rows, columns = dilation
    spread = tf.reshape(kernel, [height, 1, width, 1, *channels])
    spread = tf.pad(spread, [(0, 0), (0, rows - 1), (0, 0), (0, columns - 1), (0, 0), (0, 0)])
    spread = tf.reshape(spread, [height * rows, width * columns, *channels])
    return spread[: (height - 1) * rows + 1, : (width - 1) * columns + 1]


def conv2d_same(x: tf.Tensor, kernel: tf.Tensor, stride: int = 1) -> tf.Tensor:
    """Convolution whose padding does not depend on the input's size or the stride.

    With a stride, TensorFlow's "SAME" pads an even size on the right only. This pads both
    sides alike, so that a strided convolution gives a subsample of the one with stride 1.

    Args:
      x: [batch, height, width, in].
      kernel: [height, width, in, out].
      stride: stride along both axes.

    Source: slim's resnet_utils.conv2d_same; docs/sources.md 4a.
    """
    x = tf.cast(x, kernel.dtype)
    if stride == 1:
        return convolution(x, kernel)
    pads = [((size - 1) // 2, size // 2) for size in kernel.shape[:2]]
    return tf.nn.conv2d(tf.pad(x, [(0, 0), *pads, (0, 0)]), kernel, stride, "VALID")


def batch_norm(
    x: tf.Tensor,
    gamma: tf.Variable,
    beta: tf.Variable,
    moving_mean: tf.Variable,
    moving_variance: tf.Variable,
    training: Training = False,
    momentum: float = 0.99,
    epsilon: float = 1e-3,
    fused: bool = False,
) -> tf.Tensor:
    """Batch normalisation over all but the last axis.

    In training the values are normalised by the batch's own mean and variance, and the moving
    averages are updated. The defaults are those of TF1's tf.layers, as the lab used it
    (docs/sources.md 1a).

    Args:
      x: [batch, ..., channels]; the arithmetic is float32 whatever its type.
      gamma, beta, moving_mean, moving_variance: [channels]; gamma may be None.
      training: see `Training`.
      momentum: decay of the moving averages.
      epsilon: added to the variance.
      fused: whether training uses TensorFlow's fused operation, as slim does. It is faster, and
        the moving average is that of the batch's unbiased variance.

    Returns:
      The normalised values, of the shape and type of x.
    """
    if training is False:
        return tf.nn.batch_normalization(x, moving_mean, moving_variance, beta, gamma, epsilon)
    if fused:
        scale = tf.ones_like(beta) if gamma is None else gamma
        x, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=x, scale=scale, offset=beta, mean=[], variance=[], epsilon=epsilon, is_training=True
        )
    else:
        dtype, x = x.dtype, tf.cast(x, tf.float32)
        mean, variance = tf.nn.moments(x, axes=list(range(x.shape.rank - 1)))
        x = tf.cast(tf.nn.batch_normalization(x, mean, variance, beta, gamma, epsilon), dtype)
    moving_mean.assign_sub((moving_mean - mean) * (1 - momentum))
    moving_variance.assign_sub((moving_variance - variance) * (1 - momentum))
    return x


def dropout(x: tf.Tensor, rate: float, training: Training, name: str) -> tf.Tensor:
    """Dropout in training; `name` lets each layer of a network draw differently from the same seed."""
    if training is False:
        return x
    if training is True:
        return tf.nn.dropout(x, rate)
    seed = tf.random.experimental.stateless_fold_in(training, zlib.crc32(name.encode()) & 0x7FFFFFFF)
    return tf.nn.experimental.stateless_dropout(x, rate, seed)


def hann_kernel(pool_size: Sequence[int], sqrt_window: bool = False, normalize: bool = False) -> np.ndarray:
    """Outer product of two symmetric Hann windows, float64 [height, width].

    The windows include the zeros at their ends; a window of size 1 is [1].

    Args:
      pool_size: height and width; four times the stride in the paper's networks.
      sqrt_window: whether to take the square root of the window (an older form).
      normalize: whether to divide by the sum, so that pooling is a weighted average.

    Source: docs/sources.md 1c.

    Example:
      >>> hann_kernel((3, 5))
      array([[0. , 0. , 0. , 0. , 0. ],
             [0. , 0.5, 1. , 0.5, 0. ],
             [0. , 0. , 0. , 0. , 0. ]])
    """
    kernel = np.outer(*(np.hanning(size) for size in pool_size))
    if sqrt_window:
        kernel = np.sqrt(kernel)
    return kernel / kernel.sum() if normalize else kernel


def hann_pool(
    x: tf.Tensor,
    strides: Sequence[int],
    pool_size: Sequence[int],
    padding: str = "SAME",
    sqrt_window: bool = False,
    normalize: bool = False,
) -> tf.Tensor:
    """Weighted average pooling with a Hann kernel (paper 3.2, docs/sources.md 1c).

    It is computed as a depthwise convolution. The authors' dense convolution with an identity
    kernel gives the same at many times the cost. TensorFlow's depthwise convolution takes unequal
    strides only with oneDNN; with unequal strides the pooling therefore moves by their greatest
    common divisor and the outputs in between are dropped, which gives the same bits where both work.

    Args:
      x: [batch, height, width, channels].
      strides: (height, width).
      pool_size: (height, width) of the window.
      padding: "SAME" or "VALID".
      sqrt_window, normalize: see `hann_kernel`.
    """
    kernel = hann_kernel(pool_size, sqrt_window, normalize)
    depthwise = np.repeat(kernel[:, :, np.newaxis, np.newaxis], x.shape[-1], axis=2)
    depthwise = tf.constant(depthwise, x.dtype)
    step = math.gcd(*strides)
    if tuple(strides) == (step, step):
        return tf.nn.depthwise_conv2d(x, depthwise, [1, step, step, 1], padding)
    if padding == "SAME":
        x = tf.pad(x, [(0, 0), *same_pads(x.shape[1:3], pool_size, strides), (0, 0)])
    pooled = tf.nn.depthwise_conv2d(x, depthwise, [1, step, step, 1], "VALID")
    return pooled[:, :: strides[0] // step, :: strides[1] // step]
