"""How many stimuli are searched together, where that is chosen by the memory that there is."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from model_metamers.errors import InputError
from model_metamers.storage.claims import read_noted

if TYPE_CHECKING:
    from model_metamers.runs.run import Run

AUTO = "auto"
_NOTED = "batch_size"
# Larger batches hardly take less time for a signal. Processor time of a step for it: vgg_19_small, conv4_4,
# 7.3 ms alone, 2.1 with 8, 1.2 with 32 and with 64; word_reduced_aliasing_small, conv_3, 17.2, 13.5, 11.7.
_MOST = 32
# What a search takes is known within a factor of two.
_SHARE = 0.5

_log = logging.getLogger(__name__)


def check_batch_size(size: int | str) -> None:
    """Refuses what is no number of stimuli and not "auto"; InputError."""
    if size != AUTO and (not isinstance(size, int) or isinstance(size, bool) or size < 1):
        raise InputError(f"batch_size={size!r}: expected a whole number from 1, or {AUTO!r}")


def batch_size(run: Run) -> int:
    """The batch size of a run that is claimed: its own, or the one that its folder was claimed with."""
    return run.batch_size if isinstance(run.batch_size, int) else int(noted(run)[_NOTED])


def noted(run: Run) -> dict[str, int]:
    """What the claim on a run's folder notes: the batch size, where it is "auto".

    The bits of metamers depend on it. So what was chosen once is kept for the folder.

    Raises:
      InputError: it cannot be chosen, since the network computes on a GPU.
    """
    if run.batch_size != AUTO:
        return {}
    there = read_noted(run.folder.path).get(_NOTED)
    if isinstance(there, int) and there >= 1:
        return {_NOTED: there}
    return {_NOTED: _fitting(run)}


def _fitting(run: Run) -> int:
    """A batch size whose search takes at most half of the memory that is free."""
    import tensorflow as tf

    from model_metamers.synthesis.footprint import bytes_per_signal

    if tf.config.list_physical_devices("GPU"):
        raise InputError("batch_size=auto: the free memory of a GPU is not known; give a number")
    deepest = next(layer for layer in reversed(run.network.stages) if layer in run.layers)
    each, free = bytes_per_signal(run.network, deepest, run.config), free_memory()
    size = int(min(max(_SHARE * free / each, 1), _MOST))
    _log.info("batch_size=auto: %d; a signal takes some %.3g MB of %.3g GB", size, each / 1e6, free / 1e9)
    return size


def free_memory() -> int:
    """Bytes that this process may still take: of the machine, or of its share of it (cgroup)."""
    left = [_free_of_machine()]
    for folder in _cgroups():
        with contextlib.suppress(OSError, ValueError, StopIteration):
            left.append(_free_of_cgroup(folder))
    return max(min(left), 0)


def _free_of_machine() -> int:
    with contextlib.suppress(OSError, ValueError, StopIteration):
        return 1024 * _entry(Path("/proc/meminfo"), "MemAvailable:")
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2  # macOS does not tell what is free


def _free_of_cgroup(folder: Path) -> int:
    """What the limit of a cgroup leaves; files that are kept in memory make room.

    Raises:
      OSError, ValueError, StopIteration: it has no limit, or does not tell it.
    """
    limit, taken, files = ("memory.max", "memory.current", "inactive_file")
    if not (folder / limit).exists():  # of version 1
        limit, taken, files = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
    used = int((folder / taken).read_text()) - _entry(folder / "memory.stat", files)
    return int((folder / limit).read_text()) - used


def _cgroups() -> Iterator[Path]:
    """Folders of the cgroups of this process, with those above them; some of them may not be there."""
    root = Path("/sys/fs/cgroup")
    yield from (root, root / "memory")
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, kinds, path = line.split(":", 2)
            if kinds in ("", "memory"):
                own = root / kinds / path.lstrip("/")
                yield from (own, *(above for above in own.parents if root in above.parents))


def _entry(path: Path, name: str) -> int:
    """The number after a name in a table of the system."""
    rows = (line.split() for line in path.read_text().splitlines())
    return next(int(row[1]) for row in rows if row and row[0] == name)
