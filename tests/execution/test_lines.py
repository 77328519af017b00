"""Bars are lines where nobody watches, for every program alike."""

import io
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tqdm import tqdm

import model_metamers
from model_metamers.execution import lines
from model_metamers.execution.lines import as_bar_or_lines


@pytest.mark.parametrize("watched", [True, False])
def test_a_bar_on_a_terminal_and_lines_in_a_log(watched, monkeypatch):
    class Stream(io.StringIO):
        def isatty(self):
            return watched

    monkeypatch.setattr(sys, "stderr", Stream())
    for _ in tqdm(range(300), desc="pairs", **as_bar_or_lines()):
        pass
    told = sys.stderr.getvalue()
    assert ("\r" in told) == watched and "pairs" in told
    if not watched:  # at its beginning and its end
        assert re.fullmatch(r"(pairs: \d+ of 300, \d\d:\d\d gone, [\d:?]+ left\n){1,2}", told), told


def test_notebooks_have_bars(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert not lines.is_watched()
    monkeypatch.setitem(sys.modules, "ipykernel", object())
    assert lines.is_watched()


def test_no_bar_of_the_package_goes_without():
    root = Path(model_metamers.__file__).parents[1]
    found = subprocess.run(
        ["grep", "-rlE", r"\btqdm\(", "--include=*.py", root / "model_metamers", root / "experiments"],
        capture_output=True,
        text=True,
    )
    paths = [Path(name) for name in found.stdout.split()]
    assert len(paths) > 10
    assert [path.name for path in paths if "as_bar_or_lines" not in path.read_text()] == []
