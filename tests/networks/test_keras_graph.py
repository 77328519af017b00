"""Stages of Keras models: layers used again, models in models, operations, types of numbers."""

import numpy as np
import pytest
import tensorflow as tf

import model_metamers as mm
from model_metamers import InputError

keras = tf.keras
L = keras.layers
SIGNAL = mm.SignalSpec("image", (8, 8, 3), 0.0, 1.0)
SIGNALS = np.random.default_rng(0).random((2, 8, 8, 3)).astype(np.float32)
SHORT = mm.SynthesisConfig(iterations=3, log_every=1)
FAST = mm.SynthesisConfig(iterations=3, learning_rate=0.02)  # steps that a half-precision model notices


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.set_random_seed(0)


def wrap(inputs, y, layers=(), units=3, **more):
    """A model with a head on y, and its network."""
    model = keras.Model(inputs, L.Dense(units, name="out")(L.Flatten(name="flat")(y)), name="mine")
    return model, mm.from_keras(model, layers, SIGNAL, **more)


def base(name="base", filters=3):
    """A model of two layers, of three channels again."""
    inputs = keras.Input([None, None, 3])
    x = L.Conv2D(filters, 3, padding="same", activation="relu", name="conv")(inputs)
    return keras.Model(inputs, L.ReLU(6.0, name="relu")(L.BatchNormalization(name="norm")(x)), name=name)


def assert_same(network, stage, inputs, tensor):
    """The stage holds what Keras says of the tensor."""
    wanted = keras.Model(inputs, tensor)(SIGNALS)
    np.testing.assert_allclose(network.activations(SIGNALS, [stage])[stage], wanted, atol=1e-5)


def test_each_use_of_a_layer_is_a_stage():
    i = keras.Input(SIGNAL.shape)
    relu, conv = L.ReLU(name="relu"), L.Conv2D(3, 3, padding="same", name="conv")
    a = conv(i)
    b = relu(a)
    c = conv(b)
    d = relu(c)
    model, network = wrap(i, d, ["relu@1"])
    assert network.stages == ("conv@0", "relu@0", "conv@1", "relu@1", "flat", "out")
    for stage, tensor in (("conv@0", a), ("relu@0", b), ("conv@1", c), ("relu@1", d)):
        assert_same(network, stage, i, tensor)
    assert network.forward(tf.constant(SIGNALS))["relu@0"].relu
    np.testing.assert_allclose(network.logits(SIGNALS), model(SIGNALS), atol=1e-6)
    with pytest.raises(InputError, match=r"'relu' is no stage of mine.*say relu@0 or relu@1"):
        mm.from_keras(model, ["relu"], SIGNAL)
    with pytest.raises(InputError, match="say conv@0 or conv@1"):
        mm.synthesize(network, "conv", SIGNALS[0], SHORT, progress=False)


def test_output_layer_used_twice():
    i = keras.Input(SIGNAL.shape)
    top = L.Dense(5, name="top")
    model = keras.Model(i, top(L.Dense(192, name="between")(top_of := L.Flatten(name="flat")(i))))
    again = keras.Model(i, top(L.Dense(192, name="back")(top(top_of))))
    for m in (model, again):
        network = mm.from_keras(m, [], SIGNAL)
        np.testing.assert_allclose(network.logits(SIGNALS), m(SIGNALS), atol=1e-6)
    assert network.logits_stage == "top@1"


def test_layers_of_a_model_applied_to_a_new_input():
    old = base()
    i = keras.Input(SIGNAL.shape)
    x = i
    for layer in old.layers[1:]:
        x = layer(x)
    model, network = wrap(i, x, ["conv", "relu"])
    assert network.stages == ("conv", "norm", "relu", "flat", "out")
    np.testing.assert_allclose(network.logits(SIGNALS), model(SIGNALS), atol=1e-6)
    assert_same(network, "relu", i, x)
    part = keras.Model(old.get_layer("norm").output, old.output, name="part")  # begins in the middle
    _, network = wrap(i, part(i), ["part/relu"])
    assert network.stages == ("part/relu", "part", "flat", "out")


def test_model_in_a_model():
    inner = base()
    i = keras.Input(SIGNAL.shape)
    model, network = wrap(i, inner(i), ["conv", "base/relu"], units=2)
    assert network.stages == ("base/conv", "base/norm", "base/relu", "base", "flat", "out")
    assert network.layers == ("base/conv", "base/relu")
    assert network.logits_stage == "out"
    assert_same(network, "base/norm", i, keras.Model(inner.input, inner.get_layer("norm").output)(i))
    assert_same(network, "base", i, model.get_layer("base")(i))
    stages = network.forward(tf.constant(SIGNALS))
    assert stages["base/conv"].relu and stages["base"].ceiling == 6.0
    metamer = mm.synthesize(network, "base/conv", SIGNALS[0], SHORT, progress=False)
    assert metamer.loss[-1] < metamer.loss[0] and metamer.relu_gradient_used == "linear"
    in_full, short = (network.activations(SIGNALS, [name])[name] for name in ("base/conv", "conv"))
    np.testing.assert_array_equal(in_full, short)


def test_models_in_models_at_any_depth_and_used_twice():
    block = base("block")
    inputs = keras.Input(SIGNAL.shape)
    middle = keras.Sequential([keras.Input(SIGNAL.shape), block, L.Dropout(0.2, name="drop")], name="middle")
    outer = keras.Model(inputs, block(middle(inputs)), name="outer")
    i = keras.Input(SIGNAL.shape)
    model, network = wrap(i, outer(i), ["outer/middle/block/conv"])
    assert network.stages[:6] == tuple(
        f"outer/middle/{name}" for name in ("block/conv", "block/norm", "block/relu", "block", "drop")
    ) + ("outer/middle",)
    assert {"outer/block/conv", "outer/block", "outer"} < set(network.stages)
    assert network.forward(tf.constant(SIGNALS))["outer/middle"].ceiling == 6.0
    np.testing.assert_allclose(network.logits(SIGNALS), model(SIGNALS), atol=1e-6)
    _, network = wrap(i, L.Add()([block(i), block(L.ReLU()(i))]), ["block@1/conv"])
    assert {"block@0/conv", "block@0", "block@1/relu"} < set(network.stages)
    with pytest.raises(InputError, match="say block@0/conv or block@1/conv"):
        network.check_layers("conv")
    with pytest.raises(InputError, match="say block@0/relu or block@1/relu"):
        network.check_layers("block/relu")


def test_models_with_several_inputs_or_outputs_inside():
    a, b = (keras.Input(SIGNAL.shape, name=name) for name in "ab")
    pair = keras.Model([a, b], [L.Conv2D(2, 1, name="left")(a), L.Conv2D(2, 1, name="right")(b)], name="pair")
    named = keras.Model({"a": a, "b": b}, L.Subtract(name="minus")([a, b]), name="named")
    i = keras.Input(SIGNAL.shape)
    x, y = pair([i, L.ReLU(name="first")(i)])
    z = named({"b": L.ReLU(name="second")(i), "a": L.Rescaling(3.0, name="three")(i)})
    model, network = wrap(i, L.Concatenate(name="all")([x, y, z]), ["right"])
    assert {"pair/left", "pair[0]", "pair[1]", "named", "all"} < set(network.stages)
    np.testing.assert_allclose(network.logits(SIGNALS), model(SIGNALS), atol=1e-6)
    assert_same(network, "pair[1]", i, y)


def test_operations_are_stages():
    i = keras.Input(SIGNAL.shape)
    a = L.Conv2D(3, 3, padding="same", name="conv")(i)
    s = a + i
    r = keras.ops.relu(s)
    t = 2.0 * r[:, 1:]
    first, _ = keras.ops.split(t, [2], axis=1)
    model, network = wrap(i, first, [])
    operations = [tensor._keras_history.operation.name for tensor in (s, r, t, first)]
    assert network.stages[:3] == ("conv", *operations[:2]) and f"{operations[3]}[1]" in network.stages
    for name, tensor in zip(operations[:3], (s, r, t), strict=True):
        assert_same(network, name, i, tensor)
    assert network.forward(tf.constant(SIGNALS))[operations[1]].relu
    metamer = mm.synthesize(network, operations[1], SIGNALS[0], SHORT, progress=False)
    assert metamer.relu_gradient_used == "linear"
    np.testing.assert_allclose(network.logits(SIGNALS), model(SIGNALS), atol=1e-6)


@pytest.mark.parametrize(
    "make",
    [
        keras.ops.softmax,
        lambda x: x + 1.0,
        lambda x: keras.ops.split(x, 2, axis=-1)[1],
        lambda x: L.Activation("linear", dtype="float32")(x),
        lambda x: keras.Sequential([keras.Input([4]), L.Dense(3)], name="head")(x),
    ],
)
def test_output_may_be_an_operation_or_a_model(make):
    i = keras.Input(SIGNAL.shape)
    model = keras.Model(i, make(L.Dense(4)(L.Flatten()(i))))
    network = mm.from_keras(model, [], SIGNAL)
    np.testing.assert_allclose(network.logits(SIGNALS), model(SIGNALS), atol=1e-6)
    assert network.logits_stage in network.stages and len(network.classes) == model.outputs[0].shape[-1]


@pytest.mark.parametrize(
    "policy", ["mixed_bfloat16", "mixed_float16", "bfloat16", "float16", "float64", "float32"]
)
def test_models_of_any_precision(policy):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        i = keras.Input(SIGNAL.shape)
        x = L.Conv2D(4, 3, activation="relu", name="conv", bias_initializer="ones")(i)
        x = L.BatchNormalization(name="norm")(x)
        model, network = wrap(i, L.Dropout(0.1, name="drop")(L.ReLU(6.0, name="relu")(x)), ["conv", "relu"])
    finally:
        keras.config.set_dtype_policy(before)
    values = network.activations(SIGNALS, network.stages)
    assert {value.dtype for value in values.values()} == {tf.float32}
    wanted = tf.cast(model(SIGNALS), tf.float32)
    np.testing.assert_allclose(network.logits(SIGNALS), wanted, atol=1e-6 if "32" in policy else 2e-2)
    assert network.forward(tf.constant(SIGNALS))["drop"].ceiling == 6.0
    for layer in ("conv", "out"):
        metamer = mm.synthesize(network, layer, SIGNALS[0], FAST, progress=False)
        assert metamer.signal.dtype == metamer.loss.dtype == np.float32
        assert metamer.loss[-1] < metamer.loss[0] and np.isfinite(metamer.spearman["conv"])


def test_model_within_one_of_another_precision():
    half = keras.Sequential(
        [
            keras.Input(SIGNAL.shape, dtype="float16"),
            L.Conv2D(4, 3, activation="relu", name="c", dtype="float16"),
        ],
        name="half",
    )
    i = keras.Input(SIGNAL.shape)
    model, network = wrap(i, half(i), ["half/c"])
    np.testing.assert_allclose(network.logits(SIGNALS), model(SIGNALS), atol=2e-3)
    metamer = mm.synthesize(network, "half/c", SIGNALS[0], SHORT, progress=False)
    assert metamer.loss[-1] < metamer.loss[0]


def test_inputs_of_float64():
    i = keras.Input(SIGNAL.shape, dtype="float64")
    model, network = wrap(i, L.Conv2D(2, 3, activation="relu", name="conv", dtype="float64")(i), ["conv"])
    np.testing.assert_allclose(network.logits(SIGNALS), model(SIGNALS.astype(np.float64)), atol=1e-5)
