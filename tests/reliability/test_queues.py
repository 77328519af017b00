"""Runs on a real queue, where this machine has one, and at an address. Jobs must see pytest's --basetemp."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.cluster_check.running import (
    command,
    differing,
    digests,
    partial,
    photographs,
    run,
    start,
    wait_for,
)

SEARCH = ("--network=vgg_19_small", "--layers=conv2_2", "--iterations=3000", "--batch_size=2", "--noprogress")
# The program that tells a queue from others, that submits, that tells of a job, and that ends one.
QUEUES = {
    "slurm": ("sbatch", "sbatch", ["squeue", "-h", "-j"], "scancel"),
    "sge": ("qconf", "qsub", ["qstat", "-j"], "qdel"),
}
ENDS_S = 600.0


def there(queue: str, job: str) -> bool:
    """Whether a job waits or runs."""
    done = subprocess.run([*QUEUES[queue][2], job], capture_output=True, text=True)
    return done.returncode == 0 and bool(done.stdout.strip())


def over(queue: str, job: str) -> bool:
    until = time.monotonic() + ENDS_S
    while there(queue, job) and time.monotonic() < until:
        time.sleep(1)
    return not there(queue, job)


def jobs(out: Path) -> list[str]:
    """Numbers of the jobs of workers, from the names of what they wrote."""
    names = [path.name for path in (out / "logs").glob("dask-worker*")]
    return sorted({re.search(r"\d+", name)[0] for name in names}, key=int)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """A folder with four photographs, and in `whole` what one process makes of them."""
    folder = tmp_path_factory.mktemp("queues")
    inputs = photographs(folder / "inputs", 4)
    status, printed = run(
        "make_metamers", *SEARCH, f"--inputs={inputs}", f"--out={folder}/whole", "--threads=1"
    )
    assert status == 0, printed
    return folder


@pytest.fixture(params=QUEUES)
def queue(request) -> str:
    if not shutil.which(QUEUES[request.param][0]):
        pytest.skip(f"there is no {QUEUES[request.param][0]} on this machine")
    return request.param


@pytest.mark.slow
def test_an_array_of_jobs_makes_the_bytes_of_one_process(queue, whole):
    out = whole / f"{queue}-array"
    given = ("--job_script=" + queue, "--workers=2", "--walltime=20m")
    words = command("make_metamers", *SEARCH, f"--inputs={whole}/inputs", f"--out={out}", *given)
    script = subprocess.run(words, capture_output=True, text=True, cwd=whole, check=True).stdout
    (whole / "jobs.sh").write_text(script)
    submit = [QUEUES[queue][1], "jobs.sh"]
    told = subprocess.run(submit, capture_output=True, text=True, cwd=whole, check=True)
    assert over(queue, re.search(r"\d+", told.stdout)[0])
    logs = [path.read_text() for path in whole.glob("make_metamers[-.]*") if path.suffix != ".sh"]
    assert sum("This shard is done" in log for log in logs) == 2, logs
    ended = subprocess.run(["bash", "jobs.sh"], capture_output=True, text=True, cwd=whole)
    assert ended.returncode == 0 and "Look and listen" in ended.stdout, ended.stderr
    assert not differing(digests(whole / "whole"), digests(out)) and not partial(out)
    for path in whole.glob("make_metamers[-.]*"):
        path.unlink()


@pytest.mark.slow
def test_workers_of_a_queue_make_them_also_when_all_are_cancelled(queue, whole):
    out = whole / f"{queue}-workers"
    given = (f"--cluster={queue}", "--workers=2", "--walltime=20m")
    driver = start("make_metamers", *SEARCH, f"--inputs={whole}/inputs", f"--out={out}", *given)
    assert wait_for(lambda: bool(list(out.glob("*/*/.search-*"))), driver), driver.communicate()
    first = jobs(out)
    subprocess.run([QUEUES[queue][3], *first], capture_output=True, check=True)
    printed, _ = driver.communicate(timeout=ENDS_S)
    assert driver.returncode == 0 and "Look and listen" in printed, printed
    assert not differing(digests(whole / "whole"), digests(out)) and not partial(out)
    assert len(jobs(out)) > len(first), "no other job came in its place"
    assert all(over(queue, job) for job in jobs(out))


@contextlib.contextmanager
def dask(*words: str, log: Path, **environment: str) -> Iterator[None]:
    """A program of Dask that runs beside the block, as a user starts it."""
    with log.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", *words],
            stdout=file,
            stderr=file,
            env={**os.environ, **environment},
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait(60)


@pytest.mark.slow
def test_the_workers_at_an_address_make_them_unless_their_package_is_another(whole, tmp_path):
    pytest.importorskip("distributed")
    place = tmp_path / "scheduler.json"
    given = (f"--scheduler-file={place}", "--host=127.0.0.1", "--port=0", "--no-dashboard")
    with dask("scheduler", *given, log=tmp_path / "scheduler.txt"):
        assert wait_for(place.exists)
        address = re.search(r"tcp://[\d.:]+", place.read_text())[0]
        flags = (*SEARCH, f"--inputs={whole}/inputs", f"--cluster={address}")
        own = ("worker", address, "--nthreads=1")
        with dask(*own, "--nworkers=2", log=tmp_path / "workers.txt"):
            status, printed = run("make_metamers", *flags, f"--out={whole}/address")
        assert status == 0, printed
        assert not differing(digests(whole / "whole"), digests(whole / "address"))

        older = tmp_path / "older" / "model_metamers-0.0.1.dist-info"
        older.mkdir(parents=True)
        (older / "METADATA").write_text("Metadata-Version: 2.1\nName: model_metamers\nVersion: 0.0.1\n")
        with dask(*own, log=tmp_path / "older.txt", PYTHONPATH=str(older.parent)):
            status, printed = run("make_metamers", *flags, f"--out={tmp_path}/refused")
        assert status == 2 and "has model_metamers 0.0.1, and this process" in printed.splitlines()[-1]
        assert not list((tmp_path / "refused").glob("*/*/*/metamer.json"))
