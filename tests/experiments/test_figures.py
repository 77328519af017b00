"""Figures 3, 5, 6 and S9, drawn from results as the project's own writers leave them."""

import csv
import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import model_metamers as mm
from model_metamers import InputError, plots
from model_metamers.recognition import judging
from model_metamers.storage.writing import write_rows
from model_metamers_experiments.figures import curves, figure_3, figure_5, figure_6, figure_s9, points
from model_metamers_experiments.figures.points import Who
from tests.builders import binaries
from tests.recognition.test_recognition import make_run

LAYERS = ("conv_2", "conv_10", "fc")  # not in the alphabet's order
STIMULI = 12
VGG, SEED1, OTHER, RANDOM = (
    ("vgg_small", "sha256:aaaa1111"),
    ("vgg_small_seed1", "sha256:bbbb2222"),
    ("inception_small", "sha256:cccc3333"),
    ("vgg_small", "random:0"),
)


def write_results(path: Path, pairs, decisions=("fine",), optimized=("waveform",), failing=2, unknown=0):
    """`recognition.csv` of judgements drawn at random, of a (judge, generator) each.

    Of the stimuli the first `failing` fail at the second layer, and `unknown` have no truth.
    """
    random, rows = np.random.default_rng(0), []
    for judge, generator in pairs:
        for decision in decisions:
            for way in optimized:
                for index, layer in reversed(list(enumerate(("natural", *LAYERS), -1))):
                    for stimulus in range(STIMULI):
                        included = index != 1 or stimulus >= failing
                        tells = stimulus < STIMULI - unknown
                        rows.append(
                            {
                                "judge": judge[0],
                                "judge_weights": judge[1],
                                "decision": decision,
                                "generator": generator[0],
                                "generator_weights": generator[1],
                                "layer": layer,
                                "layer_index": index,
                                "optimized": way,
                                "relu_gradient": "linear",
                                "settings": "" if index < 0 else "iterations=5",
                                "stimulus": f"s{stimulus}",
                                "search_seed": None if index < 0 else 0,
                                "included": included,
                                "correct": bool(random.random() < 0.9 - 0.2 * (index + 1)) if tells else None,
                                "counted": included and tells,
                            }
                        )
    chance = {(*judge, d): 0.1 if d == "fine" else 1 / 16 for judge, _ in pairs for d in decisions}
    write_rows(path, judging.points(rows, chance, resamples=200))
    return path


def numbers(path: Path, **where) -> list[dict[str, str]]:
    """Rows of the CSV, early to late."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if where.items() <= row.items()]
    return sorted(rows, key=lambda row: int(row["layer_index"]))


def drawn(axes) -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Places, heights, and half lengths of the error bars, by label of the curve."""
    found = {}
    for container in axes.containers:
        line, _, (bars,) = container.lines
        half = [np.ptp(s[:, 1]) / 2 if len(s) else np.nan for s in bars.get_segments()]
        found[container.get_label()] = (line.get_xdata(), line.get_ydata(), np.array(half))
    return found


def check_curve(curve, rows):
    """A curve is the CSV's numbers, natural first, then layers early to late."""
    places, heights, bars = curve
    assert [row["layer"] for row in rows] == ["natural", *LAYERS]
    assert np.array_equal(np.rint(places), range(len(rows)))
    assert np.array_equal(heights, [float(row["proportion"]) for row in rows])
    np.testing.assert_allclose(bars, [float(row["sem"]) for row in rows], atol=1e-12)


def ticks(axes) -> list[str]:
    return [label.get_text() for label in axes.get_xticklabels()]


def texts(axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


@pytest.fixture
def seen(tmp_path) -> Path:
    pairs = [(judge, generator) for judge in (OTHER, SEED1, VGG) for generator in (VGG, OTHER)]
    return write_results(tmp_path / "recognition.csv", pairs, ("fine", "sixteen"), ("image",))


def test_figure_5_is_the_csv(seen):
    figure = figure_5.draw([seen.parent])
    axes = np.array(figure.axes).reshape(3, 2)
    assert [a.get_title() for a in axes[0]] == [f"metamers of\n{g[0]}" for g in (VGG, OTHER)]
    for row, decision in zip(axes, ("sixteen", "fine"), strict=False):
        for panel, generator in zip(row, (VGG, OTHER), strict=True):
            found = drawn(panel)
            assert list(found) == [VGG[0], SEED1[0], OTHER[0]]
            for judge, curve in found.items():
                check_curve(curve, numbers(seen, judge=judge, generator=generator[0], decision=decision))
    assert "16-way" in axes[0, 0].get_ylabel() and "all classes" in axes[1, 0].get_ylabel()
    for row, chance in ((axes[0], 1 / 16), (axes[1], 0.1)):
        (line,) = [x for x in row[0].get_lines() if x.get_label() == "chance"]
        assert set(line.get_ydata()) == {chance}
    for panel in axes[2]:
        assert ticks(panel) == ["natural", *LAYERS]
        assert texts(panel) == ["12", "12", "10", "12"]
    assert axes[2, 0].get_ylabel() == "passed\nof 12"
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == [VGG[0], SEED1[0], OTHER[0], "chance"]


def test_figure_5_chooses_and_names(seen):
    figure = figure_5.draw(
        [seen],
        [OTHER[0]],
        [f"{SEED1[0]}=bbbb", VGG[0]],
        ["fine"],
        {VGG[0]: "VGG-19", f"{VGG[0]}=sha256:aa": "VGG, first"},
    )
    assert len(figure.axes) == 2
    assert list(drawn(figure.axes[0])) == [SEED1[0], "VGG, first"]
    check_curve(
        drawn(figure.axes[0])["VGG, first"], numbers(seen, judge=VGG[0], generator=OTHER[0], decision="fine")
    )


def test_seeds_share_a_colour_and_every_curve_a_look_of_its_own(seen):
    lines = {c.get_label(): c.lines[0] for c in figure_5.draw([seen]).axes[0].containers}
    vgg, seed1, other = (lines[who[0]] for who in (VGG, SEED1, OTHER))
    assert (vgg.get_color(), vgg.get_marker()) == (seed1.get_color(), seed1.get_marker())
    assert vgg.get_linestyle() != seed1.get_linestyle() and seed1.get_markerfacecolor() == "white"
    assert other.get_color() != vgg.get_color() and other.get_marker() != vgg.get_marker()
    styles = [plots.line_style(i) for i in range(7)]
    assert len({s["color"] for s in styles}) == len({s["marker"] for s in styles}) == 7


def test_missing_judges_are_refused(seen, tmp_path):
    with pytest.raises(InputError, match=r"no judge 'resnet'.*there are inception_small=cccc3333"):
        figure_5.draw([seen], judges=["resnet"])
    with pytest.raises(InputError, match="no generating network 'vgg_small=ffff'"):
        figure_5.draw([seen], generators=["vgg_small=ffff"])
    with pytest.raises(InputError, match=r"no decision 'classes'.*fine, sixteen"):
        figure_5.draw([seen], decisions=["classes"])
    alone = write_results(tmp_path / "alone.csv", [(VGG, VGG)])
    with pytest.raises(InputError, match="no network but vgg_small itself judged"):
        figure_5.draw([alone])
    with_alone = write_results(
        tmp_path / "some.csv", [(VGG, OTHER), (SEED1, VGG), (OTHER, VGG), (SEED1, SEED1)]
    )
    titles = [axes.get_title() for axes in figure_5.draw([with_alone]).axes]
    assert sum("metamers of" in title for title in titles) == 2  # not of the one that judged itself alone
    half = write_results(tmp_path / "half.csv", [(VGG, OTHER), (SEED1, VGG), (OTHER, VGG)])
    with pytest.raises(InputError, match=r"vgg_small_seed1 \(bbbb2222\) did not judge .* inception_small"):
        figure_5.draw([half], judges=[SEED1[0], VGG[0], OTHER[0]])
    with pytest.raises(InputError, match="several networks judge here"):
        figure_6.draw([seen])
    with pytest.raises(InputError, match="judged no metamers but its own"):
        figure_6.draw([alone])


def test_figure_6_is_the_csv_with_each_network_s_counts(tmp_path):
    own = write_results(tmp_path / "a.csv", [(VGG, RANDOM), (VGG, OTHER)], failing=5, unknown=1)
    more = write_results(tmp_path / "b.csv", [(VGG, SEED1), (VGG, VGG)])
    figure = figure_6.draw([own, more])
    panel, table = figure.axes
    called = {
        "the same network": (more, VGG),
        "another seed": (more, SEED1),
        "inception_small": (own, OTHER),
        "untrained": (own, RANDOM),
    }
    assert list(drawn(panel)) == list(called)
    for label, (file, (name, weights)) in called.items():
        check_curve(drawn(panel)[label], numbers(file, generator=name, generator_weights=weights))
    assert panel.get_title() == "judged by vgg_small" and ticks(table) == ["natural", *LAYERS]
    full = ["12", "12", "10", "12"]
    assert texts(table) == full * 2 + ["12\n(11)", "12\n(11)", "7\n(6)", "12\n(11)"] * 2
    chosen = figure_6.draw([own, more], generators=[OTHER[0], SEED1[0]], names={OTHER[0]: "both tasks"})
    assert list(drawn(chosen.axes[0])) == ["both tasks", "another seed"]


def test_a_point_without_metamers_breaks_the_curve(tmp_path):
    file = write_results(tmp_path / "a.csv", [(VGG, SEED1)], failing=STIMULI)
    panel, table = figure_6.draw([file]).axes
    heights = drawn(panel)["another seed"][1]
    assert np.isnan(heights[2]) and np.isfinite(heights[[0, 1, 3]]).all()
    assert texts(table)[2] == "0" and table.get_ylabel() == "passed\nof 12"


def test_figure_s9_is_the_csv(tmp_path):
    pairs = [(SEED1, VGG), (VGG, VGG), (RANDOM, VGG), (OTHER, VGG)]
    file = write_results(tmp_path / "recognition.csv", pairs, optimized=("cochleagram", "waveform"))
    panel, table = figure_s9.draw([file]).axes
    assert panel.get_title() == "metamers of vgg_small\njudged by vgg_small_seed1"
    assert list(drawn(panel)) == ["waveform optimised", "cochleagram optimised"]
    for way in ("waveform", "cochleagram"):
        check_curve(drawn(panel)[f"{way} optimised"], numbers(file, judge=SEED1[0], optimized=way))
    assert texts(table) == ["12", "12", "10", "12"] * 2
    check_curve(
        drawn(figure_6.draw([file], SEED1[0]).axes[0])["another seed"],
        numbers(file, judge=SEED1[0], optimized="waveform"),
    )


def test_figure_s9_needs_both_ways_and_another_seed(seen, tmp_path):
    with pytest.raises(InputError, match=r"vgg_small, .*whose image was optimised"):
        figure_s9.draw([seen], generators=[VGG[0]])
    both = ("waveform", "cochleagram")
    file = write_results(tmp_path / "a.csv", [(VGG, VGG), (OTHER, VGG), (RANDOM, VGG)], optimized=both)
    with pytest.raises(InputError, match="no trained network of another seed"):
        figure_s9.draw([file])


def test_other_files_are_refused(seen, tmp_path):
    with pytest.raises(InputError, match=r"recognition\.csv: no readable recognition\.csv"):
        points.read([tmp_path / "nowhere" / "recognition.csv"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no readable recognition\.csv of recognize_metamers"):
        points.read([tmp_path / "empty"])
    (tmp_path / "verdicts.csv").write_text("network,layer\nvgg,conv\n")
    with pytest.raises(InputError, match=r"verdicts\.csv: not recognition\.csv .* 'judge'"):
        points.read([tmp_path / "verdicts.csv"])
    (tmp_path / "half.csv").write_text("\n".join(seen.read_text().splitlines()[:3])[:-20])
    with pytest.raises(InputError, match=r"half\.csv: not recognition\.csv"):
        points.read([tmp_path / "half.csv"])
    (tmp_path / "none.csv").write_bytes(b"")
    with pytest.raises(InputError, match="holds no points"):
        points.read([tmp_path / "none.csv"])
    with pytest.raises(InputError, match="both tell how"):
        points.read([seen, seen])
    with pytest.raises(InputError, match=r"no recognition\.csv was given"):
        points.read([])


def test_a_layer_searched_in_two_ways_is_refused(tmp_path):
    file = write_results(tmp_path / "a.csv", [(VGG, SEED1)])
    other = tmp_path / "b.csv"
    other.write_text(file.read_text().replace("iterations=5", "iterations=9"))
    text = other.read_text().splitlines()
    other.write_text("\n".join(line for line in text if "natural" not in line) + "\n")
    with pytest.raises(InputError, match=r"conv_2 .* several ways \(iterations=5; iterations=9\)"):
        figure_6.draw([file, other])


def test_networks_of_one_name_are_told_apart_by_their_weights():
    same = [Who("vgg", "sha256:12345678ff"), Who("vgg", "sha256:87654321ff"), Who("vgg", "random:3")]
    called = ["vgg (12345678)", "vgg (87654321)", "vgg, untrained"]
    assert list(points.labels(same).values()) == called
    assert same[0].is_other_seed_of(same[1]) and not same[0].is_other_seed_of(same[2])
    assert [w.is_named("vgg=1234") for w in same] == [True, False, False]
    assert [w.is_named("vgg=random:3") for w in same] == [False, False, True]


def test_counts_tell_the_total_where_it_differs(seen):
    own = [p for p in points.read([seen]) if p.layer == "conv_10"]
    fewer = dataclasses.replace(own[0], n=4)
    assert curves.count_text([]) == "-"
    assert curves.count_text(own) == "10/12" and curves.count_text(own, 12) == "10"
    assert curves.count_text([fewer, *own[1:]], 12) == "10\n(4-10)"


@pytest.fixture(scope="module")
def made(tmp_path_factory, tiny_vgg, tiny_word_cnn, small_images, small_sounds) -> Path:
    """Two images and two sounds; signal_0 of the images fails at conv3_4."""
    folder = tmp_path_factory.mktemp("made")
    passing = lambda layer, stimulus, seed: (layer, stimulus) != ("conv3_4", "signal_0")  # noqa: E731
    make_run(tiny_vgg, small_images[:2], ("conv1_2", "conv3_4"), (1, 0), folder / "images", passing)
    make_run(tiny_word_cnn, small_sounds[:2], ("conv_2", "logits"), (0,), folder / "sounds")
    return folder


def test_figure_3_shows_the_files(made):
    figure = figure_3.draw([made])
    pictures, sounds = figure.subfigs
    natural, early, late = pictures.axes
    assert natural.get_title() == "natural\nsignal_1" and natural.get_ylabel() == "vgg_tiny, untrained"
    assert [a.get_title().split("\n")[0] for a in (early, late)] == ["conv1_2", "conv3_4"]
    for axes, file in ((natural, "conv1_2/signal_1/target"), (late, "conv3_4/signal_1/metamer")):
        spec = mm.SignalSpec("image", (32, 32, 3), 0.0, 1.0)
        shown = mm.load_image(made / "images" / "0" / f"{file}.png", spec)
        np.testing.assert_allclose(axes.images[0].get_array(), shown, atol=1e-6)
    titles = [a.get_title().split("\n")[0] for a in sounds.axes]
    assert titles == ["natural", "conv_2", "logits"]
    assert [a.get_xlabel() for a in sounds.axes] == ["time (s)"] * 3
    assert "frequency (Hz)" in sounds.axes[0].get_ylabel()
    brightest = {a.images[0].get_clim() for a in sounds.axes}
    assert brightest == {(0.0, float(sounds.axes[0].images[0].get_array().max()))}


def test_figure_3_chooses_and_tells_what_fails(made):
    figure = figure_3.draw([made / "images"], ["signal_0"], ["conv3_4"], {"vgg_tiny": "VGG"})
    (part,) = figure.subfigs
    natural, late = part.axes
    assert natural.get_ylabel() == "VGG" and late.get_title().endswith(", fails")
    with pytest.raises(InputError, match="no metamers of the stimulus 'dog'; there are signal_0, signal_1"):
        figure_3.draw([made], ["dog"])
    with pytest.raises(InputError, match="no metamers of the layer 'conv_9'"):
        figure_3.draw([made], layers=["conv_9"])


def test_figure_3_refuses_other_folders(seen):
    with pytest.raises(InputError, match="holds no metamers"):
        figure_3.draw([seen.parent])
    with pytest.raises(InputError, match="no such folder"):
        figure_3.draw([seen])


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


REFUSED = {
    "--figure=5": "--figure=5 needs --recognition",
    "--figure=3 --recognition=x": "--figure=3 needs --metamers",
    "--figure=s9 --recognition=x --layers=a": "--figure=S9 knows no --layers",
    "--figure=6 --recognition=nowhere": "nowhere: no readable recognition.csv",
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
    for name in ("out", "recognition", "metamers", "judges", "layers", "names"):
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


def test_help_is_the_manual():
    code = (
        "import sys; sys.argv = ['draw_figure', '--help']; "
        "from model_metamers_experiments import draw_figure; draw_figure.run()"
    )
    text = binaries.run_program(code).stdout
    assert "no network is run" in text
    for flag in ("--figure", "--recognition", "--metamers", "--judges", "--generators", "--names", "--out"):
        assert flag in text


def test_long_names_of_figure_3_are_broken_and_kept_whole():
    name = "environmental_reduced_aliasing_small, untrained"
    broken = figure_3._in_lines(name)
    assert max(map(len, broken.split("\n"))) <= 22
    assert broken.replace("\n", "").replace(" ", "") == name.replace(" ", "")
    assert figure_3._in_lines("vgg_19") == "vgg_19"
