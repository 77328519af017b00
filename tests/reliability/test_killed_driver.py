"""A process that hands units out is killed: its scheduler and its workers do not live on."""

import os
import subprocess
import sys

import psutil
import pytest

from benchmarks.cluster_check.running import wait_for

WITHIN_S = 60

# Two workers with a unit each that would take ten minutes; tells when both are at it.
DRIVES = """
import sys, threading, time
from pathlib import Path
from model_metamers.execution import dask_workers, driving, worker_plans
from model_metamers.execution.units import Needs
from tests.builders.file_units import FileUnit
folder = Path(sys.argv[1])
plan = worker_plans.Plan(sys.argv[2], 2, logs=folder / "logs")
with dask_workers.workers(plan) as workers:
    while workers.present() < 2:
        time.sleep(0.1)
    print("begins", flush=True)
    units = [FileUnit(str(folder), key, seconds=600) for key in "ab"]
    driving.drive(units, workers, Needs.here(0), progress=False)
"""


@pytest.mark.slow
@pytest.mark.parametrize("where", ["local", "local-jobs"])
def test_scheduler_and_workers_end_soon_after_the_process_that_drives_them(where, tmp_path):
    pytest.importorskip("dask_jobqueue")
    given = [sys.executable, "-c", DRIVES, str(tmp_path), where]
    with subprocess.Popen(given, stdout=subprocess.PIPE, text=True, env=os.environ) as driver:
        assert driver.stdout.readline() == "begins\n"
        started = psutil.Process(driver.pid).children(recursive=True)
        assert len(started) >= 3  # a scheduler, two workers, and whoever started those
        driver.kill()
    _, alive = psutil.wait_procs(started, timeout=WITHIN_S)
    assert not alive, [process.cmdline() for process in alive]
    log = tmp_path / "logs" / "scheduler.txt"
    assert wait_for(lambda: f"process {driver.pid}, which started it, is gone" in log.read_text())
