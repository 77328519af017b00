"""The flags of binaries whose units other processes may do: who, how many, and what each computes with."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from absl import flags

import model_metamers as mm
from model_metamers.execution import dask_workers, driving, job_scripts, worker_plans, worker_setup
from model_metamers.execution.units import Needs, SchedulerLost, UnfitWorker, Unit
from model_metamers.runs.batches import WHOLE
from model_metamers.runs.search_batches import Drive
from model_metamers_experiments import job_flags

_NONE = "none"

_CLUSTER = flags.DEFINE_string(
    "cluster",
    _NONE,
    f"Who does the work: none, this process; local, --workers processes of this machine; "
    f"{', '.join(worker_plans.QUEUES)}, that many jobs of the queue; or the address of a Dask scheduler, "
    f"whose workers are there already. Others than none need the extra `cluster`.",
)
_RETRIES = flags.DEFINE_integer(
    "retries", driving.RETRIES, "Further tries of what failed, on another worker where there is one."
)
_LOGS, _WORKERS = "logs", 2
# What tells of workers, for binaries that divide their work in no other way.
OF_WORKERS = (
    _CLUSTER,
    _RETRIES,
    *(job_flags.WORKERS, job_flags.QUEUE, job_flags.WALLTIME, job_flags.GPUS, job_flags.CORES),
    *(job_flags.MEMORY, job_flags.PROLOGUE),
)


def is_used() -> bool:
    """Whether other processes are to do the work."""
    return _CLUSTER.value != _NONE


def count() -> int:
    """How many workers are asked for."""
    return job_flags.WORKERS.value or _WORKERS


def plan(out: Path, threads: int) -> worker_plans.Plan:
    """The workers that the flags ask for, which log below a folder of results."""
    walltime = job_flags.WALLTIME.value
    return worker_plans.Plan(
        where=_CLUSTER.value,
        count=count(),
        threads=threads,
        gpus=job_flags.GPUS.value,
        queue=job_flags.QUEUE.value,
        walltime_s=job_scripts.read_walltime(walltime) if walltime else None,
        memory_gb=job_flags.MEMORY.value,
        prologue=tuple(job_flags.PROLOGUE.value),
        logs=out / _LOGS,
    )


def begin(out: Path, threads: int | None) -> int | None:
    """Refuses workers that cannot be had, and sets this process up as they are; before TensorFlow is loaded.

    Args:
      out: folder of the results.
      threads: that were asked for; None where none were.

    Returns:
      The threads of every process; None where this process does all, with as many as there are.

    Raises:
      InputError: see `dask_workers.check`; --shard is given too.
    """
    if is_used():
        if job_flags.shard() != WHOLE:
            raise mm.InputError("--shard and --cluster: both divide the work; take one of them")
        threads = threads or job_flags.CORES.value
        dask_workers.check(plan(out, threads))
    if threads is not None:
        worker_setup.set_up(threads)
    return threads


def drive(out: Path, threads: int, progress: bool) -> Drive:
    """Lets the workers of the flags do units."""

    def driven(
        units: Sequence[Unit],
        sees: Sequence[Path],
        writes: Sequence[Path],
        watch: Callable[[], None] | None = None,
        after: Mapping[str, Sequence[str]] | None = None,
    ) -> Mapping[str, str]:
        if all(unit.done() for unit in units):
            return {}
        needs = Needs.here(threads, sees, writes)
        try:
            with dask_workers.workers(plan(out, threads)) as workers:
                if workers.dashboard:
                    print(f"Workers: {workers.dashboard}", file=sys.stderr, flush=True)
                return driving.drive(
                    units, workers, needs, _RETRIES.value, progress, after=after, watch=watch
                )
        except UnfitWorker as error:
            raise mm.InputError(str(error)) from error
        except SchedulerLost as error:
            raise mm.Stopped(str(error)) from error

    return driven
