"""Workers of Dask: processes of this machine, jobs of a queue, or whoever is at a scheduler's address."""

from __future__ import annotations

import concurrent.futures
import contextlib
import importlib.util
import itertools
import logging
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from typing import Any

from model_metamers.errors import InputError
from model_metamers.execution import worker_setup
from model_metamers.execution.units import Needs, SchedulerLost, Unit, UnitFailed
from model_metamers.execution.worker_plans import JOBS, LOCAL, QUEUES, Plan, lifetime, queue_options
from model_metamers.storage.whole import make_folder

_EXTRA = "pip install 'model_metamers[cluster]'"
_CONNECTS_S = 30
_SAVES_S = 60  # that workers are given to end a step and save their search
_FURTHER = 8  # units that are out beside two a worker, so that none waits for the next


def check(plan: Plan) -> None:
    """Refuses workers that cannot be had, before anything is computed or submitted.

    Raises:
      InputError: less than one worker, a package or a queue's program is missing, no such place, or an
        address that does not answer within 30 seconds.
    """
    if plan.count < 1:
        raise InputError(f"workers={plan.count}: expected at least 1")
    is_queue = plan.where in QUEUES
    for name in ("distributed", *(["dask_jobqueue"] if is_queue else [])):
        if importlib.util.find_spec(name) is None:
            raise InputError(f"cluster={plan.where}: needs {name}, which is not installed; {_EXTRA}")
    if is_queue and not shutil.which(QUEUES[plan.where][1]):
        raise InputError(
            f"cluster={plan.where}: there is no {QUEUES[plan.where][1]} on this machine; run it where jobs "
            f"are submitted, or take cluster=local"
        )
    if is_queue or plan.where == LOCAL:
        return
    if ":" not in plan.where:
        raise InputError(
            f"cluster={plan.where}: expected none, local, {', '.join(QUEUES)}, or a scheduler's address such "
            f"as tcp://10.0.0.5:8786"
        )
    with _connected(plan.where):
        pass


@contextlib.contextmanager
def workers(plan: Plan) -> Iterator[DaskWorkers]:
    """Workers of a plan that was checked; they end with the block, but for those at an address.

    Raises:
      InputError: they cannot be had.
    """
    from model_metamers.execution.worker_plugin import EndsEarly, idle

    make_folder(plan.logs)
    with _settings(plan), _cluster(plan) as cluster, _connected(cluster or plan.where) as client:
        plugin = EndsEarly(
            logs=os.path.abspath(plan.logs) if plan.where == LOCAL else "",  # jobs have logs of their own
            lifetime_s=None if plan.where == LOCAL else lifetime(plan),
            restarts=plan.where == LOCAL,
        )
        client.register_plugin(plugin, name="ends-early")
        try:
            yield DaskWorkers(client, plan)
        finally:
            with contextlib.suppress(Exception):
                if cluster is None:  # others' workers live on
                    client.unregister_worker_plugin("ends-early")
                else:  # Dask itself waits some seconds, and a step may take longer
                    client.sync(client.run, idle, callback_timeout=_SAVES_S)


class DaskWorkers:
    """`driving.Workers` over a Dask client."""

    def __init__(self, client: Any, plan: Plan):
        self.client, self._plan = client, plan
        self._numbers = itertools.count()
        self._there: list[str] = []

    @property
    def room(self) -> int:
        return 2 * max(self._plan.count, len(self._there)) + _FURTHER

    @property
    def logs(self) -> str:
        return f"logs: {self._plan.logs}"

    @property
    def dashboard(self) -> str:
        """Where a browser shows what scheduler and workers do."""
        link = str(self.client.dashboard_link or "")
        if importlib.util.find_spec("bokeh") is None:  # then only the plain pages are there
            link = link.replace("/status", "/info/main/workers.html")
        return link

    def present(self) -> int:
        try:
            self._there = list(self.client.nthreads())
        except Exception as error:
            raise SchedulerLost(self._lost()) from error
        return len(self._there)

    def submit(
        self, function: Callable, unit: Unit, needs: Needs, avoid: str = ""
    ) -> concurrent.futures.Future:
        from model_metamers.execution.worker_plugin import do_here

        del function  # it is done by `do_here`, which tells the worker
        others = [address for address in self._there if address != avoid] if avoid else []
        choice = {"workers": others, "allow_other_workers": True} if others else {}
        ended: concurrent.futures.Future = concurrent.futures.Future()
        try:
            # Keys of one first part are one group, which the scheduler hands out one by one.
            given = self.client.submit(
                do_here, unit, needs, key=("unit", next(self._numbers)), pure=False, **choice
            )
        except Exception as error:
            raise SchedulerLost(self._lost()) from error
        given.add_done_callback(lambda future: self._end(future, ended))
        return ended

    def _end(self, future: Any, ended: concurrent.futures.Future) -> None:
        """Tells what became of a unit, and lets scheduler and worker forget it."""
        error: BaseException | None = None
        if future.status == "error":
            error = future.exception()
            if type(error).__name__ == "KilledWorker":
                error = UnitFailed("its worker was killed, or ran out of memory", "its worker was killed")
            elif error is None:
                error = UnitFailed("its worker told no error")
        elif future.status != "finished":
            error = SchedulerLost(self._lost())
        future.release()
        if error is None:
            ended.set_result(None)
        else:
            ended.set_exception(error)

    def _lost(self) -> str:
        return f"the scheduler of the workers ({self._plan.where}) is gone; {self.logs}"


@contextlib.contextmanager
def _connected(where: Any) -> Iterator[Any]:
    import distributed

    try:
        client = distributed.Client(where, timeout=_CONNECTS_S, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        why = " ".join(str(error).split())[:150]
        raise InputError(
            f"cluster={where}: no scheduler answers there within {_CONNECTS_S} s ({why}); start one with "
            f"`dask scheduler`"
        ) from error
    try:
        yield client
    finally:
        with contextlib.suppress(Exception):
            client.close(timeout=5)


@contextlib.contextmanager
def _no_interrupts() -> Iterator[None]:
    """Lets no process or thread that begins in the block be interrupted by Ctrl-C, which is for this one."""
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


@contextlib.contextmanager
def _settings(plan: Plan) -> Iterator[None]:
    import dask

    environment = {**worker_setup.environment(plan.threads), "DASK_LOGGING__DISTRIBUTED": "warning"}
    import distributed  # noqa: F401  # whose loggers have levels of their own

    names = [name for name in logging.root.manager.loggerDict if name.startswith(("distributed", "dask"))]
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)  # what matters is told by whoever drives
    with dask.config.set(
        {
            "distributed.nanny.pre-spawn-environ": environment,
            "distributed.comm.timeouts.connect": f"{_CONNECTS_S}s",
            "distributed.worker.memory.pause": False,
            "distributed.worker.memory.terminate": False,
        }
    ):
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


@contextlib.contextmanager
def _cluster(plan: Plan) -> Iterator[Any]:
    """The cluster that is started for a plan; None for an address."""
    if plan.where not in (LOCAL, JOBS, *QUEUES):
        yield None
        return
    with _no_interrupts():
        cluster = _local(plan) if plan.where == LOCAL else _of_queue(plan)
    try:
        if plan.where != LOCAL:  # after the lifetime of a job, `scale` starts no other
            cluster.adapt(minimum=plan.count, maximum=plan.count)
        yield cluster
    finally:
        with contextlib.suppress(Exception):
            cluster.close(timeout=30)


def _local(plan: Plan) -> Any:
    import distributed
    from distributed.deploy.spec import SpecCluster

    from model_metamers.execution.scheduler_process import SchedulerProcess

    log = str(plan.logs / "scheduler.txt")
    host = "127.0.0.1"
    workers = {
        i: {
            "cls": distributed.Nanny,
            "options": {
                "nthreads": 1,
                "memory_limit": 0,
                "host": host,
                "dashboard": False,
                "env": worker_setup.environment(plan.threads, i % plan.gpus if plan.gpus else None),
            },
        }
        for i in range(plan.count)
    }
    options = {"log": log, "host": host, "dashboard_address": "127.0.0.1:8787"}
    return SpecCluster(
        workers=workers, scheduler={"cls": SchedulerProcess, "options": options}, silence_logs=False
    )


def _of_queue(plan: Plan) -> Any:
    import dask_jobqueue.local

    if plan.where == JOBS:
        return dask_jobqueue.local.LocalCluster(**queue_options(plan))
    return getattr(dask_jobqueue, QUEUES[plan.where][0])(**queue_options(plan))
