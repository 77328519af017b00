"""Scripts for the queues of clusters: one array job, each of whose jobs does one shard of a command.

Everything here is text; no queue is asked. A script does two things. Submitted, each job of the array adds
its own --shard to the command. Run without a place in an array (`bash FILE`), it gives the command as it
is, which makes what is missing and finishes. What these scripts share with those of dask-jobqueue, and
where they differ, is in docs/job_scripts.md.
"""

from __future__ import annotations

import dataclasses
import re
import shlex
from collections.abc import Callable, Sequence

from model_metamers.errors import InputError

_WARNING_S = 120  # before the end of a job's time; a search saves its state within seconds
_WALLTIME = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_CLOCK = re.compile(r"(\d+):([0-5]\d):([0-5]\d)")
_PLAIN = re.compile(r"[^\s'\"#;&|<>$`\\]+")  # what a directive may hold unquoted
_PBS_NAME = 15  # letters; older servers refuse more


@dataclasses.dataclass(frozen=True)
class Job:
    """What the jobs of an array do, and what each of them needs.

    Attributes:
      program: console name of the program.
      command: program and flags as they are typed, without --shard.
      folder: that the command is given in; relative paths are of it.
      workers: number of jobs, each with a shard of its own.
      queue: name of the queue or partition; None for the cluster's default.
      walltime_s: seconds that a job may take; None for the queue's default.
      gpus, cores: of a job.
      memory_gb: of a job; None for the queue's default.
      prologue: lines of shell before the command.
      container: an image of Apptainer that the command is run in; None without.
    """

    program: str
    command: Sequence[str]
    folder: str
    workers: int
    queue: str | None = None
    walltime_s: int | None = None
    gpus: int = 0
    cores: int = 1
    memory_gb: float | None = None
    prologue: Sequence[str] = ()
    container: str | None = None


def read_walltime(text: str) -> int:
    """Seconds of a time as "4h", "1d12h", "90m" or "04:00:00".

    Raises:
      InputError: another text, or no time at all.

    Example:
      >>> read_walltime("1h30m"), read_walltime("04:00:00")
      (5400, 14400)
    """
    clock, units = _CLOCK.fullmatch(text), _WALLTIME.fullmatch(text)
    seconds = 0
    if clock:
        seconds = _seconds(0, *map(int, clock.groups()))
    elif units:
        seconds = _seconds(*(int(part or 0) for part in units.groups()))
    if not seconds:
        raise InputError(f"walltime {text!r}: expected hours and minutes such as 4h, 1d12h, 90m or 04:00:00")
    return seconds


def script(system: str, job: Job) -> str:
    """The script of an array job for a queue.

    Args:
      system: one of `SYSTEMS`.
      job: of which it is.

    Raises:
      InputError: another system, no worker, or a queue's name with white space or signs of the shell.

    Example:
      >>> job = Job("make_metamers", ["make_metamers", "--out=my run"], "/home/me", 3, walltime_s=3600)
      >>> print(*script("slurm", job).splitlines()[-7:], sep="\\n")
      command=(make_metamers '--out=my run')
      index=${SLURM_ARRAY_TASK_ID:-}
      if [ -n "$index" ]; then
        command+=("--shard=$index/3")
      fi
      # In place of the shell, so that the queue's signal before the end reaches the program.
      exec "${command[@]}"
    """
    if system not in SYSTEMS:
        raise InputError(f"job_script={system}: expected one of {', '.join(SYSTEMS)}")
    if job.workers < 1:
        raise InputError(f"workers={job.workers}: expected 1 or more")
    if job.queue is not None and not _PLAIN.fullmatch(job.queue):
        raise InputError(f"queue={job.queue!r}: expected a name without white space or signs of the shell")
    kind = SYSTEMS[system]
    return "\n".join(
        [
            "#!/usr/bin/env bash",
            *(f"{kind.mark} {directive}" for directive in kind.directives(job)),
            f"# {job.workers} shards of one run of {job.program}. Submit this file, here called JOBS:",
            f"#   {kind.submit}",
            "# Once all have ended, finish: what is missing, table, report. By hand, or as a job that waits:",
            "#   bash JOBS",
            f"#   {kind.finish.format(name=_name(system, job))}",
            "# A job whose time is over saves where it is; submit the same file again, and it goes on.",
            f"cd {shlex.quote(job.folder)} || exit 2",
            "# Last bits of results depend on the number of threads: the same in all jobs and at the end.",
            f"export OMP_NUM_THREADS={job.cores} TF_NUM_INTRAOP_THREADS={job.cores} TF_NUM_INTEROP_THREADS=1",
            *job.prologue,
            f"command=({shlex.join(_in_container(job))})",
            *(_shard(kind.index, job.workers) if job.workers > 1 else []),
            "# In place of the shell, so that the queue's signal before the end reaches the program.",
            'exec "${command[@]}"',
            "",
        ]
    )


def _seconds(days: int, hours: int, minutes: int, seconds: int) -> int:
    return ((24 * days + hours) * 60 + minutes) * 60 + seconds


def _in_container(job: Job) -> list[str]:
    if job.container is None:
        return list(job.command)
    gpus = ["--nv"] if job.gpus else []
    return ["apptainer", "exec", *gpus, "--pwd", job.folder, job.container, *job.command]


def _shard(index: Sequence[str], workers: int) -> list[str]:
    """Lines that add the shard of a job to the command, where it has a place in an array."""
    return [*index, 'if [ -n "$index" ]; then', f'  command+=("--shard=$index/{workers}")', "fi"]


def _clock(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest:02d}"


def _name(system: str, job: Job) -> str:
    return job.program[:_PBS_NAME] if system == "pbs" else job.program


def _gigabytes(job: Job) -> str:
    return f"{job.memory_gb:g}"


def _of_slurm(job: Job) -> list[str]:
    return [
        f"--job-name={job.program}",
        f"--output={job.program}-%A_%a.out",
        *([f"--array=0-{job.workers - 1}"] if job.workers > 1 else []),
        *([f"--partition={job.queue}"] if job.queue else []),
        "--ntasks=1",
        f"--cpus-per-task={job.cores}",
        *([f"--mem={int(1024 * job.memory_gb)}M"] if job.memory_gb else []),
        *([f"--gres=gpu:{job.gpus}"] if job.gpus else []),
        *([f"--time={_clock(job.walltime_s)}"] if job.walltime_s else []),
        f"--signal=B:USR1@{_WARNING_S}",
    ]


def _of_pbs(job: Job) -> list[str]:
    chunk = f"select=1:ncpus={job.cores}"
    chunk += f":ngpus={job.gpus}" if job.gpus else ""
    chunk += f":mem={int(1024 * job.memory_gb)}mb" if job.memory_gb else ""
    return [
        f"-N {_name('pbs', job)}",
        "-j oe",
        *([f"-J 0-{job.workers - 1}"] if job.workers > 1 else []),
        *([f"-q {job.queue}"] if job.queue else []),
        f"-l {chunk}",
        *([f"-l walltime={_clock(job.walltime_s)}"] if job.walltime_s else []),
    ]


def _of_sge(job: Job) -> list[str]:
    seconds = job.walltime_s
    return [
        f"-N {job.program}",
        "-S /bin/bash",
        "-cwd",
        "-j y",
        *([f"-t 1-{job.workers}"] if job.workers > 1 else []),
        *([f"-q {job.queue}"] if job.queue else []),
        *([f"-pe smp {job.cores}"] if job.cores > 1 else []),
        *([f"-l gpu={job.gpus}"] if job.gpus else []),
        *([f"-l h_vmem={_gigabytes(job)}G"] if job.memory_gb else []),
        *([f"-l h_rt={_clock(seconds)}"] if seconds else []),
        # Of the soft limit SGE tells by SIGUSR1.
        *([f"-l s_rt={_clock(seconds - _WARNING_S)}"] if seconds and seconds > 2 * _WARNING_S else []),
    ]


def _of_lsf(job: Job) -> list[str]:
    seconds = job.walltime_s
    name = f'"{job.program}[1-{job.workers}]"' if job.workers > 1 else job.program
    minutes = -(-seconds // 60) if seconds else 0
    return [
        f"-J {name}",
        f"-o {job.program}-%J_%I.out",
        *([f"-q {job.queue}"] if job.queue else []),
        f"-n {job.cores}",
        *(['-R "span[hosts=1]"'] if job.cores > 1 else []),
        *([f'-gpu "num={job.gpus}"'] if job.gpus else []),
        *([f"-M {_gigabytes(job)}GB"] if job.memory_gb else []),
        *(
            [f"-W {minutes // 60:02d}:{minutes % 60:02d}", f"-wt {_WARNING_S // 60} -wa USR1"]
            if seconds
            else []
        ),
    ]


@dataclasses.dataclass(frozen=True)
class _System:
    """A queue.

    Attributes:
      mark: that its directives begin with.
      directives: of a job.
      index: lines that set `index` to a job's place in the array, from 0; empty where it has none.
      submit: the command that submits a script JOBS.
      finish: the command that gives it once more when array JOB, or the array called {name}, has ended.
    """

    mark: str
    directives: Callable[[Job], list[str]]
    index: Sequence[str]
    submit: str
    finish: str


SYSTEMS = {
    "slurm": _System(
        "#SBATCH",
        _of_slurm,
        ["index=${SLURM_ARRAY_TASK_ID:-}"],
        "sbatch JOBS",
        "sbatch --dependency=afterany:JOB --wrap 'bash JOBS'",
    ),
    "pbs": _System(
        "#PBS",
        _of_pbs,
        ["index=${PBS_ARRAY_INDEX:-}"],
        "qsub JOBS",
        "qsub -W depend=afterany:JOB -- /bin/bash $PWD/JOBS",
    ),
    "sge": _System(
        "#$",
        _of_sge,
        [
            "index=${SGE_TASK_ID:-undefined}",
            'case "$index" in undefined) index= ;; *) index=$((index - 1)) ;; esac',
        ],
        "qsub JOBS",
        "qsub -hold_jid {name} -cwd -b y bash JOBS",
    ),
    "lsf": _System(
        "#BSUB",
        _of_lsf,
        ["index=${LSB_JOBINDEX:-0}", 'case "$index" in 0) index= ;; *) index=$((index - 1)) ;; esac'],
        "bsub < JOBS",
        "bsub -w 'ended({name})' bash JOBS",
    ),
}
