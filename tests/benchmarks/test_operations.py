"""Counted operations against those worked out by hand."""

import pytest
import tensorflow as tf

from benchmarks import operations
from benchmarks.our_search import OurSearch


@pytest.mark.parametrize(
    ("function", "shapes", "expected"),
    [
        (tf.matmul, [[30, 40], [40, 50]], 2 * 30 * 40 * 50),
        (lambda a, b: tf.matmul(a, b, transpose_a=True), [[40, 30], [40, 50]], 2 * 30 * 40 * 50),
        (lambda a, b: tf.matmul(a, b), [[7, 30, 40], [7, 40, 50]], 7 * 2 * 30 * 40 * 50),
        (
            lambda x, k: tf.nn.conv2d(x, k, 2, "SAME"),
            [[1, 16, 16, 3], [3, 5, 3, 8]],
            2 * 3 * 5 * 3 * 8 * 8 * 8,
        ),
        (
            lambda x, k: tf.nn.depthwise_conv2d(x, k, [1, 2, 2, 1], "SAME"),
            [[1, 16, 16, 6], [4, 4, 6, 1]],
            2 * 16 * 6 * 8 * 8,
        ),
        (tf.signal.rfft, [[5, 1024]], 5 * 2.5 * 1024 * 10),
        (lambda x: x + 1.0, [[1000]], 0),
    ],
)
def test_one_operation(function, shapes, expected):
    found = operations.counted(function, *(tf.TensorSpec(shape) for shape in shapes))
    assert found == pytest.approx(expected / 1e9)


def test_a_gradient_counts_and_what_is_not_asked_for_does_not():
    def gradient(x, kernel):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.nn.conv2d(x, kernel, 1, "SAME")
            loss = tf.reduce_sum(y**2)
            tf.nn.conv2d(y, tf.ones([3, 3, 8, 8]), 1, "SAME")
        return tape.gradient(loss, x)

    found = operations.counted(gradient, tf.TensorSpec([1, 16, 16, 3]), tf.TensorSpec([3, 3, 3, 8]))
    assert found == pytest.approx(2 * (2 * 9 * 3 * 8 * 16 * 16) / 1e9)


def test_a_step_is_twice_the_forward_pass(tiny_vgg, small_images):
    search = OurSearch(tiny_vgg, "conv1_1", small_images[:1], small_images[1:2])
    assert search.operations_gflop() == pytest.approx(2 * 2 * 9 * 3 * 3 * 32 * 32 / 1e9)
