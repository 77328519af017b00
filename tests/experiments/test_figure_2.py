"""The comparison of ReLU gradients and Figure 2, as a user makes them."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
import skimage.data
from matplotlib.figure import Figure
from matplotlib.patches import Polygon
from PIL import Image

import model_metamers as mm
from model_metamers import InputError
from model_metamers.runs import results
from model_metamers.storage.reading import read_arrays
from model_metamers_experiments.figures import figure_2
from tests.builders import binaries

LAYERS = ("conv1_2", "fc6")
NAMES = ("cat", "cup")


def run_binary(*flags: str, cwd: Path):
    return binaries.run("compare_relu_gradients", *flags, "--noprogress", cwd=cwd)


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
        "linear/vgg_19_small/null.json",
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


@pytest.fixture(scope="module")
def parts(compared) -> dict[str, list]:
    """Axes of the drawn figure by part: a, b and c."""
    figures = []

    def kept(*args, **kwargs):
        figures.append(Figure(*args, **kwargs))
        return figures[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figure_2, "Figure", kept)
        figure_2.draw(compared / "out")
    (figure,) = figures
    top, bottom = figure.subfigs
    left, right = top.subfigs
    return {"a": left.axes, "b": right.axes, "c": bottom.axes}


@pytest.fixture(scope="module")
def activations(compared):
    """f(layer, signals) -> [signals, units], by the network itself."""
    network = mm.load_network("vgg_19_small")
    return lambda layer, signals: (
        network.activations(np.stack(signals), [layer])[layer].numpy().reshape(len(signals), -1)
    )


def saved(compared, gradient: str, layer: str, name: str) -> list[np.ndarray]:
    """Target and metamer."""
    arrays = np.load(compared / "out" / gradient / "vgg_19_small" / layer / name / "metamer.npz")
    return [arrays["target"], arrays["signal"]]


def table(compared) -> list[dict[str, str]]:
    return list(csv.DictReader((compared / "out" / "relu_gradients.csv").open()))


def test_part_a_shows_rho_of_the_layer_it_is_read_at(compared, parts, activations):
    spec = mm.load_network("vgg_19_small").signal
    natural = [mm.load_image(path, spec) for path in sorted((compared / "photos").iterdir())]
    shown = {}
    for axes in parts["a"]:
        made, read = (
            line.split()[-1] for line in axes.get_title().split("\n")
        )  # "metamers of LAYER", "read at LAYER"
        pairs = [activations(read, saved(compared, "linear", made, name)) for name in NAMES]
        rho = [scipy.stats.spearmanr(*pair).statistic for pair in pairs]
        (outline,) = [patch for patch in axes.patches if isinstance(patch, Polygon)]
        edges, heights = outline.get_xy()[::2, 0], outline.get_xy()[1:-1:2, 1]
        np.testing.assert_allclose(heights, np.histogram(rho, edges)[0] / len(rho))
        assert heights.sum() == pytest.approx(1.0)
        values = activations(read, natural)
        unrelated = [
            scipy.stats.spearmanr(values[i], values[j]).statistic for i in range(3) for j in range(i)
        ]
        (highest,) = [line for line in axes.lines if line.get_linestyle() == "--"]
        assert highest.get_xdata() == pytest.approx([max(unrelated)] * 2, abs=1e-6)
        shown[made, read] = heights
    assert list(shown) == [(made, read) for made in LAYERS for read in LAYERS]
    assert not np.array_equal(shown["conv1_2", "fc6"], shown["conv1_2", "conv1_2"])
    assert not np.array_equal(shown["fc6", "conv1_2"], shown["fc6", "fc6"])


def test_part_b_shows_the_activations_of_either_gradient(compared, parts, activations):
    rho = {(r["layer"], r["stimulus"], r["gradient"]): float(r["rho"]) for r in table(compared)}
    assert [axes.get_title().split(":")[0] for axes in parts["b"]] == [
        "plain ReLU gradient",
        "linear gradient",
    ]
    for axes, gradient in zip(parts["b"], ("plain", "linear"), strict=True):
        (points,) = [line for line in axes.lines if line.get_linestyle() == "None"]
        target, found = activations("fc6", saved(compared, gradient, "fc6", "cat"))
        np.testing.assert_allclose(points.get_xdata(), target, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(points.get_ydata(), found, rtol=1e-4, atol=1e-5)
        lost = np.mean(found[target > 0] == 0)
        assert f"ρ {rho['fc6', 'cat', gradient]:.3f}, {lost:.0%} lost" in axes.get_title()


def test_part_c_shows_rho_of_either_gradient_under_its_name(compared, parts):
    (axes,) = parts["c"]
    named = {"plain ReLU gradient": "plain", "linear gradient": "linear"}
    colors = {
        handle.get_color(): named[label]
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    drawn = {
        (LAYERS[round(np.mean(line.get_xdata()))], colors[line.get_color()]): list(line.get_ydata())
        for line in axes.lines
    }
    rows = table(compared)
    expected = {
        (layer, gradient): [float(r["rho"]) for r in rows if (r["layer"], r["gradient"]) == (layer, gradient)]
        for layer in LAYERS
        for gradient in ("plain", "linear")
    }
    assert drawn == expected and len({tuple(rho) for rho in expected.values()}) == 4
    bars = [segment for bar in axes.collections for segment in bar.get_segments()]
    assert [bar[0, 1] for bar in bars] == pytest.approx(
        [np.mean(expected[layer, gradient]) for gradient in ("plain", "linear") for layer in LAYERS]
    )
    ticks = [label.get_text() for label in axes.get_xticklabels()]
    for tick, layer in zip(ticks, LAYERS, strict=True):
        own = [row for row in rows if row["layer"] == layer]
        shares = [np.mean([float(row[name]) for row in own]) for name in ("zero_target", "zero_start")]
        assert tick == f"{layer}\n{shares[0]:.0%} | {shares[1]:.0%}"


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
