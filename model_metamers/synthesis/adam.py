"""Adam as in TensorFlow 1, whose steps the paper's search takes.

Source: docs/sources.md 6.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from model_metamers.synthesis.matching import loss_and_gradient
from model_metamers.synthesis.state import BETA1, BETA2

if TYPE_CHECKING:
    from model_metamers.networks.network import Network

_EPSILON = 1e-8
_DECAY_STEPS = 1000


def fresh(
    signals: np.ndarray, targets: np.ndarray | None = None, sample_rate: int | None = None
) -> dict[str, np.ndarray]:
    """What Adam remembers before the first step; it looks at no target."""
    del targets, sample_rate
    return {
        "m": np.zeros_like(signals, np.float32),
        "v": np.zeros_like(signals, np.float32),
        "beta_powers": np.array([BETA1, BETA2], np.float32),
    }


def after_draft(signals: tf.Tensor, optimizer: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """What Adam remembers where the exact steps begin: all of it."""
    return optimizer


def compiled_steps(network: Network, layer: str, relu_gradient: str) -> Callable:
    """Some steps as one compiled loop.

    Returns:
      A function of the signals, what Adam remembers, the finished steps, how many to take, the
      learning rate at the start with its factor per 1000 steps, and the activations wanted. It
      gives signals, what Adam remembers, and losses [steps, batch].
    """

    def steps(signals, optimizer, step, length, rate, decay, wanted):
        def body(i, signals, m, v, powers, losses):
            loss, gradient = loss_and_gradient(network, layer, relu_gradient, signals, wanted)
            signals, m, v = adam_update(signals, gradient, m, v, powers, learning_rate(rate, decay, step + i))
            if network.signal.bounded:
                signals = tf.clip_by_value(signals, network.signal.low, network.signal.high)
            powers = powers * tf.constant([BETA1, BETA2])
            return i + 1, signals, m, v, powers, losses.write(i, loss)

        losses = tf.TensorArray(tf.float32, size=length, element_shape=[signals.shape[0]])
        _, signals, m, v, powers, losses = tf.while_loop(
            lambda i, *_: i < length,
            body,
            (tf.constant(0), signals, optimizer["m"], optimizer["v"], optimizer["beta_powers"], losses),
            parallel_iterations=1,
        )
        return signals, {"m": m, "v": v, "beta_powers": powers}, losses.stack()

    return tf.function(steps, autograph=False)


def learning_rate(start: tf.Tensor | float, decay: tf.Tensor | float, step: tf.Tensor) -> tf.Tensor:
    """TF1's exponential_decay, smooth (not a staircase), in float32; `decay` is the factor per 1000 steps."""
    exponent = tf.cast(step, tf.float32) / _DECAY_STEPS
    return start * tf.pow(decay, exponent)


def adam_update(signals, gradient, m, v, beta_powers, learning_rate):
    """One step of TF1's Adam, which adds epsilon outside the bias correction.

    Args:
      signals, gradient, m, v: [batch, *shape]; m and v are the running moments.
      beta_powers: [2], the powers of beta 1 and beta 2 for this step; the caller updates them.
      learning_rate: the rate of this step.

    Returns:
      The new signals and moments.
    """
    rate = learning_rate * tf.sqrt(1.0 - beta_powers[1]) / (1.0 - beta_powers[0])
    m = m + (gradient - m) * (1.0 - BETA1)
    v = v + (gradient * gradient - v) * (1.0 - BETA2)
    return signals - rate * m / (tf.sqrt(v) + _EPSILON), m, v
