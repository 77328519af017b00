"""Networks that other packages bring, by their entry points; nothing of a package is imported here.

A package of a lab's names each network among the entry points of the group `model_metamers.networks`, and
may hold `metamers_manifest.json` in its folder, of the form of `checkpoints/manifest.json`: where the
weights of these networks are.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import importlib.util
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from model_metamers.errors import InputError
from model_metamers.storage.reading import one_line, read_json

GROUP = "model_metamers.networks"
MANIFEST = "metamers_manifest.json"
_log = logging.getLogger(__name__)


@functools.cache  # a look at every installed package takes a tenth of a second
def entry_points() -> dict[str, tuple[importlib.metadata.EntryPoint, ...]]:
    """The entry points of the group by name: one each, unless several packages bring one name."""
    found: dict[str, dict[str, importlib.metadata.EntryPoint]] = {}
    for point in importlib.metadata.entry_points(group=GROUP):
        found.setdefault(point.name, {})[point.value] = point
    return {name: tuple(points.values()) for name, points in found.items()}


def package_of(point: importlib.metadata.EntryPoint) -> str:
    """The name that pip has for the package of an entry point."""
    name = point.dist.metadata["Name"] if point.dist is not None else None
    return one_line(name or point.value.partition(":")[0].partition(".")[0])


def manifest_entries() -> Iterator[tuple[Path, str, dict[str, Any]]]:
    """File, name and content of the entries of the packages' manifests.

    One that cannot be read, or is of a network that its package does not bring, is left out, and a line of
    the log says so.
    """
    for path, own in _manifests().items():
        try:
            given = read_json(path, "manifest", dict[str, dict[str, Any]])
        except InputError as error:
            _log.warning("%s", error)
            continue
        for name, entry in given.items():
            foreign = sorted(_networks(entry) - own)
            if foreign or not _networks(entry):
                _log.warning(
                    "%s: %s is left out: %s no network of this package's entry points",
                    path,
                    one_line(name),
                    f"{one_line(', '.join(foreign))} is" if foreign else "it names",
                )
            else:
                yield path, name, entry


def _manifests() -> dict[Path, set[str]]:
    """The manifests that there are, each with the networks that its package brings."""
    found: dict[Path, set[str]] = {}
    for name, points in entry_points().items():
        for point in points:
            path = _folder(point) / MANIFEST
            if path.is_file():
                found.setdefault(path, set()).add(name)
    return found


def _folder(point: importlib.metadata.EntryPoint) -> Path:
    """The folder of the package that an entry point names; one without a manifest where there is none."""
    top = point.value.partition(":")[0].partition(".")[0].strip()
    with contextlib.suppress(ValueError, ImportError):
        spec = importlib.util.find_spec(top)  # of a name without dots: looks for the folder, and runs nothing
        for folder in (spec.submodule_search_locations if spec else None) or ():
            return Path(folder)
    return Path(f"{top} is no installed package")


def _networks(entry: dict[str, Any]) -> set[str]:
    """The networks that an entry of a manifest is of."""
    several, one = entry.get("networks"), entry.get("network")
    names = [*several] if isinstance(several, dict) else [one]
    return {name for name in names if isinstance(name, str)}
