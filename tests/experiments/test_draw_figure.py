"""Figures from the command line, and the walls of the rooms that draw them."""

import subprocess
import sys
from pathlib import Path

import pytest

from model_metamers_experiments.figures import curves
from tests.builders.judgements import OTHER, SEED1, VGG, write_results


@pytest.fixture
def seen(tmp_path) -> Path:
    return write_results(tmp_path / "recognition.csv", [(SEED1, VGG), (OTHER, VGG), (VGG, OTHER)])


def binary(*flags: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "model_metamers_experiments.draw_figure", *flags]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_command_line_draws_the_same_bytes_twice(seen, tmp_path):
    out = [tmp_path / "drawn" / f"{i}.pdf" for i in range(2)]
    names = "--names=vgg_small as VGG, inception_small as Inception"
    for path in out:
        result = binary("--figure=5", f"--recognition={seen}", f"--out={path}", names)
        assert result.returncode == 0 and f"Written: {path}" in result.stdout, result.stderr
        assert not [line for line in result.stderr.splitlines() if "cuInit" not in line]
    assert out[0].read_bytes() == out[1].read_bytes() and out[0].read_bytes().startswith(b"%PDF")
    assert {p.name for p in out[0].parent.iterdir()} == {"0.pdf", "1.pdf"}


def test_drawing_loads_no_tensorflow(seen, tmp_path):
    code = (
        "import sys; from model_metamers_experiments import draw_figure\n"
        "try: draw_figure.run()\n"
        "except SystemExit as ended: assert not ended.code\n"
        "assert not {'tensorflow', 'keras'} & sys.modules.keys()"
    )
    flags = ["--figure=5", f"--recognition={seen}", f"--out={tmp_path / 'drawn.png'}"]
    done = subprocess.run([sys.executable, "-c", code, *flags], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "drawn.png").exists()


REFUSED = {
    "--figure=5": "--figure=5 needs --recognition",
    "--figure=3 --recognition=x": "--figure=3 needs --metamers",
    "--figure=s9 --recognition=x --layers=a": "--figure=S9 knows no --layers",
    "--figure=6 --recognition=nowhere": "nowhere: no readable recognition.csv",
    "--figure=3b": "--figure=3b needs --recognition",
    "--figure=4 --recognition=x --decision=fine": "--figure=4 knows no --decision",
    "--figure=3d --recognition=nowhere": "nowhere: no readable recognition.csv",
    "--figure=6 --recognition=x --judges=a,b": "one network judges in Figure 6",
    "--figure=5 --recognition=x --names=vgg": '"NETWORK as TEXT"',
    "--figure=5 --recognition=x --out=figure.doc": "expected a file that ends in .pdf, .png, .svg",
}

# All in one process, since TensorFlow takes seconds to load.
TELL_REFUSALS = """
import sys
from absl import flags
from model_metamers_experiments import draw_figure

for line in sys.argv[1:]:
    flags.FLAGS.unparse_flags()
    for name in ("out", "recognition", "metamers", "judges", "layers", "names", "decision"):
        flags.FLAGS[name].unparse()
    flags.FLAGS(["draw_figure", "--out=figure.png", *line.split()])
    try:
        draw_figure.main()
    except draw_figure.mm.InputError as error:
        print(error)
"""


def test_command_line_refusals(tmp_path):
    command = [sys.executable, "-c", TELL_REFUSALS, *REFUSED]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    lines = result.stdout.splitlines()
    assert result.returncode == 0 and len(lines) == len(REFUSED), result.stderr
    for line, message in zip(lines, REFUSED.values(), strict=True):
        assert message in line
    assert not list(tmp_path.iterdir())


def test_a_refusal_is_one_line_and_writes_nothing(tmp_path):
    result = binary("--figure=5", f"--recognition={tmp_path}", f"--out={tmp_path}/figure.png")
    lines = [line for line in result.stderr.splitlines() if "cuInit" not in line]
    assert result.returncode == 2 and len(lines) == 1 and lines[0].startswith("draw_figure: ")
    assert not list(tmp_path.iterdir())


def test_no_figure_loads_tensorflow():
    figures = sorted(path.stem for path in Path(curves.__file__).parent.glob("*.py"))
    assert {"figure_2", "figure_3", "figure_5", "figure_s1_s8", "original_comparison"} <= set(figures)
    code = "import importlib, sys\n" + "".join(
        f"importlib.import_module('model_metamers_experiments.figures.{name}')\n"
        f"assert 'tensorflow' not in sys.modules, '{name}'\n"
        for name in figures
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "draw_figure",
            ("no network is run", "--figure", "--metamers", "--judges", "--generators", "--names"),
        ),
        (
            "recognize_metamers",
            (
                "who recognises whose",
                "RUNS THE FILE",
                "--metamers",
                "--judges",
                "--[no]without_self",
                "--decision",
                "--criteria",
                "--bootstrap",
            ),
        ),
    ],
)
def test_help_is_the_manual_and_loads_no_tensorflow(name, words):
    code = (
        f"import atexit, sys; sys.argv = ['{name}', '--help']; "
        "atexit.register(lambda: print('loaded:', 'tensorflow' in sys.modules)); "
        f"from model_metamers_experiments import {name}; {name}.run()"
    )
    text = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    assert all(word in text for word in (*words, "--out")) and text.splitlines()[-1] == "loaded: False"
