"""A metamer as it is kept: a search's result with what is known of it."""

from __future__ import annotations

import dataclasses

import numpy as np

from model_metamers.criteria.verdict import Measurement
from model_metamers.signals.spec import SignalSpec
from model_metamers.synthesis.config import SynthesisConfig


@dataclasses.dataclass(frozen=True)
class Metamer:
    """A metamer and what is known of it.

    Attributes:
      network, checkpoint: name, and digest of the weights.
      layer: that was matched.
      stimulus: name of the target.
      signal, target: float32 of the network's signal shape.
      spec: of that signal.
      config: of the search, complete.
      iterations: finished; fewer than asked for where the search was stopped.
      loss, loss_iterations: sum of squared differences / 2, and when, equally long.
      measurement: rho at every metamer layer, and classes; of the float signal.
      relu_gradient_used: at the matched layer: "linear", "plain" (asked for, or all that could be
        had), or "none" where the layer ends in no ReLU that is known; None in older records.
      checkpoint_place: what the weights were loaded from, as `Network` has it.
    """

    network: str
    checkpoint: str
    layer: str
    stimulus: str
    signal: np.ndarray
    target: np.ndarray
    spec: SignalSpec
    config: SynthesisConfig
    iterations: int
    loss: np.ndarray
    loss_iterations: np.ndarray
    measurement: Measurement
    relu_gradient_used: str | None = None
    checkpoint_place: str | None = None

    @property
    def spearman(self) -> dict[str, float]:
        """Rho between metamer and target by layer."""
        return self.measurement.spearman

    @property
    def target_class(self) -> str | None:
        return self.measurement.target_class

    @property
    def metamer_class(self) -> str | None:
        return self.measurement.signal_class
