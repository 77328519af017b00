"""Panels of people's recognition over layers, as Figures 3b, 3d and 4 have them.

Error bars are standard errors over people. The generating network's own recognition is drawn without
symbols, people's of 2019 in grey with the symbols of the same network's curve.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from model_metamers import InputError, plots
from model_metamers.people.as_judgements import is_simulated
from model_metamers.people.curves_2019 import curve_of
from model_metamers.recognition.judgement import NATURAL, Who
from model_metamers.recognition.points import Point, curve, read_points
from model_metamers_experiments.figures import choosing, curves

_GREY, _OWN = "0.6", "0.2"
_DASHES = (0, (4, 2))
_OF_2019 = "people, 2019"
_INVERTED = "cochleagram"
# Sizes in inches.
_HEIGHT, _PANEL_WIDTH, _LAYER_WIDTH = 3.3, 1.0, 0.22
_APART = 0.1  # between the curves at a layer, where layers are 1 apart


@dataclasses.dataclass(frozen=True)
class Line:
    """People's curve for one network.

    Attributes:
      label: in the legend.
      style: of `plots.line_style`.
      generator: the network.
      people: their points, natural first, then early to late.
      own: the network's own points; none where it is not known.
    """

    label: str
    style: Mapping[str, Any]
    generator: Who
    people: Sequence[Point]
    own: Sequence[Point]


@dataclasses.dataclass(frozen=True)
class Panel:
    """A column of a figure.

    Attributes:
      title: its title.
      lines: its curves.
    """

    title: str
    lines: Sequence[Line]

    def ticks(self) -> dict[int, str]:
        """Texts by depth; layers of several networks at one depth share a place."""
        names: dict[int, list[str]] = {}
        for line in self.lines:
            for point in line.people:
                called = f"inv. {_INVERTED}" if point.layer == _INVERTED else point.layer
                names.setdefault(point.layer_index, []).append(called)
        return {depth: " / ".join(dict.fromkeys(names[depth])) for depth in sorted(names)}


def read(
    recognition: Sequence[str | Path], task: str, judges: Sequence[str] | None
) -> tuple[list[Point], list[Point]]:
    """People's points of pictures or of words, and the generating networks' own.

    Args:
      recognition: `recognition.csv` files of analyze_human_experiment and recognize_metamers, or their
        folders.
      task: "images" or "words".
      judges: whose answers are drawn, "NAME" or "NAME=WEIGHTS"; None where the results hold one study's.

    Raises:
      InputError: no such files, no people in them who judged such metamers, or those of several studies.
    """
    points = [
        p for p in read_points(recognition) if p.of_signal and (p.optimized == "image") == (task == "images")
    ]
    people = [point for point in points if point.judge.kind == "person"]
    looking = choosing.networks((p.judge for p in people), judges, "judge")
    if not looking:
        raise InputError(
            f"nobody judged metamers of {task} in these results; analyze_human_experiment writes what "
            f"people did"
        )
    if len(looking) > 1:
        had = ", ".join(f"{who.name}={who.weights}" for who in looking)
        raise InputError(f"these results are of several studies ({had}); name one with --judges")
    people = [point for point in people if point.judge == looking[0]]
    own = [point for point in points if point.judge == point.generator]
    rules = sorted({point.decision for point in own}, key=lambda name: name != people[0].decision)
    return people, [point for point in own if point.decision in rules[:1]]


def line(
    label: str, style: Mapping[str, Any], generator: Who, people: Iterable[Point], own: Iterable[Point]
) -> Line:
    """The curve of one network."""
    chosen, its_own = (curve(p for p in points if p.generator == generator) for points in (people, own))
    return Line(label, style, generator, chosen, its_own)


def with_shared_cochleagram(points: Sequence[Point], generators: Iterable[Who]) -> list[Point]:
    """Points in which all networks share the one inverted cochleagram that there is, as in 2019.

    The networks hear through the same model of the cochlea, so that its inversion is of none of them.
    """
    there = [point for point in points if point.layer == _INVERTED]
    if len({point.generator for point in there}) != 1:
        return list(points)
    lacking = [who for who in generators if who != there[0].generator]
    return [*points, *(dataclasses.replace(point, generator=who) for who in lacking for point in there)]


def draw(panels: Sequence[Panel]) -> Figure:
    """Draws a panel beside the other, with one legend below."""
    with matplotlib.rc_context(curves.PRINT):
        widths = [len(panel.ticks()) for panel in panels]
        width = max(3.4, sum(_PANEL_WIDTH + _LAYER_WIDTH * n for n in widths))
        figure = Figure(figsize=(width, _HEIGHT), layout="constrained")
        axes = figure.subplots(
            1, len(panels), squeeze=False, sharey=True, width_ratios=[n + 1 for n in widths]
        )[0]
        for one, panel in zip(axes, panels, strict=True):
            _draw_panel(one, panel)
            one.label_outer()
        figure.align_xlabels(axes)
        _title(figure, panels)
        _legend(figure, axes, panels)
        return figure


def _draw_panel(axes: Axes, panel: Panel) -> None:
    ticks = panel.ticks()
    places = {depth: place for place, depth in enumerate(ticks)}
    chances = {point.chance for line in panel.lines for point in line.people}
    plots.recognition_axes(axes, list(ticks.values()), chances, "proportion correct")
    labels = [plots.as_written(text) for text in ticks.values()]
    axes.set_xticks(range(len(ticks)), labels, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_xlabel("matched layer")
    axes.set_title(plots.as_written(panel.title))
    middle = (len(panel.lines) - 1) / 2
    for number, one in enumerate(panel.lines):
        at = {depth: place + (number - middle) * _APART for depth, place in places.items()}
        _draw_2019(axes, one, at)
        color = one.style["color"] if len(panel.lines) > 1 else _OWN
        own = [point for point in one.own if point.layer_index in at]
        x, y, _ = _numbers(own, at)
        axes.plot(x, y, color=color, linestyle=_DASHES, linewidth=0.9, alpha=0.75)
        plots.recognition_curve(axes, *_numbers(one.people, at), one.label, one.style)


def _numbers(points: Sequence[Point], at: Mapping[int, float]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places, proportions and standard errors."""
    rows = [(at[point.layer_index], point.proportion, point.sem) for point in points]
    x, y, sem = np.array(rows, np.float64).reshape(-1, 3).T
    return x, y, sem


def _draw_2019(axes: Axes, one: Line, at: Mapping[int, float]) -> None:
    """The layers that 2019 had, too."""
    known = None if one.generator.untrained else curve_of(one.generator.name)
    if known is None:
        return
    values = {NATURAL: known.natural, **known.layers}
    there = [point for point in one.people if point.layer in values]
    style = {**one.style, "color": _GREY, "markerfacecolor": "white", "markersize": 3}
    axes.plot(
        [at[point.layer_index] for point in there],
        [values[point.layer] for point in there],
        label=_OF_2019,
        linewidth=0.9,
        markeredgewidth=0.8,
        clip_on=False,
        **style,
    )


def _title(figure: Figure, panels: Sequence[Panel]) -> None:
    """Says above the panels what must not be taken for people, or for what was planned."""
    judge = panels[0].lines[0].people[0].judge
    told = ["simulated observers, not people"] if is_simulated(judge) else []
    told += ["exploratory"] if judge.name.endswith("exploratory") else []
    if told:
        figure.suptitle("; ".join(told), fontsize=9, color="#8a2510")


def _legend(figure: Figure, axes: Sequence[Axes], panels: Sequence[Panel]) -> None:
    shown: dict[str, Any] = {}
    for one in axes:
        for handle, label in zip(*one.get_legend_handles_labels(), strict=True):
            shown.setdefault(label, handle)
    own = Line2D([], [], color=_OWN, linestyle=_DASHES, linewidth=0.9)
    ordered = {label: handle for label, handle in shown.items() if label not in (_OF_2019, "chance")}
    if any(line.own for panel in panels for line in panel.lines):
        ordered["the network itself"] = own
    for label in (_OF_2019, "chance"):
        if label in shown:
            ordered[label] = shown[label]
    columns = max(1, min(len(ordered), int(figure.get_figwidth() / (0.6 + 0.055 * max(map(len, ordered))))))
    figure.legend(ordered.values(), ordered.keys(), loc="outside lower center", ncols=columns, handlelength=3)
