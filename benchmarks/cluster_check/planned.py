"""What --plan tells against the run that follows."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.cluster_check.lines import Line
from benchmarks.cluster_check.running import photographs, run

_UNITS = {"s": 1.0, "minutes": 60.0, "hours": 3600.0}
_WITHIN = 0.3


def check(out: Path) -> Iterator[Line]:
    """By the clock: the machine has to be as busy during the plan as during the run."""
    inputs = photographs(out / "inputs", 20)
    flags = [f"--inputs={inputs}", "--network=vgg_19_small", "--layers=conv1_2,conv3_4,fc7", "--noprogress"]
    flags += ["--iterations=600", "--threads=1", f"--out={out / 'run'}"]
    _, told = run("make_metamers", *flags, "--plan")
    number, unit = re.findall(r"All of it by one process .*: ([\d.]+) (\w+)\.", told)[0]
    planned = float(number) * _UNITS[unit]
    began = time.monotonic()
    status, _ = run("make_metamers", *flags)
    took = time.monotonic() - began
    yield Line(
        "make_metamers --plan, and then the run: vgg_19_small, 20 images, 3 layers, 600 steps",
        f"within {_WITHIN:.0%}",
        f"planned {planned:.0f} s, took {took:.0f} s ({planned / took - 1:+.0%}); status {status}",
        status == 0 and abs(planned / took - 1) <= _WITHIN,
    )
