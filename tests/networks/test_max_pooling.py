"""Max pooling whose gradient is computed alike in loops and outside."""

import numpy as np
import pytest
import tensorflow as tf

from model_metamers.networks.max_pooling import max_pool2d

_RANDOM = np.random.RandomState(0)
_X = tf.constant(np.maximum(_RANDOM.randn(2, 21, 18, 16), 0.0), tf.float32)  # with ties, as after a ReLU
_CASES = [(2, 2, "VALID"), (2, 2, "SAME"), (3, 2, "SAME"), (3, 1, "VALID"), ((3, 2), (1, 2), "SAME")]


def _gradient(pool, x, dy, size, stride, padding):
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = pool(x, size, stride, padding)
    return value, tape.gradient(value, x, output_gradients=dy)


@pytest.mark.parametrize("size, stride, padding", _CASES)
def test_it_is_tensorflows_pooling_and_gradient(size, stride, padding):
    dy = tf.random.stateless_normal(tf.nn.max_pool2d(_X, size, stride, padding).shape, [0, 1])
    ours = _gradient(max_pool2d, _X, dy, size, stride, padding)
    expected = tf.function(_gradient)(tf.nn.max_pool2d, _X, dy, size, stride, padding)
    for found, wanted in zip(ours, expected, strict=True):
        assert found.numpy().tobytes() == wanted.numpy().tobytes()


@pytest.mark.parametrize("size, stride, padding", _CASES)
def test_a_loop_gives_the_same_bytes(size, stride, padding):
    kernel = tf.constant(0.1 * _RANDOM.randn(3, 3, 16, 16), tf.float32)

    def step(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = x
            for _ in range(2):
                value = max_pool2d(tf.nn.relu(tf.nn.conv2d(value, kernel, 1, "SAME")), size, stride, padding)
            loss = tf.reduce_sum(value**2)
        return x - 0.01 * tape.gradient(loss, x)

    def steps(x):
        return tf.while_loop(lambda i, _: i < 3, lambda i, x: (i + 1, step(x)), (0, x))[1]

    one, looped = tf.function(step, autograph=False), tf.function(steps, autograph=False)
    assert looped(_X).numpy().tobytes() == one(one(one(_X))).numpy().tobytes()


def test_bfloat16_and_second_derivatives():
    x = tf.constant([[[[1.0], [3.0]], [[2.0], [0.0]]]])
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            value = max_pool2d(x, 2, 2, "VALID") ** 3
        first = inner.gradient(value, x)
    assert first.numpy().ravel().tolist() == [0.0, 27.0, 0.0, 0.0]
    assert outer.gradient(first, x).numpy().ravel().tolist() == [0.0, 18.0, 0.0, 0.0]
    half = tf.cast(x, tf.bfloat16)
    gradient = _gradient(max_pool2d, half, tf.ones([1, 1, 1, 1], half.dtype), 2, 2, "VALID")[1]
    assert gradient.dtype == half.dtype and gradient.numpy().ravel().tolist() == [0.0, 1.0, 0.0, 0.0]
