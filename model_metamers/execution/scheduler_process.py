"""Dask's scheduler in a process of its own, so that what this process has loaded is not in it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from distributed.deploy.spec import ProcessInterface

from model_metamers.errors import InputError

_CLASS = "model_metamers.execution.own_scheduler.OwnScheduler"
_STARTS_S = 60.0
_ENDS_S = 5.0
# A unit whose worker was killed is tried again by whoever hands units out, which counts; no worker is given
# more than it works on; a worker is lost after so long without a word, be it as busy as it may.
_SETTINGS = {
    "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0",
    "DASK_DISTRIBUTED__SCHEDULER__WORKER_SATURATION": "1.0",
    "DASK_DISTRIBUTED__SCHEDULER__WORK_STEALING": "False",
    "DASK_DISTRIBUTED__SCHEDULER__ACTIVE_MEMORY_MANAGER__START": "False",
}


class SchedulerProcess(ProcessInterface):
    """A scheduler, as Dask's clusters start one.

    Args:
      log: file that it writes to.
      options: of `distributed.Scheduler`.
    """

    def __init__(self, log: str, **options: Any):
        self._log = Path(log)
        self._options = {k: v for k, v in options.items() if v is not None}
        self.process: asyncio.subprocess.Process | None = None
        super().__init__()

    async def start(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder) / "scheduler.json"
            own = {"parent": os.getpid(), "scheduler_file": str(place)}
            spec = {"cls": _CLASS, "opts": {**self._options, **own}}
            with self._log.open("a", encoding="utf-8") as log:
                self.process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "dask", "spec", "--spec", json.dumps(spec)),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env={**os.environ, **_SETTINGS},
                    start_new_session=True,  # Ctrl-C is for whoever started it
                )
            self.address = await asyncio.wait_for(self._address(place), _STARTS_S)
        await super().start()

    async def _address(self, place: Path) -> str:
        while self.process is None or self.process.returncode is None:
            with contextlib.suppress(OSError, json.JSONDecodeError):
                return json.loads(place.read_text(encoding="utf-8"))["address"]
            await asyncio.sleep(0.05)
        raise InputError(f"Dask's scheduler did not start; {self._log} tells why")

    async def close(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.terminate()
            try:
                await asyncio.wait_for(self.process.wait(), _ENDS_S)
            except asyncio.TimeoutError:
                self.process.kill()
                await self.process.wait()
        await super().close()
