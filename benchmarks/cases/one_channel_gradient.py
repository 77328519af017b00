"""The gradient to a cochleagram through the reduced-aliasing network's first convolution."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from benchmarks import tables, timing
from benchmarks.agreement import error_of_norm
from benchmarks.results import Result, Table
from benchmarks.settings import Settings
from benchmarks.timing import Contender
from model_metamers.networks import one_channel

# Batch, cochleagram and channels: the paper's, and the small network's as it is trained.
_SIZES = ((1, (171, 400), 96), (64, (53, 200), 16))


def run(name: str, settings: Settings) -> Result:
    """`one_channel.conv2d_of_one_channel` against TensorFlow's own gradient of the same convolution."""
    del name
    found, notes = [], []
    for batch, size, channels in _SIZES:
        random = np.random.RandomState(0)
        x = tf.constant(random.randn(batch, *size, 1), tf.float32)
        kernel = tf.constant(random.randn(7, 14, 1, channels), tf.float32)
        calls = {
            tables.OURS: _gradient_of(one_channel.conv2d_of_one_channel),
            "TensorFlow's": _gradient_of(lambda x, kernel: tf.nn.conv2d(x, kernel, 1, "SAME")),
        }
        gradient, expected = (call(x, kernel) for call in calls.values())
        error = error_of_norm(gradient, expected)
        title = f"{batch} x {size[0]} x {size[1]}, {channels} channels, forward and gradient"
        notes.append(f"{title}: {error:.1e} of the gradient's norm from TensorFlow's.")
        contenders = [Contender(by, _repeated(call, x, kernel)) for by, call in calls.items()]
        times = timing.in_turn(contenders, settings.rounds, settings.seconds)
        found.append(Table(title, tables.COLUMNS, tuple(tables.rows(times)), tables.numbers(times)))
    return Result(tuple(found), tuple(notes))


def _gradient_of(convolve):
    @tf.function(autograph=False)
    def gradient(x, kernel):
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.nn.l2_loss(convolve(x, kernel))
        return tape.gradient(loss, x)

    return gradient


def _repeated(call, *arguments):
    return lambda repetitions: [call(*arguments).numpy() for _ in range(repetitions)]
