"""Figure 2: how well metamers match, and how much the linear ReLU gradient improves it.

It reads the results of `compare_relu_gradients` and runs no network.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import MaxNLocator

from model_metamers import InputError, plots
from model_metamers.criteria.null import NullDistribution
from model_metamers.criteria.null_file import read_null
from model_metamers.criteria.null_rule import MAXIMUM
from model_metamers.runs.folder import RunFolder, safe_name
from model_metamers.runs.intact import check_files
from model_metamers.runs.record import Record, read_record
from model_metamers.storage.reading import read_arrays

GRADIENTS = ("linear", "plain")
ROWS = "relu_gradients.json"

# The paper's colours; the symbols also tell the gradients apart.
_STYLES = {"plain": ("#1f5fa8", "o", "plain ReLU gradient"), "linear": ("#c8553d", "^", "linear gradient")}
# For text of 7 to 8 points in a figure that is as wide as a page.
_PRINT: dict[Any, Any] = {"font.size": 8, "axes.linewidth": 0.6, "lines.markersize": 3}
_MANY_UNITS = 2000  # more units than this are drawn as smaller points
_OFFSET = 0.2  # between a layer's tick and the middle of the points of a gradient
_SPREAD = 0.12  # between that middle and the outermost points


def draw(out: Path) -> list[Path]:
    """Writes `figure_2_<network>.png` and `.pdf` for every network in the folder.

    (a) shows rho of the metamers of the earliest and of the latest matched layer, measured at both
    layers, with the null distribution. (b) shows the activations of a target and of its metamers at
    one layer. (c) shows rho of the metamers of each layer with either gradient, in every network.
    Rho is that of the signals in floats.

    Args:
      out: folder that compare_relu_gradients wrote.

    Returns:
      The files written.

    Raises:
      InputError: the folder lacks results, or holds damaged ones.
    """
    rows = read_rows(out / ROWS)
    networks = list(dict.fromkeys(row["network"] for row in rows))
    with matplotlib.rc_context(_PRINT):
        return [path for network in networks for path in _draw_network(out, network, networks, rows)]


def _draw_network(out: Path, network: str, networks: Sequence[str], rows: Sequence[dict]) -> list[Path]:
    own = [row for row in rows if row["network"] == network]
    figure: Any = Figure(figsize=(7.6, 6.6), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=(1.45, 1.0), hspace=0.04)
    left, right = top.subfigures(1, 2, width_ratios=(1.75, 1.0), wspace=0.04)
    _early_and_late(left, out, network, own)
    _example(right, out / f"{safe_name(network)}_example.npz", own)
    shown = [network, *(n for n in networks if n != network)]
    widths = [len({row["layer"] for row in rows if row["network"] == n}) + 1 for n in shown]
    panels = bottom.subplots(1, len(shown), squeeze=False, width_ratios=widths)[0]
    for axes, name in zip(panels, shown, strict=True):
        _by_layer(axes, [row for row in rows if row["network"] == name], name)
    handles, labels = panels[0].get_legend_handles_labels()
    bottom.legend(handles, labels, fontsize=7, loc="upper right", ncols=2, markerscale=1.6)
    for part, letter, title in (
        (left, "a", f"{network}: metamers and unrelated pairs"),
        (right, "b", "one target's activations"),
        (bottom, "c", "match of each metamer at its layer"),
    ):
        part.suptitle(f"$\\bf{{{letter}}}$  {plots.as_written(title)}", x=0.01, ha="left", fontsize=9)
    paths = [out / f"figure_2_{safe_name(network)}.{suffix}" for suffix in ("png", "pdf")]
    for path in paths:
        plots.save_figure(figure, path, dpi=300)
    return paths


def _early_and_late(part: SubFigure, out: Path, network: str, rows: Sequence[dict[str, Any]]) -> None:
    """(a): a row for each matched layer, a column for each layer at which rho is measured."""
    layers = [layer for _, layer in sorted({(row["depth"], row["layer"]) for row in rows})]
    ends = list(dict.fromkeys([layers[0], layers[-1]]))
    null = _read_null(RunFolder(out / "linear", network).null)
    panels = part.subplots(len(ends), len(ends), squeeze=False, sharex="col", sharey=True)
    for line, made in zip(panels, ends, strict=True):
        records = [_record(out, row) for row in rows if (row["layer"], row["gradient"]) == (made, "linear")]
        for axes, read in zip(line, ends, strict=True):
            rho = np.array([r.floats.measurement.spearman.get(read, np.nan) for r in records], np.float64)
            there = null.layers.get(read) if null else None
            rule = null.rule if null else MAXIMUM
            plots.spearman_histogram(axes, rho[np.isfinite(rho)], there, "", rule)
            axes.set_title(plots.as_written(f"metamers of {made}\nread at {read}"), fontsize=7)
            axes.label_outer()
            axes.xaxis.set_major_locator(MaxNLocator(4))
            axes.get_legend().remove()
    handles, labels = panels[0, 0].get_legend_handles_labels()
    part.legend(handles, labels, fontsize=7, loc="outside lower center", ncols=3)


def _example(part: SubFigure, path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """(b): the activations of a target and of its metamers, the plain gradient above the linear one."""
    arrays = read_arrays(path, ("layer", "stimulus", "target", *GRADIENTS))
    layer, stimulus = str(arrays["layer"]), str(arrays["stimulus"])
    highest = 1.05 * max(float(arrays[name].max()) for name in ("target", *GRADIENTS))
    size = 2.0 if arrays["target"].size > _MANY_UNITS else 3.5
    panels = part.subplots(2, 1, sharex=True, sharey=True)
    for axes, gradient in zip(panels, ("plain", "linear"), strict=True):
        color, marker, label = _STYLES[gradient]
        axes.plot([0, highest], [0, highest], color="0.6", linewidth=0.8, zorder=0)
        axes.plot(
            arrays["target"],
            arrays[gradient],
            marker,
            color=color,
            markersize=size,
            alpha=0.35,
            markeredgewidth=0,
            rasterized=True,
            clip_on=False,
        )
        of_example = {"layer": layer, "stimulus": stimulus, "gradient": gradient}
        row = next((row for row in rows if of_example.items() <= row.items()), None)
        title = label
        if row:
            title += f": ρ {_number(row['rho'], '.3f')}, {_number(row['lost'], '.0%')} lost"
        axes.set_title(title, fontsize=7)
        axes.set(ylabel="metamer", xlim=(0, highest), ylim=(0, highest), box_aspect=1)
    panels[-1].set_xlabel(plots.as_written(f"target at {layer}\n({stimulus})"))


def _by_layer(axes: Axes, rows: Sequence[dict[str, Any]], network: str) -> None:
    """(c): a point for each metamer, and a bar at the mean."""
    layers = [layer for _, layer in sorted({(row["depth"], row["layer"]) for row in rows})]
    for gradient, sign in (("plain", -1), ("linear", 1)):
        color, marker, label = _STYLES[gradient]
        for place, layer in enumerate(layers):
            chosen = [r["rho"] for r in rows if (r["layer"], r["gradient"]) == (layer, gradient)]
            rho = np.array(chosen, np.float64)
            rho = rho[np.isfinite(rho)]
            if not len(rho):
                continue
            middle = place + sign * _OFFSET
            spread = np.linspace(-_SPREAD, _SPREAD, len(rho)) if len(rho) > 1 else 0.0
            axes.plot(
                middle + spread,
                rho,
                marker,
                color=color,
                markersize=3,
                alpha=0.7,
                markeredgewidth=0,
                label=label if place == 0 else None,
            )
            axes.hlines(rho.mean(), middle - _OFFSET + 0.02, middle + _OFFSET - 0.02, color="black")
    axes.set_xticks(range(len(layers)), [_tick(layer, rows) for layer in layers], fontsize=7)
    axes.set(xlim=(-0.6, len(layers) - 0.4), ylabel="Spearman's ρ", title=plots.as_written(network))
    axes.set_xlabel("matched layer; share of its units at zero\nfor the targets | for the noise", fontsize=7)
    axes.grid(axis="y", alpha=0.3)


def _tick(layer: str, rows: Sequence[dict[str, Any]]) -> str:
    """A layer's name, and the shares of its units that are zero for the targets and for the noise."""
    own = [row for row in rows if row["layer"] == layer]
    shares = (np.mean([row[name] for row in own]) for name in ("zero_target", "zero_start"))
    return plots.as_written(f"{layer}\n") + " | ".join(f"{share:.0%}" for share in shares)


def _number(value: float | None, form: str) -> str:
    return "not defined" if value is None else format(value, form)


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows that compare_relu_gradients wrote; raises InputError where there are none."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: no results of compare_relu_gradients ({error})") from error
    if not rows:
        raise InputError(f"{path}: holds no metamers")
    return rows


def _read_null(path: Path) -> NullDistribution | None:
    """The null distribution; None where there were too few signals to measure one."""
    return read_null(path)[0] if path.exists() else None


def _record(out: Path, row: dict[str, Any]) -> Record:
    run = RunFolder(out / row["gradient"], row["network"])
    folder = run.metamer(row["layer"], row["stimulus"]).path
    record = read_record(folder)
    check_files(folder, record)
    return record
