"""Builds the networks of the catalog, and loads their weights."""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from model_metamers import weights
from model_metamers.catalog import registered
from model_metamers.catalog.names import NAMES, networks
from model_metamers.errors import InputError, UnknownNetworkError, nearest
from model_metamers.weights import manifest

if TYPE_CHECKING:
    from model_metamers.networks.network import Network


def build_network(name: str) -> Network:
    """A network of the catalog without weights: its variables hold zeros; or a registered one, as built.

    Raises:
      UnknownNetworkError: there is no such name; the message lists the nearest.
      InputError: the builder of a registered network fails, or gives no network.
    """
    for module, names in NAMES.items():
        if name in names:
            return importlib.import_module(f"{__package__}.{module}").BUILDERS[name]()
    if found := registered.find_builder(name):
        return _built(name, *found)
    raise UnknownNetworkError(f"there is no network {name!r}; {_what_it_is(name)}")


def load_network(name: str, checkpoint: str | os.PathLike | None = None) -> Network:
    """A network of the catalog, or a registered one, with weights.

    Args:
      name: one of `networks()`.
      checkpoint: a TF1, TF-slim or TF2 checkpoint, a SavedModel folder or TF Hub handle, PyTorch's file
        (of `efficientnet_lite0`), "random:SEED" for untrained weights, or None for the checkpoint that
        ships with the package, was fetched, or came with an installed package. A registered network whose
        builder gives it weights keeps these.

    Raises:
      InputError: the name is unknown, there is no such checkpoint, or it does not fit the network.

    Example:
      >>> network = load_network("vgg_19_small")
      >>> network.signal.shape, network.classes[:3]
      ((32, 32, 3), ('airplane', 'automobile', 'bird'))
    """
    network = build_network(name)
    if checkpoint is not None or not network.checkpoint_digest:  # some builders give weights too
        weights.load_weights(network, manifest.default_checkpoint(name) if checkpoint is None else checkpoint)
    network.checkpoint_place = place_of(checkpoint)
    return network


def _what_it_is(name: str) -> str:
    """What was given as a name of the catalog, and what to do."""
    if name.endswith(".keras"):
        return "in Python, mm.from_keras takes the model of a .keras file: keras.saving.load_model(...)"
    if re.search(r"\.py(:|$)", name):
        return "in Python, import that file and call its function, which gives the network"
    if os.path.exists(name):
        return (
            "it is a file or folder: of weights, it is a checkpoint of a network of the catalog; of another "
            "network, a Python file builds it (docs/your_network.md)"
        )
    return f"{nearest(name, networks(), 'networks')}; mm.networks() lists all"


def _built(name: str, builder: Callable[[], Network], told: str) -> Network:
    """What the builder of a registered network gives, under its registered name."""
    kind = importlib.import_module("model_metamers.networks.network").Network  # loads TensorFlow
    try:
        network = builder()
    except Exception as error:  # whatever another's function may raise
        raise InputError(f"{told} does not build: {registered.short(error)}") from error
    if not isinstance(network, kind):
        raise InputError(f"{told}: its builder gave {type(network).__name__}, expected an mm.Network")
    network.name = name
    return network


def place_of(checkpoint: str | os.PathLike | None) -> str | None:
    """What a network's weights were loaded from, as records keep it.

    Args:
      checkpoint: as it was given.

    Returns:
      A file's or folder's absolute path; "random:SEED", a URL and any other text as it is; None
      where none was given.
    """
    if checkpoint is None:
        return None
    text = os.fspath(checkpoint)
    is_local = any(os.path.exists(text + ending) for ending in ("", ".index"))
    return os.path.abspath(text) if is_local else text
