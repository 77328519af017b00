"""Units that write a file each, without TensorFlow, and workers that do them in threads of this process."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import errno
import os
import time
from pathlib import Path

from model_metamers.execution.units import UnitFailed


@dataclasses.dataclass(frozen=True)
class FileUnit:
    """Writes its key to a file; the rest says how that goes wrong."""

    folder: str
    key: str
    group: str = ""
    steps: int = 1
    fails: int = 0  # so many tries
    full: bool = False
    leaves_nothing: bool = False
    seconds: float = 0.0

    @property
    def path(self) -> Path:
        return Path(self.folder) / f"{self.key}.txt"

    def done(self) -> bool:
        return self.path.exists()

    def run(self) -> None:
        time.sleep(self.seconds)
        with open(Path(self.folder) / f"{self.key}.tries", "a") as tries:
            tries.write(f"{os.getpid()}\n")
        if self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
        if len(self.tries()) <= self.fails:
            raise ValueError(f"try {len(self.tries())} of {self.key}")
        if not self.leaves_nothing:
            self.path.write_text(self.key)

    def tries(self) -> list[str]:
        path = Path(self.folder) / f"{self.key}.tries"
        return path.read_text().split() if path.exists() else []


class Threads:
    """Workers in threads; `killed` units lose their worker as often as it says."""

    logs = "logs: nowhere"

    def __init__(self, count: int = 2, killed: dict[str, int] | None = None, lost_at: int | None = None):
        self.pool = concurrent.futures.ThreadPoolExecutor(count)
        self.room, self.killed, self.lost_at = 2 * count, dict(killed or {}), lost_at
        self.order: list[str] = []
        self.avoided: list[str] = []

    def present(self) -> int:
        return 1

    def submit(self, function, unit, needs, avoid="") -> concurrent.futures.Future:
        self.order.append(unit.key)
        self.avoided += [avoid] * bool(avoid)
        return self.pool.submit(self._do, function, unit, needs)

    def _do(self, function, unit, needs) -> None:
        from model_metamers.execution.units import SchedulerLost

        if self.lost_at is not None and len(self.order) > self.lost_at:
            raise SchedulerLost("the scheduler is gone")
        if self.killed.get(unit.key, 0) > 0:
            self.killed[unit.key] -= 1
            raise UnitFailed("its worker was killed", worker="tcp://it")
        function(unit, needs)
