"""Panels of recognition curves over layers, as Figures 5, 6 and S9 have them."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from model_metamers import plots
from model_metamers.recognition.judgement import NATURAL
from model_metamers.recognition.points import Point, curve, layers

PRINT = {
    "font.size": 8,
    "axes.linewidth": 0.6,
    "lines.markersize": 4,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "axes.titlesize": 8,
    "legend.fontsize": 7,
}
_DECISIONS = {
    "fine": "all classes of the judge",
    "sixteen": "16-way",
    "sixteen_by_name": "16-way (by name)",
    "classes": "classes of the list",
}
# Sizes in inches.
_PAGE_WIDTH = 7.6
_LEAST_WIDTH = 4.4  # of a figure
_COLUMN_WIDTH, _LEAST_COLUMN_WIDTH = 2.5, 1.9
_ROW_HEIGHT = 2.0
_COUNT_HEIGHT = 0.13  # of a line of counts
_LETTER_WIDTH = 0.062
# Distances on the x axis, where layers are 1 apart.
_APART = 0.09  # between the curves at a layer, so that their error bars can be seen
_WIDEST = 0.5  # between the first and the last of them, at most


@dataclasses.dataclass(frozen=True)
class Line:
    """A curve.

    Attributes:
      label: its text in the legend; curves with the same label look the same in every panel.
      style: how it is drawn, from `plots.line_style`.
      points: its points in order, by decision.
    """

    label: str
    style: Mapping[str, Any]
    points: Mapping[str, Sequence[Point]]

    @property
    def all_points(self) -> list[Point]:
        return list(itertools.chain.from_iterable(self.points.values()))


@dataclasses.dataclass(frozen=True)
class Panel:
    """A column of a figure.

    Attributes:
      title: its title.
      lines: its curves.
      own_counts: whether each curve is of other metamers, so that each has counts of its own.
    """

    title: str
    lines: Sequence[Line]
    own_counts: bool

    @property
    def layers(self) -> list[str]:
        """The layers on the x axis."""
        return layers(itertools.chain.from_iterable(line.all_points for line in self.lines))


def line(label: str, style: Mapping[str, Any], chosen: Sequence[Point], decisions: Sequence[str]) -> Line:
    """The line of one judge's points of one generator, with a curve for each decision."""
    by_decision = {d: curve(p for p in chosen if p.decision == d) for d in decisions}
    return Line(label, style, by_decision)


def draw(panels: Sequence[Panel], decisions: Sequence[str], title: str = "") -> Figure:
    """Draws a column for each panel and a row for each decision, with the counts below.

    The count below a layer is the number of metamers that met the criteria. Where the judge's
    answer cannot be called right or wrong for all of them, the number for which it can follows in
    brackets. Below "natural" is the number of targets. Error bars are standard errors over stimuli.
    """
    total = _total(panels)
    tables = [_count_rows(panel, total) for panel in panels]
    lines_below = max(sum(max(text.count("\n") + 1 for text in row) for row in rows) for rows in tables)
    below = _COUNT_HEIGHT * lines_below
    longest = max(len(text) for panel in panels for text in panel.title.split("\n"))
    column = max(_LEAST_COLUMN_WIDTH, _LETTER_WIDTH * longest + 0.3)
    width = max(_LEAST_WIDTH, min(_PAGE_WIDTH, _COLUMN_WIDTH * len(panels)), column * len(panels) + 0.5)
    figure = Figure(figsize=(width, _ROW_HEIGHT * len(decisions) + below + 1.1), layout="constrained")
    ratios = [_ROW_HEIGHT] * len(decisions) + [below]
    grid = figure.subplots(len(decisions) + 1, len(panels), squeeze=False, height_ratios=ratios)
    for column, panel in enumerate(panels):
        layers = panel.layers
        for axes, decision in zip(grid[:-1, column], decisions, strict=True):
            _curves(axes, panel, decision, layers)
            axes.label_outer()
            axes.tick_params(axis="x", labelbottom=False)
        grid[0, column].set_title(plots.as_written(panel.title))
        styles = [line.style for line in panel.lines] if panel.own_counts else [None]
        plots.counts(grid[-1, column], layers, tables[column], styles)
        grid[-1, column].set_xlabel("matched layer")
    figure.align_xlabels(grid[-1])
    passed = "passed" if total is None else f"passed\nof {total}"
    grid[-1, 0].set_ylabel(passed, rotation=0, ha="right", va="center", fontsize=6, labelpad=16)
    if title:
        figure.suptitle(plots.as_written(title), fontsize=9)
    legend: dict[str, Any] = {}
    for axes in grid[:-1].ravel():
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            legend.setdefault(label, handle)
    legend["chance"] = legend.pop("chance", None)
    shown = {label: handle for label, handle in legend.items() if handle is not None}
    columns = _legend_columns(shown, width)
    figure.legend(shown.values(), shown.keys(), loc="outside lower center", ncols=columns, handlelength=3)
    return figure


def _legend_columns(labels: Mapping[str, Any], width: float) -> int:
    """As many columns as fit, at about 0.055 inches for a letter and 0.6 for the line before it."""
    return max(1, min(len(labels), int(width / (0.6 + 0.055 * max(map(len, labels))))))


def _curves(axes: Axes, panel: Panel, decision: str, layers: Sequence[str]) -> None:
    chances = {point.chance for line in panel.lines for point in line.points[decision]}
    ylabel = f"proportion correct\n{_DECISIONS.get(decision, decision)}"
    plots.recognition_axes(axes, layers, chances, ylabel)
    apart = min(_APART, _WIDEST / max(1, len(panel.lines) - 1))
    for number, line in enumerate(panel.lines):
        points = line.points[decision]
        if not points:
            continue
        shift = (number - (len(panel.lines) - 1) / 2) * apart
        places = np.array([layers.index(point.layer) for point in points]) + shift
        proportions, sem = (np.array([getattr(p, name) for p in points]) for name in ("proportion", "sem"))
        plots.recognition_curve(axes, places, proportions, sem, line.label, line.style)


def _total(panels: Sequence[Panel]) -> int | None:
    """How many metamers were made for each point; None where the numbers differ."""
    every = (point for panel in panels for line in panel.lines for point in line.all_points)
    totals = {point.total for point in every if point.layer != NATURAL}
    return totals.pop() if len(totals) == 1 else None


def _count_rows(panel: Panel, total: int | None) -> list[list[str]]:
    """Counts as texts, [rows][layers]: a row for each curve, or one if all have the same metamers."""
    groups = [line.all_points for line in panel.lines]
    if not panel.own_counts:
        groups = [list(itertools.chain.from_iterable(groups))]
    return [[count_text([p for p in g if p.layer == layer], total) for layer in panel.layers] for g in groups]


def count_text(points: Sequence[Point], total: int | None = None) -> str:
    """How many metamers passed, such as "18" or "18/20", and below in brackets how many count.

    Those that count are the ones for which a judge's answer can be called right or wrong: "(15)",
    or "(9-15)" where judges differ; nothing where all count.

    Args:
      points: the points of all judges, for one layer and generator.
      total: how many were made, if the figure says so elsewhere; None to say it here.
    """
    if not points:
        return "-"
    first, counted = points[0], sorted({point.n for point in points})
    text = str(first.passed)
    if first.layer != NATURAL and total is None:
        text = f"{first.passed}/{first.total}"
    if counted == [first.passed]:
        return text
    return f"{text}\n({'-'.join(str(n) for n in dict.fromkeys((counted[0], counted[-1])))})"
