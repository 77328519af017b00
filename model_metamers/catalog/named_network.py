"""Networks as they are named on the command line: of the catalog, or in files of the user's."""

from __future__ import annotations

import importlib.machinery
import os
import re
import sys
import traceback
import types
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from model_metamers.catalog.registered import short
from model_metamers.catalog.registry import load_network, place_of
from model_metamers.errors import InputError, UnknownLayerError
from model_metamers.signals.described import EXAMPLE, read_description

if TYPE_CHECKING:
    from model_metamers.networks.network import Network

# How a network may be named, for --help.
NAMES = "A network of the catalog, a .keras file, or FILE.py:FUNCTION, which runs that file"
BUILDER = (
    "FILE.py:FUNCTION runs that Python file and calls its function, with the checkpoint if one is given and "
    "without arguments if not, for a network (mm.Network, such as mm.from_keras gives)."
)
SIGNAL = (
    "Of a .keras file: JSON file that tells what the model is fed, such as " + EXAMPLE + "; see "
    "docs/your_network.md. Without it, MODEL.signal.json beside MODEL.keras."
)
_SPEC_OF_A_FILE = re.compile(r"(.+?(?:\.keras|\.py:\w+))(?:=(.*))?", re.DOTALL)  # its folder may hold an =
_PYTORCH = (
    "holds PyTorch's weights, not a network; name a Python file that builds it: --network=FILE.py:FUNCTION"
)
_OTHER_FILES = {
    **dict.fromkeys((".pt", ".pth", ".bin", ".safetensors"), _PYTORCH),
    **dict.fromkeys(
        (".h5", ".hdf5"),
        "is a file of earlier versions of Keras; load it in Python and save it as .keras: "
        "keras.saving.load_model(...).save('model.keras')",
    ),
    ".py": "say which function of it builds the network: --network=FILE.py:FUNCTION",
    ".onnx": "is not read; name a Python file that builds the network: --network=FILE.py:FUNCTION",
}


class Named(NamedTuple):
    """What a network is named by, as `load` takes it."""

    network: str
    checkpoint: str | None = None
    signal: str | None = None


def load(name: str, checkpoint: str | None = None, signal: str | None = None) -> Network:
    """The network of this name, with its weights.

    Args:
      name: a name in the catalog, the path of a .keras file, or FILE.py:FUNCTION.
      checkpoint: as in `mm.load_network`; for a FUNCTION, its argument, which is left out if None.
      signal: of a .keras file, the JSON file that `signals.described` reads; MODEL.signal.json beside
        MODEL.keras if None.

    Raises:
      InputError: there is no such network, file, function or checkpoint, the function fails or
        returns no network, or the file holds no model that can be used.
    """
    if name.endswith(".keras"):
        return _load_keras(name, checkpoint, signal)
    if signal is not None:
        raise InputError(f"{signal}: tells what a .keras file is fed; {name} is none, and tells it itself")
    file, _, function = name.rpartition(":")
    if file.endswith(".py"):
        return _build(name, file, function, checkpoint)
    if told := _OTHER_FILES.get(Path(name).suffix.lower()):
        raise InputError(f"{name}: {told} (docs/your_network.md)")
    return load_network(name, checkpoint)


def signal_file(name: str) -> Path:
    """Where a .keras file's signal is told if nothing else is said: MODEL.signal.json beside MODEL.keras."""
    return Path(name).with_suffix(".signal.json")


def _load_keras(name: str, checkpoint: str | None, signal: str | None) -> Network:
    """The network of a .keras file."""
    if checkpoint is not None:
        raise InputError(f"{checkpoint}: {name} brings its own weights; leave the checkpoint out")
    own = signal_file(name)
    if not os.path.exists(name):
        raise InputError(f"{name}: no such file")
    if signal is None and not own.exists():
        raise InputError(
            f"{name}: a .keras file does not tell what its model is fed; write it to {own}, or "
            f"name another file with --signal: {EXAMPLE}"
        )
    place = os.path.abspath(own if signal is None else signal)
    description = read_description(own if signal is None else signal)
    from model_metamers.networks.keras_file import load_keras_file

    try:
        network = load_keras_file(name, description)
    except UnknownLayerError as error:  # only the description names layers
        raise UnknownLayerError(f'{place}: field "layers": {error}') from error
    told = "" if place == os.path.abspath(own) else f"={place}"  # as `read_spec` takes it
    network.checkpoint_place = os.path.abspath(name) + told
    return network


def _build(name: str, file: str, function: str, checkpoint: str | None) -> Network:
    """The network that a function of a Python file gives."""
    from model_metamers.networks.network import Network

    build = getattr(_run_file(Path(file)), function, None)
    if not callable(build):
        raise InputError(f"{file}: has no function {function!r}")
    try:
        network = build() if checkpoint is None else build(checkpoint)
    except InputError:
        raise
    except Exception as error:  # whatever a function of the user's may raise
        given = f"the checkpoint {checkpoint}" if checkpoint is not None else "no checkpoint"
        told = f"{short(error)}{_line_of(file, error)}"
        raise InputError(f"{name}: does not build from {given}: {told}") from error
    if not isinstance(network, Network):
        raise InputError(f"{name}: gave {type(network).__name__}, expected an mm.Network")
    if checkpoint is not None:
        network.checkpoint_place = place_of(checkpoint)
    return network


def read_spec(spec: str) -> Named:
    """What "NAME" or "NAME=CHECKPOINT" names; of a .keras file, "NAME=SIGNAL.json".

    Example:
      >>> read_spec("vgg_19=vgg_19.ckpt")
      Named(network='vgg_19', checkpoint='vgg_19.ckpt', signal=None)
    """
    file = _SPEC_OF_A_FILE.fullmatch(spec)
    name, given = (file[1], file[2]) if file else spec.partition("=")[::2]
    return Named(name, signal=given or None) if name.endswith(".keras") else Named(name, given or None)


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
    except Exception as error:  # whatever a file of the user's may raise
        raise InputError(f"{path}: cannot be run: {short(error)}{_line_of(str(path), error)}") from error
    finally:
        sys.path.pop(0)
    return module


def _line_of(file: str, error: Exception) -> str:
    """The line of a file that an error came from, for a message; "" where it did not come from there."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return f" (line {lines[-1]})" if lines else ""
