"""Shows that runs on several processes keep what they promise, on one machine without a queue or a GPU.

  python -m benchmarks.cluster_check
  python -m benchmarks.cluster_check --lines=kills --units=60 --out=checked

Each line says what is asked, what was found, and whether that passes; the exit status is 1 where one
does not. All of them take some fifteen minutes of processor time.
"""

import shutil
import tempfile
from pathlib import Path

from absl import flags

from benchmarks.cluster_check import (
    first_unit,
    kills,
    lifetimes,
    overhead,
    planned,
    same_bytes,
    sigterm,
    simulated,
    tested,
)
from benchmarks.cluster_check.lines import Line
from model_metamers_experiments import binary

_LINES = {
    "same_bytes": same_bytes.check,
    "kills": kills.check,
    "twice": tested.twice,
    "sigterm": sigterm.check,
    "surroundings": tested.surroundings,
    "lifetimes": lifetimes.check,
    "overhead": overhead.check,
    "first_unit": first_unit.check,
    "simulated": simulated.check,
    "job_scripts": tested.job_scripts,
    "planned": planned.check,
}
_WANTED = flags.DEFINE_list("lines", list(_LINES), f"Some of {', '.join(_LINES)}.")
_UNITS = flags.DEFINE_integer("units", 200, "Of the run whose workers are killed.", lower_bound=20)
_EMPTY = flags.DEFINE_integer("empty_units", 10_000, "Units that do nothing.", lower_bound=100)
_OUT = flags.DEFINE_string("out", None, "Folder for what is made; without, one that is removed.")


def main() -> int:
    out = Path(_OUT.value or tempfile.mkdtemp(prefix="cluster-check-"))
    out.mkdir(parents=True, exist_ok=True)
    passed = []
    for name in _WANTED.value:
        counts = {"kills": _UNITS.value, "overhead": _EMPTY.value}
        for line in _LINES[name](out / name, *([counts[name]] if name in counts else [])):
            _print(line)
            passed.append(line.passed)
    if not _OUT.value:
        shutil.rmtree(out, ignore_errors=True)
    return int(not all(passed))


def _print(line: Line) -> None:
    print(f"{line.about}\n  asked: {line.asked}\n  found: {line.found}\n  {line.verdict}", flush=True)


if __name__ == "__main__":
    binary.run(main, tensorflow=False)
