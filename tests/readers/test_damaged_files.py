"""Whatever a file holds, its reader gives a right result or an InputError of one line, nothing else.

`READER_CASES` is how many damaged files of each kind the slow test reads, in a process of its own;
without it, as many as were once enough to find every reader's wrong exceptions.
"""

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from model_metamers import InputError
from tests.builders.mutations import changes, damaged
from tests.readers.case import prepared
from tests.readers.fuzzing import CASES, told_wrongly

TRIED = {
    "pickles": 12_000,
    "checkpoints": 9_000,
    "torch files": 6_000,
    "sounds": 9_000,
    "images": 10_000,
    "alignments": 7_000,
    "metamer folders": 6_200,
    "records": 6_800,
    "nulls": 4_080,
    "saved searches": 3_000,
    "arrays": 5_500,
    "manifests": 2_000,
    "lists": 7_000,
    "studies": 4_000,
}
_ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if not case.may_refuse])
def test_a_whole_file_is_read(tmp_path, name):
    path, _ = prepared(CASES[name], tmp_path)
    CASES[name].read(path)


@pytest.mark.parametrize("name", CASES)
def test_a_damaged_file_is_read_right_or_refused_in_one_line(tmp_path, name):
    path, whole = prepared(CASES[name], tmp_path)

    @settings(
        max_examples=20,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(changes)
    def holds(drawn):
        path.write_bytes(damaged(whole, drawn, CASES[name].reshape))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's and NumPy's, of what they take with doubt
            try:
                CASES[name].read(path)
            except InputError as error:
                assert not told_wrongly(str(error))

    holds()


@pytest.mark.slow
@pytest.mark.parametrize("kind", TRIED)
def test_of_thousands_of_damaged_files_nothing_escapes(kind):
    count = os.environ.get("READER_CASES", str(TRIED[kind]))
    program = [sys.executable, "-m", "tests.readers.fuzzing", kind, count]
    ended = subprocess.run(program, cwd=_ROOT, capture_output=True, text=True)
    told = json.loads((ended.stdout.splitlines() or ["{}"])[-1])
    assert ended.returncode == 0, (told, ended.stderr[-3000:])
    assert told["cases"] == int(count) and not told["escapes"], told
