"""What a queue is asked for, in the scripts that dask_jobqueue itself makes of it."""

import pytest

from model_metamers.execution import worker_plans
from model_metamers.execution.worker_plans import QUEUES, Plan

JOBS = {"slurm": "SLURMJob", "pbs": "PBSJob", "sge": "SGEJob", "lsf": "LSFJob"}


def script(where, **wanted):
    jobqueue = pytest.importorskip("dask_jobqueue")
    options = worker_plans.queue_options(Plan(where, 3, **wanted))
    for of_the_cluster in ("scheduler_cls", "scheduler_options", "silence_logs"):
        del options[of_the_cluster]
    job = getattr(getattr(jobqueue, where), JOBS[where])
    return job(scheduler="tcp://10.0.0.5:8786", name="dask", **options).job_script()


@pytest.mark.parametrize(
    ("where", "asked"),
    [
        ("slurm", ["#SBATCH -p gpu", "#SBATCH -t 04:00:00", "#SBATCH --gres=gpu:2", "#SBATCH --mem=6G"]),
        ("pbs", ["#PBS -q gpu", "#PBS -l walltime=04:00:00", "#PBS -l select=1:ncpus=4:mem=6GB:ngpus=2"]),
        ("sge", ["#$ -q gpu", "#$ -l h_rt=04:00:00", "#$ -l gpu=2"]),
        ("lsf", ["#BSUB -q gpu", "#BSUB -W 04:00", '#BSUB -gpu "num=2"']),
    ],
)
def test_a_queue_is_asked_for_what_is_wanted(where, asked):
    wanted = {"threads": 4, "gpus": 2, "queue": "gpu", "walltime_s": 4 * 3600, "memory_gb": 6.0}
    made = script(where, prologue=("source venv/bin/activate",), **wanted)
    lines = made.splitlines()
    assert [line for line in asked if line not in lines] == []
    first = lines.index("source venv/bin/activate")
    assert "export OMP_NUM_THREADS=4" in lines[first:] and "export TF_ENABLE_ONEDNN_OPTS=0" in lines[first:]


@pytest.mark.parametrize(("where", "memory"), [("slurm", "#SBATCH --mem="), ("lsf", "#BSUB -M ")])
def test_memory_is_left_to_a_queue_that_has_a_default(where, memory):
    assert memory not in script(where) and memory in script(where, memory_gb=2.0)


@pytest.mark.parametrize(
    ("wanted", "seconds"),
    [
        ({}, None),
        ({"walltime_s": 14_400}, 14_100.0),
        ({"walltime_s": 400}, 200.0),
        ({"walltime_s": 400, "lifetime_s": 25.0}, 25.0),
    ],
)
def test_a_worker_ends_before_its_job_does(wanted, seconds):
    assert worker_plans.lifetime(Plan("slurm", 1, **wanted)) == seconds


def test_every_queue_has_a_job():
    assert JOBS.keys() == QUEUES.keys()
