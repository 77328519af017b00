"""A metamer: the result of a search, with what is known about it."""

from __future__ import annotations

import dataclasses

import numpy as np

from model_metamers.criteria.verdict import Measurement, Verdict
from model_metamers.signals.spec import SignalSpec
from model_metamers.synthesis import notebook
from model_metamers.synthesis.config import SynthesisConfig


@dataclasses.dataclass(frozen=True)
class Start:
    """What came of one start of a search that may have several (`SynthesisConfig.starts`).

    Attributes:
      seed: of its noise.
      iterations: that were finished.
      loss: at the end, sum of squared differences / 2; None where it diverged.
      metamer_class: what the network named the signal that was found; None where it diverged or the
        network names no classes.
      verdict: on that signal in floats, by the null distribution of the search; None where it diverged.
      kept: whether its signal is the metamer.
    """

    seed: int
    iterations: int
    loss: float | None
    metamer_class: str | None
    verdict: Verdict | None
    kept: bool


@dataclasses.dataclass(frozen=True, repr=False)
class Metamer:
    """A metamer and what is known about it.

    Attributes:
      network: name of the network.
      checkpoint: digest of its weights.
      layer: the layer that was matched.
      stimulus: name of the target.
      signal: the metamer, float32 of the network's signal shape.
      target: the natural signal, of the same shape.
      spec: what the network is fed, which describes both signals.
      config: settings of the search, with all values filled in.
      iterations: number of finished iterations; fewer than asked for if the search was stopped.
      loss: [entries], sum of squared differences / 2.
      loss_iterations: [entries], the iteration of each entry of `loss`.
      measurement: rho at every metamer layer, and the classes; of the signal in floats, not of a
        file.
      relu_gradient_used: gradient of the ReLU at the matched layer: "linear", "plain" (asked for,
        or the only one possible), or "none" where the layer ends in no known ReLU; None in older
        records.
      restarts: how often an L-BFGS search could not go on, so that it took some Adam steps and began
        afresh; None where Adam searched.
      stopped_at: the iteration at which the criteria of `config.stop_when` ended the search; None where
        they did not.
      stop_reason: what held then, in words; None likewise.
      starts: all that were searched from, in order, where the config asks for several; what is told
        above is of the one that was kept.
      checkpoint_place: what the weights were loaded from, as `Network` has it.

    Example:
      >>> import model_metamers as mm
      >>> network = mm.load_network("vgg_19_small", "random:0")
      >>> grey = np.full([32, 32, 3], 0.5)
      >>> search = mm.SynthesisConfig(iterations=5)
      >>> metamer = mm.synthesize(network, "conv1_2", grey, search, progress=False)
      >>> metamer.layer, metamer.iterations, metamer.signal.shape
      ('conv1_2', 5, (32, 32, 3))
      >>> metamer.spearman.keys() == set(network.layers)
      True
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
    restarts: int | None = None
    stopped_at: int | None = None
    stop_reason: str | None = None
    checkpoint_place: str | None = None
    starts: tuple[Start, ...] = ()

    def __repr__(self) -> str:
        return f"<{notebook.line(self)}>"

    def _repr_html_(self) -> str:
        return notebook.page(self)

    @property
    def spearman(self) -> dict[str, float]:
        """Spearman's rho between metamer and target, by layer."""
        return self.measurement.spearman

    @property
    def target_class(self) -> str | None:
        return self.measurement.target_class

    @property
    def metamer_class(self) -> str | None:
        return self.measurement.signal_class
