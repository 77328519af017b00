"""A folder is for results of one kind of settings: the claim on it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from model_metamers.errors import DamagedFileError, InputError, OtherSettingsError
from model_metamers.storage.locks import hold
from model_metamers.storage.reading import one_line, read_json
from model_metamers.storage.writing import write_json

SETTINGS = "settings.json"


def claim_folder(
    folder: Path, settings: Mapping[str, Any], resume: bool = True, every_key: bool = False
) -> None:
    """Makes a folder for results of these settings, or finds one of the same.

    Of several processes that claim a new folder at once, one writes its settings; the others
    are held to them, or told that it is in use.

    Args:
      folder: of the results.
      settings: what decides the results; anything that JSON holds.
      resume: whether a folder that is claimed already may be gone on with.
      every_key: whether keys that only the folder's settings have count as a difference.

    Raises:
      InputError: it holds results of other settings, or any where `resume` is False.
      StorageError: it cannot be written, or another process holds it.
    """
    wanted = json.loads(json.dumps(dict(settings)))
    with hold(folder):
        path = folder / SETTINGS
        if not path.exists():
            write_json(path, wanted)
        elif resume:
            _check_same(path, wanted, every_key)
        else:
            raise InputError(f"{folder}: holds a run already; resume it, or choose another folder")


def _check_same(path: Path, settings: Mapping[str, Any], every_key: bool) -> None:
    there = read_json(path, "settings; choose another folder")
    if not isinstance(there, dict):
        raise DamagedFileError(f"{path}: damaged; choose another folder")
    keys = {**dict.fromkeys(settings), **(dict.fromkeys(there) if every_key else {})}
    other = [key for key in keys if there.get(key) != settings.get(key)]
    if other:
        told = (f"{key}={there.get(key)} there, {settings.get(key)} now" for key in other)
        listed = ", ".join(map(one_line, told))
        raise OtherSettingsError(
            f"{path.parent}: holds a run with other settings ({listed}); choose another folder"
        )
