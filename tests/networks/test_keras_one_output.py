"""Keras models with a single output make two classes."""

import numpy as np
import pytest
import tensorflow as tf

import model_metamers as mm
from model_metamers import InputError, criteria
from tests.builders.keras_models import small_keras_network

keras = tf.keras


SIGMOIDS = {
    "name": lambda x: keras.layers.Dense(1, "sigmoid")(x),
    "function": lambda x: keras.layers.Dense(1, tf.math.sigmoid)(x),
    "layer": lambda x: keras.layers.Activation("sigmoid", dtype="float32")(keras.layers.Dense(1)(x)),
    "operation": lambda x: keras.ops.sigmoid(keras.layers.Dense(1)(x)),
    "hard": lambda x: keras.layers.Dense(1, "hard_sigmoid")(x),
    "with dropout": lambda x: keras.layers.Dropout(0.1)(keras.layers.Dense(1, "sigmoid")(x)),
}
LOGITS = {
    "plain": lambda x: keras.layers.Dense(1)(x),
    "linear": lambda x: keras.layers.Activation("linear", dtype="float32")(keras.layers.Dense(1)(x)),
    "tanh": lambda x: keras.layers.Dense(1, "tanh")(x),
    "scaled": lambda x: 2.0 * keras.layers.Dense(1)(x),
}


@pytest.mark.parametrize("form", [*SIGMOIDS, *LOGITS])
def test_one_output_makes_two_classes(small_images, form):
    top, threshold = (SIGMOIDS[form], 0.5) if form in SIGMOIDS else (LOGITS[form], 0.0)
    model, network = small_keras_network(top, classes=["cat", "dog"])
    # The bias is moved so that two of the four images lie on either side of the threshold.
    dense = next(layer for layer in model.layers if isinstance(layer, keras.layers.Dense))
    before = keras.Model(model.input, dense.input)(small_images) @ dense.kernel
    dense.bias.assign([-np.median(before)])
    above = np.ravel(model(small_images)) > threshold
    logits = network.logits(small_images)
    assert sorted(above) == [False, False, True, True] and logits.shape == (4, 2)
    assert [label for _, label in network.label(logits.numpy())] == ["dog" if up else "cat" for up in above]
    np.testing.assert_allclose(logits[:, 1], np.ravel(model(small_images)), atol=1e-6)
    np.testing.assert_allclose(logits[:, 0], 1 - logits[:, 1] if threshold else np.zeros(4), atol=1e-6)
    low, high = small_images[np.argmin(above)], small_images[np.argmax(above)]
    measured = criteria.measure(network, low, high, "conv")
    assert (measured.target_class, measured.signal_class) == ("cat", "dog")
    assert mm.recognize(network, small_images[above]) == ["dog", "dog"]


def test_names_of_the_classes_of_one_output():
    assert small_keras_network(SIGMOIDS["name"])[1].classes == ("class_0", "class_1")
    assert small_keras_network(SIGMOIDS["name"], classes=["cat"])[1].classes == ("not cat", "cat")
    assert small_keras_network(SIGMOIDS["name"], classes="cat")[1].classes == ("not cat", "cat")
    with pytest.raises(InputError, match=r"3 class names were given for 1 outputs.*two, below and above"):
        small_keras_network(SIGMOIDS["name"], classes=["a", "b", "c"])
    with pytest.raises(InputError, match="is 1 for every signal; a softmax takes two outputs"):
        small_keras_network(lambda x: keras.layers.Dense(1, "softmax")(x))
