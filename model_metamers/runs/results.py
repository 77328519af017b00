"""Metamers on disk: the float truth, every number, and what a person is shown.

A metamer's folder holds `metamer.npz` (float32 signal, target, loss trace),
`metamer.json`, and `metamer.png` or `metamer.wav` beside the target as `target.*`. It
appears whole or not at all.

A metamer that is a cochleagram has no sound to be heard. Its `metamer.png` is a picture,
which cannot be turned back into the values, so that "the file" whose criteria are told is
the float32 `metamer.npz`.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib.image
import numpy as np

from model_metamers import criteria
from model_metamers.criteria.null import NullDistribution
from model_metamers.errors import InputError
from model_metamers.runs.folder import MetamerFolder
from model_metamers.signals import images, sounds
from model_metamers.signals.cochleagram_config import CochleagramConfig
from model_metamers.signals.spec import SignalSpec
from model_metamers.storage.digests import array_digest
from model_metamers.storage.reading import read_arrays, read_json
from model_metamers.storage.whole import whole_folder
from model_metamers.storage.writing import write_arrays, write_json
from model_metamers.synthesis.config import SynthesisConfig
from model_metamers.synthesis.metamer import Metamer
from model_metamers.synthesis.state import SearchState

if TYPE_CHECKING:
    from model_metamers.networks.network import Network

_FORMAT = 1
_LIBRARIES = ("model_metamers", "tensorflow", "numpy", "scipy")


def save(
    metamer: Metamer,
    folder: str | os.PathLike,
    network: Network | None = None,
    null: NullDistribution | None = None,
) -> dict[str, Any]:
    """Writes a metamer's folder.

    Args:
      metamer: to be written.
      folder: must not hold a metamer yet.
      network: measures the criteria again on the file as read back, when given.
      null: for the verdicts on the floats and on the file, when given.

    Returns:
      What `metamer.json` holds.

    Raises:
      InputError: the folder exists, or the null distribution is of another network.
    """
    folder = Path(folder)
    spec = metamer.spec
    with whole_folder(folder) as written:
        partial = MetamerFolder(written)
        np.savez(
            partial.arrays,
            signal=metamer.signal,
            target=metamer.target,
            loss=metamer.loss,
            loss_iterations=metamer.loss_iterations,
        )
        brightest = float(metamer.target.max())
        _write_shown(partial.shown("target", spec.kind), metamer.target, spec, brightest)
        shown = partial.shown("metamer", spec.kind)
        clipped = _write_shown(shown, metamer.signal, spec, brightest)
        judged = partial.arrays if spec.kind == "cochleagram" else shown
        record = _record(metamer)
        record["file"] = {"name": judged.name, "clipped_samples": clipped}
        if null is not None:
            record["float"]["verdict"] = _plain(criteria.check(metamer, null))
        if network is not None:
            measured = criteria.measure(network, metamer.target, read_shown(judged, spec), metamer.layer)
            record["file"].update(_plain(measured))
            if null is not None:
                verdict = criteria.judge(measured, metamer.layer, null)
                record["file"]["verdict"] = _plain(verdict)
        write_json(partial.record, record)
    return load_record(folder)


def load(folder: str | os.PathLike) -> Metamer:
    """Reads a metamer back.

    Raises:
      InputError: a file is missing, damaged, or no metamer's.
    """
    record = load_record(folder)
    path = MetamerFolder(Path(folder)).arrays
    arrays = read_arrays(path, ("signal", "target", "loss", "loss_iterations"))
    try:
        spec = signal_of(record)
        return Metamer(
            network=record["network"],
            checkpoint=record["checkpoint"],
            layer=record["layer"],
            stimulus=record["stimulus"],
            spec=spec,
            config=SynthesisConfig(**record["config"]),
            iterations=record["iterations"],
            measurement=measurement_of(record["float"]),
            **arrays,
        )
    except (KeyError, TypeError) as error:
        raise InputError(f"{folder}: metamer.json lacks or misnames {error}") from error


def load_record(folder: str | os.PathLike) -> dict[str, Any]:
    """What a metamer's `metamer.json` holds.

    Raises:
      InputError: missing, damaged, or of another program.
    """
    path = MetamerFolder(Path(folder)).record
    record = read_json(path, "metamer")
    if not isinstance(record, dict) or record.get("format") != _FORMAT:
        raise InputError(f"{path}: not a metamer of this program (format {_FORMAT})")
    return record


def signal_of(record: dict[str, Any]) -> SignalSpec:
    """What the signal of a record is; its kind is "image", "sound" or "cochleagram"."""
    fields = {**record["signal"], "shape": tuple(record["signal"]["shape"])}
    if fields.get("frontend"):
        fields["frontend"] = CochleagramConfig(**fields["frontend"])
    if fields["high"] is None:  # JSON knows no infinity
        fields["high"] = np.inf
    return SignalSpec(**fields)


def measurement_of(record: dict[str, Any]) -> criteria.Measurement:
    """The measurement in the "float" or "file" part of a record."""
    fields = {field.name: record[field.name] for field in dataclasses.fields(criteria.Measurement)}
    fields["spearman"] = {k: np.nan if v is None else v for k, v in fields["spearman"].items()}
    return criteria.Measurement(**fields)


def read_shown(path: Path, spec: SignalSpec) -> np.ndarray:
    """A file that a record names, PNG, WAV or NPZ, as the network's signal, level and size kept."""
    if spec.kind == "cochleagram":
        return read_arrays(path, ("signal",))["signal"]
    if spec.kind == "image":
        return images.load_image(path, spec)
    return sounds.read_waveform(path, spec.sample_rate).astype(np.float32)


def write_state(path: Path, state: SearchState) -> None:
    """Writes a search's state, whole or not at all."""
    write_arrays(path, {field.name: getattr(state, field.name) for field in dataclasses.fields(state)})


def read_state(path: Path) -> SearchState:
    """Reads a search's state; raises InputError where it is damaged."""
    fields = read_arrays(path, tuple(f.name for f in dataclasses.fields(SearchState)))
    return SearchState(**{**fields, "step": int(fields["step"])})


def _record(metamer: Metamer) -> dict[str, Any]:
    return {
        "format": _FORMAT,
        "network": metamer.network,
        "checkpoint": metamer.checkpoint,
        "layer": metamer.layer,
        "stimulus": metamer.stimulus,
        "target_sha256": array_digest(metamer.target),
        "signal": _plain(metamer.spec),
        "config": _plain(metamer.config),
        "iterations": metamer.iterations,
        "loss_first": float(metamer.loss[0]) if metamer.loss.size else None,
        "loss_last": float(metamer.loss[-1]) if metamer.loss.size else None,
        "float": _plain(metamer.measurement),
        "versions": {name: importlib.metadata.version(name) for name in _LIBRARIES},
    }


def _plain(value: Any) -> dict[str, Any]:
    return dataclasses.asdict(value)


def _write_shown(path: Path, signal: np.ndarray, spec: SignalSpec, brightest: float) -> int:
    """Writes the file a person is shown; returns how many sound samples were clipped.

    `brightest` is the value of a cochleagram's brightest colour.
    """
    if spec.kind == "sound":
        return sounds.write_sound(path, signal, spec)
    if spec.kind == "image":
        images.write_image(path, signal, spec)
    else:
        matplotlib.image.imsave(path, signal[:, :, 0], vmin=0.0, vmax=brightest, cmap="magma", origin="lower")
    return 0
