"""Convolution of an input of one channel, as the first convolution of a cochleagram is."""

from __future__ import annotations

import tensorflow as tf

# The number of output channels that convolution libraries compute at a time.
_COLUMNS = 16


def conv2d_of_one_channel(x: tf.Tensor, kernel: tf.Tensor, padding: str = "SAME") -> tf.Tensor:
    """Convolution of a one-channel input at stride 1, with a gradient to the input of its own.

    Convolution libraries compute output channels sixteen at a time, so a gradient to one
    channel costs as much as one to sixteen. Here the gradient is a convolution with a stride of
    sixteen columns, whose sixteen output channels are those sixteen columns. On an older processor without
    AVX-512 that was slower at 96 channels (`make bench CASES=one_channel_gradient` tells of yours).

    Args:
      x: [batch, height, width, 1].
      kernel: [height, width, 1, out].
      padding: "SAME" or "VALID".
    """
    height, width = x.shape[1:3]
    before, after = [0, 0], [0, 0]
    if padding == "SAME":
        before = [(size - 1) // 2 for size in kernel.shape[:2]]
        after = [size // 2 for size in kernel.shape[:2]]

    @tf.custom_gradient
    def convolve(x, kernel):
        def gradient(dy):
            d_kernel = tf.raw_ops.Conv2DBackpropFilter(
                input=x, filter_sizes=kernel.shape, out_backprop=dy, strides=[1, 1, 1, 1], padding=padding
            )
            return _gradient_to_one_channel(dy, kernel, height, width, before, after), d_kernel

        return tf.nn.conv2d(x, kernel, 1, padding), gradient

    return convolve(x, tf.convert_to_tensor(kernel))


def _gradient_to_one_channel(dy, kernel, height: int, width: int, before, after) -> tf.Tensor:
    """[batch, height, width, 1] from dy and the kernel of `conv2d_of_one_channel`."""
    rows, columns = kernel.shape[:2]
    blocks = -(-width // _COLUMNS)
    # The gradient of a column is a product with the reversed kernel, moved on by one for each column.
    turned = tf.transpose(kernel[::-1, ::-1], [0, 1, 3, 2])
    moved = [tf.pad(turned, [[0, 0], [i, _COLUMNS - 1 - i], [0, 0], [0, 0]]) for i in range(_COLUMNS)]
    left = columns - 1 - before[1]
    span = (blocks - 1) * _COLUMNS + columns + _COLUMNS - 1
    right = span - left - dy.shape[2]
    pads = [[0, 0], [rows - 1 - before[0], rows - 1 - after[0]], [left, right], [0, 0]]
    gradient = tf.nn.conv2d(tf.pad(dy, pads), tf.concat(moved, axis=-1), [1, _COLUMNS], "VALID")
    return tf.reshape(gradient, [-1, height, blocks * _COLUMNS, 1])[:, :, :width]
