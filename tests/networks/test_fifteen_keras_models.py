"""Fifteen kinds of Keras models: every named layer as Keras computes it, the matched ReLU's linear gradient.

Keras's own values are listened to while Keras runs the model; the gradient is that of the value before the
ReLU, which each case writes down with TensorFlow's operations and the model's weights.
"""

import json
import math
import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf

import model_metamers as mm
from model_metamers.catalog import named_network
from model_metamers.synthesis.matching import loss_and_gradient
from tests.builders.keras_calls import keras_values, linear_gradient

keras = tf.keras
L = keras.layers
IMAGE = mm.SignalSpec("image", (8, 8, 3), 0.0, 1.0)
SOUND = mm.SignalSpec("sound", (120,), -1.0, 1.0, sample_rate=1000)


class Case(NamedTuple):
    """A model, a layer that ends in a ReLU, and the value before that ReLU, of signals.

    Attributes:
      model: Keras's.
      layer: its name; one that ends in no ReLU where `before` is None.
      before: from signals to the value before the ReLU.
      ceiling: of the ReLU.
      signal: what the network is fed.
    """

    model: keras.Model
    layer: str
    before: Callable | None
    ceiling: float = math.inf
    signal: mm.SignalSpec = IMAGE


def conv(x, layer, padding="SAME", strides=1):
    """A convolution with the layer's weights, without its activation."""
    return tf.nn.conv2d(x, layer.kernel, strides, padding) + layer.bias


def norm(x, layer):
    """Batch normalisation at test, with the layer's weights."""
    scale = layer.gamma / tf.sqrt(layer.moving_variance + layer.epsilon)
    return (x - layer.moving_mean) * scale + layer.beta


def shaken(model):
    """The model with weights that are nowhere 0 or 1, so that each of them shows."""
    random = np.random.default_rng(3)
    for variable in model.weights:
        if "seed" not in variable.path:
            noise = random.uniform(0.02, 0.2, variable.shape)
            variable.assign(
                variable + tf.cast(noise, variable.dtype) * random.choice([-1, 1], variable.shape)
            )
            if variable.path.endswith("variance"):
                variable.assign(tf.abs(variable))
    return model


def same(name, activation=None, filters=4):
    return L.Conv2D(filters, 3, padding="same", activation=activation, name=name)


def answers(x, units=3):
    return L.Dense(units, name="out")(L.GlobalAveragePooling2D(name="mean")(x))


def inner(name, channels=3):
    """A model of two layers: a convolution, normalised, in a ReLU."""
    i = keras.Input([8, 8, channels])
    y = L.BatchNormalization(name="norm")(same("conv")(i))
    return keras.Model(i, L.ReLU(name="relu")(y), name=name)


def before_inner(x, model):
    return norm(conv(x, model.get_layer("conv")), model.get_layer("norm"))


def plain():
    i = keras.Input(IMAGE.shape)
    a = same("first", "relu")
    b = same("second", "relu")
    model = shaken(keras.Model(i, answers(b(a(i)))))
    return Case(model, "second", lambda x: conv(tf.nn.relu(conv(x, a)), b))


def sequential():
    layers = [same("first", "relu"), L.MaxPooling2D(2, name="pool"), same("second"), L.ReLU(name="relu")]
    model = keras.Sequential(
        [keras.Input(IMAGE.shape), *layers, L.Flatten(name="flat"), L.Dense(3, name="out")]
    )

    def before(x):
        pooled = tf.nn.max_pool2d(tf.nn.relu(conv(x, layers[0])), 2, 2, "VALID")
        return conv(pooled, layers[2])

    return Case(shaken(model), "relu", before)


def sequential_in_functional():
    layers = [same("first", "relu"), same("second", "relu")]
    backbone = keras.Sequential([keras.Input(IMAGE.shape), *layers], name="backbone")
    i = keras.Input(IMAGE.shape)
    model = shaken(keras.Model(i, answers(backbone(i))))
    return Case(model, "backbone/second", lambda x: conv(tf.nn.relu(conv(x, layers[0])), layers[1]))


def functional_in_functional():
    backbone = inner("backbone")
    i = keras.Input(IMAGE.shape)
    model = shaken(keras.Model(i, answers(backbone(L.Rescaling(2.0, -1.0, name="scale")(i)))))
    return Case(model, "relu", lambda x: before_inner(2 * x - 1, backbone))


def nested_twice():
    block = inner("block", 4)
    i = keras.Input([8, 8, 3])
    stem = same("stem", "relu")
    backbone = keras.Model(i, block(stem(i)), name="backbone")
    j = keras.Input(IMAGE.shape)
    model = shaken(keras.Model(j, answers(keras.Sequential([j, backbone], name="outer")(j))))
    return Case(model, "outer/backbone/block/relu", lambda x: before_inner(tf.nn.relu(conv(x, stem)), block))


def shared_layers():
    i = keras.Input(IMAGE.shape)
    relu, layer = L.ReLU(name="relu"), same("conv", filters=3)
    model = shaken(keras.Model(i, answers(relu(layer(relu(layer(i)))))))
    return Case(model, "relu@1", lambda x: conv(tf.nn.relu(conv(x, layer)), layer))


def shared_model():
    block = inner("block")
    i = keras.Input(IMAGE.shape)
    mirrored = L.Permute([2, 1, 3], name="mirrored")(i)
    model = shaken(keras.Model(i, answers(L.Add(name="sum")([block(i), block(mirrored)]))))
    return Case(model, "block@1/relu", lambda x: before_inner(tf.transpose(x, [0, 2, 1, 3]), block))


def preprocessing():
    i = keras.Input(IMAGE.shape)
    x = L.Rescaling(255.0, name="bytes")(i)
    x = L.Normalization(mean=[100.0, 110.0, 120.0], variance=[900.0, 1600.0, 2500.0], name="standard")(x)
    layer = same("conv", "relu")
    model = shaken(keras.Model(i, answers(layer(L.CenterCrop(6, 6, name="crop")(x)))))
    mean, sd = tf.constant([100.0, 110.0, 120.0]), tf.constant([30.0, 40.0, 50.0])
    return Case(model, "conv", lambda x: conv(((255 * x - mean) / sd)[:, 1:7, 1:7], layer))


def augmentation():
    i = keras.Input(IMAGE.shape)
    x = L.RandomFlip(name="flip")(i)
    x = L.RandomRotation(0.3, name="turn")(x)
    x = L.GaussianNoise(0.5, name="noise")(L.RandomContrast(0.4, name="contrast")(x))
    layer = same("conv", "relu")
    model = shaken(keras.Model(i, answers(L.Dropout(0.5, name="drop")(layer(x)))))
    return Case(model, "drop", lambda x: conv(x, layer))  # what dropout hands on at test is the ReLU


def batch_norm_then_relu():
    i = keras.Input(IMAGE.shape)
    layer, normalized = same("conv"), L.BatchNormalization(name="norm")
    model = shaken(keras.Model(i, answers(L.Activation("relu", name="relu")(normalized(layer(i))))))
    return Case(model, "relu", lambda x: norm(conv(x, layer), normalized))


def relu6():
    i = keras.Input(IMAGE.shape)
    layer = same("conv")
    scaled = L.Rescaling(20.0, name="scale")(i)
    model = shaken(keras.Model(i, answers(L.ReLU(6.0, name="relu6")(layer(scaled)))))
    return Case(model, "relu6", lambda x: conv(20 * x, layer), 6.0)


def residual():
    i = keras.Input(IMAGE.shape)
    layer = same("conv", filters=3)
    model = shaken(keras.Model(i, answers(keras.ops.relu(layer(i) - i))))
    name = next(o.name for o in model.operations if type(o).__name__ == "Relu")
    return Case(model, name, lambda x: conv(x, layer) - x)


def sound():
    i = keras.Input(SOUND.shape)
    x = L.Reshape([120, 1], name="samples")(i)
    first = L.Conv1D(4, 9, strides=3, activation="relu", name="first")
    second = L.Conv1D(5, 5, padding="same", activation="relu", name="second")
    y = L.GlobalMaxPooling1D(name="most")(second(first(x)))
    model = shaken(keras.Model(i, L.Dense(2, name="out")(y)))

    def before(x):
        y = tf.nn.relu(tf.nn.conv1d(x[..., tf.newaxis], first.kernel, 3, "VALID") + first.bias)
        return tf.nn.conv1d(y, second.kernel, 1, "SAME") + second.bias

    return Case(model, "second", before, signal=SOUND)


def gelu():
    i = keras.Input(IMAGE.shape)
    model = shaken(keras.Model(i, answers(same("second", "gelu")(same("first", "gelu")(i)))))
    return Case(model, "second", None)


def recurrent():
    i = keras.Input(SOUND.shape)
    x = L.Reshape([12, 10], name="frames")(i)
    units = L.TimeDistributed(L.Dense(6, "relu"), name="units")
    model = shaken(keras.Model(i, L.Dense(2, name="out")(L.GRU(5, name="gru")(units(x)))))
    dense = units.layer
    return Case(
        model, "units", lambda x: tf.reshape(x, [-1, 12, 10]) @ dense.kernel + dense.bias, signal=SOUND
    )


CASES = (
    *(plain, sequential, sequential_in_functional, functional_in_functional, nested_twice),
    *(shared_layers, shared_model, preprocessing, augmentation, batch_norm_then_relu),
    *(relu6, residual, sound, gelu, recurrent),
)


@pytest.fixture(scope="module", params=CASES, ids=lambda make: make.__name__)
def case(request):
    keras.utils.set_random_seed(0)
    return request.param()


@pytest.fixture(scope="module")
def network(case):
    return mm.from_keras(case.model, [case.layer], case.signal)


def signals(case, count=2):
    random = np.random.default_rng(1)
    return random.uniform(case.signal.low, case.signal.high, (count, *case.signal.shape)).astype(np.float32)


def test_there_are_fifteen():
    assert len(set(CASES)) == 15


def test_every_named_layer_has_keras_own_activations(case, network):
    wanted = keras_values(case.model, signals(case))
    stages = network.forward(tf.constant(signals(case)))
    got = {}
    for name, stage in stages.items():
        got.setdefault(re.sub(r"@\d+", "", name), []).append(stage.output.numpy())
    assert {path: len(uses) for path, uses in got.items()} == {p: len(uses) for p, uses in wanted.items()}
    for path, uses in wanted.items():
        for value, expected in zip(got[path], uses, strict=True):
            np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-5, err_msg=path)
    assert network.layers[0] in network.stages


def test_the_matched_relu_has_a_linear_gradient(case, network):
    signal, target = np.split(signals(case), 2)
    (layer,) = network.layers
    stage = network.forward(tf.constant(signal))[layer]
    wanted = network.activations(target, [layer])[layer]
    if case.before is None:
        assert not stage.relu and network.relu_gradient(layer, "linear") == "none"
        expected = keras_gradient(case, signal, wanted)
    else:
        assert network.relu_gradient(layer, "linear") == "linear"
        assert float(tf.reduce_min(stage.value)) < 0  # or there is nothing to tell the gradients apart
        expected = linear_gradient(case.before, signal, wanted.numpy(), case.ceiling)
        plain_one = loss_and_gradient(network, layer, "plain", tf.constant(signal), wanted)[1].numpy()
        assert np.abs(plain_one - expected).max() > 0.01 * np.abs(expected).max()
    _, gradient = loss_and_gradient(network, layer, "linear", tf.constant(signal), wanted)
    np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


def keras_gradient(case, signal, wanted):
    """The ordinary gradient through Keras's own model as far as the layer."""
    part = keras.Model(case.model.inputs, case.model.get_layer(case.layer).output)
    given = tf.constant(signal)
    with tf.GradientTape() as tape:
        tape.watch(given)
        loss = 0.5 * tf.reduce_sum((part(given) - wanted) ** 2)
    return tape.gradient(loss, given).numpy()


@pytest.mark.parametrize("make", [nested_twice, shared_model, sound], ids=lambda make: make.__name__)
def test_a_model_of_a_file_is_the_model(make, tmp_path):
    keras.utils.set_random_seed(0)
    case = make()
    case.model.save(tmp_path / "mine.keras")
    more = {"sample_rate": 1000} if case.signal is SOUND else {}
    fields = {"kind": case.signal.kind, "shape": case.signal.shape, "low": case.signal.low, "high": 1, **more}
    (tmp_path / "mine.signal.json").write_text(json.dumps(fields))
    network = named_network.load(str(tmp_path / "mine.keras"))
    own = mm.from_keras(case.model, [], case.signal)
    assert network.name == "mine" and network.stages == own.stages and network.signal == case.signal
    given = signals(case)
    expected = own.activations(given, own.stages)
    for name, value in network.activations(given, network.stages).items():
        np.testing.assert_array_equal(value, expected[name], err_msg=name)
    signal, wanted = tf.constant(given[:1]), expected[case.layer][1:]
    _, gradient = loss_and_gradient(network, case.layer, "linear", signal, wanted)
    truth = linear_gradient(case.before, given[:1], wanted.numpy(), case.ceiling)
    np.testing.assert_allclose(gradient, truth, rtol=1e-4, atol=1e-5 * np.abs(truth).max())
