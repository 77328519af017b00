"""Flags of the binaries whose work many processes can share: a part of it, and scripts for queues."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from absl import flags

import model_metamers as mm
from model_metamers.execution import job_scripts
from model_metamers.runs.batches import WHOLE, Shard, read_shard
from model_metamers_experiments import binary

SHARD = flags.DEFINE_string(
    "shard",
    "0/1",
    "Which part of the work: i/n, i from 0 to n - 1. All n may be done at once, by a cluster's jobs, say, "
    "and in any order; nothing has to be installed for it but this package on each machine, and --out is a "
    "folder that all of them see. The same command without --shard finishes: what is missing, table, report.",
)
JOB_SCRIPT = flags.DEFINE_enum(
    "job_script",
    None,
    list(job_scripts.SYSTEMS),
    "Print a script for this queue and end; nothing else is done. Submitted, it runs this command as an "
    "array of --workers jobs, each with its own --shard; `bash SCRIPT` finishes. The flags below tell what "
    "each job needs. Example: --job_script=slurm --workers=40 --queue=gpu --gpus=1 --walltime=4h > jobs.sh",
)
WORKERS = flags.DEFINE_integer("workers", None, "Processes that share the work.", lower_bound=1)
QUEUE = flags.DEFINE_string(
    "queue", None, "Queue or partition of the jobs. Without it, the cluster's default."
)
WALLTIME = flags.DEFINE_string(
    "walltime",
    None,
    "Time that a job may take: 4h, 1d12h, 90m or 04:00:00. One whose time is over saves its search, and goes "
    "on when it is submitted again. Without it, the queue's default.",
)
GPUS = flags.DEFINE_integer("gpus", 0, "GPUs of a job.", lower_bound=0)
CORES = flags.DEFINE_integer(
    "job_cores",
    1,
    "Cores of a job, and threads that it computes with. The last bits of metamers depend on the number, so "
    "that it has to stay the same for a folder.",
    lower_bound=1,
)
MEMORY = flags.DEFINE_float(
    "job_memory_gb", None, "Memory of a job, GB. Without it, the queue's default.", lower_bound=0.1
)
PROLOGUE = flags.DEFINE_multi_string(
    "job_prologue", [], "A line of shell that a job begins with, such as 'module load cuda'; repeatable."
)
CONTAINER = flags.DEFINE_string(
    "container",
    None,
    "Image of Apptainer (a .sif file or docker://...) that each job runs the command in; `containers/` has a "
    "recipe for one. Without it, the image that this program itself runs in, if any.",
)
_JOBS = (SHARD, JOB_SCRIPT, WORKERS, QUEUE, WALLTIME, GPUS, CORES, MEMORY, PROLOGUE, CONTAINER)
# What Apptainer, and Singularity before it, tell a program of the image that it runs in.
_INSIDE = ("APPTAINER_CONTAINER", "SINGULARITY_CONTAINER")


def shard() -> Shard:
    """The part of the work that is asked for.

    Raises:
      InputError: it is none.
    """
    return read_shard(SHARD.value)


def job_script(module: str) -> str | None:
    """The script that is asked for, or None.

    Args:
      module: the binary's `__name__`.

    Raises:
      InputError: it cannot be written: --workers is missing, there is no such image, or another flag makes no
        sense beside it.
    """
    if JOB_SCRIPT.value is None:
        return None
    if WORKERS.value is None:
        raise mm.InputError("--job_script needs --workers: the number of jobs that share the work")
    if shard() != WHOLE:
        raise mm.InputError("--job_script gives every job its own --shard; leave --shard out")
    if "cluster" in flags.FLAGS and flags.FLAGS.cluster != "none":
        raise mm.InputError("--job_script and --cluster: both submit jobs; take one of them")
    container = CONTAINER.value or next((os.environ[name] for name in _INSIDE if os.environ.get(name)), None)
    if CONTAINER.value and "://" not in CONTAINER.value and not Path(CONTAINER.value).exists():
        raise mm.InputError(f"--container={CONTAINER.value}: there is no such image")
    job = job_scripts.Job(
        program=_program(module),
        command=[*_started(module, container), *_given(module), *_threads(module)],
        folder=os.getcwd(),
        workers=WORKERS.value,
        queue=QUEUE.value,
        walltime_s=job_scripts.read_walltime(WALLTIME.value) if WALLTIME.value else None,
        gpus=GPUS.value,
        cores=_cores(),
        memory_gb=MEMORY.value,
        prologue=PROLOGUE.value,
        container=container,
    )
    return job_scripts.script(JOB_SCRIPT.value, job)


def _cores() -> int:
    """Of a job: as many as were asked for, else one for each thread."""
    asked = flags.FLAGS.threads if "threads" in flags.FLAGS else None
    return CORES.value if flags.FLAGS["job_cores"].present or not asked else asked


def _threads(module: str) -> list[str]:
    """The flag of a program that can be told its threads, where it was not: the same bytes by all jobs."""
    names = {flag.name for flag in flags.FLAGS.get_key_flags_for_module(binary.key(module))}
    return [f"--threads={_cores()}"] if "threads" in names and flags.FLAGS.threads is None else []


def _program(module: str) -> str:
    """Console name of a binary."""
    spec = sys.modules[module].__spec__ if module == "__main__" else None  # of `python -m`
    return (spec.name if spec else module).rpartition(".")[2]


def _started(module: str, container: str | None) -> list[str]:
    """How a job starts the program: by this Python, or the image's."""
    if container:
        return [_program(module)]
    return [sys.executable, "-m", binary.module(_program(module))]


def _given(module: str) -> list[str]:
    """The flags that were given, but for those of jobs, one string each."""
    jobs = {"plan", *(holder.name for holder in _JOBS)}
    own = [
        flag
        for flag in flags.FLAGS.get_key_flags_for_module(binary.key(module))
        if flag.present and flag.name not in jobs
    ]
    return [line for flag in own for line in flag.serialize().split("\n") if line]
