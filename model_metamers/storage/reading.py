"""Reading text, tables, JSON and arrays: the right result, or an error of one line."""

from __future__ import annotations

import codecs
import csv
import io
import json
import math
import os
import tokenize
import unicodedata
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from model_metamers.errors import DamagedFileError, InputError

# UTF-32's mark for little-endian numbers begins as UTF-16's does, so it is looked for first.
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
    codecs.BOM_UTF8: "utf-8-sig",
}


def read_text(path: str | os.PathLike) -> str:
    """A text file of any system: line ends become `\\n`, letters their composed form (NFC).

    A byte order mark tells UTF-16 or UTF-32; without one it is UTF-8.

    Raises:
      InputError: missing, unreadable, or no such text; the line is named.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    encoding = next((name for mark, name in _MARKS.items() if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{path}:{line}: no {encoding.removesuffix('-sig')} text ({error.reason}); save it as UTF-8"
        ) from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise InputError(f"{path}:{line}: holds NUL, as no text does; save it as UTF-8")
    return composed(text)


def composed(text: str) -> str:
    """A name or word in Unicode's composed form (NFC), so that those which look alike are alike."""
    return unicodedata.normalize("NFC", text)


def one_line(text: str) -> str:
    """What a file holds, fit for a message: without line breaks, at most 200 characters."""
    return " ".join(text.split())[:200]


def read_lines(path: str | os.PathLike) -> list[str]:
    """Lines of a text file that are not blank, without white space around them.

    Raises:
      InputError: as `read_text`, or there are none.
    """
    lines = [line.strip() for line in read_text(path).split("\n") if line.strip()]
    if not lines:
        raise InputError(f"{path}: is empty; expected one name a line")
    return lines


def read_table(
    path: str | os.PathLike, required: Sequence[str] = (), delimiter: str = ","
) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """A CSV or TSV table: its columns, and each row's line with its fields by column.

    A row that ends early lacks its last fields; blank rows are passed over.

    Args:
      path: of the file.
      required: columns that every row must have.
      delimiter: between fields.

    Raises:
      InputError: as `read_text`, no header, or a required column or field lacks; the line is named.
    """
    rows = csv.reader(io.StringIO(read_text(path)), delimiter=delimiter, skipinitialspace=True)
    found = []
    try:
        columns = [name.strip() for name in next(rows, [])]
        missing = [name for name in required if name not in columns]
        if missing or not columns:
            raise InputError(
                f"{path}:1: no column {', '.join(missing) or 'at all'}, only {one_line(', '.join(columns))}"
            )
        fewest = max((columns.index(name) + 1 for name in required), default=0)
        for fields in rows:
            if fields and len(fields) < fewest:
                raise InputError(f"{path}:{rows.line_num}: {len(fields)} fields, expected at least {fewest}")
            if fields:
                row = {name: field.strip() for name, field in zip(columns, fields, strict=False)}
                found.append((rows.line_num, row))
    except csv.Error as error:
        raise InputError(f"{path}:{rows.line_num}: no readable table ({error})") from error
    return columns, found


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
    except _DAMAGE as error:
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
    tokenize.TokenError,
    zlib.error,
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
    return one_line(str(error)) or type(error).__name__
