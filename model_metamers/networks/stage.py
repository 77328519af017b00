"""What a network gives at one of its named places."""

from __future__ import annotations

import dataclasses

import tensorflow as tf

from model_metamers import gradients


@dataclasses.dataclass(frozen=True)
class Stage:
    """The value of one named place in a forward pass.

    Attributes:
      value: the tensor before the ReLU where the stage ends in one, otherwise the output.
      relu: whether the stage ends in a ReLU.
      ceiling: upper bound of that ReLU; None where it has none.

    Example:
      >>> stage = Stage(tf.constant([-1.0, 2.0, 9.0]), relu=True, ceiling=6.0)
      >>> stage.output.numpy()
      array([0., 2., 6.], dtype=float32)
    """

    value: tf.Tensor
    relu: bool = False
    ceiling: float | None = None

    @property
    def in_float32(self) -> Stage:
        """The same stage in float32, as it mostly is."""
        return dataclasses.replace(self, value=tf.cast(self.value, tf.float32))

    @property
    def output(self) -> tf.Tensor:
        """The stage's output, with the ordinary ReLU."""
        return gradients.clipped_relu(self.value, self.ceiling) if self.relu else self.value

    @property
    def linear_gradient_output(self) -> tf.Tensor:
        """The same output, but with a ReLU whose gradient is 1 everywhere."""
        if not self.relu:
            return self.value
        return gradients.linear_gradient_relu(self.value, self.ceiling)
