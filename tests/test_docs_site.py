"""The pages for users: what makes them, and that they leave out no public name and no program."""

import doctest
import importlib
import re
import sys
from pathlib import Path

import pytest

import model_metamers as mm

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture
def extension(monkeypatch):
    """Gives a module of docs/_extensions by name."""
    monkeypatch.syspath_prepend(str(DOCS / "_extensions"))
    names = (
        "repository_pages",
        "manuals",
        "docstrings",
        "checked_links",
        "code_digest",
        "run_pages",
        "streams",
    )
    yield importlib.import_module
    for name in names:
        sys.modules.pop(name, None)


@pytest.mark.parametrize(
    "name", ["repository_pages", "manuals", "docstrings", "code_digest", "run_pages", "streams"]
)
def test_examples_of_the_extensions(extension, name):
    if name == "docstrings":
        pytest.importorskip("sphinx")
    failed, attempted = doctest.testmod(extension(name))
    assert attempted and not failed


def test_the_reference_names_every_public_object_once():
    named = re.findall(r"^   (\w+)$", (DOCS / "reference" / "index.rst").read_text(encoding="utf-8"), re.M)
    named.remove("further")  # the page
    assert sorted(named) == sorted(mm.__all__)


def test_every_page_is_reached():
    pages = {p.relative_to(DOCS).with_suffix("").as_posix() for p in DOCS.rglob("*.md")}
    pages = {page for page in pages if not page.startswith(("_", "built/"))}
    reached = {"index"}
    for page in pages:
        text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
        for tree in re.findall(r"```\{toctree\}\n(.*?)```", text, re.S):
            lines = [line for line in tree.split() if not line.startswith(":")]
            reached |= {(Path(page).parent / line).as_posix() for line in lines}
    reached = {re.sub(r"[^/]+/\.\./", "", page) for page in reached}
    assert len(pages) > 15 and pages - reached == set()


def test_links_between_files_of_the_repository_become_links_between_pages(extension):
    relinked = extension("repository_pages").relinked
    sources = "docs/sources" + ".md"
    text = f"[a]({sources}#1b), [b](docs/people.md#a), [c](CHANGELOG.md), [d](https://x.org)\n\n```\n[e](CHANGELOG.md)\n```\n"
    assert relinked(text, "README.md", "built/map.md") == (
        f"[a](#{sources}-1b), [b](../people.md#a), [c](changelog.md), [d](https://x.org)\n\n"
        "```\n[e](CHANGELOG.md)\n```\n"
    )
    assert relinked("[f](../WORKSPACE_NOTES.md#folder-map)", "docs/people.md", "people.md") == (
        "[f](built/map.md#folder-map)"
    )


def test_every_page_made_of_another_file_finds_its_sections(extension):
    pages = extension("repository_pages")
    for part in pages.PARTS:
        text = (pages.ROOT / part.file).read_text(encoding="utf-8")
        assert len(pages.sections(text, part.headings)) > 500, part


def test_a_manual_holds_every_flag(extension):
    manuals = extension("manuals")
    assert {"make_metamers", "draw_figure", "train_suite"} <= set(manuals.programs())
    (program,) = manuals.read(["check_metamers"])
    page = manuals.page(program)
    assert "`--metamers`" in page and "required" in page and "## Flags" in page
    assert page.startswith("# check_metamers\n\nJudges a folder of metamers")


def test_broken_links_and_what_comes_from_the_network_are_found(extension, tmp_path):
    checked = extension("checked_links")
    (tmp_path / "a.html").write_text(
        '<h1 id="top"></h1><a href="b.html">b</a><a href="#top">t</a><a href="#no">n</a>'
        '<a href="https://x.org">x</a><script src="https://x.org/a.js"></script><img src="data:image/png,a">'
    )
    found = [line.partition(": ")[2] for line in checked.broken(checked.read(tmp_path))]
    assert found == [
        "b.html is not there",
        "#no has no such place",
        "loads https://x.org/a.js from the network",
    ]


def test_a_page_whose_code_fails_is_told(extension, tmp_path, capsys):
    pages = extension("run_pages")
    (tmp_path / "good.md").write_text("Text.\n\n```python\nx = 1\n```\n\n```python\nprint(x + 1)\n```\n")
    (tmp_path / "bad.py").write_text("raise ValueError('no')\n")
    assert pages.main([str(tmp_path / "good.md")]) == 0
    assert pages.main([str(tmp_path / "good.md"), str(tmp_path / "bad.py")]) == 1
    assert "ValueError: no" in capsys.readouterr().out
    assert pages.main([]) == 1


def test_every_tutorial_is_a_notebook_that_is_run(extension):
    cells = extension("run_pages").cells
    pages = [page for page in (DOCS / "tutorials").glob("*.md") if page.stem != "index"]
    assert len(pages) >= 7
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert text.startswith("---\njupytext:") and len(cells(text)) >= 3, page
        assert text.count("{code-cell}") == len(cells(text)), page


@pytest.mark.parametrize(
    ("name", "content", "counts"),
    [
        ("code.py", "def f(x):\n    return x + 2\n", True),
        ("deeper/code.py", "def f(x):\n    return x\n", True),
        ("new.py", "", True),
        ("data.json", "[1, 3]", True),
        ("code.py", 'def f(x):\n    """The next."""\n    return (x + 1)  # one more\n', False),
        ("code.py", '"""Of numbers."""\n\n\ndef f(x):\n    return x + 1\n', False),
        ("__pycache__/code.pyc", "else", False),
    ],
)
def test_notebooks_are_run_again_where_the_code_or_its_data_is_another(
    extension, tmp_path, name, content, counts
):
    package = tmp_path / "package"
    for given, text in {"code.py": "def f(x):\n    return x + 1\n", "data.json": "[1, 2]"}.items():
        (package / given).parent.mkdir(exist_ok=True)
        (package / given).write_text(text, encoding="utf-8")
    before = extension("code_digest").digest([package])
    (package / name).parent.mkdir(exist_ok=True)
    (package / name).write_text(content, encoding="utf-8")
    assert (extension("code_digest").digest([package]) != before) == counts


def test_a_file_elsewhere_or_taken_away_is_another_code(extension, tmp_path):
    package = tmp_path / "package"
    package.mkdir()
    (package / "a.py").write_text("x = 1\n", encoding="utf-8")
    digest = extension("code_digest").digest
    before = digest([package])
    (package / "a.py").rename(package / "b.py")
    renamed = digest([package])
    (package / "b.py").unlink()
    assert len({before, renamed, digest([package])}) == 3
