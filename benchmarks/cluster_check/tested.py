"""What tests show: one unit done by two processes, surroundings that fail, and the scripts of queues."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.cluster_check.lines import Line

_ROOT = Path(__file__).resolve().parents[2]


def twice(out: Path) -> Iterator[Line]:
    yield _line(
        "Two processes that make one batch of metamers at once, 50 times",
        "one result, no error",
        ["tests/reliability/test_one_unit_twice.py"],
    )


def surroundings(out: Path) -> Iterator[Line]:
    yield _line(
        "make_metamers in mid-search: Ctrl-C, full disk, read-only disk, folder removed, clock set back",
        "one line each, nothing half written, and the same bytes from the same command",
        ["tests/reliability/test_surroundings.py"],
    )


def job_scripts(out: Path) -> Iterator[Line]:
    yield _line(
        "Array scripts for SLURM, PBS, SGE and LSF, as a shell reads them; beside dask-jobqueue's in "
        "docs/job_scripts.md",
        "every file name as it is, each job its shard; together the bytes of one process",
        [
            "tests/execution/test_job_scripts.py",
            "tests/experiments/test_job_flags.py",
            "-k",
            "not makes_no_sense",
        ],
    )


def _line(about: str, asked: str, tests: Sequence[str]) -> Line:
    """A line that holds where all of the tests pass; one that is passed over does not."""
    given = [sys.executable, "-m", "pytest", "-q", "-m", "", "-s", "-p", "no:cacheprovider", *tests]
    done = subprocess.run(given, cwd=_ROOT, capture_output=True, text=True)
    told = [text for text in done.stdout.splitlines() if " | " in text]
    last = done.stdout.strip().splitlines()[-1] if done.stdout.strip() else done.stderr[-200:]
    passed = done.returncode == 0 and not re.search(r"skipped|no tests", last)
    return Line(about, asked, "\n    ".join([last, *told]), passed)
