"""Networks as they are named on the command line: of the catalog, or built by a Python file."""

from __future__ import annotations

import importlib.machinery
import sys
import types
from pathlib import Path
from typing import TYPE_CHECKING

from model_metamers.catalog.registry import load_network, place_of
from model_metamers.errors import InputError

if TYPE_CHECKING:
    from model_metamers.networks.network import Network

# How a network may be named, for --help.
NAMES = "A network of the catalog, or FILE.py:FUNCTION, which runs that file"
BUILDER = (
    "FILE.py:FUNCTION runs that Python file and calls its function, with the checkpoint if one is given and "
    "without arguments if not, for a network (mm.Network, such as mm.from_keras gives)."
)


def load(name: str, checkpoint: str | None = None) -> Network:
    """The network of this name, with its weights.

    Args:
      name: a name in the catalog, or FILE.py:FUNCTION.
      checkpoint: as in `mm.load_network`; for a FUNCTION, its argument, which is left out if None.

    Raises:
      InputError: there is no such network, file, function or checkpoint, or the function fails or
        returns no network.
    """
    from model_metamers.networks.network import Network

    file, _, function = name.rpartition(":")
    if not file.endswith(".py"):
        return load_network(name, checkpoint)
    build = getattr(_run_file(Path(file)), function, None)
    if not callable(build):
        raise InputError(f"{file}: has no function {function!r}")
    try:
        network = build() if checkpoint is None else build(checkpoint)
    except (OSError, TypeError) as error:
        given = f"the checkpoint {checkpoint}" if checkpoint is not None else "no checkpoint"
        raise InputError(f"{name}: does not build from {given}: {error}") from error
    if not isinstance(network, Network):
        raise InputError(f"{name}: gave {type(network).__name__}, expected an mm.Network")
    if checkpoint is not None:
        network.checkpoint_place = place_of(checkpoint)
    return network


def load_spec(spec: str) -> Network:
    """The network of "NAME" or "NAME=CHECKPOINT"."""
    name, _, checkpoint = spec.partition("=")
    return load(name, checkpoint or None)


def _run_file(path: Path):
    """Runs a Python file, which may import files in its own folder; returns it as a module."""
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    name = f"_network_file_{path.stem}"
    loader = importlib.machinery.SourceFileLoader(name, str(path))
    module = types.ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module
    sys.path.insert(0, str(path.resolve().parent))
    try:
        loader.exec_module(module)
    finally:
        sys.path.pop(0)
    return module
