"""What is said where an extra is absent, and that every package of one is known."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from model_metamers import extras
from model_metamers.errors import InputError
from model_metamers.weights import saved_model

ROOT = Path(__file__).parents[1]
# In a process of its own, in which the packages of extras are as if they were not installed.
_WITHOUT = """
import sys
absent = set(sys.argv.pop(1).split(","))
sys.argv.pop(0)
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in absent:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
import importlib
importlib.import_module("model_metamers_experiments." + sys.argv[0]).run()
"""


def run_without(packages, binary, *flags):
    command = [sys.executable, "-c", _WITHOUT, ",".join(packages), binary]
    return subprocess.run([*command, *flags], capture_output=True, text=True)


def test_an_absent_package_of_an_extra_is_told_in_one_line(monkeypatch):
    for package, extra in extras.OF_PACKAGE.items():
        told = extras.advice(ModuleNotFoundError(f"No module named '{package}.x'", name=f"{package}.x"))
        assert told == f"{package} is not installed: pip install 'model_metamers[{extra}]'"
    assert extras.advice(ModuleNotFoundError("No module named 'mine'", name="mine")) is None
    assert extras.advice(ImportError("cannot import name 'x' from 'skimage'", name="skimage")) is None
    monkeypatch.setitem(sys.modules, "tensorflow_hub", None)
    with pytest.raises(InputError, match=r"tensorflow_hub is not installed: .*\[hub\]'; the folder of a"):
        saved_model.resolve("https://tfhub.dev/x/1")


def test_every_extra_is_one_of_setup():
    text = (ROOT / "setup.py").read_text(encoding="utf-8")
    named = set(re.findall(r'^        "(\w+)": ', text.partition("extras_require")[2], re.MULTILINE))
    assert {"demo", "docs", "hub", "notebook", "people"} <= named
    assert set(extras.OF_PACKAGE.values()) - {"cluster"} <= named


@pytest.mark.slow
@pytest.mark.parametrize(
    "packages, binary, flags, extra",
    [
        (["skimage"], "metamers_demo", ["--out=demo"], "demo"),
        (["sklearn"], "metamers_demo", ["--out=demo"], "demo"),
        (["espeakng_loader"], "metamers_demo", ["--out=demo"], "demo"),
    ],
)
def test_binaries_say_which_extra_they_lack(packages, binary, flags, extra, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = run_without(packages, binary, *flags)
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.strip().splitlines()
    assert line.endswith(f"is not installed: pip install 'model_metamers[{extra}]'")
