"""The comparison of ReLU gradients and Figure 2, as a user makes them."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image

import model_metamers as mm
from model_metamers import InputError
from model_metamers.runs import results
from model_metamers.storage.reading import read_arrays
from model_metamers_experiments.figures import figure_2

LAYERS = ("conv1_2", "fc6")
NAMES = ("cat", "cup")


def run_binary(*flags: str, cwd: Path) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "model_metamers_experiments.compare_relu_gradients", *flags]
    return subprocess.run([*command, "--noprogress"], cwd=cwd, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def compared(tmp_path_factory) -> Path:
    """Three photographs, of which two are matched, after 20 iterations; and a second run of one layer."""
    folder = tmp_path_factory.mktemp("relu")
    (folder / "photos").mkdir()
    for name in ("chelsea", "coffee", "rocket"):
        shown = {"chelsea": "cat", "coffee": "cup"}.get(name, name)
        Image.fromarray(getattr(skimage.data, name)()).save(folder / "photos" / f"{shown}.png")
    flags = ["--network=vgg_19_small", "--inputs=photos", "--stimuli=2", "--iterations=20", "--out=out"]
    result = run_binary(*flags, "--layers=fc6,conv1_2", cwd=folder)
    assert result.returncode == 0, result.stderr
    (folder / "stdout").write_text(result.stdout)
    (folder / "before").write_bytes((folder / "out" / "relu_gradients.csv").read_bytes())
    again = run_binary(*flags, "--layers=fc6", "--example_layer=fc6", cwd=folder)
    assert again.returncode == 0, again.stderr
    return folder


def test_run_leaves_its_files(compared):
    out = compared / "out"
    written = {str(p.relative_to(out)) for p in out.rglob("*") if p.is_file()}
    of_one = ("metamer.json", "metamer.npz", "metamer.png", "target.png")
    expected = {
        "relu_gradients.csv",
        "relu_gradients.json",
        "vgg_19_small_example.npz",
        "vgg_19_small_flags.txt",
        "figure_2_vgg_19_small.png",
        "figure_2_vgg_19_small.pdf",
        "linear/vgg_19_small/null.npz",
    }
    for gradient in figure_2.GRADIENTS:
        expected.add(f"{gradient}/vgg_19_small/settings.json")
        expected |= {
            f"{gradient}/vgg_19_small/{layer}/{name}/{file}"
            for layer in LAYERS
            for name in NAMES
            for file in of_one
        }
    assert written == expected


def test_rows_tell_every_metamer(compared):
    out = compared / "out"
    rows = list(csv.DictReader((out / "relu_gradients.csv").open()))
    keys = [(r["layer"], r["stimulus"], r["gradient"]) for r in rows]
    assert keys == [(layer, name, g) for layer in LAYERS for name in NAMES for g in ("linear", "plain")]
    for row in rows:
        metamer = results.load(out / row["gradient"] / "vgg_19_small" / row["layer"] / row["stimulus"])
        assert metamer.config.relu_gradient == row["gradient"]
        assert float(row["rho"]) == metamer.spearman[row["layer"]]
        assert set(metamer.spearman) >= set(LAYERS)
        shares = [float(row[k]) for k in ("zero_target", "zero_start", "zero_start_of_active", "lost")]
        assert all(0 <= share <= 1 for share in shares)
    assert float(rows[0]["rho"]) != float(rows[1]["rho"])
    table = (compared / "stdout").read_text().splitlines()
    assert [line.split()[:2] for line in table[2:4]] == [["conv1_2", "2"], ["fc6", "2"]]


def test_zero_shares_are_those_of_the_layer(compared):
    out = compared / "out"
    network = mm.load_network("vgg_19_small")
    row = json.loads((out / "relu_gradients.json").read_text())[1]
    metamer = results.load(out / row["gradient"] / "vgg_19_small" / row["layer"] / row["stimulus"])
    signals = np.stack([metamer.target, metamer.signal])
    target, found = network.activations(signals, [row["layer"]])[row["layer"]].numpy()
    assert row["zero_target"] == np.mean(target == 0)
    assert row["lost"] == pytest.approx(np.sum((target > 0) & (found == 0)) / np.sum(target > 0))


def test_later_run_keeps_what_is_there_and_changes_the_example(compared):
    out = compared / "out"
    assert (out / "relu_gradients.csv").read_bytes() == (compared / "before").read_bytes()
    example = read_arrays(out / "vgg_19_small_example.npz")
    assert (str(example["layer"]), str(example["stimulus"])) == ("fc6", "cat")
    assert {name: v.shape for name, v in example.items() if v.ndim} == {
        "target": (256,),
        "linear": (256,),
        "plain": (256,),
    }


def test_figure_repeats_from_saved_results(compared, tmp_path):
    out = compared / "out"
    before = (out / "figure_2_vgg_19_small.png").read_bytes()
    drawn = figure_2.draw(out)
    assert [p.name for p in drawn] == ["figure_2_vgg_19_small.png", "figure_2_vgg_19_small.pdf"]
    assert drawn[0].read_bytes() == before
    with pytest.raises(InputError, match=r"relu_gradients\.json: no results"):
        figure_2.draw(tmp_path)
    (tmp_path / "relu_gradients.json").write_text("[]")
    with pytest.raises(InputError, match="holds no metamers"):
        figure_2.draw(tmp_path)
    (tmp_path / "relu_gradients.json").write_bytes((out / "relu_gradients.json").read_bytes())
    with pytest.raises(InputError, match=r"metamer\.json: no readable metamer"):
        figure_2.draw(tmp_path)


REFUSALS = [
    ("--layers=conv1_2,fc8", "fc8 does not end in a ReLU, so there is nothing to compare; these layers do: "),
    ("--layers=fc6 --example_layer=fc7", "--example_layer=fc7: expected one of fc6"),
    ("--inputs=nowhere", "no such file or folder"),
]


@pytest.mark.parametrize(("flags", "message"), REFUSALS, ids=[f for f, _ in REFUSALS])
def test_bad_input_ends_in_one_line_before_any_work(compared, tmp_path, flags, message):
    defaults = ["--network=vgg_19_small", f"--inputs={compared}/photos", f"--out={tmp_path}/out"]
    result = run_binary(*defaults, *flags.split(), cwd=tmp_path)
    assert result.returncode == 2 and result.stdout == ""
    lines = [line for line in result.stderr.splitlines() if "cuInit" not in line]
    assert len(lines) == 1 and lines[0].startswith("compare_relu_gradients: ") and message in lines[0]
    assert not list(tmp_path.rglob("*.npz"))
