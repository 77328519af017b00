"""Documents keep up with the code: citations of docs/sources.md, links, and the map of rooms."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import model_metamers as mm

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "docs" / "sources.md"
NOTES = ROOT / "WORKSPACE_NOTES.md"
PAGES = sorted(
    [ROOT / "README.md", ROOT / "CONTRIBUTING.md", NOTES, ROOT / "CHANGELOG.md"]
    + [
        page
        for folder in ("docs", "examples", "checkpoints")
        for page in (ROOT / folder).rglob("*.md")
        if not {"_build", "built"} & set(page.relative_to(ROOT).parts)  # what `make docs` makes
    ]
)
CODE = sorted(
    path
    for folder in ("model_metamers", "experiments", "tests", "benchmarks", "examples")
    for path in (ROOT / folder).rglob("*.py")
    if path != Path(__file__)
)
CITATION = re.compile(r"sources\.md((?: \d\w?(?:(?:, | and )\d\w?)*)?)(?!\w)")
LINK = re.compile(r"\]\(([^)\s]+)\)")
PATH = re.compile(r"`((?:[\w.-]+/)+[\w.-]*|\w+\.py)`")  # `a/`, `a/b`, `a/b.py`, `b.py`, but not `a.b`
# Where a path of a document may begin.
STARTS = ["", "model_metamers"]


def cited_sections(text: str) -> list[str]:
    """Sections that a text cites, in order; "" for a citation without one."""
    found = []
    for match in CITATION.finditer(text):
        found += re.findall(r"\d\w?", match[1]) or [""]
    return found


def anchors(text: str) -> set[str]:
    """Places that a link can lead to: ids, and headings as GitHub names them."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return slugs | set(re.findall(r'<a id="([^"]+)">', text))


def broken_links(page: Path, text: str) -> list[str]:
    """Links within the repository that lead nowhere."""
    broken = []
    for link in LINK.findall(re.sub(r"```.*?```", "", text, flags=re.DOTALL)):
        if re.match(r"\w+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        if not target.exists() or (anchor and anchor not in anchors(target.read_text(encoding="utf-8"))):
            broken.append(link)
    return broken


def test_citations_are_read():
    assert cited_sections("docs/sources.md 1b, 1c, 1e and 6): convolutions") == ["1b", "1c", "1e", "6"]
    assert cited_sections("(docs/sources.md 1e, item 2). Values; docs/sources.md 2, 3.") == ["1e", "2", "3"]
    assert cited_sections("see docs/sources.md for more") == [""]


def test_every_citation_names_a_section():
    sections = anchors(SOURCES.read_text(encoding="utf-8"))
    cited = {
        (str(path.relative_to(ROOT)), section)
        for path in CODE
        for section in cited_sections(path.read_text(encoding="utf-8"))
    }
    assert len(cited) > 40
    assert {(path, section) for path, section in cited if section not in sections} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    assert broken_links(page, page.read_text(encoding="utf-8")) == []


def test_broken_links_are_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# A heading, here\n")
    text = (
        "[a](gone.md) [b](page.md#a-heading-here) [c](page.md#no) [d](#a-heading-here) [e](https://x.org/y)"
    )
    assert broken_links(page, text) == ["gone.md", "page.md#no"]


def missing_paths(text: str, starts: list[str]) -> list[str]:
    """Files and folders in code type that are nowhere below the starts, nor in a folder their line names."""
    missing = []
    for line in text.splitlines():
        paths = PATH.findall(line)
        folders = [path for path in paths if path.endswith("/")]
        for path in paths:
            if not any((ROOT / start / path).exists() for start in [*starts, *folders]):
                missing.append(path)
    return missing


def test_missing_paths_are_found():
    text = (
        "`signals/spec.py`, `signal/spec.py`, not `a.b`\n| `model_metamers/networks/` | `vgg.py`, `gone.py` |"
    )
    assert missing_paths(text, STARTS) == ["signal/spec.py", "gone.py"]


@pytest.mark.parametrize("heading", ["## Folder map", "## Paper part -> file"])
def test_the_notes_name_files_that_are_there(heading):
    section = NOTES.read_text(encoding="utf-8").partition(heading)[2].partition("\n## ")[0]
    assert len(PATH.findall(section)) > 20
    assert missing_paths(section, STARTS) == []


def test_every_room_is_on_the_map():
    section = NOTES.read_text(encoding="utf-8").partition("## Folder map")[2].partition("\n## ")[0]
    rooms = [path.parent.name for path in (ROOT / "model_metamers").glob("*/__init__.py")]
    assert len(rooms) > 10
    assert [room for room in rooms if f"`model_metamers/{room}/`" not in section] == []


def test_contributing_names_every_golden_and_files_that_are_there():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    goldens = (ROOT / "tests" / "goldens").glob("*")
    names = [
        path.name for path in goldens if path.suffix in (".npz", ".json") or path.name.startswith("make_")
    ]
    assert len(names) > 10
    assert [name for name in names if f"`{name}`" not in text] == []
    known = [*STARTS, "tests/goldens", "experiments/reproduction", "model_metamers/catalog"]
    assert missing_paths(text, known) == []


def test_the_example_of_the_readme_runs_as_printed(tmp_path):
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "at conv3_4 in vgg_19_small" in done.stdout and "passes=" in done.stdout
    assert (tmp_path / "cat_conv3_4" / "metamer.png").exists()


def test_the_citation_is_of_this_version():
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.findall(r"^version: (.+)$", text, re.MULTILINE) == [mm.__version__]
