"""Small Keras models as networks."""

from collections.abc import Callable

import tensorflow as tf

import model_metamers as mm

keras = tf.keras
KERAS_SIGNAL = mm.SignalSpec("image", (32, 32, 3), 0.0, 1.0)


def small_keras_network(top: Callable, features: int = 3, preprocess: Callable | None = None, **more):
    """A Keras model of 32 x 32 images and the network made of it; `top` gives the model's output."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input([32, 32, 3])
    x = keras.layers.Conv2D(features, 8, 8, activation="relu", name="conv")(inputs)
    model = keras.Model(inputs, top(keras.layers.Flatten()(x)), name="small")
    return model, mm.from_keras(model, ["conv"], KERAS_SIGNAL, preprocess=preprocess, **more)
