"""The file of a null distribution: written, and read with every value checked."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from model_metamers.criteria import null_rule
from model_metamers.criteria.null import BINS, KEPT_LARGEST, NEWER, LayerNull, LeftOut, NullDistribution
from model_metamers.errors import InputError
from model_metamers.storage.reading import one_line, read_arrays
from model_metamers.storage.writing import write_arrays

_MOST_RHO = 1.0 + 1e-4  # rounded
_LARGEST = ("same_class_largest", "different_class_largest")
_NUMBERS = [f.name for f in dataclasses.fields(LayerNull) if f.name not in ("counts", *_LARGEST)]


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
    names = [name for name in _NUMBERS if name not in NEWER or f"{layer}/{name}" in arrays]
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
