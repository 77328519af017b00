"""Reading JSON and arrays: the right result, or an error of one line."""

from __future__ import annotations

import json
import math
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from model_metamers.errors import DamagedFileError


def read_json(path: str | os.PathLike, what: str = "JSON file") -> Any:
    """What a JSON file holds.

    Args:
      path: of the file.
      what: it should be, for the message.

    Raises:
      DamagedFileError: missing, unreadable, or no JSON.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DamagedFileError(f"{path}: no readable {what} ({_short(error)})") from error


def read_array(path: str | os.PathLike) -> np.ndarray:
    """The array of a `.npy` file.

    Raises:
      DamagedFileError: missing, damaged, an array of objects, or one that is larger than its file.
    """
    try:
        with open(path, "rb") as file:
            return _read(file, os.fstat(file.fileno()).st_size)
    except (OSError, ValueError, EOFError, TypeError, SyntaxError, KeyError, MemoryError) as error:
        raise DamagedFileError(f"{path}: no readable .npy array ({_short(error)})") from error


def read_arrays(path: str | os.PathLike, names: Sequence[str] | None = None) -> dict[str, np.ndarray]:
    """Arrays of an `.npz` file by name, all or the named ones.

    Raises:
      DamagedFileError: missing, damaged, without one of the names, arrays of objects, or one that
        is larger than its part of the file.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            stored = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            arrays = {}
            for name in stored if names is None else names:
                with archive.open(stored[name]) as file:
                    arrays[name] = _read(file, stored[name].file_size)
            return arrays
    except _DAMAGE as error:
        raise DamagedFileError(
            f"{path}: missing, truncated or no file of this program ({_short(error)})"
        ) from error


# What NumPy and zipfile raise on files that are not what they claim to be.
_DAMAGE = (
    OSError,
    ValueError,
    KeyError,
    EOFError,
    TypeError,
    SyntaxError,
    MemoryError,
    NotImplementedError,
    RuntimeError,
    zipfile.BadZipFile,
)


def _read(file: IO[bytes], size: int) -> np.ndarray:
    """An array whose header is held to the file's size before anything is allocated."""
    version = np.lib.format.read_magic(file)
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in readers:
        raise ValueError(f"unknown version {version} of the array format")
    shape, fortran_order, dtype = readers[version](file)
    if dtype.hasobject:
        raise ValueError("an array of Python objects")
    count = math.prod(shape)
    if min(shape, default=0) < 0 or count * dtype.itemsize > size:
        raise ValueError(f"claims to hold {count} numbers in {size} bytes")
    content = file.read(count * dtype.itemsize)
    if len(content) < count * dtype.itemsize:
        raise ValueError("ends before its last number")
    values = np.frombuffer(content, dtype, count).copy()
    return values.reshape(shape[::-1]).T if fortran_order else values.reshape(shape)


def _short(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]
