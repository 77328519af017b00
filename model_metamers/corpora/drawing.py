"""Drawing stimuli at random: the same of the same seed, and a listing of what was drawn."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from model_metamers.storage.writing import write_lines, write_rows

FILES = "stimuli"  # folder of the drawn files, below that of the listing
LISTING, COUNTS = "stimuli.csv", "counts.csv"


def order(count: int, seed: int, group: str) -> list[int]:
    """The order in which what a group holds is tried, drawn from the seed.

    Every group has draws of its own, so that what is added to one leaves the others as they were.

    Args:
      count: how many things the group holds.
      seed: 0 to 2**32 - 1.
      group: its name.

    Example:
      >>> order(5, 0, "cat") == order(5, 0, "cat"), order(50, 0, "cat") == order(50, 0, "dog")
      (True, False)
    """
    return np.random.RandomState([seed, zlib.crc32(group.encode())]).permutation(count).tolist()


def write_listing(
    folder: Path,
    drawn: Sequence[Mapping[str, Any]],
    counts: Sequence[Mapping[str, Any]],
    flags: Sequence[str],
) -> None:
    """Writes `stimuli.csv`, `counts.csv` and `flags.txt`; StorageError where they cannot be written.

    Args:
      folder: to write to.
      drawn: of each stimulus, the same columns; `file` and what is true of it.
      counts: of each group, the same columns.
      flags: of the command.
    """
    write_rows(folder / LISTING, drawn)
    write_rows(folder / COUNTS, counts)
    write_lines(folder / "flags.txt", flags)
