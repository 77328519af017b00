"""Shared layers against dense, Keras and textbook forms."""

import math

import numpy as np
import pytest
import scipy.signal
import tensorflow as tf

from model_metamers.networks import layers, one_channel


@pytest.fixture
def features():
    return np.random.RandomState(0).standard_normal([2, 13, 18, 5]).astype(np.float32)


@pytest.mark.parametrize(("stride", "sum_1d"), [(2, 3.5), (3, 5.5)])
def test_hann_kernel_sums(stride, sum_1d):
    size = 4 * stride
    assert layers.hann_kernel([size, 1]).sum() == pytest.approx(sum_1d)
    assert layers.hann_kernel([size, size]).sum() == pytest.approx(sum_1d**2)
    assert layers.hann_kernel([size, size], normalize=True).sum() == pytest.approx(1.0)
    assert layers.hann_kernel([size, size], sqrt_window=True, normalize=True).sum() == pytest.approx(1.0)


def test_hann_kernel_values():
    window = [0.5 * (1 - math.cos(2 * math.pi * n / 7)) for n in range(8)]
    np.testing.assert_allclose(layers.hann_kernel([8, 1])[:, 0], window, atol=1e-15)
    kernel = layers.hann_kernel([8, 12])
    assert kernel.shape == (8, 12)
    assert not kernel[[0, -1]].any() and not kernel[:, [0, -1]].any()  # zeros at the ends are kept
    np.testing.assert_allclose(layers.hann_kernel([8, 12], sqrt_window=True) ** 2, kernel, atol=1e-15)


# Strides and window; TensorFlow's own depthwise convolution takes only equal strides on every machine.
_POOLS = [
    ((1, 2), (1, 8)),
    ((3, 1), (12, 3)),
    ((2, 3), (8, 12)),
    ((4, 2), (13, 7)),
    ((5, 9), (4, 3)),  # a window smaller than its strides
    ((3, 3), (12, 12)),
    ((2, 2), (8, 8)),
]
_PADDINGS = ["SAME", "VALID"]
_OPTIONS = [(False, False), (False, True), (True, False), (True, True)]


def _value_and_gradient(pool, x):
    """Pooled values and the gradient of half their squares' sum."""
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = pool(x)
        loss = tf.nn.l2_loss(value)
    return value.numpy(), tape.gradient(loss, x).numpy()


@pytest.mark.parametrize("padding", _PADDINGS)
@pytest.mark.parametrize("options", _OPTIONS)
@pytest.mark.parametrize(("strides", "size"), _POOLS)
def test_hann_pool_equals_a_dense_convolution(features, strides, size, options, padding):
    kernel = layers.hann_kernel(size, *options)[:, :, np.newaxis, np.newaxis] * np.eye(features.shape[-1])
    found = _value_and_gradient(lambda x: layers.hann_pool(x, strides, size, padding, *options), features)
    expected = _value_and_gradient(
        lambda x: tf.nn.conv2d(x, kernel, strides, padding), features.astype(np.float64)
    )
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.dtype == np.float32
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=2e-6 * np.abs(theirs).max())


@pytest.mark.parametrize("padding", _PADDINGS)
@pytest.mark.parametrize(("strides", "size"), _POOLS)
def test_hann_pool_equals_scipys_correlation(features, strides, size, padding):
    """The value is a correlation that skips, the gradient the convolution of what was not skipped."""
    kernel = layers.hann_kernel(size)
    pads = [(0, 0), (0, 0)]
    if padding == "SAME":
        lengths = [-(-n // s) for n, s in zip(features.shape[1:3], strides, strict=True)]
        totals = [
            max((n - 1) * s + k - m, 0)
            for n, s, k, m in zip(lengths, strides, size, features.shape[1:3], strict=True)
        ]
        pads = [(total // 2, total - total // 2) for total in totals]
    value, gradient = _value_and_gradient(
        lambda x: layers.hann_pool(x, strides, size, padding), features[:1].astype(np.float64)
    )
    for channel in range(features.shape[-1]):
        padded = np.pad(features[0, :, :, channel].astype(np.float64), pads)
        dense = scipy.signal.correlate2d(padded, kernel, "valid")
        kept = np.zeros_like(dense)
        kept[:: strides[0], :: strides[1]] = dense[:: strides[0], :: strides[1]]
        np.testing.assert_allclose(value[0, :, :, channel], kept[:: strides[0], :: strides[1]], atol=1e-12)
        back = scipy.signal.convolve2d(kept, kernel)
        ends = [n - after for n, (_, after) in zip(back.shape, pads, strict=True)]
        expected = back[pads[0][0] : ends[0], pads[1][0] : ends[1]]
        np.testing.assert_allclose(gradient[0, :, :, channel], expected, atol=1e-11)


@pytest.mark.parametrize("padding", _PADDINGS)
@pytest.mark.parametrize("strides", [(1, 1), (1, 2), (2, 3)])
@pytest.mark.parametrize("dilation", [(1, 1), (2, 2), (1, 3), (3, 2)])
@pytest.mark.parametrize("native", [True, False], ids=["native", "spread"])
def test_dilated_convolution_equals_sums_of_shifted_inputs(
    features, strides, dilation, padding, native, monkeypatch
):
    """Value and gradients, whether or not this machine's TensorFlow knows those of a dilation."""
    if native and not layers._differentiates_dilation():
        pytest.skip("TensorFlow has no gradient of a dilated convolution here")
    monkeypatch.setattr(layers, "_differentiates_dilation", lambda: native)
    kernel = np.random.RandomState(3).standard_normal([3, 2, 5, 4])
    span = [(k - 1) * d + 1 for k, d in zip(kernel.shape, dilation, strict=False)]
    pads = layers.same_pads(features.shape[1:3], span, strides) if padding == "SAME" else [(0, 0)] * 2

    def shifted(x, kernel):
        x = tf.pad(x, [(0, 0), *pads, (0, 0)])
        height, width = (n - s + 1 for n, s in zip(x.shape[1:3], span, strict=True))
        total = 0
        for i, j in np.ndindex(3, 2):
            top, left = i * dilation[0], j * dilation[1]
            seen = x[:, top : top + height : strides[0], left : left + width : strides[1]]
            total += tf.tensordot(seen, kernel[i, j], 1)
        return total

    def with_gradients(convolve, dtype):
        tensors = tf.constant(features, dtype), tf.constant(kernel, dtype)
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            y = convolve(*tensors)
            loss = tf.nn.l2_loss(y)
        return [y, *tape.gradient(loss, tensors)]

    found = with_gradients(
        lambda x, kernel: layers.dilated_conv2d(x, kernel, strides, dilation, padding), tf.float32
    )
    for ours, theirs in zip(found, with_gradients(shifted, tf.float64), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=2e-6 * np.abs(theirs).max())


def test_conv2d_equals_sums_over_the_kernel(features):
    random = np.random.RandomState(1)
    kernel, bias = random.standard_normal([3, 2, 5, 4]), random.standard_normal(4)
    found = layers.conv2d(tf.constant(features, tf.float64), kernel, bias, [2, 1], "VALID").numpy()
    patch = features[1, 4:7, 9:11].astype(float)  # output row 2, column 9
    np.testing.assert_allclose(found[1, 2, 9], np.tensordot(patch, kernel, 3) + bias, rtol=1e-10)
    assert found.shape == (2, 6, 17, 4)


def _batch_norm_variables(channels=5):
    random = np.random.RandomState(2)
    values = random.standard_normal([4, channels]).astype(np.float32)
    values[3] = np.abs(values[3]) + 0.1
    return [tf.Variable(v) for v in values]  # gamma, beta, moving mean, moving variance


def test_batch_norm_formula(features):
    gamma, beta, mean, variance = _batch_norm_variables()
    found = layers.batch_norm(tf.constant(features), gamma, beta, mean, variance)
    expected = gamma * (features - mean) / np.sqrt(variance + 1e-3) + beta
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("training", [False, True])
def test_batch_norm_equals_keras(features, training):
    variables = _batch_norm_variables()
    keras = tf.keras.layers.BatchNormalization(momentum=0.99, epsilon=1e-3)
    keras.build(features.shape)
    keras.set_weights([v.numpy() for v in variables])
    for scale in (1.0, 3.0):  # two steps, so that the averages' averages are compared too
        found = layers.batch_norm(tf.constant(scale * features), *variables, training=training)
        expected = keras(scale * features, training=training)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    for variable, value in zip(variables, keras.get_weights(), strict=True):
        np.testing.assert_allclose(variable, value, rtol=1e-5, atol=1e-6)


def test_initializers():
    glorot = layers.initializer("glorot_uniform")([3, 3, 16, 32], 7).numpy()
    assert np.abs(glorot).max() <= math.sqrt(6 / (9 * 16 + 9 * 32))
    he = layers.initializer("he_normal")([3, 3, 64, 64], 7).numpy()
    assert he.std() == pytest.approx(math.sqrt(2 / (9 * 64)), rel=0.02)
    assert not layers.initializer("zeros")([3], 0).numpy().any()
    assert layers.initializer("ones")([3], 0).numpy().all()


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize(("size", "kernel_size"), [((9, 40), (7, 14)), ((5, 16), (1, 1)), ((6, 17), (2, 5))])
def test_convolution_of_one_channel_has_tensorflows_gradients(size, kernel_size, padding):
    random = np.random.RandomState(0)
    x = tf.constant(random.randn(3, *size, 1))
    kernel = tf.constant(random.randn(*kernel_size, 1, 5))

    def gradients(convolve):
        with tf.GradientTape() as tape:
            tape.watch([x, kernel])
            y = convolve(x, kernel, padding)
            loss = tf.reduce_sum(tf.sin(y))
        return y, *tape.gradient(loss, [x, kernel])

    found = gradients(one_channel.conv2d_of_one_channel)
    expected = gradients(lambda x, kernel, padding: tf.nn.conv2d(x, kernel, 1, padding))
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-10)
