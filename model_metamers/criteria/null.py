"""The null distribution as it is kept: histogram, extremes and mean of rho, by layer.

`null_distribution` measures one; what is here reads, writes and asks, without TensorFlow.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from model_metamers.errors import InputError
from model_metamers.storage.digests import array_digest, text_digest
from model_metamers.storage.reading import one_line, read_arrays
from model_metamers.storage.writing import write_arrays

BINS = np.linspace(-1.0, 1.0, 2001)
_MOST_RHO = 1.0 + 1e-4  # rounded


@dataclasses.dataclass(frozen=True)
class LayerNull:
    """Rho of unrelated pairs at one layer.

    Attributes:
      counts: int64 [2000] pairs in each of the bins of `BINS`.
      minimum, maximum, mean: of rho.
      undefined: pairs without a rho, because an activation was constant or the signals were equal.
      effective_pairs: of independent pairs that would tell the mean as surely; pairs that
        share a stimulus are not independent.
      maximum_low, maximum_high: middle 90 % of the maximum when blocks are drawn anew;
        NaN for fewer than 8 blocks.
    """

    counts: np.ndarray
    minimum: float
    maximum: float
    mean: float
    undefined: int
    effective_pairs: float
    maximum_low: float
    maximum_high: float

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


@dataclasses.dataclass(frozen=True)
class NullDistribution:
    """Rho of pairs of unrelated signals in a network.

    Attributes:
      network, checkpoint: whose activations were compared.
      layers: rho of the pairs, by layer.
      design: "blocks", "independent" or "all_pairs".
    """

    network: str
    checkpoint: str
    layers: dict[str, LayerNull]
    design: str

    def at(self, layer: str) -> LayerNull:
        """Rho of the pairs at a layer.

        Raises:
          InputError: the layer was not measured.
        """
        if layer not in self.layers:
            raise InputError(f"the null distribution has no layer {layer!r}, only {', '.join(self.layers)}")
        return self.layers[layer]

    def maximum(self, layer: str) -> float:
        """The rho that a metamer of this layer must exceed; NaN where no pair has one.

        Raises:
          InputError: the layer was not measured.
        """
        return self.at(layer).maximum

    @property
    def digest(self) -> str:
        """sha256 of all that it holds, hex; the same of one measured and of one read back."""
        parts = [repr((self.network, self.checkpoint, self.design))]
        for layer, rho in sorted(self.layers.items()):
            values = dataclasses.asdict(rho)
            counts = array_digest(values.pop("counts").astype("<i8"))
            parts.append(repr((layer, counts, *((name, repr(float(v))) for name, v in values.items()))))
        return text_digest(parts)


def write_null(path: Path, null: NullDistribution, stimuli: str) -> None:
    """Writes a null distribution; `stimuli` is a digest of what it was measured on."""
    about = np.array([null.network, null.checkpoint, null.design, stimuli])
    layers = {
        f"{layer}/{field}": value
        for layer, of_layer in null.layers.items()
        for field, value in dataclasses.asdict(of_layer).items()
    }
    write_arrays(path, {"about": about, "layers": np.array(list(null.layers)), **layers})


def read_null(path: Path) -> tuple[NullDistribution, str]:
    """A null distribution and the digest of its stimuli; InputError where damaged."""
    arrays = read_arrays(path)
    try:
        network, checkpoint, design, stimuli = _texts(arrays["about"], "about")
        layers = {layer: _layer_null(arrays, layer) for layer in _texts(arrays["layers"], "layers")}
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: no null distribution of this program ({one_line(str(error))})") from error
    return NullDistribution(network, checkpoint, layers, design), stimuli


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
    names = [field.name for field in dataclasses.fields(LayerNull) if field.name != "counts"]
    numbers: dict[str, Any] = {name: _number(arrays, f"{layer}/{name}") for name in names}
    rhos = [numbers[name] for name in names if name not in ("undefined", "effective_pairs")]
    if any(abs(rho) > _MOST_RHO for rho in rhos) or numbers["undefined"] < 0:  # NaN is not defined
        raise ValueError(f"{layer}: a rho beyond 1, or a count below 0")
    return LayerNull(counts, **numbers)


def _number(arrays: dict[str, np.ndarray], name: str) -> float:
    value = arrays[name]
    kinds = "iu" if name.endswith("/undefined") else "iuf"
    if value.ndim or value.dtype.kind not in kinds:
        raise ValueError(f"{name}: {value.dtype} {list(value.shape)}, expected a number")
    return value.item()
