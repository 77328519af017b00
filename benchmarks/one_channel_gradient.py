"""Times the gradient to a cochleagram through the reduced-aliasing network's first convolution.

  python benchmarks/one_channel_gradient.py

Ours is `one_channel.conv2d_of_one_channel`; the reference is TensorFlow's own gradient of the same
convolution. Both run in turn, and the ratio of each pair is printed: hold the ratio.
"""

import statistics
import time

import numpy as np
import tensorflow as tf

from model_metamers.networks import one_channel

_ROUNDS, _CALLS = 7, 3
# Batch, cochleagram and channels: the paper's, and the small network's as it is trained.
_SIZES = ((1, (171, 400), 96), (64, (53, 200), 16))


def gradient_of(convolve):
    @tf.function
    def gradient(x, kernel):
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.nn.l2_loss(convolve(x, kernel))
        return tape.gradient(loss, x)

    return gradient


def timed(function, *args) -> float:
    began = time.perf_counter()
    for _ in range(_CALLS):
        function(*args).numpy()
    return (time.perf_counter() - began) / _CALLS


def main() -> None:
    ours = gradient_of(one_channel.conv2d_of_one_channel)
    reference = gradient_of(lambda x, kernel: tf.nn.conv2d(x, kernel, 1, "SAME"))
    for batch, size, channels in _SIZES:
        random = np.random.RandomState(0)
        x = tf.constant(random.randn(batch, *size, 1), tf.float32)
        kernel = tf.constant(random.randn(7, 14, 1, channels), tf.float32)
        gradient, expected = ours(x, kernel), reference(x, kernel)
        error = float(tf.norm(gradient - expected) / tf.norm(expected))
        pairs = [(timed(ours, x, kernel), timed(reference, x, kernel)) for _ in range(_ROUNDS)]
        ratios = [slow / fast for fast, slow in pairs]
        print(
            f"{batch} x {size}, {channels} channels, forward and gradient: ours "
            f"{statistics.median(p[0] for p in pairs) * 1e3:.0f} ms, TensorFlow's "
            f"{statistics.median(p[1] for p in pairs) * 1e3:.0f} ms, ratio {statistics.median(ratios):.2f} "
            f"({min(ratios):.2f}-{max(ratios):.2f}); error {error:.1e}"
        )


if __name__ == "__main__":
    main()
