"""What a Dask worker does beside its units: it ends early without losing work, and keeps a log."""

from __future__ import annotations

import asyncio
import os
import platform
import signal
import threading
from pathlib import Path

import distributed

from model_metamers.execution import stopping, units
from model_metamers.execution.units import Needs, Unit, UnitFailed

_POLL_S = 0.05
_LEAVES_S = 2.0  # Python's end with TensorFlow loaded may take longer than a nanny waits
_SIGNALS = [getattr(signal, name) for name in ("SIGTERM", "SIGUSR1") if hasattr(signal, name)]  # of queues


def do_here(unit: Unit, needs: Needs) -> None:
    """`units.do`, whose failure names this worker."""
    try:
        units.do(unit, needs)
    except UnitFailed as failed:
        address = distributed.get_worker().address
        raise UnitFailed(failed.text, failed.reason, failed.final, address) from None


class EndsEarly(distributed.WorkerPlugin):
    """Lets a worker save its search when it is told to end, by a signal, its lifetime or the driver.

    Args:
      logs: folder for what its process writes; "" leaves that to whoever started it.
      lifetime_s: seconds until it ends by itself, before its queue kills it; None without.
      restarts: whether its nanny starts another one in its place.
    """

    def __init__(self, logs: str = "", lifetime_s: float | None = None, restarts: bool = False):
        self._logs, self._lifetime_s, self._restarts = logs, lifetime_s, restarts

    def setup(self, worker: distributed.Worker) -> None:
        stopping.forget()
        if self._logs:
            self._write_to(Path(self._logs) / f"worker-{platform.node()}-{os.getpid()}.txt")
        if self._lifetime_s is not None:
            worker.loop.call_later(self._lifetime_s, self._end, worker)
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:  # in place of Dask's own, which ends without waiting for a unit
                if signal.getsignal(number) != signal.SIG_IGN:
                    signal.signal(number, lambda *_: worker.loop.add_callback_from_signal(self._end, worker))

    async def teardown(self, worker: distributed.Worker) -> None:
        await idle()
        if worker.status == distributed.Status.closing:  # and not left by a driver, for the next one
            leave = threading.Timer(_LEAVES_S, os._exit, (0,))
            leave.daemon = True
            leave.start()

    async def _end(self, worker: distributed.Worker) -> None:
        await idle()
        await worker.close_gracefully(restart=self._restarts)

    @staticmethod
    def _write_to(log: Path) -> None:
        with log.open("a", encoding="utf-8") as file:
            for stream in (1, 2):
                os.dup2(file.fileno(), stream)


async def idle() -> None:
    """Tells the unit that is being worked on to stop, and waits until it did."""
    stopping.tell()
    while units.busy():
        await asyncio.sleep(_POLL_S)
