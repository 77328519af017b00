"""A front end's values with their gradient."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf

_HAS_ALL = (2, 21)  # its XLA has transforms in float64 on processors; that of 2.16 has none


def compiled(front_end: Callable) -> Callable:
    """A front end compiled by XLA; the test is skipped where an older XLA lacks a transform."""
    run = tf.function(front_end, jit_compile=True)

    def run_or_skip(*given: object) -> tf.Tensor:
        try:
            return run(*given)
        except tf.errors.InvalidArgumentError as error:
            if tuple(map(int, tf.__version__.split(".")[:2])) < _HAS_ALL and "COMPLEX128" in str(error):
                pytest.skip(f"XLA of TensorFlow {tf.__version__} has no transform in float64")
            raise

    return run_or_skip


def with_gradient(front_end: Callable, waveforms: np.ndarray, *settings: object) -> tuple:
    """What a front end gives for waveforms, and the gradient of half its sum of squares to them."""
    waveforms = tf.constant(waveforms)
    with tf.GradientTape() as tape:
        tape.watch(waveforms)
        values = front_end(waveforms, *settings)
        loss = tf.nn.l2_loss(values)
    return values.numpy(), tape.gradient(loss, waveforms).numpy()
