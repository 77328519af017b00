"""The batches of a run: which stimuli are searched together, and which shard does which batch."""

from __future__ import annotations

import contextlib
import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from model_metamers.errors import InputError, InUseError
from model_metamers.runs.batch_size import batch_size
from model_metamers.storage.locks import held, hold

if TYPE_CHECKING:
    from model_metamers.runs.run import Run


@dataclasses.dataclass(frozen=True)
class Shard:
    """A part of a run's batches, which a process may make beside those that make the others.

    Attributes:
      index: of the part, from 0.
      count: of all parts.
    """

    index: int
    count: int

    @property
    def lock(self) -> str:
        """What it writes, as `locks.hold` takes it."""
        return f"{_LOCK}_{self.index}_of_{self.count}"


WHOLE = Shard(0, 1)
_LOCK = "shard"


def read_shard(text: str) -> Shard:
    """The shard of "i/n".

    Raises:
      InputError: another text, or i is not below n.

    Example:
      >>> read_shard("3/40")
      Shard(index=3, count=40)
    """
    match = re.fullmatch(r"(\d{1,7})/(\d{1,7})", text)
    if not match or int(match[1]) >= int(match[2]):
        raise InputError(f"shard {text!r}: expected i/n with i from 0 to n - 1, such as 0/4")
    return Shard(int(match[1]), int(match[2]))


@contextlib.contextmanager
def hold_whole(folder: Path) -> Iterator[None]:
    """Holds a folder for work on all of it.

    Raises:
      InUseError: another process does, or works on a shard.
    """
    with hold(folder):
        if others := [what.replace("_", " ") for what in held(folder) if what.startswith(f"{_LOCK}_")]:
            raise InUseError(f"{folder}: {' and '.join(others)} being made; wait until they end")
        yield


def batches(run: Run) -> Iterator[tuple[str, list[str]]]:
    """Layer and names of every batch that a run's shard makes, in order.

    They depend on nothing but the stimuli and the batch size, so that every shard cuts the same.

    Args:
      run: claimed.
    """
    names, size = list(run.stimuli), batch_size(run)
    cut = ((layer, names[i : i + size]) for layer in run.layers for i in range(0, len(names), size))
    return (batch for place, batch in enumerate(cut) if place % run.shard.count == run.shard.index)
