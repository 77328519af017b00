"""Dask's scheduler, which ends soon after the process that started it; no TensorFlow."""

from __future__ import annotations

import os
from typing import Any

import distributed
from tornado.ioloop import PeriodicCallback

_LOOKS_MS = 2000


class OwnScheduler(distributed.Scheduler):
    """A scheduler for one process, which may be killed before it can end it.

    At its end it closes its workers, which save their searches, and jobs of a queue end with them.

    Args:
      parent: process id of whoever started this one.
      options: of `distributed.Scheduler`.
    """

    def __init__(self, *args: Any, parent: int, **options: Any):
        super().__init__(*args, **options)
        self._parent = parent
        self.periodic_callbacks["parent"] = PeriodicCallback(self._end_when_alone, _LOOKS_MS)

    async def _end_when_alone(self) -> None:
        if os.getppid() != self._parent:  # who lost its parent is given another
            await self.close(reason=f"process {self._parent}, which started it, is gone")
