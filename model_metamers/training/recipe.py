"""What a recipe is: everything that says how a network is trained but the data and the seed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import tensorflow as tf

from model_metamers.training import optimizers, schedules

_OPTIMIZERS = {
    "momentum": tf.keras.optimizers.SGD,
    "rmsprop": optimizers.RMSprop,
    "adam": tf.keras.optimizers.Adam,
}


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
        return _OPTIMIZERS[self.optimizer_name](self.learning_rate, **self.optimizer_settings)

    def schedule(self, steps_per_epoch: int) -> schedules.Schedule:
        """Learning rate by step."""
        return self.decay(self.learning_rate, steps_per_epoch, self.num_epochs)

    def changed(self, **values: float | int | None) -> Recipe:
        """The recipe with other values; None keeps its own."""
        return dataclasses.replace(self, **{k: v for k, v in values.items() if v is not None})


def warmup_cosine(warmup_epochs: float) -> Callable[[float, int, int], schedules.Schedule]:
    """Decay of a recipe: warm-up, then half a cosine to zero at the end."""

    def decay(rate: float, steps_per_epoch: int, num_epochs: int) -> schedules.Schedule:
        steps = steps_per_epoch * num_epochs
        return schedules.warmup_cosine(rate, steps, min(steps, round(warmup_epochs * steps_per_epoch)))

    return decay


SMALL_IMAGES = Recipe(
    source="this project; 32 x 32 images",
    preprocessing="small",
    num_epochs=14,
    batch_size=128,
    learning_rate=0.1,
    decay=warmup_cosine(1.0),
    optimizer_name="momentum",
    optimizer_settings={"momentum": 0.9, "nesterov": True},
    weight_decay=5e-4,
    clip_norm=5.0,
)
SMALL_VGG = dataclasses.replace(  # no batch normalisation: lower rate, longer warm-up
    SMALL_IMAGES, num_epochs=30, learning_rate=0.02, decay=warmup_cosine(2.0)
)
SMALL_INCEPTION = dataclasses.replace(  # its gradient begins a hundred times too large for momentum
    SMALL_IMAGES, num_epochs=12, learning_rate=2e-3, optimizer_name="adam", optimizer_settings={},
    weight_decay=0.0,
)  # fmt: skip
SMALL_SOUNDS = Recipe(
    source="this project; one second at 8 kHz",
    preprocessing="sound",
    num_epochs=40,
    batch_size=64,
    learning_rate=1e-3,
    decay=warmup_cosine(1.0),
    optimizer_name="adam",
    optimizer_settings={},
    clip_norm=5.0,
)
