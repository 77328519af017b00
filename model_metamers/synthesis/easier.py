"""Easier hidden ReLUs, with which a search by L-BFGS may begin.

Where ReLUs are flat, no gradient brings a unit back; where they bend, what L-BFGS has learnt of the
curvature does not hold beyond the bend. So they leak, and their bends are rounded off.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from model_metamers import gradients
from model_metamers.networks.network import Network

SLOPE = 0.1  # of leaky ReLUs where they are flat
_WIDTH = 0.3  # of a rounded bend to either side, in standard deviations of the target's values there
_LEAST = 1e-12  # no bend is sharper, so that nothing is divided by zero


class Easier(NamedTuple):
    """How hidden ReLUs are computed instead of exactly; the defaults are exact.

    Attributes:
      slope: where they are flat.
      widths: [ReLUs in the order in which the network computes them, batch], how far to either side of
        a bend it is rounded off; None leaves bends as they are.
    """

    slope: float = 0.0
    widths: tf.Tensor | None = None

    def relu(self) -> Callable[[tf.Tensor, float | None], tf.Tensor] | None:
        """What takes the ReLUs' place while a network is built once; None where they are exact.

        Example:
          >>> relu = Easier(0.1, tf.constant([[2.0, 4.0]])).relu()
          >>> relu(tf.constant([[-1.0, 9.0], [-1.0, 9.0]]), None).numpy()
          array([[0.0125 , 9.     ],
                 [0.40625, 9.     ]], dtype=float32)
        """
        if not self.slope and self.widths is None:
            return None
        places = itertools.count()

        def eased(x: tf.Tensor, ceiling: float | None) -> tf.Tensor:
            if self.widths is None:
                y = gradients.exact_relu(x, ceiling)
            else:
                y = _rounded_relu(x, self.widths[next(places)], ceiling)
            return y + tf.cast(self.slope, x.dtype) * (x - y) if self.slope else y

        return eased


EXACT = Easier()


def widths(network: Network, targets: tf.Tensor) -> tf.Tensor:
    """How far the bends of each ReLU are rounded off, [ReLUs, batch], for targets [batch, *shape]."""

    def build():
        def steps(signals):
            found = []

            def measured(x: tf.Tensor, ceiling: float | None) -> tf.Tensor:
                of_each = tf.reshape(tf.cast(x, tf.float32), [signals.shape[0], -1])
                found.append(_WIDTH * tf.math.reduce_std(of_each, axis=1))
                return gradients.exact_relu(x, ceiling)

            with gradients.replaced_relu(measured):
                network.forward(signals)
            return tf.stack(found) if found else tf.zeros([0, signals.shape[0]])

        return tf.function(steps, autograph=False)

    return network.compiled(("widths of bends",), build)(tf.constant(targets, tf.float32))


def _rounded_relu(x: tf.Tensor, width: tf.Tensor, ceiling: float | None) -> tf.Tensor:
    """A ReLU with a parabola over each bend, of values that lie together for each signal; width [batch]."""
    of_each = tf.reshape(x, [width.shape[0], -1])
    width = tf.cast(tf.maximum(width, _LEAST), x.dtype)[:, tf.newaxis]
    y = _rounded(of_each, width)
    if ceiling is not None:
        y -= _rounded(of_each - tf.cast(ceiling, x.dtype), width)
    return tf.reshape(y, tf.shape(x))


def _rounded(x: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
    """max(x, 0), but (x + width)^2 / (4 width) within the width of 0."""

    @tf.custom_gradient
    def rounded(value):
        def gradient(dy):
            return dy * tf.clip_by_value(0.5 + value / (2.0 * width), 0.0, 1.0)

        beside = tf.nn.relu(width - tf.abs(value))
        return tf.nn.relu(value) + beside * beside / (4.0 * width), gradient

    return rounded(x)
