"""What a recipe is: everything that says how a network is trained but the data and the seed."""

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
      source: where the numbers are from.
      preprocessing: "small", "vgg" or "inception" for images; "sound".
      num_epochs, batch_size: passes and examples per step.
      learning_rate: first or peak rate.
      decay: f(learning_rate, steps_per_epoch, num_epochs) -> schedule of the rate by step.
      optimizer_name: "momentum", "rmsprop" (as TensorFlow 1 starts it) or "adam".
      optimizer_settings: its arguments, without the rate.
      weight_decay: L2 penalty on kernels, half its square.
      label_smoothing: share of a label spread over all classes.
      aux_weight: of an auxiliary classifier's loss.
      clip_norm: largest global norm of the gradient.
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
        """A fresh optimiser."""
        from model_metamers.training.optimizers import OPTIMIZERS

        return OPTIMIZERS[self.optimizer_name](self.learning_rate, **self.optimizer_settings)

    def schedule(self, steps_per_epoch: int) -> schedules.Schedule:
        """Learning rate by step."""
        return self.decay(self.learning_rate, steps_per_epoch, self.num_epochs)

    def changed(self, **values: Any) -> Recipe:
        """The recipe with other values; None keeps its own."""
        return dataclasses.replace(self, **{k: v for k, v in values.items() if v is not None})
