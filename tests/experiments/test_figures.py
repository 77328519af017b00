"""Figures 5, 6 and S9, drawn from results as the project's own writers leave them."""

import csv
import dataclasses
from pathlib import Path

import numpy as np
import pytest

from model_metamers import InputError, plots
from model_metamers.recognition.judgement import Who
from model_metamers.recognition.points import read_points
from model_metamers_experiments.figures import choosing, curves, figure_5, figure_6, figure_s9
from tests.builders.judgements import LAYERS, OTHER, RANDOM, SEED1, STIMULI, VGG, write_results


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
    assert [a.get_title() for a in axes[0]] == [f"metamers of\n{g.name}" for g in (VGG, OTHER)]
    for row, decision in zip(axes, ("sixteen", "fine"), strict=False):
        for panel, generator in zip(row, (VGG, OTHER), strict=True):
            found = drawn(panel)
            assert list(found) == [VGG.name, SEED1.name, OTHER.name]
            for judge, curve in found.items():
                check_curve(curve, numbers(seen, judge=judge, generator=generator.name, decision=decision))
    assert "16-way" in axes[0, 0].get_ylabel() and "all classes" in axes[1, 0].get_ylabel()
    for row, chance in ((axes[0], 1 / 16), (axes[1], 0.1)):
        (line,) = [x for x in row[0].get_lines() if x.get_label() == "chance"]
        assert set(line.get_ydata()) == {chance}
    for panel in axes[2]:
        assert ticks(panel) == ["natural", *LAYERS]
        assert texts(panel) == ["12", "12", "10", "12"]
    assert axes[2, 0].get_ylabel() == "passed\nof 12"
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == [VGG.name, SEED1.name, OTHER.name, "chance"]


def test_figure_5_chooses_and_names(seen):
    figure = figure_5.draw(
        [seen],
        [OTHER.name],
        [f"{SEED1.name}=bbbb", VGG.name],
        ["fine"],
        {VGG.name: "VGG-19", f"{VGG.name}=sha256:aa": "VGG, first"},
    )
    assert len(figure.axes) == 2
    assert list(drawn(figure.axes[0])) == [SEED1.name, "VGG, first"]
    check_curve(
        drawn(figure.axes[0])["VGG, first"],
        numbers(seen, judge=VGG.name, generator=OTHER.name, decision="fine"),
    )


def test_seeds_share_a_colour_and_every_curve_a_look_of_its_own(seen):
    lines = {c.get_label(): c.lines[0] for c in figure_5.draw([seen]).axes[0].containers}
    vgg, seed1, other = (lines[who.name] for who in (VGG, SEED1, OTHER))
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
        figure_5.draw([half], judges=[SEED1.name, VGG.name, OTHER.name])
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
    for label, (file, who) in called.items():
        check_curve(drawn(panel)[label], numbers(file, **who.cells("generator")))
    assert panel.get_title() == "judged by vgg_small" and ticks(table) == ["natural", *LAYERS]
    full = ["12", "12", "10", "12"]
    assert texts(table) == full * 2 + ["12\n(11)", "12\n(11)", "7\n(6)", "12\n(11)"] * 2
    chosen = figure_6.draw([own, more], generators=[OTHER.name, SEED1.name], names={OTHER.name: "both tasks"})
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
        check_curve(drawn(panel)[f"{way} optimised"], numbers(file, judge=SEED1.name, optimized=way))
    assert texts(table) == ["12", "12", "10", "12"] * 2
    check_curve(
        drawn(figure_6.draw([file], SEED1.name).axes[0])["another seed"],
        numbers(file, judge=SEED1.name, optimized="waveform"),
    )


def test_figure_s9_needs_both_ways_and_another_seed(seen, tmp_path):
    with pytest.raises(InputError, match=r"vgg_small, .*whose image was optimised"):
        figure_s9.draw([seen], generators=[VGG.name])
    both = ("waveform", "cochleagram")
    file = write_results(tmp_path / "a.csv", [(VGG, VGG), (OTHER, VGG), (RANDOM, VGG)], optimized=both)
    with pytest.raises(InputError, match="no trained network of another seed"):
        figure_s9.draw([file])


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
    assert list(choosing.labels(same).values()) == called
    assert same[0].is_other_seed_of(same[1]) and not same[0].is_other_seed_of(same[2])
    assert [w.is_named("vgg=1234") for w in same] == [True, False, False]
    assert [w.is_named("vgg=random:3") for w in same] == [False, False, True]


def test_counts_tell_the_total_where_it_differs(seen):
    own = [p for p in read_points([seen]) if p.layer == "conv_10"]
    fewer = dataclasses.replace(own[0], n=4)
    assert curves.count_text([]) == "-"
    assert curves.count_text(own) == "10/12" and curves.count_text(own, 12) == "10"
    assert curves.count_text([fewer, *own[1:]], 12) == "10\n(4-10)"
