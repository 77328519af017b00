"""Workers that are told to end in a step that takes longer than Dask waits: the step is saved."""

import os
import signal
import subprocess
import sys

import psutil
import pytest

from benchmarks.cluster_check.running import wait_for
from tests.builders.slow_units import SlowUnit

DRIVES = """
import sys
from pathlib import Path
from model_metamers.execution import dask_workers, driving, worker_plans
from model_metamers.execution.units import Needs
from tests.builders.slow_units import SlowUnit
folder = Path(sys.argv[1])
with dask_workers.workers(worker_plans.Plan(sys.argv[2], 1, logs=folder / "logs")) as workers:
    print(driving.drive([SlowUnit(str(folder), "a")], workers, Needs.here(0), retries=0, progress=False))
"""


def driver(folder, where) -> subprocess.Popen:
    given = [sys.executable, "-c", DRIVES, str(folder), where]
    return subprocess.Popen(given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ)


@pytest.mark.slow
@pytest.mark.parametrize("where", ["local", "local-jobs"])
def test_when_the_driver_is_told_to_end_the_step_is_saved(where, tmp_path):
    pytest.importorskip("dask_jobqueue")
    unit = SlowUnit(str(tmp_path), "a")
    process = driver(tmp_path, where)
    assert wait_for(unit.lines, process), process.communicate()
    process.send_signal(signal.SIGINT)  # what raises KeyboardInterrupt in any Python
    process.communicate(timeout=90)
    assert unit.lines() == ["begins", "step", "saved"]


@pytest.mark.slow
def test_a_job_that_is_told_to_end_saves_the_step_and_counts_as_no_failure(tmp_path):
    """A queue tells every process of the job."""
    pytest.importorskip("dask_jobqueue")
    unit = SlowUnit(str(tmp_path), "a")
    process = driver(tmp_path, "local-jobs")
    assert wait_for(unit.lines, process), process.communicate()
    for one in psutil.Process(process.pid).children(recursive=True):
        if "dask spec" not in " ".join(one.cmdline()):
            one.send_signal(signal.SIGTERM)
    printed, told = process.communicate(timeout=180)
    assert process.returncode == 0 and printed == "{}\n", told
    assert unit.lines() == ["begins", "step", "saved", "begins", "step"]
