"""What one training does, from its first step to its end."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from model_metamers.errors import InputError
from model_metamers.training.stopping import Stopping

if TYPE_CHECKING:
    import tensorflow as tf

    from model_metamers.training.losses import Objective


@dataclasses.dataclass(frozen=True)
class TrainingPlan:
    """One training, from the first step to the last.

    Attributes:
      batches: f(epoch, first) -> dataset of (signals, labels) of an epoch, without its `first`
        first batches; the same epoch always gives the same batches.
      steps_per_epoch: number of batches in an epoch.
      num_epochs: number of passes over the data.
      objective: what is minimised; see `losses`.
      schedule: f(step) -> learning rate.
      evaluate: f() -> metrics of the network as it is now, by name.
      stopping: when to end early.
      evaluations_per_epoch: how often to evaluate; 0.5 is every other epoch.
      saves_per_epoch: how often to save the state.
      weight_decay: factor of half the squared kernels, which is added to the loss (TF1's
        l2_regularizer).
      clip_norm: largest global norm of the gradient; None does not clip.
      mixed_precision: whether the network computes in bfloat16.
      seed: seed of the dropout.
      paths: files of the records, to name a damaged one.

    Raises:
      InputError: there are no steps in an epoch.
    """

    batches: Callable[[int, int], tf.data.Dataset]
    steps_per_epoch: int
    num_epochs: int
    objective: Objective
    schedule: Callable[[int], float]
    evaluate: Callable[[], Mapping[str, float]]
    stopping: Stopping = dataclasses.field(default_factory=Stopping)
    evaluations_per_epoch: float = 1.0
    saves_per_epoch: float = 1.0
    weight_decay: float = 0.0
    clip_norm: float | None = None
    mixed_precision: bool = False
    seed: int = 0
    paths: tuple[Path, ...] = ()

    def __post_init__(self):
        if self.steps_per_epoch < 1:
            raise InputError("there are fewer training examples than one batch takes; lower batch_size")

    @property
    def num_steps(self) -> int:
        return self.steps_per_epoch * self.num_epochs

    def is_due(self, step: int, times_per_epoch: float) -> bool:
        """Whether what happens `times_per_epoch` times in an epoch is to happen after `step` steps."""
        if step >= self.num_steps:
            return True
        every = self.steps_per_epoch / times_per_epoch
        return step // every > (step - 1) // every


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a training ended.

    Attributes:
      steps: number of steps taken in all.
      metrics: metrics of the last evaluation.
      reason: why it ended, in words.
    """

    steps: int
    metrics: Mapping[str, float]
    reason: str
