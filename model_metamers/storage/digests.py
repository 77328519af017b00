"""Identity is content: sha256 of arrays, texts and files.

A file is read once and its digest kept in a small database below the user's cache folder,
by path, size and times; a file whose size or time changed is read again. So a folder of
100,000 files is told from another in seconds, and a file replaced by another of the same
length is noticed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from model_metamers.errors import InputError
from model_metamers.storage.opening import open_file

# A file changed twice within a clock tick keeps its time: one so young is not kept.
_SETTLED_NS = 2_000_000_000
_TABLE = "CREATE TABLE IF NOT EXISTS digests (path TEXT PRIMARY KEY, size, modified, changed, digest TEXT)"


def array_digest(array: np.ndarray) -> str:
    """sha256 of an array's bytes, hex; type and shape are not part of it."""
    return hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()


def text_digest(parts: Iterable[str]) -> str:
    """sha256 of texts, one a line, hex."""
    return hashlib.sha256("\n".join(parts).encode(errors="surrogateescape")).hexdigest()


def file_digest(path: str | os.PathLike) -> str:
    """sha256 of a file's bytes, hex, read now.

    Raises:
      InputError: the file cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with open_file(path) as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    return digest.hexdigest()


def file_digests(paths: Sequence[str | os.PathLike]) -> list[str]:
    """sha256 of each file's bytes, hex, from the cache where the file did not change since.

    Args:
      paths: of files; any number.

    Raises:
      InputError: a file cannot be read.
    """
    with _Cache() as cache:
        return [cache.digest(path) for path in paths]


def cache_folder() -> Path:
    """`model_metamers` in the user's cache folder (`XDG_CACHE_HOME`, or `~/.cache`)."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "model_metamers"


class _Cache(contextlib.AbstractContextManager):
    """The database; where it cannot be used, every file is read."""

    def __init__(self) -> None:
        self._connection: sqlite3.Connection | None = None
        self._known: dict[str, tuple] = {}
        self._new: dict[str, tuple] = {}
        with contextlib.suppress(OSError, sqlite3.Error):
            folder = cache_folder()
            folder.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(folder / "digests.sqlite", timeout=30)
            self._connection.execute(_TABLE)

    def digest(self, path: str | os.PathLike) -> str:
        try:
            status = os.stat(path)
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror})") from error
        name = os.path.abspath(path)
        state = (status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        row = self._row(name)
        if row and row[:3] == state:
            return row[3]
        digest = file_digest(path)
        if time.time_ns() - max(state[1:]) > _SETTLED_NS:
            self._new[name] = (*state, digest)
        return digest

    def _row(self, name: str) -> tuple | None:
        if self._connection is None:
            return None
        with contextlib.suppress(sqlite3.Error, UnicodeEncodeError):
            query = "SELECT size, modified, changed, digest FROM digests WHERE path = ?"
            return self._connection.execute(query, (name,)).fetchone()
        return None

    def __exit__(self, *about: object) -> None:
        if self._connection is None:
            return
        rows = [(name, *values) for name, values in self._new.items()]
        with contextlib.suppress(sqlite3.Error, UnicodeEncodeError), self._connection:
            self._connection.executemany("INSERT OR REPLACE INTO digests VALUES (?, ?, ?, ?, ?)", rows)
        self._connection.close()
