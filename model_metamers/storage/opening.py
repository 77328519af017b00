"""Opening what a path names only where it is a file with an end.

A named pipe makes its reader wait for ever, `/dev/zero` never ends, and a file of `/proc` holds
more than it says. Each function raises OSError whose `strerror` says so, as of any other file that
cannot be read.
"""

from __future__ import annotations

import errno
import io
import os
import stat
from typing import BinaryIO

_KINDS = (
    (stat.S_ISDIR, "a folder, not a file"),
    (stat.S_ISFIFO, "a named pipe, not a file; copy what it gives into one"),
    (stat.S_ISSOCK, "a socket, not a file"),
    (stat.S_ISCHR, "a device, not a file"),
    (stat.S_ISBLK, "a device, not a file"),
)


def check_file(path: str | os.PathLike, most_bytes: int | None = None) -> int:
    """How many bytes a file holds, for a path that another library opens.

    Args:
      path: of the file.
      most_bytes: that it may hold; None for any number.

    Raises:
      OSError: nothing there, no file, empty, or larger; the file was not opened.
    """
    size = _size(path, os.stat(path), most_bytes)
    if not size:
        raise OSError(errno.EINVAL, "the file is empty", os.fspath(path))
    return size


def open_file(path: str | os.PathLike, most_bytes: int | None = None) -> BinaryIO:
    """A file opened for reading; OSError as `check_file`, but an empty one can be read."""
    if not _size(path, os.stat(path), most_bytes):
        return io.BytesIO()  # so that a file of /proc, whose size is 0, is not waited for
    file = open(path, "rb", opener=_without_waiting)  # noqa: SIM115 - the caller closes it
    try:
        _size(path, os.fstat(file.fileno()), most_bytes)  # it may have been replaced meanwhile
    except OSError:
        file.close()
        raise
    return file


def read_bytes(path: str | os.PathLike, most_bytes: int) -> bytes:
    """All that a file holds, at most `most_bytes`; OSError as `open_file`."""
    with open_file(path, most_bytes) as file:
        return file.read(most_bytes)


def _size(path: str | os.PathLike, status: os.stat_result, most_bytes: int | None) -> int:
    for is_kind, what in _KINDS:
        if is_kind(status.st_mode):
            raise OSError(errno.EINVAL, what, os.fspath(path))
    if most_bytes is not None and status.st_size > most_bytes:
        told = f"{status.st_size} bytes; at most {most_bytes} are read"
        raise OSError(errno.EFBIG, told, os.fspath(path))
    return status.st_size


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))  # Windows has no such flag, and no pipes
