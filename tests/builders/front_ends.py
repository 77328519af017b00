"""A front end's values with their gradient."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf


def with_gradient(front_end: Callable, waveforms: np.ndarray, *settings: object) -> tuple:
    """What a front end gives for waveforms, and the gradient of half its sum of squares to them."""
    waveforms = tf.constant(waveforms)
    with tf.GradientTape() as tape:
        tape.watch(waveforms)
        values = front_end(waveforms, *settings)
        loss = tf.nn.l2_loss(values)
    return values.numpy(), tape.gradient(loss, waveforms).numpy()
