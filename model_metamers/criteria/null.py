"""The null distribution as it is kept: histogram, extremes and mean of rho, by layer.

`null_distribution` measures one, `null_file` reads and writes it; what is here asks, without TensorFlow.
"""

from __future__ import annotations

import dataclasses
import math
from typing import NamedTuple

import numpy as np

from model_metamers.criteria import null_rule, null_text
from model_metamers.errors import InputError
from model_metamers.storage.digests import array_digest, text_digest

BINS = np.linspace(-1.0, 1.0, 2001)
KEPT_LARGEST = 1000  # rho of pairs of either kind, for the rule of a share of one class


def _none() -> np.ndarray:
    return np.empty(0)


@dataclasses.dataclass(frozen=True, repr=False)
class LayerNull:
    """Rho of unrelated pairs at one layer.

    Attributes:
      counts: int64 [2000] pairs in each of the bins of `BINS`.
      minimum, maximum, mean: of rho.
      undefined: pairs without a rho, because an activation was constant or the signals were copies
        of one another (`copies`).
      effective_pairs: of independent pairs that would tell the mean as surely; pairs that
        share a stimulus are not independent.
      maximum_low, maximum_high: middle 90 % of the maximum when blocks are drawn anew;
        NaN for fewer than 8 blocks.
      quantile_999, quantile_9999: below which 99.9 and 99.99 % of the pairs lie; NaN in a null
        distribution of an older version, as are the following empty.
      same_class_pairs, different_class_pairs: with a rho, of signals of one class and of two; both 0
        where no classes were known.
      same_class_largest, different_class_largest: float64, the 1000 largest rho of either in falling order.
    """

    counts: np.ndarray
    minimum: float
    maximum: float
    mean: float
    undefined: int
    effective_pairs: float
    maximum_low: float
    maximum_high: float
    quantile_999: float = math.nan
    quantile_9999: float = math.nan
    same_class_pairs: int = 0
    different_class_pairs: int = 0
    same_class_largest: np.ndarray = dataclasses.field(default_factory=_none)
    different_class_largest: np.ndarray = dataclasses.field(default_factory=_none)

    def __repr__(self) -> str:
        return f"<LayerNull: rho of {self.pairs:,} pairs, maximum {self.maximum:.4f}, mean {self.mean:.4f}>"

    @property
    def pairs(self) -> int:
        return int(self.counts.sum())

    def place(self, rho: np.ndarray) -> np.ndarray:
        """Where values lie among the pairs: the share of pairs below each, 0 to 1; NaN where either is.

        Pairs in a value's own bin count half, so that the mean place of the pairs themselves is 0.5.

        Args:
          rho: [values].
        """
        rho = np.asarray(rho, np.float64)
        if not self.pairs:
            return np.full(rho.shape, np.nan)
        below = np.append(0, np.cumsum(self.counts))
        own = np.clip(np.digitize(rho, BINS) - 1, 0, len(self.counts) - 1)
        places = (below[own] + self.counts[own] / 2) / self.pairs
        return np.where(np.isnan(rho), np.nan, places)

    @property
    def same_class_share(self) -> float:
        """Of the pairs of known classes; NaN without any."""
        known = self.same_class_pairs + self.different_class_pairs
        return self.same_class_pairs / known if known else math.nan

    @property
    def same_class_maximum(self) -> float:
        """NaN without such a pair."""
        return _first(self.same_class_largest)

    @property
    def different_class_maximum(self) -> float:
        """NaN without such a pair."""
        return _first(self.different_class_largest)


class LeftOut(NamedTuple):
    """A pair of copies that was left out.

    Attributes:
      one, other: names of the signals.
      likeness: their correlation, see `copies`; 1 where they are equal.
    """

    one: str
    other: str
    likeness: float


@dataclasses.dataclass(frozen=True, repr=False)
class NullDistribution:
    """Rho of pairs of unrelated signals in a network.

    Attributes:
      network, checkpoint: whose activations were compared.
      layers: rho of the pairs, by layer.
      design: "blocks", "independent" or "all_pairs".
      rule: by which metamers are judged, see `null_rule.check_rule`; the paper's is "maximum".
      copies: pairs that were drawn, and left out because their signals are copies (`copies`).
      copied_files: signals that took no part because they have the bytes of another, each with its name.

    Example:
      >>> import model_metamers as mm
      >>> network = mm.load_network("vgg_19_small", "random:0")
      >>> noise = np.random.default_rng(0).uniform(size=[4, 32, 32, 3])
      >>> null = mm.null_distribution(network, ["conv1_2"], noise, progress=False)
      >>> null.at("conv1_2").pairs, null.limit("conv1_2") == null.maximum("conv1_2")
      (6, True)
    """

    network: str
    checkpoint: str
    layers: dict[str, LayerNull]
    design: str
    rule: str = null_rule.MAXIMUM
    copies: tuple[LeftOut, ...] = ()
    copied_files: tuple[tuple[str, str], ...] = ()

    def __repr__(self) -> str:
        return f"<{null_text.line(self)}>"

    def _repr_html_(self) -> str:
        return null_text.page(self)

    @property
    def pairs(self) -> int:
        """Pairs with a rho, at the layer that has most; 0 without layers."""
        return max((rho.pairs for rho in self.layers.values()), default=0)

    def at(self, layer: str) -> LayerNull:
        """Rho of the pairs at a layer.

        Raises:
          InputError: the layer was not measured.
        """
        if layer not in self.layers:
            raise InputError(f"the null distribution has no layer {layer!r}, only {', '.join(self.layers)}")
        return self.layers[layer]

    def maximum(self, layer: str) -> float:
        """The largest rho of a layer's pairs; NaN where no pair has one.

        Raises:
          InputError: the layer was not measured.
        """
        return self.at(layer).maximum

    def limit(self, layer: str) -> float:
        """The rho that a metamer of this layer must exceed by `rule`; NaN where no pair has one.

        Raises:
          InputError: the layer was not measured, or the rule cannot be applied there.
        """
        return null_rule.limit(self.at(layer), self.rule, layer)

    def by_rule(self, rule: str) -> NullDistribution:
        """The same pairs, by which metamers are judged after another rule.

        Raises:
          InputError: no such rule, or one that cannot be applied at a layer.
        """
        ruled = dataclasses.replace(self, rule=null_rule.check_rule(rule))
        for layer in self.layers:
            ruled.limit(layer)
        return ruled

    @property
    def digest(self) -> str:
        """sha256 of all that it holds, hex; the same of one measured and of one read back.

        What older versions did not have counts where it is there, so that theirs keep their digest.
        """
        parts = [repr((self.network, self.checkpoint, self.design))]
        for layer, rho in sorted(self.layers.items()):
            values = dataclasses.asdict(rho)
            counts = array_digest(values.pop("counts").astype("<i8"))
            newer = {name: values.pop(name) for name in NEWER}
            parts.append(repr((layer, counts, *((name, repr(float(v))) for name, v in values.items()))))
            parts += [repr((name, _digested(value))) for name, value in newer.items() if _is_there(value)]
        beside = {"rule": self.rule, "copies": self.copies, "copied_files": self.copied_files}
        parts += [repr((k, v)) for k, v in beside.items() if v and v != null_rule.MAXIMUM]
        return text_digest(parts)


NEWER = (
    *("quantile_999", "quantile_9999", "same_class_pairs", "different_class_pairs"),
    *("same_class_largest", "different_class_largest"),
)


def _is_there(value: float | np.ndarray) -> bool:
    """Whether a field that older versions lack was measured."""
    return bool(len(value)) if isinstance(value, np.ndarray) else value == value and value != 0


def _digested(value: float | np.ndarray) -> str:
    return array_digest(value.astype("<f8")) if isinstance(value, np.ndarray) else repr(float(value))


def _first(largest: np.ndarray) -> float:
    return float(largest[0]) if len(largest) else math.nan
