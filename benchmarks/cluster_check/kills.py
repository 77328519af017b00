"""Workers and schedulers that are killed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from benchmarks.cluster_check.lines import Line
from benchmarks.cluster_check.running import (
    differing,
    digests,
    metamers,
    partial,
    photographs,
    run,
    scheduler_of,
    start,
    wait_for,
    workers_of,
)

_EVERY = 20  # finished units
_STOPPED = 143


def check(out: Path, units: int) -> Iterator[Line]:
    inputs = photographs(out / "inputs", units)
    flags = [f"--inputs={inputs}", "--network=vgg_19_small", "--layers=conv1_2", "--iterations=10"]
    flags += ["--batch_size=1", "--threads=1", "--noprogress"]
    whole, killed = out / "whole", out / "killed"
    run("make_metamers", *flags, f"--out={whole}")
    further = ["--cluster=local", "--workers=2", f"--out={killed}"]
    chosen, workers, schedulers, statuses = random.Random(0), 0, 0, []
    for until in (units // 3, 2 * units // 3, units):
        driver = start("make_metamers", *flags, *further)
        next_kill = metamers(killed) // _EVERY * _EVERY + _EVERY
        while wait_for(lambda: metamers(killed) >= min(next_kill, until), driver, 0.05):  # noqa: B023
            if metamers(killed) >= until:
                break
            there = workers_of(driver.pid)
            if there:
                chosen.choice(there).kill()
                workers += 1
            next_kill += _EVERY
        scheduler = scheduler_of(driver.pid)
        if until < units and scheduler is not None and driver.poll() is None:
            scheduler.kill()
            schedulers += 1
        printed, _ = driver.communicate()
        statuses.append(driver.returncode)
        if driver.returncode not in (0, _STOPPED):
            print(printed[-2000:])
    there, undisturbed = digests(killed), digests(whole)
    wrong = differing(there, undisturbed)
    yield Line(
        f"{units} units of vgg_19_small; a worker is killed after every {_EVERY}th, the scheduler twice",
        "all units, the undisturbed run's bytes, nothing partial left, and a lost scheduler is a stop",
        f"{metamers(killed)} units; {workers} workers and {schedulers} schedulers killed; ended with "
        f"{', '.join(map(str, statuses))}; {len(wrong)} of {len(undisturbed)} files of other bytes "
        f"{wrong[:3]}; {len(partial(killed))} partial files",
        metamers(killed) == units
        and not wrong
        and not partial(killed)
        and schedulers == 2
        and statuses == [_STOPPED, _STOPPED, 0],
    )
