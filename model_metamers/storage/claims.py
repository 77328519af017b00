"""A folder is for results of one kind of settings: the claim on it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from model_metamers.errors import DamagedFileError, InputError, OtherSettingsError
from model_metamers.storage.locks import hold
from model_metamers.storage.reading import one_line, read_json
from model_metamers.storage.writing import write_json

SETTINGS = "settings.json"
_NOTED = "noted"


def claim_folder(
    folder: Path,
    settings: Mapping[str, Any],
    resume: bool = True,
    every_key: bool = False,
    noted: Mapping[str, Any] | None = None,
) -> None:
    """Makes a folder for results of these settings, or finds one of the same.

    Of several processes that claim a new folder at once, one writes its settings; the others
    are held to them, or told that it is in use.

    Args:
      folder: of the results.
      settings: what decides the results; anything that JSON holds.
      resume: whether a folder that is claimed already may be gone on with.
      every_key: whether keys that only the folder's settings have count as a difference.
      noted: what is noted beside the settings, for whoever goes on; it may differ.

    Raises:
      InputError: it holds results of other settings, or any where `resume` is False.
      StorageError: it cannot be written, or another process holds it.
    """
    wanted = json.loads(json.dumps(dict(settings)))
    with hold(folder):
        path = folder / SETTINGS
        if not path.exists():
            write_json(path, {**wanted, _NOTED: dict(noted)} if noted else wanted)
        elif resume:
            there = _check_same(path, wanted, every_key)
            if noted and there.get(_NOTED) != noted:
                write_json(path, {**there, _NOTED: dict(noted)})
        else:
            raise InputError(f"{folder}: holds a run already; resume it, or choose another folder")


def read_noted(folder: Path) -> dict[str, Any]:
    """What is noted beside a folder's settings; nothing where there is no claim, or one that is damaged."""
    with contextlib.suppress(InputError):
        there = read_json(folder / SETTINGS, "settings; choose another folder")
        noted = there.get(_NOTED) if isinstance(there, dict) else None
        return noted if isinstance(noted, dict) else {}
    return {}


def _check_same(path: Path, settings: Mapping[str, Any], every_key: bool) -> dict[str, Any]:
    """What the file holds, if that is of these settings."""
    there = read_json(path, "settings; choose another folder")
    if not isinstance(there, dict):
        raise DamagedFileError(f"{path}: damaged; choose another folder")
    keys = {**dict.fromkeys(settings), **(dict.fromkeys(there) if every_key else {})}
    other = [key for key in keys if key != _NOTED and there.get(key) != settings.get(key)]
    if other:
        told = (f"{key}={there.get(key)} there, {settings.get(key)} now" for key in other)
        listed = ", ".join(map(one_line, told))
        raise OtherSettingsError(
            f"{path.parent}: holds a run with other settings ({listed}); choose another folder"
        )
    return there
