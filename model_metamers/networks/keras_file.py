"""Keras models from `.keras` files, of which nothing is run.

A `.keras` file is a zip archive of the layers' settings (JSON) and their weights (HDF5). The settings may
name any Python function, and in some versions of Keras its safe mode ran it; so they are looked through
before Keras reads them.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import msgspec
import tensorflow as tf

from model_metamers.errors import InputError
from model_metamers.networks.keras_network import from_keras
from model_metamers.networks.network import Network
from model_metamers.signals.described import SignalDescription
from model_metamers.storage.array_files import check_unpacked, open_archive
from model_metamers.storage.digests import text_digest
from model_metamers.storage.opening import open_file
from model_metamers.storage.reading import one_line

keras = tf.keras

_SETTINGS, _WEIGHTS, _ABOUT = "config.json", "model.weights.h5", "metadata.json"
_MOST_SETTINGS = 64 << 20  # bytes of JSON
# Folders of Keras whose classes a model is made of.
_FOLDERS = (
    *(
        "activations",
        "constraints",
        "dtype_policies",
        "initializers",
        "layers",
        "losses",
        "metrics",
        "models",
    ),
    *("optimizers", "quantizers", "random", "regularizers", "ops", "engine"),  # the last in Keras 2
)
# Layers that run code or read files which the settings name.
_CODE = ("Lambda", "TorchModuleWrapper", "JaxLayer", "FlaxLayer", "TFSMLayer")
_TEXTS = ("StringLookup", "IntegerLookup", "TextVectorization")
_MEND = (
    "no code is run from such a file; build or load the model in a Python file of yours, with --network="
    "FILE.py:FUNCTION (docs/your_network.md)"
)


def load_keras_file(path: str | os.PathLike, description: SignalDescription) -> Network:
    """The network of a `.keras` file.

    Args:
      path: of the file, as `model.save` writes it.
      description: what the model is fed, and more that its file does not tell.

    Raises:
      InputError: no such file; it holds classes or functions that are not Keras's own, or code; Keras
        cannot load it; or the model cannot be used, as `from_keras` tells.
    """
    model = load_model(path)
    network = from_keras(
        model,
        description.layers,
        description.signal,
        description.classes,
        description.name or Path(path).stem,
        description.learning_rate,
        _preprocessing(description, model),
    )
    if description.changes:  # another model, though of the same weights
        how = (description.channels, description.mean, description.std)
        network.checkpoint_digest = f"sha256:{text_digest([network.checkpoint_digest, repr(how)])}"
    return network


def load_model(path: str | os.PathLike) -> Any:
    """The Keras model of a file, after a look at what it names; see `load_keras_file`."""
    path = Path(path)
    try:
        with open_file(path) as file, open_archive(file) as members:
            archive = {name: member[1] for name, member in members.items()}
            if not {_SETTINGS, _WEIGHTS} <= archive.keys():
                raise InputError(f"{path}: {_what_it_is(archive)}")
            check_unpacked(list(archive.values()), os.stat(path).st_size)
            if archive[_SETTINGS].file_size > _MOST_SETTINGS:
                raise InputError(f"{path}: more than {_MOST_SETTINGS} bytes of settings, as no model has")
            opened = members[_SETTINGS][0]
            if damaged := opened.testzip():  # HDF5 itself would not notice
                raise ValueError(f"{damaged} is damaged")
            _check_settings(path, msgspec.json.decode(opened.read(_SETTINGS)))
            with opened.open(_WEIGHTS) as weights, h5py.File(weights, "r") as group:
                _check_links(path, group)
    except InputError:
        raise
    except (OSError, ValueError, KeyError, RuntimeError, RecursionError, zipfile.BadZipFile) as error:
        told = one_line(getattr(error, "strerror", None) or str(error))
        raise InputError(
            f"{path}: no readable .keras file, as model.save writes it ({told or type(error).__name__})"
        ) from error
    try:
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # whatever Keras raises of settings that do not fit
        reason = one_line(next((line for line in str(error).splitlines() if line.strip()), ""))
        raise InputError(
            f"{path}: Keras {keras.__version__} cannot load it ({type(error).__name__}: {reason}); save it "
            f"anew with this version, or build the model in a Python file: --network=FILE.py:FUNCTION"
        ) from error


def _what_it_is(archive: dict[str, zipfile.ZipInfo]) -> str:
    """What a zip archive that holds no Keras model holds, for a message."""
    if any(name.endswith("data.pkl") for name in archive):
        return (
            "holds PyTorch's weights, not a Keras model; build the network in a Python file that reads them "
            "(docs/your_network.md, docs/weights_from_pytorch.md)"
        )
    return f"no .keras file, as model.save writes it: without {_SETTINGS} and {_WEIGHTS}"


def _check_settings(path: Path, settings: Any) -> None:
    """Refuses settings that name anything but Keras's own classes and functions."""
    if not isinstance(settings, dict):
        raise InputError(f"{path}: its {_SETTINGS} holds no model")
    named = {key: value for key, value in settings.items() if key != "compile_config"}  # of training
    for owner, entry in _entries(named, ""):
        where = f'{path}: layer "{one_line(owner)}"' if owner else f"{path}"
        name, module = entry["class_name"], entry.get("module")
        kind = one_line(str(name))
        if name in _CODE or name == "__lambda__":
            raise InputError(f"{where} is a {kind.strip('_')}, which is code; {_MEND}")
        if name in _TEXTS or name == "__typespec__":
            raise InputError(f"{where} is a {kind}, which takes texts or numbers of words, no signals")
        if name == "function":
            kind = one_line(str(entry.get("config")))
            if not _is_own_function(entry):
                raise InputError(f"{where} has the function {kind}, which is not Keras's own; {_MEND}")
        elif not (isinstance(name, str) and (name.startswith("__") or _is_own_class(entry, module))):
            raise InputError(f"{where} is of the class {kind}, which is not Keras's own; {_MEND}")


def _entries(value: Any, owner: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Everything in the settings that names a class or function, with the layer that it belongs to."""
    if isinstance(value, list):
        for one in value:
            yield from _entries(one, owner)
    elif isinstance(value, dict):
        if "class_name" in value:
            config = value.get("config")
            name = config.get("name") if isinstance(config, dict) else None
            owner = name if isinstance(name, str) and not _is_policy(value) else owner
            yield owner, value
        for one in value.values():
            yield from _entries(one, owner)


def _is_policy(entry: dict[str, Any]) -> bool:
    return str(entry["class_name"]).endswith("DTypePolicy")


def _is_own_class(entry: dict[str, Any], module: Any) -> bool:
    """Whether an entry names a class of one of `_FOLDERS`, and none that is registered beside them."""
    names = str(module).split(".")
    folder = names[2:3] if names[1:2] == ["src"] else names[1:2]
    if names[0] != "keras" or not set(folder) <= set(_FOLDERS) or (len(names) == 2 and names[1] == "src"):
        return False
    return entry.get("registered_name") in (None, entry["class_name"])


def _is_own_function(entry: dict[str, Any]) -> bool:
    """Whether an entry names a function of numbers, as an activation is."""
    name = entry.get("config")
    own = isinstance(name, str) and (hasattr(keras.activations, name) or hasattr(keras.ops, name))
    module = str(entry.get("module"))
    return own and (module == "builtins" or module.startswith(("keras.activations", "keras.src.act")))


def _check_links(path: Path, group: h5py.Group) -> None:
    """Refuses weights that lie in another file, which HDF5 would open."""
    for name in group:
        link = group.get(name, getlink=True)
        thing = group[name] if isinstance(link, h5py.HardLink) else None
        if isinstance(thing, h5py.Group):
            _check_links(path, thing)
        elif not isinstance(thing, h5py.Dataset) or thing.external or thing.is_virtual:
            raise InputError(
                f"{path}: its weights lie in another file ({one_line(name)}); save the model anew"
            )


def _preprocessing(description: SignalDescription, model: Any):
    """What turns a signal into the model's input; None where it is the signal itself."""
    inputs = getattr(model, "inputs", None) or []
    wanted = tuple(inputs[0].shape[1:]) if len(inputs) == 1 else ()
    adds_axis = len(wanted) == len(description.signal.shape) + 1 and wanted[-1] == 1
    if not description.changes and not adds_axis:
        return None

    def preprocess(signals: tf.Tensor) -> tf.Tensor:
        if description.channels == "bgr":
            signals = signals[..., ::-1]
        elif description.channels == "grey":
            signals = tf.image.rgb_to_grayscale(signals)
        signals = (signals - tf.constant(description.mean)) / tf.constant(description.std)
        return signals[..., tf.newaxis] if adds_axis else signals

    return preprocess
