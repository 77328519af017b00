"""What a recipe is: all that decides how a network is trained, except the data and the seed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from model_metamers.training import schedules

if TYPE_CHECKING:
    import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    Attributes:
      source: where the numbers come from.
      preprocessing: "small", "vgg", "inception" or "inception_fast" for images; "sound" for sounds.
      num_epochs: number of passes over the data.
      batch_size: examples in a step.
      learning_rate: the first rate, or the highest where there is a warm-up.
      decay: f(learning_rate, steps_per_epoch, num_epochs) -> schedule, see `schedules`.
      optimizer_name: "momentum", "rmsprop" (as TensorFlow 1 starts it) or "adam".
      optimizer_settings: the optimiser's arguments except the learning rate.
      weight_decay: factor of half the squared kernels, which is added to the loss.
      label_smoothing: share of a label that is spread over all classes.
      aux_weight: weight of an auxiliary classifier's loss.
      clip_norm: largest global norm of the gradient; None does not clip.
    """

    source: str
    preprocessing: str
    num_epochs: int
    batch_size: int
    learning_rate: float
    decay: Callable[[float, int, int], schedules.Schedule]
    optimizer_name: str
    optimizer_settings: Mapping[str, float | bool]
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    aux_weight: float = 0.0
    clip_norm: float | None = None

    def optimizer(self) -> tf.keras.optimizers.Optimizer:
        """A new optimiser."""
        from model_metamers.training.optimizers import OPTIMIZERS

        return OPTIMIZERS[self.optimizer_name](self.learning_rate, **self.optimizer_settings)

    def schedule(self, steps_per_epoch: int) -> schedules.Schedule:
        """The learning rate as a function of the step."""
        return self.decay(self.learning_rate, steps_per_epoch, self.num_epochs)

    def changed(self, **values: Any) -> Recipe:
        """The recipe with other values by field name; None keeps the recipe's own."""
        return dataclasses.replace(self, **{k: v for k, v in values.items() if v is not None})
