"""Files and folders that appear whole or not at all.

What is being written lies beside its place under a hidden name of its own, and is renamed
when it is complete. That name is never shared: it holds the machine, the process and a
random number, so that any number of writers can write the same file at once; the last
one to finish stays. What a killed writer left behind is removed by the next process that
writes into that folder, on the same machine at once, on another after a week.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import hashlib
import itertools
import os
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from model_metamers.errors import AlreadyThereError, InputError, StorageError
from model_metamers.storage.explaining import explain

_LEFT_OVER_S = 7 * 24 * 3600.0  # after this long a writer is taken for dead
_PARTIAL = re.compile(r"\..*-(?P<machine>[0-9a-f]{8})-(?P<process>\d+)-[0-9a-f]{8}\.partial(\.[^.]*)?", re.S)


@contextlib.contextmanager
def whole_file(path: str | os.PathLike) -> Iterator[Path]:
    """A path to write to; it becomes `path`, in place of what was there, when the block ends well.

    Args:
      path: of the file; its folder must exist.

    Yields:
      A path in the same folder, of the same extension.

    Raises:
      StorageError: it cannot be written: full disk, no such folder, too long a name.

    Example:
      >>> import tempfile, pathlib
      >>> path = pathlib.Path(tempfile.mkdtemp()) / "numbers.txt"
      >>> with whole_file(path) as partial:
      ...     _ = partial.write_text("1 2 3")
      >>> path.read_text()
      '1 2 3'
    """
    path = Path(path)
    with explained(path), partial_beside(path) as partial:
        yield partial
        os.replace(partial, path)


@contextlib.contextmanager
def whole_folder(folder: str | os.PathLike) -> Iterator[Path]:
    """A new folder to fill; it becomes `folder` when the block ends well, and is gone otherwise.

    Args:
      folder: must not exist; the folders above it are made.

    Yields:
      An empty folder beside it.

    Raises:
      AlreadyThereError: it exists already, or another writer was faster.
      StorageError: it cannot be written.
    """
    folder = Path(folder)
    check_new(folder)
    with explained(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with partial_beside(folder) as partial:
            partial.mkdir()
            yield partial
            try:
                os.replace(partial, folder)
            except OSError as error:
                if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                    told = f"{folder}: was written meanwhile; it is not overwritten"
                    raise AlreadyThereError(told) from error
                raise


def set_aside(path: Path) -> Path:
    """Gives a broken file or folder a hidden name beside it, and returns it; StorageError where it cannot.

    One that is gone was set aside by another process, which is as well.
    """
    free = (place for number in itertools.count(1) if not os.path.lexists(place := _aside(path, number)))
    aside = next(free)
    with explained(path), contextlib.suppress(FileNotFoundError):
        path.rename(aside)
    return aside


def was_set_aside(path: Path) -> bool:
    """Whether what was at `path` once was set aside, and is still kept."""
    return os.path.lexists(_aside(path, 1))


def _aside(path: Path, number: int) -> Path:
    stem = path.name.encode(errors="surrogateescape")[:200].decode(errors="ignore")
    return path.with_name(f".broken-{stem}-{number}")


def check_new(folder: Path) -> None:
    """Refuses a folder that exists already; it is not overwritten."""
    if folder.exists():
        raise AlreadyThereError(f"{folder}: exists already; it is not overwritten, choose another")


def make_folder(folder: str | os.PathLike) -> Path:
    """Makes a folder and those above it, where they are not there; StorageError where it cannot be made."""
    with explained(Path(folder)):
        try:
            Path(folder).mkdir(parents=True, exist_ok=True)
        except FileExistsError as error:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from error
    return Path(folder)


def check_writable(folder: Path) -> None:
    """Refuses a folder that no file can be written to, before work begins; StorageError."""
    with explained(folder):
        tempfile.TemporaryFile(dir=folder).close()


@contextlib.contextmanager
def partial_beside(path: Path) -> Iterator[Path]:
    """A hidden name beside `path` that no other writer uses; what is there at the end is removed."""
    _remove_left_over_once(path.parent.absolute())
    stem = path.name.encode(errors="surrogateescape")[:80].decode(errors="ignore")
    suffix = path.suffix if len(path.suffix.encode(errors="surrogateescape")) <= 16 else ""
    partial = path.with_name(f".{stem}-{machine()}-{os.getpid()}-{secrets.token_hex(4)}.partial{suffix}")
    try:
        yield partial
    finally:
        _remove(partial)


def remove_left_over(folder: Path, deep: bool = False, dead: tuple[str, int] | None = None) -> None:
    """Removes what writers into a folder left that are no more.

    Args:
      folder: to be looked through.
      deep: whether the folders below are too.
      dead: machine and process of a writer that is known to have ended, wherever it ran.
    """
    with contextlib.suppress(OSError):
        for entry in list(os.scandir(folder)):
            if _is_left_over(entry, dead):
                _remove(Path(entry.path))
            elif deep and entry.is_dir(follow_symlinks=False):
                remove_left_over(Path(entry.path), deep, dead)


@functools.cache  # once a process: a folder may hold many thousand files
def _remove_left_over_once(folder: Path) -> None:
    remove_left_over(folder)


def _is_left_over(entry: os.DirEntry, dead: tuple[str, int] | None) -> bool:
    match = _PARTIAL.fullmatch(entry.name)
    if not match:
        return False
    writer = match["machine"], int(match["process"])
    if writer == dead or (writer[0] == machine() and not _runs(writer[1])):
        return True
    return time.time() - entry.stat(follow_symlinks=False).st_mtime > _LEFT_OVER_S


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()


@functools.cache
def machine() -> str:
    """Eight digits that are one machine's, and one container's, since process numbers are theirs."""
    parts = [os.uname().nodename] if hasattr(os, "uname") else []
    for path in ("/proc/sys/kernel/random/boot_id", "/proc/self/ns/pid"):
        with contextlib.suppress(OSError):
            parts.append(os.readlink(path) if os.path.islink(path) else Path(path).read_text())
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:8]


def _runs(process: int) -> bool:
    """Whether there is a process of this number on this machine."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is another user's
        return True
    return True


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turns what the system says into one line that tells what to do."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        text = explain(error)
        if text is None and not isinstance(error, OSError):
            raise
        if isinstance(error, FileNotFoundError) and not path.parent.is_dir():
            text = "its folder is gone: was it removed, or a disk unmounted? The same command begins anew"
        text = text or f"cannot be written ({getattr(error, 'strerror', None) or error})"
        raise StorageError(f"{path}: {text}") from error
