"""Rho and classes of a metamer that is there, measured again and held against its record."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import TYPE_CHECKING

from model_metamers import criteria
from model_metamers.criteria.verdict import Measurement
from model_metamers.errors import InputError
from model_metamers.runs import results, shown_files
from model_metamers.runs.folder import MetamerFolder
from model_metamers.runs.record import Record

if TYPE_CHECKING:
    from model_metamers.networks.network import Network

# Rho is the same to the last bit on one machine; another's arithmetic may round otherwise.
TOLERANCE = 1e-4


@dataclasses.dataclass(frozen=True)
class MeasuredAnew:
    """What a metamer's network says of it now.

    Attributes:
      floats, file: of the float signal, and of the file as read back.
      otherwise: in what the record says otherwise, in words.
      same_bits: whether every number is that of the record to the last bit.
    """

    floats: Measurement
    file: Measurement
    otherwise: tuple[str, ...]
    same_bits: bool


def measure_anew(folder: Path, record: Record, network: Network) -> MeasuredAnew:
    """Measures a metamer by its network.

    Args:
      folder: of the metamer, whose files are whole.
      record: read from it.
      network: that it was made for, with the same weights.

    Raises:
      InputError: the network takes other signals, lacks the layer, or a file cannot be read.
    """
    metamer = results.load(folder)
    if network.signal != metamer.spec:
        raise InputError(f"{folder}: is of {metamer.spec}, {network.name} now takes {network.signal}")
    network.check_layers([metamer.layer])
    floats = criteria.measure(network, metamer.target, metamer.signal, metamer.layer)
    file = shown_files.measure_file(MetamerFolder(folder), metamer, network)
    pairs = [("", record.floats.measurement, floats)]
    if record.file.measurement is not None:
        pairs.append((" of the file", record.file.measurement, file))
    otherwise = [text for part, said, now in pairs for text in _otherwise(part, said, now)]
    same_bits = all(_same_bits(said, now) for _, said, now in pairs)
    return MeasuredAnew(floats, file, tuple(otherwise), same_bits)


def _same_bits(said: Measurement, now: Measurement) -> bool:
    """Whether every number that is recorded is the same now."""
    if said.match is None:  # of an older record
        now = dataclasses.replace(now, match=None)
    return repr(said) == repr(now)  # NaN is itself here


def _otherwise(part: str, said: Measurement, now: Measurement) -> list[str]:
    """In what a record and a network differ, in words."""
    differ = []
    for what in ("target", "signal"):
        pair = [(getattr(m, f"{what}_label"), getattr(m, f"{what}_class")) for m in (said, now)]
        if pair[0] != pair[1]:
            told = [criteria.class_text(name) for _, name in pair]
            differ.append(f"class of the {what}{part} is {told[1]}, its record says {told[0]}")
    for layer in said.spearman:
        theirs, ours = said.spearman[layer], now.spearman.get(layer, math.nan)
        if not _near(theirs, ours):
            differ.append(f"rho{part} at {layer} is {ours:.4f}, its record says {theirs:.4f}")
    for what in ("relative_error", "pearson") if said.match else ():
        theirs, ours = getattr(said.match, what), getattr(now.match, what)
        if not _near(theirs, ours):
            name = what.replace("_", " ")
            differ.append(f"{name}{part} is {ours:.4g}, its record says {theirs:.4g}")
    return differ


def _near(a: float, b: float) -> bool:
    return abs(a - b) <= TOLERANCE or (math.isnan(a) and math.isnan(b))
