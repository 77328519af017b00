"""Text, JSON, tables and arrays as files, each written whole or not at all."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from typing import IO, Any

import numpy as np

from model_metamers.storage.whole import whole_file


def write_text(path: str | os.PathLike, text: str) -> None:
    """Writes a text in UTF-8; StorageError where it cannot be written."""
    with whole_file(path) as partial:
        partial.write_text(text, encoding="utf-8", newline="")


def write_bytes(path: str | os.PathLike, content: bytes | memoryview) -> None:
    """Writes a file; StorageError where it cannot be written."""
    with whole_file(path) as partial:
        partial.write_bytes(content)


def write_private_json(path: str | os.PathLike, value: Any) -> None:
    """`write_json` of what the file's owner alone may read, at every moment."""
    content = (json.dumps(plain_values(value), indent=2) + "\n").encode()
    with whole_file(path) as partial:
        opened = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with open(opened, "wb") as file:
            file.write(content)


def write_lines(path: str | os.PathLike, lines: Iterable[str]) -> None:
    """Writes a text file, one entry a line; StorageError where it cannot be written."""
    write_text(path, "".join(f"{line}\n" for line in lines))


def write_json(path: str | os.PathLike, value: Any, sort_keys: bool = False) -> None:
    """Writes JSON; NaN and infinity, which JSON lacks, become null.

    Args:
      path: of the file.
      value: dicts, lists, tuples, strings, numbers, None.
      sort_keys: whether keys are put in the alphabet's order.

    Raises:
      StorageError: it cannot be written.
    """
    write_text(path, json.dumps(plain_values(value), indent=2, sort_keys=sort_keys) + "\n")


def write_table(path: str | os.PathLike, rows: Iterable[Sequence[Any]]) -> None:
    """Writes rows as CSV, the header being the first; StorageError where it cannot be written."""
    with whole_file(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def write_rows(path: str | os.PathLike, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes dicts of the same keys as CSV with a header; StorageError where it cannot be written."""
    columns = list(rows[0])
    write_table(path, [columns, *([row[column] for column in columns] for row in rows)])


def write_array(path: str | os.PathLike, array: np.ndarray) -> None:
    """Writes a `.npy` file; StorageError where it cannot be written."""
    with whole_file(path) as partial, partial.open("wb") as file:
        np.save(_Blocks(file), array)


def write_arrays(path: str | os.PathLike, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes arrays by name as an `.npz` file; StorageError where it cannot be written."""
    content = io.BytesIO()  # on a full disk, an archive that is being written says so a second time
    with zipfile.ZipFile(content, "w") as archive:  # np.savez takes no array called "file"
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.asanyarray(array), allow_pickle=False)
    write_bytes(path, content.getbuffer())


class _Blocks:
    """A file that NumPy writes to block by block: its own way of writing to one loses the system's error."""

    def __init__(self, file: IO[bytes]):
        self.write = file.write


def plain_values(value: Any) -> Any:
    """What `write_json` writes of a value: lists for tuples, None for NaN and infinity."""
    if isinstance(value, dict):
        return {key: plain_values(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_values(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
