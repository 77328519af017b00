"""docs/paper_trace.md: the files and tests that it names are there, and its counts are true."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "paper_trace.md"
ROW = re.compile(r"\| (\d+) \| (.+?) \| (.+?) \| (.+) \| (.+) \|")
FILE = re.compile(r"`((?:[\w.-]+/)*\w+\.py)`")
TEST = re.compile(r"`((?:[\w.-]+/)*test_\w+\.py)(?:::(test_\w+))?`")
NONE = re.compile(r"none: \S.+")


def rows(text: str) -> list[tuple[int, str, str, str]]:
    """Number, requirement, what meets it and what holds it, of each row."""
    found = [ROW.fullmatch(line) for line in text.splitlines()]
    return [(int(m[1]), m[3], m[4], m[5]) for m in found if m]


def counts(given: list[tuple[int, str, str, str]]) -> list[int]:
    """Requirements, those met by a file and not, those held by a test and not."""
    met, held = (sum(not row[i].startswith("none") for row in given) for i in (2, 3))
    return [len(given), met, len(given) - met, held, len(given) - held]


def missing_files(met_by: str) -> list[str]:
    """Files that are not there; the whole text where it names none and gives no reason."""
    names = FILE.findall(met_by)
    if not names and not NONE.fullmatch(met_by):
        return [met_by]
    return [n for n in names if not any((ROOT / start / n).is_file() for start in ("", "model_metamers"))]


def missing_tests(held_by: str) -> list[str]:
    """Tests that are not there; the whole text where it names none and gives no reason."""
    names = TEST.findall(held_by)
    if not names and not NONE.fullmatch(held_by):
        return [held_by]
    missing = []
    for file, function in names:
        path = ROOT / "tests" / file
        there = path.is_file() and (not function or f"def {function}(" in path.read_text(encoding="utf-8"))
        missing += [] if there else [f"{file}::{function}"]
    return missing


def test_what_the_page_names_is_there():
    given = rows(PAGE.read_text(encoding="utf-8"))
    assert [row[0] for row in given] == list(range(1, len(given) + 1)) and len(given) > 80
    assert [(row[0], name) for row in given for name in missing_files(row[2])] == []
    assert [(row[0], name) for row in given for name in missing_tests(row[3])] == []


def test_the_counts_are_true():
    text = PAGE.read_text(encoding="utf-8")
    told = re.search(r"^\*\*\d+ requirements: .+\*\*$", text, re.MULTILINE)
    assert [int(number) for number in re.findall(r"\d+", told[0])] == counts(rows(text))


def test_what_is_missing_is_found():
    text = (
        "| 1 | 3.1 | a | `gradients.py` | `test_paper_trace.py::test_what_is_missing_is_found` |\n"
        "| 2 | 3.1 | b | `gone.py`, `networks/vgg.py` | `test_gone.py` |\n"
        "| 3 | 3.1 | c | none | none: not public |\n"
        "| 4 | 3.1 | d | none: not public | `test_paper_trace.py::test_gone` |\n"
    )
    given = rows(text)
    assert counts(given) == [4, 2, 2, 3, 1]
    assert [missing_files(row[2]) for row in given] == [[], ["gone.py"], ["none"], []]
    gone = [[], ["test_gone.py::"], [], ["test_paper_trace.py::test_gone"]]
    assert [missing_tests(row[3]) for row in given] == gone
