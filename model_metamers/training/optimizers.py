"""The optimisers that recipes name; RMSProp starts as in TensorFlow 1."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf


class RMSprop(tf.keras.optimizers.RMSprop):
    """RMSProp that starts as TensorFlow 1's does, for which TF-slim's recipes were made.

    Both divide by sqrt(mean square + epsilon), with epsilon inside the root. But
    `tf.train.RMSPropOptimizer` starts the mean square at 1 and Keras starts it at 0: with
    epsilon = 1 and small gradients, the first steps of Keras are 1.38 times as long.
    """

    def build(self, variables: Sequence) -> None:
        """Creates the optimiser's own variables for these variables, once."""
        if self.built:
            return
        super().build(variables)
        for mean_square in self._velocities:
            mean_square.assign(tf.ones(mean_square.shape, mean_square.dtype))


OPTIMIZERS = {"momentum": tf.keras.optimizers.SGD, "rmsprop": RMSprop, "adam": tf.keras.optimizers.Adam}
