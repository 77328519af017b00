"""docs/your_network.md, typed as it is written."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model_metamers.catalog import named_network, registered
from model_metamers.weights import manifest
from tests.builders.lab_packages import installed, write_package

PAGE = (Path(__file__).parents[1] / "docs" / "your_network.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def typed(folder: Path) -> str:
    """Types the page's Python and files into a folder; what was printed."""
    import contextlib
    import io

    signal, lab_manifest = blocks("json")
    (folder / "model.signal.json").write_text(signal)
    (folder / "manifest.json").write_text(lab_manifest)
    names: dict = {}
    printed = io.StringIO()
    for code in blocks("python"):
        if code.startswith("# lab.py\n"):
            (folder / "lab.py").write_text(code)
        else:
            with contextlib.redirect_stdout(printed):
                exec(compile(code, "docs/your_network.md", "exec"), names)
    return printed.getvalue()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(registered, "_BUILDERS", {})
    return tmp_path


def test_the_page_holds_what_it_says(folder):
    assert typed(folder) == blocks("text")[0]
    network = named_network.load("model.keras")
    assert network.layers == ("backbone/conv_1", "backbone/relu_2") and network.classes[1] == "dog"
    lab = named_network.load("lab.py:network")
    assert lab.layers == ("conv",)
    weights = folder / "lab.weights.h5"
    with pytest.raises(named_network.InputError, match="does not build from the checkpoint"):
        named_network.load("lab.py:network", str(weights))


def test_the_packages_of_the_page_are_found(folder):
    (point,) = re.findall(r'^(\w+ = ".+")$', blocks("toml")[0], re.MULTILINE)
    name, value = point.replace('"', "").split(" = ")
    entries = json.loads(blocks("json")[1])
    entries["lab-model-2026"]["sha256"] = None
    write_package(folder / "site", value.partition(".")[0], {name: value}, manifest=entries)
    with installed(folder / "site"):
        assert registered.names() == (name,)
        assert manifest.find_download(name).name == "lab-model-2026"


def test_every_field_is_on_the_page():
    from model_metamers.signals.described import _Fields

    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", PAGE, re.MULTILINE)
    assert {field for row in rows for field in re.findall(r"\w+", row)} >= set(_Fields.__struct_fields__)


@pytest.mark.slow
def test_the_commands_of_the_page_run(folder):
    typed(folder)
    (folder / "photos").mkdir()
    for number in range(2):
        pixels = np.random.default_rng(number).integers(0, 256, [40, 48, 3], dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "photos" / f"{number}.png")
    for command in blocks("sh"):
        name, *flags = shlex.split(command)
        run = [sys.executable, "-m", f"model_metamers_experiments.{name}", *flags, "--noprogress"]
        done = subprocess.run(run, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert list(folder.glob("metamers/model/backbone_relu_2/*/metamer.png"))
    assert list(folder.glob("metamers_of_lab/lab/conv/*/metamer.png"))
