"""Keras models as networks."""

import importlib
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import model_metamers as mm
from model_metamers import InputError
from tests.builders.keras_models import KERAS_SIGNAL, small_keras_network

keras = tf.keras
EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def model():
    """Branches, and every way a layer can end in a ReLU."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input([32, 32, 3])
    x = keras.layers.Rescaling(2.0, -1.0, name="rescaling")(inputs)
    x = keras.layers.Conv2D(4, 3, activation="relu", name="argument")(x)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.ReLU(max_value=6.0, name="relu6")(x)
    a = keras.layers.Conv2D(3, 1, activation="relu", name="narrow")(x)
    b = keras.layers.Conv2D(5, 3, padding="same", name="wide_conv")(x)
    b = keras.layers.Activation("relu", name="wide")(b)
    x = keras.layers.Concatenate(name="joined")([a, b])
    c = keras.layers.Conv2D(3, 1, activation="tanh", name="tanh")(x)
    x = keras.layers.Concatenate(name="mixed")([x, c])
    x = keras.layers.LeakyReLU(name="leaky")(x)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    x = keras.layers.Dense(6, activation="relu", name="dense")(x)
    return keras.Model(inputs, keras.layers.Dense(3, name="top")(x), name="mine")


@pytest.fixture(scope="module")
def network(model):
    return mm.from_keras(model, ["argument", "joined", "dense", "top"], KERAS_SIGNAL, ["a", "b", "c"])


def test_every_layer_is_a_stage_with_keras_own_values(model, network, small_images):
    assert network.stages == tuple(layer.name for layer in model.layers[1:])
    assert network.name == "mine" and network.logits_stage == "top"
    reference = keras.Model(model.inputs, [layer.output for layer in model.layers[1:]])
    expected = reference(small_images, training=False)
    values = network.activations(small_images, network.stages)
    for name, wanted in zip(network.stages, expected, strict=True):
        np.testing.assert_allclose(values[name], wanted, atol=1e-6, err_msg=name)
    np.testing.assert_allclose(network.logits(small_images), model(small_images), atol=1e-6)


def test_layers_that_end_in_a_relu_are_known(network, small_images):
    stages = network.forward(tf.constant(small_images))
    ends = {name: (stage.relu, stage.ceiling) for name, stage in stages.items() if stage.relu}
    assert ends == {
        "argument": (True, None),
        "relu6": (True, 6.0),
        "narrow": (True, None),
        "wide": (True, None),
        "joined": (True, None),
        "dense": (True, None),
    }
    assert float(tf.reduce_min(stages["joined"].value)) < 0  # the value before the ReLU
    assert not stages["mixed"].relu and not stages["leaky"].relu


@pytest.mark.parametrize("layer", ["argument", "relu6", "joined", "dense"])
def test_matched_relu_passes_every_gradient(network, small_images, layer):
    signals = tf.constant(small_images[:1])
    with tf.GradientTape() as tape:
        tape.watch(signals)
        stage = network.forward(signals)[layer]
        gradient = tape.gradient(stage.linear_gradient_output, stage.value)
    np.testing.assert_array_equal(gradient, np.ones(stage.value.shape))


def test_search_matches_a_branching_layer(network, small_images):
    config = mm.SynthesisConfig(iterations=300)
    metamer = mm.synthesize(network, "joined", small_images[0], config, progress=False)
    assert metamer.loss[-1] < 0.05 * metamer.loss[0] and metamer.spearman["joined"] > 0.9
    assert metamer.checkpoint.startswith("sha256:")


def test_weights_stay_the_models(network, model, small_images):
    before = network.logits(small_images).numpy()
    kernel = model.get_layer("top").kernel
    kernel.assign(2.0 * kernel)
    bias = model.get_layer("top").bias.numpy()
    np.testing.assert_allclose(network.logits(small_images), 2 * (before - bias) + bias, rtol=1e-5)
    kernel.assign(0.5 * kernel)


def test_sequential_sound_model(small_sounds):
    model = keras.Sequential(
        [
            keras.Input([1000]),
            keras.layers.Reshape([1000, 1]),
            keras.layers.Conv1D(4, 16, 4, activation="relu", name="conv"),
            keras.layers.GlobalAveragePooling1D(),
            keras.layers.Dense(2, name="top"),
        ]
    )
    network = mm.from_keras(model, ["conv", "top"], mm.SignalSpec("sound", (1000,), -1, 1, sample_rate=4000))
    metamer = mm.synthesize(
        network, "conv", small_sounds[0], mm.SynthesisConfig(iterations=20), progress=False
    )
    assert metamer.signal.shape == (1000,) and metamer.loss[-1] < metamer.loss[0]


def test_keras_applications_model_works():
    model = keras.applications.MobileNetV2(weights=None, input_shape=(64, 64, 3), alpha=0.35, classes=5)
    spec = mm.SignalSpec("image", (64, 64, 3), 0.0, 1.0)
    network = mm.from_keras(model, ["block_1_expand_relu", "out_relu"], spec, preprocess=lambda x: 2 * x - 1)
    stages = network.forward(tf.zeros([1, 64, 64, 3]))
    assert stages["out_relu"].relu and stages["out_relu"].ceiling == 6.0
    assert network.logits_stage == "predictions" and len(network.stages) == len(model.layers) - 1


def test_weights_are_digested_when_they_are_used(small_images):
    model, network = small_keras_network(keras.layers.Dense(3, name="top"))
    first = network.checkpoint_digest
    assert first == network.checkpoint_digest and first.startswith("sha256:")
    kernel = model.get_layer("top").kernel
    kernel.assign_add(tf.ones_like(kernel))
    second = network.checkpoint_digest
    config = mm.SynthesisConfig(iterations=1)
    null = mm.null_distribution(network, ["conv"], small_images, pairs=3, progress=False)
    metamer = mm.synthesize(network, "conv", small_images[0], config, progress=False)
    assert first != second == metamer.checkpoint == null.checkpoint
    mm.check(metamer, null)
    model.set_weights([2 * w for w in model.get_weights()])
    changed = mm.synthesize(network, "conv", small_images[0], config, progress=False)
    assert changed.checkpoint not in (first, second)
    with pytest.raises(InputError, match="null distribution"):
        mm.check(changed, null)
    model.set_weights([w / 2 for w in model.get_weights()])
    assert network.checkpoint_digest == second


def test_an_assigned_digest_holds_while_the_weights_do():
    model, network = small_keras_network(keras.layers.Dense(3, name="top"))
    network.checkpoint_digest = "sha256:of a file"
    assert network.checkpoint_digest == "sha256:of a file"
    model.get_layer("top").bias.assign([1.0, 2.0, 3.0])
    assert network.checkpoint_digest != "sha256:of a file"


def test_digest_is_of_weights_alone():
    """The random state of dropout is none; of two layers called the same, both are."""

    def inner(name):
        inputs = keras.Input([6])
        return keras.Model(inputs, keras.layers.Dense(6, name="same")(inputs), name=name)

    def build(seed):
        keras.utils.clear_session()  # so that Keras gives layers the same names again
        keras.utils.set_random_seed(0)
        drop, one, two = keras.layers.Dropout(0.1, seed=seed), inner("one"), inner("two")
        return small_keras_network(lambda x: keras.layers.Dense(3)(two(one(drop(keras.layers.Dense(6)(x))))))

    (model, network), (_, again) = build(1), build(2)
    assert network.checkpoint_digest == again.checkpoint_digest
    assert len(network.weights) == len(model.weights)
    for variable in model.weights:
        before = network.checkpoint_digest
        variable.assign(variable + 1.0)
        assert network.checkpoint_digest != before


def test_model_that_draws_at_random_is_refused():
    noisy = keras.layers.Lambda(lambda x: x + tf.random.normal(tf.shape(x)))
    with pytest.raises(InputError, match="does not answer as its layers do one by one"):
        small_keras_network(lambda x: noisy(keras.layers.Dense(3)(x)))


def two_inputs():
    a, b = keras.Input([4]), keras.Input([4])
    return keras.Model([a, b], keras.layers.Add()([a, b]), name="two")


def image_to_image():
    inputs = keras.Input([32, 32, 3])
    return keras.Model(inputs, keras.layers.Conv2D(1, 1)(inputs), name="map")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: keras.Sequential([keras.layers.Dense(3)], name="unbuilt"), "no graph of layers"),
        (two_inputs, "2 inputs and 1 outputs"),
        (image_to_image, r"expected \[batch, classes\]"),
        (lambda: "model.h5", "expected a Keras model"),
    ],
)
def test_models_that_cannot_be_read_are_refused(make, message):
    with pytest.raises(InputError, match=message):
        mm.from_keras(make(), [], KERAS_SIGNAL)


def test_arguments_that_do_not_fit_are_refused(model):
    with pytest.raises(InputError, match="no layer 'conv9'"):
        mm.from_keras(model, ["conv9"], KERAS_SIGNAL)
    with pytest.raises(InputError, match="2 class names were given for 3 outputs"):
        mm.from_keras(model, ["top"], KERAS_SIGNAL, ["a", "b"])
    with pytest.raises(InputError, match=r"takes \[32, 32, 3\], but the signal gives \[64, 64, 3\]"):
        mm.from_keras(model, ["top"], mm.SignalSpec("image", (64, 64, 3), 0.0, 1.0))


def example(name: str):
    sys.path.insert(0, str(EXAMPLES))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(EXAMPLES))


def test_own_network_example_works(small_images):
    network = example("own_network").TwoConvolutions()
    network.initialize(0)
    config = mm.SynthesisConfig(iterations=100)
    metamer = mm.synthesize(network, "conv2", small_images[0], config, progress=False)
    assert network.stages == ("conv1", "conv2", "logits") and metamer.loss[-1] < metamer.loss[0]


@pytest.mark.skipif("METAMERS_DATA" not in os.environ, reason="METAMERS_DATA is not set")
def test_squeezenet_example_knows_imagenet():
    data = Path(os.environ["METAMERS_DATA"])
    network = example("squeezenet").network(data / "imagenet_networks" / "squeezenet_v1_0.npz")
    rows = [
        line.split("\t") for line in (data / "imagenet_sample" / "labels.tsv").read_text().splitlines()[1:]
    ]
    images = np.stack([mm.load_image(data / "imagenet_sample" / row[0], network.signal) for row in rows])
    correct = network.logits(images).numpy().argmax(axis=1) == [int(row[1]) for row in rows]
    assert correct.mean() > 0.6  # 0.655 on 1000 such images
    stage = network.forward(tf.constant(images[:1]))["fire9"]
    assert stage.relu and float(tf.reduce_min(stage.value)) < 0
