"""The networks that metamers were found for, with their weights, as the metamers' records tell.

A record may come from anywhere. What it names is followed only to files of this machine that are
read as numbers: never to a server, and never to Python code. A `.keras` file is one of those, since nothing
of it is run. A network or a place of another kind is for the user to name, with --judges.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from model_metamers.catalog.registry import load_network
from model_metamers.errors import InputError
from model_metamers.recognition.judgement import Who
from model_metamers.runs.folder import MetamerFolder
from model_metamers.runs.record import Record
from model_metamers.storage.reading import one_line, printable

if TYPE_CHECKING:
    from model_metamers.networks.network import Network

_FLAG = "--checkpoint="
_LONGEST_FLAGS = 1 << 20  # bytes
# Names of servers' files: of URLs, and of what Windows asks another machine for.
_ELSEWHERE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|//|\\\\")
_UNTRAINED = re.compile(r"random:\d{1,18}")
# MODEL.keras, or MODEL.keras=SIGNAL.json, as `named_network.read_spec` takes them.
_KERAS = re.compile(r"(.+?\.keras)(?:=(.+))?")


def weights_place(folder: Path, record: Record) -> str | None:
    """Where the weights of a metamer's network were, as its record says; None: where the catalog has them.

    Of a record of format 1, which does not say, the `flags.txt` of its run does.
    """
    if record.files is not None:
        return record.checkpoint_place
    flags = MetamerFolder(folder).run.flags
    if not flags.is_file():
        return None
    with contextlib.suppress(OSError), flags.open("rb") as file:
        lines = file.read(_LONGEST_FLAGS).decode("utf-8", "replace").split("\n")
        return next((line[len(_FLAG) :] for line in lines if line.startswith(_FLAG)), None)
    return None


def named_by(name: str, place: str | None) -> tuple[str, str | None, str | None]:
    """Network, checkpoint and signal, as `named_network.load` takes them, of what a record names.

    Args:
      name: of the network.
      place: see `weights_place`.

    Example:
      >>> named_by("model", "/lab/model.keras=/lab/signal.json")
      ('/lab/model.keras', None, '/lab/signal.json')
      >>> named_by("vgg_19", "/lab/vgg_19.ckpt")
      ('vgg_19', '/lab/vgg_19.ckpt', None)
    """
    file = _KERAS.fullmatch(place or "")
    return (file[1], None, file[2]) if file else (name, place, None)


def load_generator(generator: Who, places: Iterable[str | None] = ()) -> Network:
    """`find_generator`, for those who may name networks with --judges.

    Raises:
      InputError: as `find_generator`; it says how to name the network.
    """
    named = list(places)
    try:
        return find_generator(generator, named)
    except InputError as error:
        of_files = any(place and _KERAS.fullmatch(place) for place in named)
        how = "--judges=MODEL.keras or MODEL.keras=SIGNAL.json" if of_files else "--judges=NAME=CHECKPOINT"
        raise InputError(f"{error}; name it with {how}, or leave it out with --without_self") from error


def find_generator(generator: Who, places: Iterable[str | None] = ()) -> Network:
    """The network that metamers were found for: of the catalog or an installed package, or of a .keras file.

    Its weights are sought where the records say, if that is on this machine, then where the catalog
    has them. Of a SavedModel only its variables are read; its graph is not run. Nor is anything that a
    .keras file holds.

    Args:
      generator: the network's name, and its weights' digest.
      places: see `weights_place`.

    Raises:
      InputError: no such network, or none of these weights; it says why what the records name is not it.
    """
    named = list(dict.fromkeys([generator.weights] if generator.untrained else places))
    reasons = []
    for place in (*(place for place in named if place is not None), None):
        try:
            network = _load(generator.name, place)
        except InputError as error:
            reasons.append(str(error))
            continue
        if Who(network.name, network.checkpoint_digest) == generator:
            return network
        reasons.append(
            f"{one_line(str(place))} is another one now, {network.name} ({network.checkpoint_digest[:19]})"
        )
    told = f" ({printable(reasons[0])})" if len(reasons) > 1 else ""  # the catalog's comes last
    raise InputError(
        f"{one_line(generator.name)}: the network of these metamers, with the weights "
        f"{one_line(generator.weights)[:19]}, was not found{told}"
    )


def _load(name: str, place: str | None) -> Network:
    """The network of a record's name and place; InputError where it is not followed, gone or not readable."""
    if place is not None and not is_here(place):
        told_in_full = all(map(_is_in_full, _files(place)))
        where = "is not on this machine" if told_in_full else "is followed only where you name it"
        raise InputError(f"its record names {one_line(place)}, which {where}")
    if place is not None and _KERAS.fullmatch(place):
        named_network = importlib.import_module("model_metamers.catalog.named_network")  # leads to TensorFlow
        return named_network.load(*named_by(name, place))
    return load_network(name, place)  # of no other name or place, which might run a file


def _files(place: str) -> list[str]:
    """The files of a place: of a .keras file, its own and the signal's."""
    keras = _KERAS.fullmatch(place)
    return [file for file in keras.groups() if file] if keras else [place]


def _is_in_full(place: str) -> bool:
    """Whether it names a file of this machine in full, there or not."""
    return os.path.isabs(place) and not _ELSEWHERE.match(place)


def is_here(place: str) -> bool:
    """Whether a record's place of weights may be followed: random numbers, or files of this machine."""
    if _UNTRAINED.fullmatch(place):
        return True
    if _ELSEWHERE.match(place):
        return False
    try:
        if _KERAS.fullmatch(place):
            return all(_is_in_full(file) and Path(file).is_file() for file in _files(place))
        path = Path(place)
        return path.is_dir() or path.is_file() or path.with_name(f"{path.name}.index").is_file()
    except (OSError, ValueError):  # too long a name, or one of no file
        return False
