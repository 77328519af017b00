"""The cochleagram and its gradient, against the released arrangement."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from benchmarks import tables, timing
from benchmarks.agreement import error_of_norm
from benchmarks.references.tf1_networks import plain_cochleagram
from benchmarks.results import Result, Table
from benchmarks.settings import Settings
from benchmarks.timing import Contender
from model_metamers.frontends.cochleagram import CochleagramConfig, cochleagram

tf1 = tf.compat.v1

_SAMPLES = 40_000  # two seconds, as in the paper


def run(name: str, settings: Settings) -> Result:
    """Forward and gradient of a sound of two seconds: ours, the authors' graph, and its operations here.

    The reference makes the FFTs of all bands at once, a one-channel strided convolution for
    downsampling, and TensorFlow's own gradients.
    """
    del name
    found, notes = [], []
    batch = settings.batch_size or 1
    waveforms = (0.1 * np.random.RandomState(0).randn(batch, _SAMPLES)).astype(np.float32)
    for num_filters in (171, 211):
        config = CochleagramConfig(num_filters=num_filters)
        calls = {
            tables.OURS: _compiled(cochleagram, config, waveforms),
            "TF1 graph": _session(config, waveforms),
            "the graph's operations in a tf.function": _compiled(plain_cochleagram, config, waveforms),
        }
        (values, gradient), (their_values, their_gradient) = (calls[by]() for by in list(calls)[:2])
        error = np.abs(values - their_values).max() / their_values.max()
        gradient_error = error_of_norm(gradient, their_gradient)
        notes.append(
            f"{num_filters} filters: values {error:.1e} of the maximum from the TF1 graph's, gradient "
            f"{gradient_error:.1e} of its norm."
        )
        contenders = [Contender(by, _repeated(call)) for by, call in calls.items()]
        times = timing.in_turn(contenders, settings.rounds, settings.seconds)
        title = f"{num_filters} filters, {batch} x {_SAMPLES:,} samples, forward and gradient"
        found.append(Table(title, tables.COLUMNS, tuple(tables.rows(times)), tables.numbers(times)))
    return Result(tuple(found), tuple(notes))


def _repeated(call):
    return lambda repetitions: [call() for _ in range(repetitions)]


def _compiled(front_end, config: CochleagramConfig, waveforms: np.ndarray):
    """f() -> values and gradient of half their sum of squares, by a tf.function."""

    @tf.function(autograph=False)
    def value_and_gradient(signals):
        with tf.GradientTape() as tape:
            tape.watch(signals)
            values = front_end(signals, config)
            loss = tf.nn.l2_loss(values)
        return values, tape.gradient(loss, signals)

    signals = tf.constant(waveforms)
    return lambda: [tensor.numpy() for tensor in value_and_gradient(signals)]


def _session(config: CochleagramConfig, waveforms: np.ndarray):
    """The same by a TensorFlow 1 graph and session."""
    with tf.Graph().as_default() as graph:
        signals = tf1.get_variable("signals", initializer=tf.constant(waveforms))
        values = plain_cochleagram(tf.identity(signals), config)
        (gradient,) = tf1.gradients(tf.nn.l2_loss(values), [signals])
        initializer = tf1.global_variables_initializer()
    session = tf1.Session(graph=graph)
    session.run(initializer)
    return lambda: session.run([values, gradient])
