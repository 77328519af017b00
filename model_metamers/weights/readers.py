"""One reader for every form in which weights come: names, shapes, values.

A form is told by what the source is: a TensorFlow checkpoint, the folder of a SavedModel, a
TensorFlow Hub handle, or a file of PyTorch. Names are brought to the network's where they differ by
what such files add: a ":0" at the end, or one scope in front of all ("module/").
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Protocol

import numpy as np

from model_metamers.errors import InputError
from model_metamers.weights import saved_model
from model_metamers.weights.tf_checkpoint import CheckpointReader
from model_metamers.weights.torch_file import is_torch_file
from model_metamers.weights.torch_reader import TorchReader

_AVERAGE = "/ExponentialMovingAverage"


class Reader(Protocol):
    """Shapes and values of variables by name."""

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]: ...

    def value(self, name: str) -> np.ndarray: ...


class RenamedReader:
    """Another reader under other names.

    Attributes:
      shapes: by the new names.
    """

    def __init__(self, reader: Reader, theirs: Mapping[str, str]):
        self._reader, self._theirs = reader, theirs
        self.shapes = {name: reader.shapes[their] for name, their in theirs.items()}

    def value(self, name: str) -> np.ndarray:
        return self._reader.value(self._theirs[name])


def open_reader(
    source: str | os.PathLike,
    names: Collection[str],
    torch_names: Mapping[str, str] | None = None,
    takes_averages: bool = False,
) -> Reader:
    """The reader of a source, with names brought to those asked for.

    Args:
      source: prefix, index or V1 file of a checkpoint, a folder with a `checkpoint` file, the
        folder of a SavedModel, a TensorFlow Hub handle (a URL), or a file of PyTorch's `torch.save`.
      names: of the network's variables.
      torch_names: those of a file of PyTorch by the network's; None where they are not known.
      takes_averages: whether moving averages of variables stand for them, where the source has some.

    Raises:
      InputError: nothing readable, a handle that cannot be fetched, two scopes of the
        source that would fit equally well, or a file of PyTorch whose names are not known.
    """
    text = os.fspath(source)
    if saved_model.is_handle(text):
        text = saved_model.resolve(text)
    path = Path(text)
    if is_torch_file(path):
        return TorchReader(path, torch_names or {})
    reader: Reader = CheckpointReader(
        saved_model.variables_prefix(path) if saved_model.is_saved_model(path) else path
    )
    return _renamed(_averages(reader) if takes_averages else reader, names, os.fspath(source))


def _averages(reader: Reader) -> Reader:
    """The reader with the moving averages in the place of the variables that they are of."""
    theirs = {name: name for name in reader.shapes if not name.endswith(_AVERAGE)}
    averages = {n.removesuffix(_AVERAGE): n for n in reader.shapes if n.endswith(_AVERAGE)}
    return RenamedReader(reader, theirs | averages)


def _renamed(reader: Reader, names: Collection[str], source: str) -> Reader:
    """The reader without ":0"; and, if no name fits as it is, without the scope in front of them."""
    theirs = {name.removesuffix(":0"): name for name in reader.shapes}
    if any(name in theirs for name in names):
        return RenamedReader(reader, theirs)
    counts = {scope: sum(scope + name in theirs for name in names) for scope in _scopes(theirs, names)}
    best = [scope for scope, count in counts.items() if count == max(counts.values())]
    if len(best) > 1:
        raise InputError(
            f"checkpoint {source}: the network's variables are found {len(best)} times, below "
            f"{', '.join(sorted(best))}; save one set of them by itself"
        )
    scope = best[0] if best else ""
    within = {name.removeprefix(scope): their for name, their in theirs.items() if name.startswith(scope)}
    outside = {name: their for name, their in theirs.items() if not name.startswith(scope)}
    return RenamedReader(reader, {**outside, **within})


def _scopes(theirs: Collection[str], names: Collection[str]) -> set[str]:
    """What stands in front of any of `names` in the source."""
    return {n[: -len(wanted)] for wanted in names for n in theirs if n.endswith("/" + wanted)}
