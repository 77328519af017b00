"""Which workers are wanted of Dask, and how a queue is asked for them."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

from model_metamers.execution import worker_setup

# Of dask_jobqueue: its class, and the program that submits.
QUEUES = {
    "slurm": ("SLURMCluster", "sbatch"),
    "pbs": ("PBSCluster", "qsub"),
    "sge": ("SGECluster", "qsub"),
    "lsf": ("LSFCluster", "bsub"),
}
LOCAL = "local"
JOBS = "local-jobs"  # dask_jobqueue's stand-in for a queue, whose jobs are processes of this machine
_MEMORY_GB = 4.0  # where a queue must be told
_ENDS_BEFORE_S = 300.0  # the walltime of a job: enough to save a search


@dataclasses.dataclass(frozen=True)
class Plan:
    """Which workers are wanted.

    Attributes:
      where: "local", a queue's name, or the address of a scheduler.
      count: of workers that are kept; of an address, those that are there work.
      threads: of TensorFlow and BLAS in each.
      gpus: of the machine, which local workers take in turn, or of each job.
      queue: that jobs are submitted to; None leaves that to the queue's own settings.
      walltime_s: of a job; None leaves it to the queue.
      lifetime_s: after which a job's worker ends by itself; None for shortly before the walltime.
      memory_gb: of a job; None leaves it to the queue, where that has a default.
      prologue: shell commands that each job begins with.
      logs: folder for what scheduler, workers and jobs write.
    """

    where: str
    count: int
    threads: int = 1
    gpus: int = 0
    queue: str | None = None
    walltime_s: int | None = None
    lifetime_s: float | None = None
    memory_gb: float | None = None
    prologue: tuple[str, ...] = ()
    logs: Path = Path("logs")


def queue_options(plan: Plan) -> dict[str, Any]:
    """What dask_jobqueue's cluster of a queue is given."""
    from model_metamers.execution.scheduler_process import SchedulerProcess

    environment = worker_setup.environment(plan.threads)
    memory = f"{plan.memory_gb or _MEMORY_GB:g}GB"
    exports = [f"export {name}={value}" for name, value in environment.items()]
    options: dict[str, Any] = {
        "cores": plan.threads,
        "processes": 1,
        "nanny": False,  # told to end, it gives a worker ten seconds, whatever the queue gives
        "memory": memory,
        "job_script_prologue": [] if plan.where == JOBS else [*plan.prologue, *exports],  # it knows no shell
        "log_directory": os.path.abspath(plan.logs),
        "local_directory": "/tmp",
        "worker_extra_args": ["--memory-limit=0", "--nthreads=1"],
        "death_timeout": 300,
        "scheduler_cls": SchedulerProcess,
        "scheduler_options": {"log": str(plan.logs / "scheduler.txt"), "dashboard_address": ":8787"},
        "silence_logs": False,
    }
    if plan.memory_gb is None:
        options["job_directives_skip"] = {"slurm": ["--mem="], "lsf": ["-M "]}.get(plan.where, [])
    if plan.queue:
        options["queue"] = plan.queue
    if plan.walltime_s is not None:
        options["walltime"] = _walltime(plan.where, plan.walltime_s)
    if plan.gpus and plan.where == "pbs":
        options["resource_spec"] = f"select=1:ncpus={plan.threads}:mem={memory}:ngpus={plan.gpus}"
    elif plan.gpus:
        asked = {"slurm": "--gres=gpu:{}", "sge": "-l gpu={}", "lsf": '-gpu "num={}"'}[plan.where]
        options["job_extra_directives"] = [asked.format(plan.gpus)]
    return options


def _walltime(where: str, seconds: int) -> str:
    minutes, left = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}" if where == "lsf" else f"{hours:02d}:{minutes:02d}:{left:02d}"


def lifetime(plan: Plan) -> float | None:
    """After how many seconds a job's worker ends by itself, so that its queue need not kill it."""
    wall = plan.walltime_s
    if plan.lifetime_s is not None or wall is None:
        return plan.lifetime_s
    return max(wall - _ENDS_BEFORE_S, wall / 2)
