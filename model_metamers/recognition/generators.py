"""The networks that metamers were found for, with their weights, as the metamers' records tell.

A record may come from anywhere. What it names is followed only to files of this machine that are
read as numbers: never to a server, and never to Python code. A network or a place of another kind
is for the user to name, with --judges.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from model_metamers.catalog.registry import load_network
from model_metamers.errors import InputError
from model_metamers.recognition.judgement import Who
from model_metamers.runs.folder import MetamerFolder
from model_metamers.runs.record import Record
from model_metamers.storage.reading import one_line

if TYPE_CHECKING:
    from model_metamers.networks.network import Network

_FLAG = "--checkpoint="
_LONGEST_FLAGS = 1 << 20  # bytes
# Names of servers' files: of URLs, and of what Windows asks another machine for.
_ELSEWHERE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|//|\\\\")
_UNTRAINED = re.compile(r"random:\d{1,18}")


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


def load_generator(generator: Who, places: Iterable[str | None] = ()) -> Network:
    """The network that metamers were found for, which must be of the catalog.

    Its weights are sought where the records say, if that is on this machine, then where the catalog
    has them. Of a SavedModel only its variables are read; its graph is not run.

    Args:
      generator: the network's name, and its weights' digest.
      places: see `weights_place`.

    Raises:
      InputError: no such network, or none of these weights; it says how to name it.
    """
    named = list(dict.fromkeys([generator.weights] if generator.untrained else places))
    followed = [place for place in named if place is not None and is_here(place)]
    for place in (*followed, None):
        try:
            network = load_network(generator.name, place)
        except InputError:
            continue
        if network.checkpoint_digest == generator.weights:
            return network
    left = [one_line(place) for place in named if place is not None and place not in followed]
    told = f" (its record names {left[0]}, which is followed only where you name it)" if left else ""
    raise InputError(
        f"{one_line(generator.name)}: the network of these metamers, with the weights "
        f"{one_line(generator.weights)[:19]}, was not found{told}; name it with --judges=NAME=CHECKPOINT, or "
        f"leave it out with --without_self"
    )


def is_here(place: str) -> bool:
    """Whether a record's place of weights may be followed: random numbers, or files of this machine."""
    if _UNTRAINED.fullmatch(place):
        return True
    if _ELSEWHERE.match(place) or place.endswith(".keras"):
        return False
    try:
        path = Path(place)
        return path.is_dir() or path.is_file() or path.with_name(f"{path.name}.index").is_file()
    except (OSError, ValueError):  # too long a name, or one of no file
        return False
