"""The null distribution as it is kept: histogram, extremes and mean of rho, by layer.

`null_distribution` measures one; what is here reads, writes and asks, without TensorFlow.
"""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from model_metamers.criteria import null_rule
from model_metamers.errors import InputError
from model_metamers.storage.digests import array_digest, text_digest
from model_metamers.storage.reading import one_line, read_arrays
from model_metamers.storage.writing import write_arrays

BINS = np.linspace(-1.0, 1.0, 2001)
KEPT_LARGEST = 1000  # rho of pairs of either kind, for the rule of a share of one class
_MOST_RHO = 1.0 + 1e-4  # rounded


def _none() -> np.ndarray:
    return np.empty(0)


@dataclasses.dataclass(frozen=True)
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


@dataclasses.dataclass(frozen=True)
class NullDistribution:
    """Rho of pairs of unrelated signals in a network.

    Attributes:
      network, checkpoint: whose activations were compared.
      layers: rho of the pairs, by layer.
      design: "blocks", "independent" or "all_pairs".
      rule: by which metamers are judged, see `null_rule.check_rule`; the paper's is "maximum".
      copies: pairs that were drawn, and left out because their signals are copies (`copies`).
      copied_files: signals that took no part because they have the bytes of another, each with its name.
    """

    network: str
    checkpoint: str
    layers: dict[str, LayerNull]
    design: str
    rule: str = null_rule.MAXIMUM
    copies: tuple[LeftOut, ...] = ()
    copied_files: tuple[tuple[str, str], ...] = ()

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
            newer = {name: values.pop(name) for name in _NEWER}
            parts.append(repr((layer, counts, *((name, repr(float(v))) for name, v in values.items()))))
            parts += [repr((name, _digested(value))) for name, value in newer.items() if _is_there(value)]
        beside = {"rule": self.rule, "copies": self.copies, "copied_files": self.copied_files}
        parts += [repr((k, v)) for k, v in beside.items() if v and v != null_rule.MAXIMUM]
        return text_digest(parts)


_NEWER = (
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


def write_null(path: Path, null: NullDistribution, stimuli: str) -> None:
    """Writes a null distribution; `stimuli` is a digest of what it was measured on."""
    about = np.array([null.network, null.checkpoint, null.design, stimuli])
    layers = {
        f"{layer}/{field}": value
        for layer, of_layer in null.layers.items()
        for field, value in dataclasses.asdict(of_layer).items()
    }
    beside = {
        "rule": np.array(null.rule),
        "copies": np.array([[pair.one, pair.other] for pair in null.copies], str).reshape(-1, 2),
        "likeness": np.array([pair.likeness for pair in null.copies], np.float64),
        "copied_files": np.array(null.copied_files, str).reshape(-1, 2),
    }
    write_arrays(path, {"about": about, "layers": np.array(list(null.layers)), **beside, **layers})


def read_null(path: Path) -> tuple[NullDistribution, str]:
    """A null distribution and the digest of its stimuli; InputError where damaged."""
    arrays = read_arrays(path)
    try:
        network, checkpoint, design, stimuli = _texts(arrays["about"], "about")
        layers = {layer: _layer_null(arrays, layer) for layer in _texts(arrays["layers"], "layers")}
        beside = _beside(arrays) if "rule" in arrays else {}
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: no null distribution of this program ({one_line(str(error))})") from error
    return NullDistribution(network, checkpoint, layers, design, **beside), stimuli


def _beside(arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """The rule, and what was left out; older versions have neither."""
    try:
        rule = null_rule.check_rule(_texts(arrays["rule"].reshape(-1), "rule")[0])
    except InputError as error:
        raise ValueError(str(error)) from error
    pairs = [_couples(arrays[name], name) for name in ("copies", "copied_files")]
    likeness = arrays["likeness"]
    if (
        likeness.shape != (len(pairs[0]),)
        or likeness.dtype.kind != "f"
        or not (np.abs(likeness) <= _MOST_RHO).all()
    ):
        raise ValueError(f"likeness: {likeness.dtype} {list(likeness.shape)}, expected one for each pair")
    copies = tuple(LeftOut(*pair, float(value)) for pair, value in zip(pairs[0], likeness, strict=True))
    return {"rule": rule, "copies": copies, "copied_files": tuple(pairs[1])}


def _couples(array: np.ndarray, name: str) -> list[tuple[str, str]]:
    if array.ndim != 2 or array.shape[1] != 2:
        raise ValueError(f"{name}: {array.dtype} {list(array.shape)}, expected two texts each")
    texts = _texts(array.reshape(-1), name) if len(array) else []
    return list(zip(texts[::2], texts[1::2], strict=True))


def _texts(array: np.ndarray, name: str) -> list[str]:
    texts = [str(text) for text in array] if array.dtype.kind == "U" and array.ndim == 1 else []
    if not texts or not all(text.isprintable() for text in texts):
        raise ValueError(f"{name}: {array.dtype} {list(array.shape)}, expected printable texts")
    return texts


def _layer_null(arrays: dict[str, np.ndarray], layer: str) -> LayerNull:
    counts = arrays[f"{layer}/counts"]
    if counts.shape != (len(BINS) - 1,) or counts.dtype.kind not in "iu":
        raise ValueError(f"counts of {layer}: {counts.dtype} {list(counts.shape)}, expected {len(BINS) - 1}")
    if counts.min() < 0 or counts.sum(dtype=np.float64) >= 2**62:
        raise ValueError(f"counts of {layer}: below 0, or beyond what can be counted")
    names = [name for name in _NUMBERS if name not in _NEWER or f"{layer}/{name}" in arrays]
    numbers: dict[str, Any] = {name: _number(arrays, f"{layer}/{name}") for name in names}
    rhos = [numbers[name] for name in names if not _is_count(name) and name != "effective_pairs"]
    if any(abs(rho) > _MOST_RHO for rho in rhos) or any(numbers[n] < 0 for n in names if _is_count(n)):
        raise ValueError(f"{layer}: a rho beyond 1, or a count below 0")  # NaN is not defined
    largest: dict[str, Any] = {
        name: _largest(arrays[f"{layer}/{name}"], f"{layer}/{name}")
        for name in _LARGEST
        if f"{layer}/{name}" in arrays
    }
    return LayerNull(counts, **numbers, **largest)


_LARGEST = ("same_class_largest", "different_class_largest")
_NUMBERS = [f.name for f in dataclasses.fields(LayerNull) if f.name not in ("counts", *_LARGEST)]


def _is_count(name: str) -> bool:
    return name == "undefined" or name.endswith("_class_pairs")


def _largest(array: np.ndarray, name: str) -> np.ndarray:
    if array.ndim != 1 or array.dtype.kind != "f" or len(array) > KEPT_LARGEST:
        raise ValueError(f"{name}: {array.dtype} {list(array.shape)}, expected at most {KEPT_LARGEST} rho")
    if not (np.abs(array) <= _MOST_RHO).all() or (np.diff(array) > 0).any():
        raise ValueError(f"{name}: a rho beyond 1, or not in falling order")
    return array


def _number(arrays: dict[str, np.ndarray], name: str) -> float:
    value = arrays[name]
    kinds = "iu" if _is_count(name.rpartition("/")[2]) else "iuf"
    if value.ndim or value.dtype.kind not in kinds:
        raise ValueError(f"{name}: {value.dtype} {list(value.shape)}, expected a number")
    return value.item()
