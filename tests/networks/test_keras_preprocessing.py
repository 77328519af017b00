"""Preprocessing and steps of Keras models: with a gradient, or refused."""

import numpy as np
import pytest
import tensorflow as tf

import model_metamers as mm
from model_metamers import InputError
from tests.builders.keras_models import KERAS_SIGNAL, small_keras_network

keras = tf.keras


def test_preprocessing_stays_in_the_graph(small_images):
    model, _ = small_keras_network(keras.layers.Dense(3, name="top"))
    wide = mm.SignalSpec("image", (64, 64, 3), 0.0, 255.0)
    network = mm.from_keras(
        model, ["top"], wide, preprocess=lambda x: tf.nn.avg_pool2d(x, 2, 2, "VALID") / 255.0
    )
    big = np.repeat(np.repeat(small_images, 2, axis=1), 2, axis=2) * 255.0
    np.testing.assert_allclose(network.logits(big), model(small_images), atol=1e-5)
    with tf.GradientTape() as tape:
        signals = tf.constant(big)
        tape.watch(signals)
        total = tf.reduce_sum(network.forward(signals)["top"].value)
    assert np.any(tape.gradient(total, signals).numpy())


@pytest.mark.parametrize(
    "preprocess",
    [
        lambda x: tf.round(x * 255.0) / 255.0,
        lambda x: tf.cast(x * 255.0, tf.uint8),
        lambda x: tf.cast(tf.cast(x * 255.0, tf.int32), tf.float32),
        tf.stop_gradient,
        tf.sign,
        lambda x: tf.clip_by_value(x, 1.0, 255.0),
        lambda x: tf.zeros([2, 32, 32, 3]),
        lambda x: tf.ensure_shape(tf.numpy_function(lambda v: 2 * v, [x], tf.float32), x.shape),
    ],
)
def test_preprocessing_without_a_gradient_is_refused(preprocess):
    with pytest.raises(InputError, match=r"no gradient comes back through preprocess.*TensorFlow operations"):
        small_keras_network(keras.layers.Dense(3), preprocess=preprocess)


@pytest.mark.parametrize(
    ("preprocess", "message"),
    [
        (lambda x: np.asarray(x) / 255.0, "preprocess cannot be computed.*TensorFlow operations"),
        (lambda x: x.numpy() / 255.0, "preprocess cannot be computed.*TensorFlow operations"),
        (lambda x: x / 0.0, r"NaN or infinite values.*\[0, 1\]; does it expect another range"),
        (lambda x: None, "preprocess cannot be computed"),
        ("caffe", "preprocess='caffe': expected a function"),
        (lambda x: tf.numpy_function(np.square, [x], tf.float32), "gives an unknown shape after preproc"),
    ],
)
def test_preprocessing_that_cannot_be_computed_is_refused(preprocess, message):
    with pytest.raises(InputError, match=message) as error:
        small_keras_network(keras.layers.Dense(3), preprocess=preprocess)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "preprocess",
    [
        lambda x: x - tf.reduce_mean(x, axis=[1, 2, 3], keepdims=True),
        tf.image.per_image_standardization,
        keras.layers.Rescaling(2.0, -1.0),
        keras.applications.vgg16.preprocess_input,
        lambda x: tf.cast(x, tf.float64),
    ],
)
def test_preprocessing_with_a_gradient_is_taken(small_images, preprocess):
    model, network = small_keras_network(keras.layers.Dense(3), preprocess=preprocess)
    wanted = model(tf.cast(preprocess(tf.constant(small_images)), tf.float32))
    np.testing.assert_allclose(network.logits(small_images), wanted, atol=1e-4)


@pytest.mark.parametrize(
    ("blocked", "message"),
    [
        (lambda x: keras.ops.round(x * 9.0), "round rounds"),
        (
            lambda x: keras.ops.cast(keras.ops.cast(x * 255.0, "uint8"), "float32"),
            "cast.* rounds, turns",
        ),
        (keras.layers.Lambda(tf.stop_gradient, name="halt"), "halt rounds"),
        (keras.layers.Activation(tf.sign, name="signs"), "signs rounds"),
    ],
)
def test_layers_that_no_gradient_leaves_are_refused(blocked, message):
    inputs = keras.Input([32, 32, 3])
    x = keras.layers.Conv2D(2, 8, 8, name="before")(inputs)
    x = keras.layers.Conv2D(2, 1, name="behind")(blocked(x))
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(x)))
    assert mm.from_keras(model, ["before"], KERAS_SIGNAL).layers == ("before",)
    with pytest.raises(InputError, match=f"no gradient comes from behind of .*{message}"):
        mm.from_keras(model, ["before", "behind"], KERAS_SIGNAL)


def test_search_at_a_stage_without_a_gradient_is_refused(small_images):
    _, network = small_keras_network(lambda x: keras.layers.Dense(3, name="top")(keras.ops.round(x)))
    with pytest.raises(InputError, match="small top: no gradient comes back to the signal"):
        mm.synthesize(network, "top", small_images[0], progress=False)


def test_model_that_takes_integers_is_refused():
    inputs = keras.Input([32, 32, 3], dtype="uint8")
    x = keras.layers.Conv2D(2, 8, name="conv")(keras.layers.Rescaling(1 / 255)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(x)))
    with pytest.raises(InputError, match="the model takes uint8; let it take float32"):
        mm.from_keras(model, ["conv"], KERAS_SIGNAL)
