"""The manual of every binary comes without TensorFlow and SciPy's statistics, which take seconds to load."""

import subprocess
import sys
from pathlib import Path

# In a process of its own for each, because binaries define flags of the same names.
_CHECK = """
import importlib, os, sys
import matplotlib.figure, model_metamers
slow = {"tensorflow", "scipy.stats", "scipy.signal"}
assert not slow & sys.modules.keys()
failed = []
for name in sys.argv[1:]:
    child = os.fork()
    if child == 0:
        program = importlib.import_module(f"model_metamers_experiments.{name}")
        sys.argv[:] = [name, "--help"]
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        try:
            program.run()
        except SystemExit as ended:
            os._exit(bool(slow & sys.modules.keys()) or bool(ended.code))
        os._exit(1)
    if os.waitpid(child, 0)[1]:
        failed.append(name)
assert not failed, f"{failed} load TensorFlow or SciPy, or their --help does not end with status 0"
"""


def binaries() -> list[str]:
    """Modules of the experiments that are started by themselves."""
    folder = Path(__file__).resolve().parents[2] / "experiments"
    return sorted(p.stem for p in folder.glob("*.py") if "def run() -> None" in p.read_text(encoding="utf-8"))


def test_the_manual_of_every_binary_comes_without_what_is_slow():
    names = binaries()
    assert {"make_metamers", "draw_figure", "train_suite", "fetch_checkpoint"} <= set(names)
    done = subprocess.run([sys.executable, "-c", _CHECK, *names], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_importing_the_package_loads_no_tensorflow():
    check = (
        "import sys, model_metamers as mm; mm.SignalSpec, mm.SynthesisConfig, mm.InputError, mm.networks(); "
        "dir(mm); assert 'tensorflow' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
