"""The paper's modified gradients, as pure functions.

Feather et al. (2019), section 3.1: the ReLU at the matched layer passes the
gradient at every value, and the gradients of the power and the logarithm in the
cochlear front ends are clipped. All functions work eagerly, in a `tf.function`,
under XLA and in bfloat16.
"""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Callable, Iterator

import tensorflow as tf

_Relu = Callable[[tf.Tensor, float | None], tf.Tensor]
_replaced: contextvars.ContextVar[_Relu | None] = contextvars.ContextVar("replaced", default=None)


@contextlib.contextmanager
def replaced_relu(relu: _Relu | None) -> Iterator[None]:
    """While it lasts, `clipped_relu` gives what another function does; None changes nothing.

    What a `tf.function` has built stays as it is.

    Args:
      relu: of a tensor and a ceiling, which may be None.

    Example:
      >>> with replaced_relu(lambda x, ceiling: 0.5 * x):
      ...     clipped_relu(tf.constant([-1.0, 2.0, 8.0]), 6.0).numpy()
      array([-0.5,  1. ,  4. ], dtype=float32)
    """
    token = _replaced.set(relu)
    try:
        yield
    finally:
        _replaced.reset(token)


def linear_gradient_relu(x: tf.Tensor, ceiling: float | None = None) -> tf.Tensor:
    """ReLU whose gradient is 1 everywhere, also where the output is flat.

    Args:
      x: any floating-point tensor.
      ceiling: upper bound of a clipped ReLU (6 in MobileNet, 20 in DeepSpeech).

    Returns:
      min(max(x, 0), ceiling), of the shape and type of `x`.

    Source: paper 3.1; docs/sources.md 4a and 6 ("ReLU gradient").
    """

    @tf.custom_gradient
    def linear_gradient(value):
        return clipped_relu(value, ceiling), lambda dy: dy

    return linear_gradient(x)


def clipped_relu(x: tf.Tensor, ceiling: float | None = None) -> tf.Tensor:
    """min(max(x, 0), ceiling) with the ordinary gradient; no bound when None. See `replaced_relu`."""
    return (_replaced.get() or exact_relu)(x, ceiling)


def exact_relu(x: tf.Tensor, ceiling: float | None = None) -> tf.Tensor:
    """`clipped_relu`, whatever replaces that."""
    if ceiling == 6.0:
        return _relu6(x)
    rectified = tf.nn.relu(x)
    return rectified if ceiling is None else tf.minimum(rectified, tf.cast(ceiling, x.dtype))


def _relu6(x: tf.Tensor) -> tf.Tensor:
    """`clipped_relu` at 6 to the same bits, in a third of its passes over memory."""

    @tf.custom_gradient
    def relu6(value):
        def gradient(dy):
            # TensorFlow's gradient of relu6 is 0 at 6 itself, but that of a minimum is 1: the nearest
            # number below counts as it does, and the nearest above counts as 6.
            return tf.raw_ops.Relu6Grad(gradients=dy, features=value * (1.0 - 2.0**-24))

        return tf.nn.relu6(value), gradient

    return relu6(x)


def clipped_power(x: tf.Tensor, exponent: float = 0.3, clip: float = 1.0) -> tf.Tensor:
    """max(x, 0) ** exponent, with the slope clipped to [-clip, clip].

    The slope is clip where it is not finite (at and below zero), and is not
    masked below zero: a band that has fallen silent can still be raised.

    Args:
      x: any floating-point tensor.
      exponent: the power; 0.3 in the paper's cochleagram.
      clip: largest absolute slope.

    Returns:
      A tensor of the shape and type of `x`.

    Source: paper 3.1 ("gradient clipping"); docs/sources.md 1e, item 5.
    """

    @tf.custom_gradient
    def power(value):
        rectified = tf.nn.relu(value)

        def gradient(dy):
            slope = exponent * tf.pow(rectified, exponent - 1.0)
            return dy * _clip_slope(slope, clip)

        return tf.pow(rectified, exponent), gradient

    return power(x)


def clipped_log(x: tf.Tensor, floor: float = 1e-30, clip: float = 1.0) -> tf.Tensor:
    """log(max(x, floor)), with the slope 1/x clipped to [-clip, clip].

    Below `floor` the slope is `clip`, so silence can be left again.

    Args:
      x: any floating-point tensor; energies are expected to be >= 0.
      floor: smallest value whose logarithm is taken; must be representable in
        the type of `x`.
      clip: largest absolute slope.

    Returns:
      A tensor of the shape and type of `x`.

    Source: paper 3.1 (logarithms are clipped; the bound is not given, docs/sources.md 4b).
    """

    @tf.custom_gradient
    def log(value):
        floored = tf.maximum(value, tf.cast(floor, value.dtype))

        def gradient(dy):
            return dy * _clip_slope(1.0 / floored, clip)

        return tf.math.log(floored), gradient

    return log(x)


def _clip_slope(slope: tf.Tensor, clip: float) -> tf.Tensor:
    """`slope` within [-clip, clip]; NaN becomes `clip`."""
    bound = tf.cast(clip, slope.dtype)
    clipped = tf.clip_by_value(slope, -bound, bound)
    return tf.where(tf.math.is_nan(slope), tf.fill(tf.shape(slope), bound), clipped)
