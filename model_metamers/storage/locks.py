"""One writer a folder: a lock that tells who holds it, and ends with its holder.

The lock is the system's (`flock`) on a hidden file in the folder, so that it is free the moment its
holder ends, however it ends; NFS keeps it on the server, for all machines. The file names the
holder. It is removed at the end; one that a killed process left is taken over, and what else that
process left half written is removed. Where a file system has no such locks, the file lies in
the machine's folder for temporary files, and holds off processes of this machine alone.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import errno
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from model_metamers.errors import InUseError, StorageError
from model_metamers.storage.whole import explained, machine, make_folder, remove_left_over

try:
    import fcntl
except ImportError:  # Windows: all can be imported and read; what writes a folder is told
    fcntl = None  # type: ignore[assignment]

_LONGEST_STEM = 240  # bytes; with dot and extension within what a file's name may have
_NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL)
_held: dict[tuple[int, str], int] = {}  # by process, since a forked child does not hold its parent's


@dataclasses.dataclass(frozen=True)
class Holder:
    """Who holds a lock.

    Attributes:
      machine: eight digits that are one machine's.
      host: its name.
      process: number.
      start: when it took the lock, in seconds since 1970.
    """

    machine: str
    host: str
    process: int
    start: float

    def __str__(self) -> str:
        start = datetime.datetime.fromtimestamp(self.start)
        today = start.date() == datetime.date.today()
        since = f"{start:%H:%M:%S}" if today else f"{start:%Y-%m-%d %H:%M:%S}"
        return f"process {self.process} of {self.host} since {since}"


@contextlib.contextmanager
def hold(folder: str | os.PathLike, what: str = "run", wait: bool = False) -> Iterator[int]:
    """Holds a folder for this process, which alone writes there until the block ends.

    A process that holds it may hold it again.

    Args:
      folder: made if missing.
      what: is written; only those that write the same hold each other off.
      wait: for a holder that is soon to end; without, the folder is refused at once.

    Yields:
      The descriptor of the lock; a child process that inherits it holds the lock on.

    Raises:
      InUseError: another process holds it.
      StorageError: the folder cannot be written.
    """
    folder = make_folder(folder)
    with _hold(folder / f".{what}.lock", folder, wait) as (lock, left):
        if left is not None:
            remove_left_over(folder, deep=True, dead=(left.machine, left.process))
        yield lock


@contextlib.contextmanager
def hold_place(path: str | os.PathLike) -> Iterator[int]:
    """As `hold`, for a file or folder that is to appear whole: the lock lies beside it."""
    path = Path(path)
    make_folder(path.parent)
    name = path.name.encode(errors="surrogateescape")
    stem = path.name if len(name) <= _LONGEST_STEM else hashlib.sha256(name).hexdigest()
    with _hold(path.with_name(f".{stem}.lock"), path, wait=False) as (lock, left):
        if left is not None:
            remove_left_over(path.parent, dead=(left.machine, left.process))
        yield lock


def held(folder: Path) -> list[str]:
    """What is being written to a folder now, by any process; locks of killed ones are removed."""
    in_use = []
    for path in sorted(folder.glob(".*.lock")):
        what = path.name.removeprefix(".").removesuffix(".lock")
        try:
            with hold(folder, what):
                pass
        except InUseError:
            in_use.append(what)
    return in_use


@contextlib.contextmanager
def _hold(path: Path, folder: Path, wait: bool) -> Iterator[tuple[int, Holder | None]]:
    """Holds a lock file of a folder.

    Yields:
      Its descriptor, and who was killed that held it.
    """
    key = (os.getpid(), os.path.realpath(path))
    if key in _held:
        yield _held[key], None
        return
    if fcntl is None:
        raise StorageError(
            f"{folder}: cannot be locked, as this system has no flock; use Linux, macOS or WSL"
        )
    with explained(folder):
        try:
            lock, left = _take(path, folder, wait)
        except _NoLocks:
            path.unlink(missing_ok=True)
            path = _elsewhere(key[1])
            try:
                lock, left = _take(path, folder, wait)
            except _NoLocks as error:
                raise StorageError(f"{folder}: cannot be locked ({error}); choose another folder") from error
    _held[key] = lock
    try:
        yield lock, left
    finally:
        del _held[key]
        with contextlib.suppress(OSError):
            path.unlink()  # before it is free, so that nobody takes a file that is then removed
        os.close(lock)


_NOBODY = Holder("", "", 0, 0.0)


class _NoLocks(Exception):
    """The file system has no locks."""


def _take(path: Path, folder: Path, wait: bool) -> tuple[int, Holder | None]:
    """A lock file's descriptor once it is locked, and who left the file where it was there before."""
    while True:
        lock, new = _open(path)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            if _is_there(lock, path):
                left = None if new else _read(lock) or _NOBODY
                _write(lock)
                return lock, left
        except BlockingIOError as error:
            who = _holder(lock)
            os.close(lock)
            raise InUseError(
                f"{folder}: is written to by {who}; wait until it ends, or choose another folder"
            ) from error
        except OSError as error:
            os.close(lock)
            if error.errno in _NO_LOCKS:
                raise _NoLocks(error.strerror) from error
            if error.errno != errno.ESTALE:  # of NFS: removed by its holder meanwhile
                raise
            continue
        except BaseException:
            os.close(lock)
            raise
        os.close(lock)


def _open(path: Path) -> tuple[int, bool]:
    """A lock file's descriptor, and whether it was made for it."""
    how = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(path, how | os.O_EXCL, 0o666), True
    except FileExistsError:
        return os.open(path, how, 0o666), False


def _is_there(lock: int, path: Path) -> bool:
    """Whether a locked file is still the one of this name, and not one that its holder removed."""
    try:
        again = os.open(path, os.O_RDONLY | os.O_CLOEXEC)  # NFS asks its server at an open, not at a stat
    except FileNotFoundError:
        return False
    try:
        return os.path.samestat(os.fstat(lock), os.fstat(again))
    finally:
        os.close(again)


def _elsewhere(path: str) -> Path:
    name = hashlib.sha256(path.encode(errors="surrogateescape")).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f".model_metamers-{os.getuid()}-{name}.lock"


def _write(lock: int) -> None:
    """Names this process as the holder; a disk that is full leaves it without a name."""
    holder = Holder(machine(), os.uname().nodename, os.getpid(), time.time())
    with contextlib.suppress(OSError):
        os.ftruncate(lock, 0)
        os.pwrite(lock, json.dumps(dataclasses.asdict(holder)).encode(), 0)


def _read(lock: int) -> Holder | None:
    """Who is named by a lock file; None where nobody is, or no more than a part was written."""
    with contextlib.suppress(ValueError, TypeError):
        holder = Holder(**json.loads(os.pread(lock, 4096, 0)))
        return dataclasses.replace(holder, process=int(holder.process), start=float(holder.start))
    return None


def _holder(lock: int) -> str:
    """Who holds a lock, for the message; one who took it just now is yet to write the name."""
    for _ in range(20):
        if holder := _read(lock):
            return str(holder)
        time.sleep(0.01)
    return "another process"
