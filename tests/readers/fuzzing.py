"""Thousands of damaged files of one kind, in a process that may not grow far: a program for the slow tests.

    python -m tests.readers.fuzzing KIND COUNT [SEED]

It prints a line of JSON for every hundred files, so that a run that is cut off or ends in a crash
still tells how far it came: cases, what escaped, the slowest case in s, the largest growth in MB.
"""

import dataclasses
import faulthandler
import json
import random
import resource
import sys
import tempfile
import time
import warnings
from pathlib import Path

from model_metamers import InputError
from tests.builders.mutations import damaged, draw_changes
from tests.readers import cases_people, cases_results, cases_signals, cases_texts
from tests.readers.case import Case, prepared

CASES = {**cases_texts.CASES, **cases_signals.CASES, **cases_results.CASES, **cases_people.CASES}
MOST_S, MOST_MB = 10.0, 512
_LIMIT_BYTES = 4 << 30  # beyond the process's size at its beginning: of addresses, which threads take many of
_TOLD = 100


@dataclasses.dataclass
class Told:
    """What happened so far; `escaped` holds the first few."""

    kind: str
    cases: int = 0
    refused: int = 0
    escapes: int = 0
    slowest_s: float = 0.0
    most_mb: float = 0.0
    escaped: list[str] = dataclasses.field(default_factory=list)

    def note(self, what: str) -> None:
        self.escapes += 1
        self.escaped = [*self.escaped, what][:20]


def fuzz(kind: str, count: int, seed: int) -> Told:
    """Damages files of a kind's cases in turn, and has each read."""
    named = [name for name, case in CASES.items() if case.kind == kind]
    told = Told(kind)
    with tempfile.TemporaryDirectory() as folder:
        wholes = {}
        for name in named:
            place = Path(folder) / str(len(wholes))
            place.mkdir()
            wholes[name] = prepared(CASES[name], place)
            _read(CASES[name], wholes[name][0])  # what is imported then is no growth
        _limit_addresses()
        for number in range(count):
            name = named[number % len(named)]
            drawn = draw_changes(random.Random(f"{kind} {seed} {number}"))
            _hold(told, name, *wholes[name], drawn)
            if told.cases % _TOLD == 0:
                print(json.dumps(dataclasses.asdict(told)), flush=True)
    print(json.dumps(dataclasses.asdict(told)), flush=True)
    return told


def _hold(told: Told, name: str, path: Path, whole: bytes, drawn) -> None:
    path.write_bytes(damaged(whole, drawn, CASES[name].reshape))
    before = _memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak is measured anew
    faulthandler.dump_traceback_later(3 * MOST_S, exit=True)
    start = time.perf_counter()
    try:
        escape = _read(CASES[name], path)
    finally:
        faulthandler.cancel_dump_traceback_later()
    took, grown = time.perf_counter() - start, _memory("VmHWM") - before
    told.cases += 1
    told.refused += escape == ""
    told.slowest_s, told.most_mb = max(told.slowest_s, round(took, 2)), max(told.most_mb, round(grown, 1))
    if took > MOST_S or grown > MOST_MB:
        escape = f"{took:.1f} s, {grown:.0f} MB"
    if escape:
        told.note(f"{name} {drawn}: {escape}")


def _read(case: Case, path: Path) -> str | None:
    """None where a file is read, "" where it is refused in one line, what else came otherwise."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's and NumPy's, of what they take with doubt
        try:
            case.read(path)
        except InputError as error:
            return told_wrongly(str(error))
        except Exception as error:
            return f"{type(error).__name__}: {str(error)[:300]}"
    return None


def told_wrongly(message: str) -> str:
    """Nothing where a message is one printable line of at most 1000 letters."""
    fits = message.replace("\u00a0", " ").isprintable() and len(message) < 1000
    return "" if fits else f"no line to print: {message[:300]!r}"


def _limit_addresses() -> None:
    now = int(_memory("VmSize") * 2**20)
    resource.setrlimit(resource.RLIMIT_AS, (now + _LIMIT_BYTES, resource.RLIM_INFINITY))


def _memory(what: str) -> float:
    """A line of /proc/self/status in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(what + ":"))


if __name__ == "__main__":
    fuzz(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 0)
