"""Networks that stand beside the catalog's: registered in Python, or brought by an installed package."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from model_metamers.catalog.names import CATALOG
from model_metamers.errors import InputError
from model_metamers.storage.reading import one_line
from model_metamers.weights import contributed

if TYPE_CHECKING:
    from model_metamers.networks.network import Network

_log = logging.getLogger(__name__)
_BUILDERS: dict[str, Callable[[], Network]] = {}
_NAME = re.compile(r"[A-Za-z0-9][\w.+-]*", re.ASCII)  # NAME=CHECKPOINT, a,b and FILE.py:FUNCTION stay clear


def register_network(name: str, builder: Callable[[], Network]) -> None:
    """Lets a network of yours be loaded by its name, as those of the catalog are, in this process.

    So that every process and the commands know it, name it in your package's metadata instead, as
    docs/your_network.md shows:

      [project.entry-points."model_metamers.networks"]
      lab_vgg = "my_lab.networks:lab_vgg"

    Args:
      name: of letters, digits, and `_ . + -`; the network will bear it.
      builder: called without arguments when the network is loaded, for an `mm.Network`: with its weights, as
        `mm.from_keras` gives one, or without, to be filled from the checkpoint that `load_network` is given.

    Raises:
      InputError: the name exists, cannot be one, or `builder` is no function.

    Example:
      >>> import model_metamers as mm
      >>> mm.register_network("lab_vgg", lambda: mm.load_network("vgg_19_small", "random:1"))
      >>> mm.load_network("lab_vgg").name
      'lab_vgg'
      >>> mm.register_network("vgg_19", lambda: mm.load_network("vgg_19_small"))
      Traceback (most recent call last):
      ...
      model_metamers.errors.InputError: the catalog has a network vgg_19 already; choose another name
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name.endswith((".py", ".keras")):
        raise InputError(f"name={name!r}: expected letters, digits, _ . + and -, and a letter or digit first")
    if not callable(builder):
        raise InputError(f"builder: expected a function that gives a network, got {type(builder).__name__}")
    if owner := _owner(name):
        raise InputError(f"{owner} has a network {name} already; choose another name")
    _BUILDERS[name] = builder


def names() -> tuple[str, ...]:
    """Names of the networks that were registered or that installed packages bring; nothing is imported."""
    brought = contributed.entry_points()
    for name in brought:
        if name in CATALOG:
            package = contributed.package_of(brought[name][0])
            _log.warning("%s of package %s is left out: the catalog has this name", name, package)
    return (*_BUILDERS, *sorted(brought.keys() - {*CATALOG, *_BUILDERS}))


def find_builder(name: str) -> tuple[Callable[[], Network], str] | None:
    """The builder of a name, and what it is, for a message; None where no such name is known.

    Raises:
      InputError: several packages bring the name, or its builder cannot be imported.
    """
    if name in _BUILDERS:
        return _BUILDERS[name], f"the registered network {name}"
    points = contributed.entry_points().get(name)
    if not points:
        return None
    packages = ", ".join(map(contributed.package_of, points))
    if len(points) > 1:
        raise InputError(f"the network {name} is brought by several packages: {packages}; uninstall one")
    told = f"the network {name} of package {packages} ({one_line(points[0].value)})"
    try:
        return points[0].load(), told
    except Exception as error:  # whatever another's module may raise
        raise InputError(f"{told} cannot be imported: {short(error)}") from error


def _owner(name: str) -> str:
    """Who has a name already; "" where nobody has."""
    if name in CATALOG:
        return "the catalog"
    if name in _BUILDERS:
        return "this process"
    points = contributed.entry_points().get(name)
    return f"package {contributed.package_of(points[0])}" if points else ""


def short(error: Exception) -> str:
    """An error of somebody else's code as one line."""
    return f"{type(error).__name__}: {one_line(str(error))}".removesuffix(": ")
