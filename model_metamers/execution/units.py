"""Units of work, which any process may do, in any order, even twice; and how a worker does one.

Nothing here imports TensorFlow, nor does the module of a unit: whoever hands units out unpickles them.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import logging
import os
import platform
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from model_metamers.errors import DivergedError, InputError
from model_metamers.execution import stopping, worker_setup
from model_metamers.storage.digests import file_digest
from model_metamers.storage.explaining import explain
from model_metamers.storage.whole import check_writable

_log = logging.getLogger(__name__)

_PACKAGES = ("model_metamers", "tensorflow", "numpy", "scipy")
_PAUSE_S = 0.2
_ONE_AT_A_TIME = threading.Lock()
_proved: set[Needs] = set()


class Unit(Protocol):
    """A frozen dataclass of strings and numbers, in a module that loads no TensorFlow.

    Attributes:
      key: a name that no other unit of the run has.
      group: units of one group go out together, since they use the same network, say.
      steps: how long it takes beside others.
    """

    @property
    def key(self) -> str: ...

    @property
    def group(self) -> str: ...

    @property
    def steps(self) -> int: ...

    def done(self) -> bool:
        """Whether its output is there."""

    def run(self) -> None:
        """Makes its output.

        Raises:
          KeyboardInterrupt: `stopping.told` said so, and what was done is saved.
        """


class UnitFailed(Exception):
    """A unit came to an error.

    Attributes:
      text: one line.
      reason: the same for units that fail for one reason, whatever their files are called.
      final: whether another try would come to the same.
      worker: where it was tried; "" where this is not known.
    """

    def __init__(self, text: str, reason: str = "", final: bool = False, worker: str = ""):
        super().__init__(text, reason, final, worker)
        self.text, self.reason, self.final, self.worker = text, reason or text, final, worker

    def __str__(self) -> str:
        return self.text


class UnitStopped(Exception):
    """A worker was told to end, and saved what it had of a unit; another goes on from there."""


class UnfitWorker(Exception):
    """A worker is not like the process that hands units out; its text says in what."""


class SchedulerLost(Exception):
    """Whoever handed units on is gone; its text says who. What was done is kept."""


@dataclasses.dataclass(frozen=True)
class Needs:
    """What every worker must have, as the process that hands units out has it.

    Attributes:
      threads: of TensorFlow and BLAS; 0 leaves a worker as it is.
      python: version.
      packages: names and versions of packages; "" of one that is not installed.
      sees: paths of files with the sha256 of each, "" where being there is enough.
      writes: folders that it must be able to write to.
    """

    threads: int
    python: str
    packages: tuple[tuple[str, str], ...]
    sees: tuple[tuple[str, str], ...] = ()
    writes: tuple[str, ...] = ()

    @classmethod
    def here(cls, threads: int, sees: Sequence[Path] = (), writes: Sequence[Path] = ()) -> Needs:
        """As this process has it.

        Args:
          threads: of a worker.
          sees: files, or names that files begin with, as those of checkpoints do.
          writes: folders.
        """
        files = tuple((os.path.abspath(path), _digest(path)) for path in sees)
        return cls(
            threads, platform.python_version(), _versions(), files, tuple(map(os.path.abspath, writes))
        )

    def prove(self) -> None:
        """Proves that this process has all of it, and sets it up.

        Raises:
          UnfitWorker: it has not.
        """
        who = f"worker process {os.getpid()} of {platform.node()}"
        here = {"Python": platform.python_version(), **dict(_versions())}
        for name, version in {"Python": self.python, **dict(self.packages)}.items():
            if here[name] != version:
                own = here[name] or "none"
                raise UnfitWorker(f"{who} has {name} {own}, and this process {version or 'none'}")
        for path, digest in self.sees:
            if not _is_there(Path(path)):
                raise UnfitWorker(f"{who} does not see {path}; choose a place that all machines share")
            if _digest(Path(path)) != digest:
                raise UnfitWorker(f"{who} sees another {path} than this process")
        for folder in self.writes:
            try:
                check_writable(Path(folder))
            except InputError as error:
                raise UnfitWorker(f"{who} cannot write: {error}") from error
        try:
            if self.threads:
                worker_setup.set_up(self.threads)
        except InputError as error:
            raise UnfitWorker(f"{who}: {error}") from error


def do(unit: Unit, needs: Needs) -> None:
    """Does a unit in this process, one at a time; nothing where its output is there.

    Raises:
      UnitFailed, UnitStopped, UnfitWorker: see there; nothing else.
    """
    if stopping.told():
        time.sleep(_PAUSE_S)  # until this process is asked no more
        raise UnitStopped
    with _ONE_AT_A_TIME:  # TensorFlow must not trace in two threads at once
        try:
            if needs not in _proved:
                needs.prove()
                _proved.add(needs)
            if not unit.done():
                unit.run()
        except (UnfitWorker, UnitFailed):
            raise
        except KeyboardInterrupt:
            raise UnitStopped from None
        except Exception as error:
            _log.warning("%s failed", unit.key, exc_info=not isinstance(error, (InputError, OSError)))
            raise UnitFailed(_line(error), _reason(error), isinstance(error, DivergedError)) from None


def busy() -> bool:
    """Whether this process works on a unit."""
    return _ONE_AT_A_TIME.locked()


def _line(error: Exception) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, OSError) and (told := explain(error)):
        return f"{error.filename}: {told}"
    return text if isinstance(error, InputError) else f"{type(error).__name__}: {text}"


def _reason(error: Exception) -> str:
    """The error without the name of a unit's own file, with which a line begins."""
    told = isinstance(error, OSError) and error.strerror
    return f"{type(error).__name__}: {told or _line(error).rpartition(': ')[2]}"


def _versions() -> tuple[tuple[str, str], ...]:
    return tuple((name, _version(name)) for name in _PACKAGES)


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _is_there(path: Path) -> bool:
    return path.exists() or any(path.parent.glob(f"{path.name}.*"))


def _digest(path: Path) -> str:
    return file_digest(path) if path.is_file() else ""
