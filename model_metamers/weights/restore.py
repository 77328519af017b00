"""Filling a network's variables, with a report of what did not match."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import re

import numpy as np

from model_metamers.errors import InputError
from model_metamers.networks.network import Network
from model_metamers.weights.readers import Reader, open_reader


@dataclasses.dataclass(frozen=True)
class RestoreReport:
    """How a checkpoint's variables met a network's.

    Attributes:
      restored: names that were found with the right shape.
      missing: the network's names that the checkpoint lacks.
      unused: the checkpoint's names that the network lacks (optimiser slots, steps).
      misshaped: (name, the network's shape, the checkpoint's shape).
    """

    restored: tuple[str, ...]
    missing: tuple[str, ...]
    unused: tuple[str, ...]
    misshaped: tuple[tuple[str, tuple[int, ...], tuple[int, ...]], ...]

    @property
    def complete(self) -> bool:
        return not self.missing and not self.misshaped

    def __str__(self) -> str:
        parts = [f"{len(self.restored)} variables fit"]
        if self.missing:
            parts.append(f"{len(self.missing)} missing: {_some(self.missing)}")
        if self.misshaped:
            shapes = [f"{n} is {list(theirs)}, needs {list(ours)}" for n, ours, theirs in self.misshaped]
            parts.append(f"{len(shapes)} misshaped: {_some(shapes)}")
        if self.unused:
            parts.append(f"{len(self.unused)} unused: {_some(self.unused)}")
        return "; ".join(parts)


def compare(network: Network, reader: Reader) -> RestoreReport:
    """What `restore` would find, without reading a value."""
    ours = {name: tuple(variable.shape) for name, variable in network.weights.items()}
    common = sorted(ours.keys() & reader.shapes.keys())
    return RestoreReport(
        restored=tuple(n for n in common if ours[n] == reader.shapes[n]),
        missing=tuple(sorted(ours.keys() - reader.shapes.keys())),
        unused=tuple(sorted(reader.shapes.keys() - ours.keys())),
        misshaped=tuple((n, ours[n], reader.shapes[n]) for n in common if ours[n] != reader.shapes[n]),
    )


def restore(network: Network, checkpoint: str | os.PathLike) -> RestoreReport:
    """Loads every variable of the network from the tensor of its name.

    Args:
      network: built, of the checkpoint's architecture.
      checkpoint: a checkpoint, a SavedModel, a TensorFlow Hub handle or PyTorch's file; see `open_reader`.

    Returns:
      The report; it names unused variables, which are no error.

    Raises:
      InputError: unreadable file, a missing or misshaped variable, a NaN; nothing has
        been assigned then.
    """
    reader = open_reader(checkpoint, network.weights, network.torch_names, network.takes_averages)
    report = compare(network, reader)
    if not report.complete:
        raise InputError(f"checkpoint {checkpoint} does not fit {network.name}: {report}")
    digest = hashlib.sha256()
    values = {}
    for name in report.restored:
        value = np.ascontiguousarray(reader.value(name), dtype=np.float32)
        if not np.isfinite(value).all():
            raise InputError(f"checkpoint {checkpoint}: {name} holds NaN or infinite values")
        digest.update(name.encode())
        digest.update(value.tobytes())
        values[name] = value
    network.set_weights(values)
    network.checkpoint_digest = f"sha256:{digest.hexdigest()}"
    return report


def load_weights(network: Network, source: str | os.PathLike) -> RestoreReport | None:
    """Fills the network from what `source` is.

    Args:
      network: built, of the source's architecture.
      source: "random:SEED" for untrained weights; or the prefix of a checkpoint (TF1, TF-slim
        or TF2), the folder of a SavedModel, a TensorFlow Hub handle ("https://..."), or a file that
        PyTorch's `torch.save` wrote, of networks whose `torch_names` are known.

    Returns:
      The report of a checkpoint; None for random weights.

    Raises:
      InputError: a malformed seed, or as `restore`.
    """
    text = os.fspath(source)
    if not text.startswith("random"):
        return restore(network, text)
    match = re.fullmatch(r"random:(\d+)", text)
    if not match:
        raise InputError(
            f"weights {text!r}: untrained weights are asked for as random:SEED, such as random:0"
        )
    network.initialize(int(match[1]))
    return None


def _some(items: tuple | list, most: int = 5) -> str:
    listed = ", ".join(map(str, items[:most]))
    return listed if len(items) <= most else f"{listed} and {len(items) - most} more"
