"""The paper's two conditions for a metamer (section 3.1).

The network gives it the target's class, and Spearman's rho between their activations
lies above the whole null distribution. Of a network that names no classes (VGGish) only
the second applies.
"""

from __future__ import annotations

import dataclasses
import html
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from model_metamers.criteria.nearness import Match, match
from model_metamers.criteria.null_rule import MAXIMUM
from model_metamers.errors import InputError
from model_metamers.networks.names import viewed_name
from model_metamers.statistics import ranks

if TYPE_CHECKING:
    from model_metamers.criteria.null import NullDistribution
    from model_metamers.networks.network import Network
    from model_metamers.synthesis import Metamer


# Below so many pairs of unrelated signals, verdicts say how many they rest on. Metamers of a few steps exceed
# the maximum of a few pairs; the paper took 1,000,000 pairs (section 3.1).
FEW_PAIRS = 1000


@dataclasses.dataclass(frozen=True)
class Measurement:
    """How a signal compares with its target in a network.

    Attributes:
      spearman: rho by layer; NaN where either activation is constant.
      target_label, signal_label: indices of the largest logits; None where the network's
        classes are texts, or it has none.
      target_class, signal_class: their names, or the texts; None where it has none.
      match: how near they are at the matched layer; None where none was named, and in older records.

    Example:
      >>> Measurement({"fc7": 0.9}, 3, 5, "cat", "dog").same_class
      False
    """

    spearman: dict[str, float]
    target_label: int | None
    signal_label: int | None
    target_class: str | None
    signal_class: str | None
    match: Match | None = None

    @property
    def same_class(self) -> bool | None:
        """The paper's first condition; None where it does not apply."""
        if self.target_class is None:
            return None
        return (self.target_label, self.target_class) == (self.signal_label, self.signal_class)


@dataclasses.dataclass(frozen=True)
class Verdict:
    """Whether a metamer may be used.

    Attributes:
      passes: both conditions hold, or the second where the first does not apply.
      same_class: the first condition; None where the network names no classes.
      above_null: the second condition.
      rho: at the matched layer.
      null_max: largest rho of unrelated signals there.
      reasons: why it does not pass; empty when it does.
      null_rule: what rho must exceed, see `null_rule.check_rule`; the paper's is "maximum".
      null_limit: the rho that it must exceed, where the rule is another; None where that is `null_max`.
      null_pairs: of unrelated signals, with a rho, that it was judged by; None in older records.

    Example:
      >>> measured = Measurement({"fc7": 0.4}, 3, 3, "cat", "cat")
      >>> import model_metamers as mm
      >>> network = mm.load_network("vgg_19_small", "random:0")
      >>> noise = np.random.default_rng(0).uniform(size=[3, 32, 32, 3])
      >>> verdict = verdict_on(measured, "fc7", mm.null_distribution(network, ["fc7"], noise, progress=False))
      >>> verdict.same_class, verdict.passes == (0.4 > verdict.limit)
      (True, True)
    """

    passes: bool
    same_class: bool | None
    above_null: bool
    rho: float
    null_max: float
    reasons: tuple[str, ...]
    null_rule: str = MAXIMUM
    null_limit: float | None = None
    null_pairs: int | None = None

    def _repr_html_(self) -> str:
        color = "#d9efdf" if self.passes else "#fbdfd8"
        word = f"<b style='background:{color};color:#222;border-radius:1em;padding:0 .5em'>{self.word}</b>"
        exceeds = f"ρ {self.rho:.4f}, to exceed {self.limit:.4f}"
        return "<br>".join([f"{word} {exceeds}", *map(html.escape, self.reasons)])

    @property
    def word(self) -> str:
        """What is told: "passes" or "fails"; where that rests on few pairs of unrelated signals, on how many.

        Example:
          >>> Verdict(True, True, True, 0.9, 0.4, (), null_pairs=6).word
          'passes (6 pairs)'
        """
        few = self.null_pairs is not None and self.null_pairs < FEW_PAIRS
        word = "passes" if self.passes else "fails"
        return f"{word} ({_counted(self.null_pairs)})" if few else word

    @property
    def limit(self) -> float:
        """The rho that it must exceed."""
        return self.null_max if self.null_limit is None else self.null_limit


def standardised_ranks(values: np.ndarray) -> np.ndarray | None:
    """Average ranks with mean 0 and length 1, float64 [units]; None where all are equal.

    The dot product of two is Spearman's rho.
    """
    ranked = ranks.average_ranks(values)
    ranked -= ranked.mean()
    length = np.linalg.norm(ranked)
    return ranked / length if length > 0 else None


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's rho over all elements of two equally shaped arrays, ties averaged.

    NaN where one of them is constant: rho is not defined there.

    Raises:
      InputError: other shapes.

    Example:
      >>> round(spearman(np.array([1.0, 2.0, 3.0]), np.array([10.0, 30.0, 20.0])), 9)
      0.5
    """
    if np.shape(a) != np.shape(b):
        raise InputError(f"rho needs equal shapes, got {np.shape(a)} and {np.shape(b)}")
    ranks_a, ranks_b = standardised_ranks(a), standardised_ranks(b)
    if ranks_a is None or ranks_b is None:
        return math.nan
    return float(np.clip(ranks_a @ ranks_b, -1.0, 1.0))


def measure(
    network: Network,
    target: np.ndarray,
    signal: np.ndarray,
    layer: str | None = None,
    all_layers: bool = True,
) -> Measurement:
    """Rho at every metamer layer (and at `layer`), the match at `layer`, and both classes.

    Args:
      network: that judges.
      target, signal: of shape `network.signal.shape`.
      layer: the matched layer, which may be a further stage.
      all_layers: False leaves out rho but at `layer`, which is faster.
    """
    own = network.layers if all_layers else ()
    layers = tuple(dict.fromkeys([*own, *([layer] if layer else []), network.logits_stage]))
    activations = network.activations(np.stack([target, signal]), layers)
    if not all_layers:
        layers = tuple(name for name in layers if name == layer)
    rho = {name: spearman(*activations[name].numpy()) for name in layers}
    named = network.label(activations[network.logits_stage].numpy())
    labels: Sequence[tuple[int | None, str | None]] = named or [(None, None)] * 2
    (target_label, target_class), (signal_label, signal_class) = labels
    nearness = match(*activations[layer].numpy()) if layer else None
    return Measurement(rho, target_label, signal_label, target_class, signal_class, nearness)


def check(metamer: Metamer, null: NullDistribution) -> Verdict:
    """The verdict on a metamer.

    Raises:
      InputError: the null distribution is of another network, or lacks the layer.

    Example:
      >>> import model_metamers as mm
      >>> network = mm.load_network("vgg_19_small", "random:0")
      >>> grey = np.full([32, 32, 3], 0.5)
      >>> search = mm.SynthesisConfig(iterations=5)
      >>> metamer = mm.synthesize(network, "conv1_2", grey, search, progress=False)
      >>> noise = np.random.default_rng(0).uniform(size=[4, 32, 32, 3])
      >>> null = mm.null_distribution(network, ["conv1_2"], noise, progress=False)
      >>> verdict = check(metamer, null)
      >>> verdict.rho == metamer.spearman["conv1_2"], verdict.null_max == null.maximum("conv1_2")
      (True, True)
    """
    check_null(null, metamer.network, metamer.checkpoint)
    return verdict_on(metamer.measurement, metamer.layer, null)


def check_null(null: NullDistribution, network: str, checkpoint: str) -> None:
    """Refuses a null distribution of another network, or of other weights.

    Raises:
      InputError: it is.
    """
    if not is_null_of(null, network, checkpoint):
        raise InputError(
            f"the null distribution is of {null.network} ({null.checkpoint[:19]}), the metamer of "
            f"{network} ({checkpoint[:19]}); measure one for it"
        )


def is_null_of(null: NullDistribution, network: str, checkpoint: str) -> bool:
    """Whether a null distribution is of a network with these weights, or of its view.

    Natural sounds have the same activations in a network and in its `cochleagram_view`.
    """
    same_network = viewed_name(null.network) == viewed_name(network)
    return same_network and null.checkpoint == checkpoint


def verdict_on(measurement: Measurement, layer: str, null: NullDistribution) -> Verdict:
    """The verdict on a measurement at the matched layer."""
    rho, null_max, limit = measurement.spearman[layer], null.maximum(layer), null.limit(layer)
    above = bool(rho > limit)
    reasons = []
    if measurement.same_class is False:
        names = class_text(measurement.signal_class), class_text(measurement.target_class)
        reasons.append(f"class {names[0]}, the target's is {names[1]}")
    if math.isnan(rho):
        reasons.append("rho is not defined: the activations are constant")
    elif math.isnan(null_max):
        reasons.append("no null: the activations of unrelated signals are constant")
    elif not above:
        what = "null maximum" if null.rule == MAXIMUM else f"null's limit by {null.rule},"
        reasons.append(f"rho {rho:.4f} is {limit - rho:.4f} below the {what} {limit:.4f}")
    return Verdict(
        passes=above and measurement.same_class is not False,
        same_class=measurement.same_class,
        above_null=above,
        rho=rho,
        null_max=null_max,
        reasons=tuple(reasons),
        null_rule=null.rule,
        null_limit=None if null.rule == MAXIMUM else limit,
        null_pairs=null.at(layer).pairs,
    )


def _counted(pairs: int | None) -> str:
    return "1 pair" if pairs == 1 else f"{pairs} pairs"


def class_text(name: str | None) -> str:
    """A class as it is shown: a text may be empty, and a network may name none."""
    return "none" if name is None else name or "(nothing)"
