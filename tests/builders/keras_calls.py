"""What Keras itself computes at every layer of a model, and gradients written without the package."""

import collections
from collections.abc import Callable
from unittest import mock

import numpy as np
import tensorflow as tf

keras = tf.keras
Values = dict[str, list[np.ndarray]]


def keras_values(model, given: np.ndarray) -> Values:
    """Outputs of every call that Keras makes while it runs a model, by path, in the order of the calls.

    Keras's own loop over the model runs; only the calls are listened to. A layer "conv" of a model "base"
    within the model is "base/conv"; what layers other than models call within themselves is left out.
    """
    found: Values = collections.defaultdict(list)
    around = [""]  # prefixes of the models that are being run; None within a layer that is no model

    def listened(call: Callable) -> Callable:
        def to(self, *args, **kwargs):
            prefix = around[-1]
            is_model = isinstance(self, keras.Model)
            inner = f"{prefix}{self.name}/" if is_model and prefix is not None else None
            around.append("" if self is model else inner)
            try:
                output = call(self, *args, **kwargs)
            finally:
                around.pop()
            if prefix is not None and self is not model:
                found[prefix + self.name].append(np.asarray(output))
            return output

        return to

    # Every layer's own __call__ ends in this one.
    with mock.patch.object(keras.Operation, "__call__", listened(keras.Operation.__call__)):
        model(given, training=False)
    return dict(found)


def linear_gradient(
    before_relu: Callable[[tf.Tensor], tf.Tensor], signal: np.ndarray, target: np.ndarray, ceiling: float
) -> np.ndarray:
    """Gradient of sum((y - target)^2) / 2 to the signal, y = min(max(x, 0), ceiling) with slope 1 everywhere.

    That is, the Jacobian of x, the value before the ReLU, times y - target (paper 3.1).
    """
    given = tf.constant(signal)
    with tf.GradientTape() as tape:
        tape.watch(given)
        x = before_relu(given)
    off = np.clip(x.numpy(), 0, ceiling) - target
    return tape.gradient(x, given, output_gradients=tf.constant(off, tf.float32)).numpy()
