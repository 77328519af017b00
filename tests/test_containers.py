"""What the recipes of containers copy and call is there; the images themselves are not built here."""

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "containers"
DOCKERFILE = (FOLDER / "Dockerfile").read_text(encoding="utf-8")
DEFINITION = (FOLDER / "model_metamers.def").read_text(encoding="utf-8")
IGNORED = (FOLDER / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
SETUP = (ROOT / "setup.py").read_text(encoding="utf-8")


def copied_by_docker() -> set[str]:
    lines = re.findall(r"^COPY (.+)$", DOCKERFILE, re.MULTILINE)
    return {name for line in lines for name in line.split()[:-1]}


def section(name: str) -> str:
    return re.search(rf"^%{name}\n(.*?)(?=^%|\Z)", DEFINITION, re.MULTILINE | re.DOTALL)[1]


def copied_by_apptainer() -> dict[str, str]:
    return dict(line.split() for line in section("files").splitlines() if line.strip())


def test_both_recipes_copy_the_same_and_it_is_there():
    names = copied_by_docker()
    assert len(names) >= 8 and [name for name in names if not (ROOT / name).exists()] == []
    assert copied_by_apptainer() == {name: f"/opt/model_metamers/{name}" for name in names}
    assert {line[1:] for line in IGNORED if line.startswith("!")} == names and "*" in IGNORED


def test_what_they_install_and_call_is_there():
    programs = re.findall(
        r'^    "(\w+)",$', SETUP.partition("BINARIES = (")[2].partition(")")[0], re.MULTILINE
    )
    assert len(programs) > 20
    called = re.findall(r"\b(?:make|recognize|check|reproduce)_\w+", DOCKERFILE + DEFINITION)
    assert called and set(called) <= set(programs)
    extras = re.findall(r'^        "(\w+)": ', SETUP.partition("extras_require")[2], re.MULTILINE)
    for text in (DOCKERFILE, section("post")):
        (asked,) = re.findall(r"\[([\w,]+)\]'", text)
        assert asked.split(",") and set(asked.split(",")) <= set(extras)
    low, high = re.search(r'python_requires=">=3\.(\d+),<3\.(\d+)"', SETUP).groups()
    versions = re.findall(r"(?:ARG BASE=|base=)python:3\.(\d+)-slim", DOCKERFILE + DEFINITION)
    assert len(versions) == 2 and all(int(low) <= int(version) < int(high) for version in versions)
    assert "tensorflow[and-cuda]" in DOCKERFILE and "tensorflow[and-cuda]" in DEFINITION


def test_the_shell_can_read_what_apptainer_runs():
    for name in ("post", "environment", "test", "runscript"):
        text = section(name)
        assert text.strip() and subprocess.run(["sh", "-n"], input=text, text=True).returncode == 0


@pytest.mark.slow
def test_what_they_copy_is_all_that_the_package_is_built_of(tmp_path):
    """The wheel holds the programs, the checkpoints that ship and the source of the page."""
    for name in copied_by_docker():
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    given = [sys.executable, "-c", "import setuptools.build_meta as b; print(b.build_wheel('.'))"]
    done = subprocess.run(given, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    names = zipfile.ZipFile(tmp_path / done.stdout.split()[-1]).namelist()
    for part in ("checkpoints/manifest.json", "checkpoints/vgg_19_small.ckpt.index", "web/build.mjs"):
        assert f"model_metamers/{part}" in names
    assert "model_metamers_experiments/make_metamers.py" in names
