"""Times the cochleagram's forward and gradient against the released arrangement.

  python benchmarks/cochleagram.py

The reference is the same arithmetic as the authors' graph (FFTs of all bands at once, a
one-channel strided convolution for downsampling, automatic gradients), in a tf.function.
Both run in turn, and the ratio of each pair is printed: hold the ratio, not the times.
"""

import statistics
import time

import numpy as np
import tensorflow as tf

from model_metamers import gradients
from model_metamers.frontends import cochleagram, erb_filters, numpy_cochleagram

_ROUNDS, _CALLS = 7, 3


def reference(waveforms: tf.Tensor, config: cochleagram.CochleagramConfig) -> tf.Tensor:
    """The cochleagram as the authors' graph arranges it."""
    num_samples = waveforms.shape[1]
    filters, _ = erb_filters.erb_cosine_filters(
        num_samples, config.sample_rate, config.num_filters, config.low_hz, config.high_hz
    )
    spectrum = tf.signal.rfft(waveforms)[:, tf.newaxis] * tf.constant(filters, tf.complex64)
    padded = tf.pad(spectrum, [[0, 0], [0, 0], [0, num_samples // 2 - 1]])
    envelopes = tf.abs(tf.signal.ifft(padded))[..., tf.newaxis]
    window = numpy_cochleagram.downsampling_window(config.stride, config.window_size)
    kernel = tf.constant(window[np.newaxis, :, np.newaxis, np.newaxis], tf.float32)
    frames = tf.nn.conv2d(envelopes, kernel, [1, 1, config.stride, 1], "SAME")
    return gradients.clipped_power(tf.nn.relu(frames) * config.scale, config.exponent)


def timed(function, waveforms: tf.Tensor) -> float:
    began = time.perf_counter()
    for _ in range(_CALLS):
        function(waveforms)[1].numpy()
    return (time.perf_counter() - began) / _CALLS


def with_gradient(front_end, config):
    @tf.function
    def value_and_gradient(waveforms):
        with tf.GradientTape() as tape:
            tape.watch(waveforms)
            values = front_end(waveforms, config)
            loss = tf.nn.l2_loss(values)
        return values, tape.gradient(loss, waveforms)

    return value_and_gradient


def main() -> None:
    for num_filters in (171, 211):
        config = cochleagram.CochleagramConfig(num_filters=num_filters)
        waveforms = tf.constant(np.random.RandomState(0).randn(1, 40000) * 0.1, tf.float32)
        ours, theirs = (with_gradient(f, config) for f in (cochleagram.cochleagram, reference))
        a, b = ours(waveforms), theirs(waveforms)
        value_error = float(tf.reduce_max(tf.abs(a[0] - b[0])) / tf.reduce_max(b[0]))
        gradient_error = float(tf.norm(a[1] - b[1]) / tf.norm(b[1]))
        pairs = [(timed(ours, waveforms), timed(theirs, waveforms)) for _ in range(_ROUNDS)]
        ratios = [slow / fast for fast, slow in pairs]
        print(
            f"{num_filters} filters: ours {statistics.median(p[0] for p in pairs) * 1e3:.0f} ms, reference "
            f"{statistics.median(p[1] for p in pairs) * 1e3:.0f} ms, ratio {statistics.median(ratios):.2f} "
            f"({min(ratios):.2f}-{max(ratios):.2f}); value error {value_error:.1e} of the maximum, "
            f"gradient error {gradient_error:.1e}"
        )


if __name__ == "__main__":
    main()
