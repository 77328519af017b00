"""Values and slopes of the modified gradients."""

import numpy as np
import pytest
import tensorflow as tf

from model_metamers import gradients

_TINY = 1e-35

# (x, value, slope)
_RELU = [
    (-1e30, 0.0, 1.0),
    (-2.0, 0.0, 1.0),
    (0.0, 0.0, 1.0),
    (_TINY, _TINY, 1.0),
    (3.0, 3.0, 1.0),
    (1e30, 1e30, 1.0),
]
_RELU_20 = [
    (-2.0, 0.0, 1.0),
    (0.0, 0.0, 1.0),
    (3.0, 3.0, 1.0),
    (20.0, 20.0, 1.0),
    (25.0, 20.0, 1.0),
    (1e30, 20.0, 1.0),
]
_POWER = [
    (-1e30, 0.0, 1.0),
    (-2.0, 0.0, 1.0),
    (0.0, 0.0, 1.0),
    (_TINY, _TINY**0.3, 1.0),
    (0.1, 0.1**0.3, 1.0),
    (0.2, 0.2**0.3, 0.3 * 0.2**-0.7),
    (1.0, 1.0, 0.3),
    (1e30, 1e9, 0.3e-21),
]
_POWER_CLIP_5 = [(0.0, 0.0, 5.0), (0.1, 0.1**0.3, 0.3 * 0.1**-0.7), (0.01, 0.01**0.3, 5.0)]
_LOG = [
    (-2.0, np.log(1e-30), 1.0),
    (0.0, np.log(1e-30), 1.0),
    (_TINY, np.log(1e-30), 1.0),
    (1e-20, np.log(1e-20), 1.0),
    (0.5, np.log(0.5), 1.0),
    (4.0, np.log(4.0), 0.25),
    (1e30, np.log(1e30), 1e-30),
]
_LOG_CLIP_100 = [(0.0, np.log(1e-3), 100.0), (0.005, np.log(0.005), 100.0), (0.05, np.log(0.05), 20.0)]

_CASES = [
    pytest.param(gradients.linear_gradient_relu, _RELU, id="relu"),
    pytest.param(lambda x: gradients.linear_gradient_relu(x, ceiling=20.0), _RELU_20, id="relu-ceiling"),
    pytest.param(gradients.clipped_power, _POWER, id="power"),
    pytest.param(lambda x: gradients.clipped_power(x, clip=5.0), _POWER_CLIP_5, id="power-clip-5"),
    pytest.param(gradients.clipped_log, _LOG, id="log"),
    pytest.param(lambda x: gradients.clipped_log(x, 1e-3, 100.0), _LOG_CLIP_100, id="log-clip-100"),
]


def _value_and_slope(function, x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = function(x)
    return value, tape.gradient(value, x)


_MODES = [
    pytest.param(_value_and_slope, id="eager"),
    pytest.param(tf.function(_value_and_slope), id="function"),
    pytest.param(tf.function(_value_and_slope, jit_compile=True), id="xla"),
]


@pytest.mark.parametrize("mode", _MODES)
@pytest.mark.parametrize(("function", "table"), _CASES)
def test_values_and_slopes(function, table, mode):
    x, values, slopes = np.array(table, np.float32).T
    found_values, found_slopes = mode(function, tf.constant(x))
    np.testing.assert_allclose(found_values, values, rtol=1e-6)
    np.testing.assert_allclose(found_slopes, slopes, rtol=1e-6)


@pytest.mark.parametrize("mode", _MODES)
@pytest.mark.parametrize(("function", "table"), _CASES)
def test_bfloat16(function, table, mode):
    x, values, slopes = np.array(table, np.float32).T
    found = mode(function, tf.cast(x, tf.bfloat16))
    # bfloat16's 0.3 is 0.3008, which shows at 1e30 but not where cochleagrams lie.
    usual = (np.abs(x) < 1e3) & ((x <= 0) | (x > 1e-3))
    for tensor, expected in zip(found, (values, slopes), strict=True):
        assert tensor.dtype == tf.bfloat16
        tensor = tf.cast(tensor, tf.float32).numpy()
        assert np.isfinite(tensor).all()
        np.testing.assert_allclose(tensor[usual], expected[usual], rtol=3 * 2**-8)


@pytest.mark.parametrize(("function", "table"), _CASES)
def test_upstream_gradient_is_multiplied(function, table):
    x, _, slopes = np.array(table, np.float32).T
    with tf.GradientTape() as tape:
        x = tf.constant(x)
        tape.watch(x)
        total = tf.reduce_sum(-2.0 * function(x))
    np.testing.assert_allclose(tape.gradient(total, x), -2.0 * slopes, rtol=1e-6)


def test_nan_slope_becomes_the_clip():
    assert gradients._clip_slope(tf.constant([np.nan, np.inf, -np.inf, 0.5]), 2.0).numpy().tolist() == [
        2.0,
        2.0,
        -2.0,
        0.5,
    ]


def test_ordinary_relu_keeps_its_gradient():
    x = tf.constant([-1.0, 3.0, 25.0])
    value, slope = _value_and_slope(lambda v: gradients.clipped_relu(v, 20.0), x)
    assert value.numpy().tolist() == [0.0, 3.0, 20.0]
    assert slope.numpy().tolist() == [0.0, 1.0, 0.0]


def test_relu6_is_the_minimum_of_a_relu_and_6_to_the_bit():
    six, infinite = np.float32(6), np.float32(np.inf)
    edges = [np.nextafter(edge, to) for edge in (six, np.float32(0)) for to in (-infinite, infinite)]
    drawn = np.random.RandomState(0).normal(3, 4, 4000).astype(np.float32)
    x = tf.constant([*drawn, *edges, 6.0, 0.0, -0.0, 1e30, -1e30, np.inf, -np.inf, np.nan, 1e-30, -1e-30])
    ours = _value_and_slope(lambda x: gradients.clipped_relu(x, 6.0), x)
    textbook = _value_and_slope(lambda x: tf.minimum(tf.nn.relu(x), 6.0), x)
    number = ~np.isnan(x)
    for one, other in zip(ours, textbook, strict=True):
        np.testing.assert_array_equal(np.asarray(one)[number], np.asarray(other)[number])
    assert np.isnan(ours[0][~number]).all()
