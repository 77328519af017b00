"""Max pooling whose gradient is computed alike wherever it is compiled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import tensorflow as tf

_Sizes: TypeAlias = int | Sequence[int]


def max_pool2d(x: tf.Tensor, size: _Sizes, stride: _Sizes, padding: str) -> tf.Tensor:
    """`tf.nn.max_pool2d`, whose gradient is the same kernel in every process and the fast one.

    oneDNN has a gradient of max pooling that needs what the pooling left behind. TensorFlow takes it
    where it comes upon the pooling before its gradient as it goes through a graph. In a loop it does in
    some processes and not in others, by where its tables lie in memory. The kernel that is taken
    otherwise is five times slower and, where windows overlap, adds in another order. So the gradient is
    a graph of its own here, with a pooling in it, which costs a tenth of what is won.
    See docs/measurements.md, "The same bits twice".

    Args:
      x: [batch, height, width, channels].
      size: of the window, one number or (height, width).
      stride: likewise.
      padding: "SAME" or "VALID".

    Example:
      >>> max_pool2d(tf.reshape(tf.range(4.0), [1, 2, 2, 1]), 2, 2, "VALID").numpy().item()
      3.0
    """
    if tf.config.list_physical_devices("GPU"):  # where there is no such choice
        return tf.nn.max_pool2d(x, size, stride, padding)

    @tf.custom_gradient
    def pooled(x):
        return tf.nn.max_pool2d(x, size, stride, padding), lambda dy: _gradient(x, dy, size, stride, padding)

    return pooled(x)


def _of_pooling(x: tf.Tensor, dy: tf.Tensor, size: _Sizes, stride: _Sizes, padding: str) -> tf.Tensor:
    """The gradient to x, of its shape, from dy, that to the pooled values."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = tf.nn.max_pool2d(x, size, stride, padding)
    return tape.gradient(value, x, output_gradients=dy)


_gradient = tf.function(_of_pooling, autograph=False, experimental_attributes={"_noinline": True})
