"""Plots on given axes; what is drawn comes in as arrays."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from model_metamers.criteria import null_rule
from model_metamers.criteria.null import BINS, LayerNull
from model_metamers.criteria.null_rule import MAXIMUM
from model_metamers.frontends import erb_filters
from model_metamers.frontends.picture import sound_picture
from model_metamers.signals.cochleagram_config import CochleagramConfig
from model_metamers.storage.writing import write_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import ErrorbarContainer
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

# Of the paper's figures: metamers blue, null red; told apart in print by the fill.
METAMERS, NULL = "#1f5fa8", "#c8553d"
_TICKS_HZ = (50, 200, 500, 1000, 2000, 4000, 8000)
# Okabe and Ito's colours, which the colour-blind tell apart, without the yellow, which does
# not print; symbols and lines do without colour.
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_LINES = ("-", "--", ":", "-.")
# The same figure gives the same bytes.
_NO_DATE: dict[str, dict[str, str | None]] = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}


def as_written(text: str) -> str:
    """A name for matplotlib, which takes what stands between two `$` for mathematics."""
    return text.replace("$", r"\$")


def save_figure(figure: Figure, path: str | os.PathLike, **options: Any) -> None:
    """Writes a figure whole or not at all, in the format of the path's ending.

    Args:
      figure: to be written.
      path: of the file; its folder must exist.
      options: of `Figure.savefig`.

    Raises:
      StorageError: it cannot be written.
    """
    form = Path(path).suffix.removeprefix(".")
    content = io.BytesIO()  # on a full disk, matplotlib's writer of PDF fails in a way of its own
    figure.savefig(content, format=form, metadata=_NO_DATE.get(form), **options)
    write_bytes(path, content.getbuffer())


def cochleagram(
    axes: Axes, values: np.ndarray, frontend: CochleagramConfig, vmax: float | None = None
) -> AxesImage:
    """A cochleagram [filters, frames] as a picture, low frequencies below.

    Args:
      axes: to draw on.
      values: of one sound.
      frontend: that it was made by.
      vmax: value of the brightest colour; the largest one when None.
    """
    duration_s = values.shape[1] / frontend.envelope_rate
    centers_hz = erb_filters.erb_centers_hz(
        frontend.num_filters, frontend.low_hz, frontend.high_hz, frontend.sample_factor
    )
    extent = (0.0, duration_s, 0, len(values))
    image = axes.imshow(values, origin="lower", aspect="auto", extent=extent, cmap="magma", vmin=0, vmax=vmax)
    shown = [hz for hz in _TICKS_HZ if centers_hz[0] <= hz <= centers_hz[-1]]
    axes.set_yticks(np.interp(shown, centers_hz, np.arange(len(values)) + 0.5), [f"{hz:g}" for hz in shown])
    axes.set(xlabel="time (s)", ylabel="frequency (Hz)")
    return image


def sound(axes: Axes, waveform: np.ndarray, sample_rate: int, frontend: CochleagramConfig) -> AxesImage:
    """The cochleagram of a waveform [samples] of any sample rate (Hz) and length."""
    return cochleagram(axes, sound_picture(waveform, sample_rate, frontend), frontend)


def loss_curve(axes: Axes, iterations: np.ndarray, loss: np.ndarray) -> None:
    """The loss of one search on a logarithmic scale."""
    axes.semilogy(iterations, np.maximum(loss, np.finfo(np.float32).tiny), color=METAMERS)
    axes.set(xlabel="iteration", ylabel="loss")
    axes.grid(alpha=0.3)


def spearman_histogram(
    axes: Axes, metamers: np.ndarray, null: LayerNull | None, layer: str, rule: str = MAXIMUM
) -> None:
    """Rho of metamers with their targets against rho of unrelated pairs, as shares.

    Args:
      axes: to draw on.
      metamers: [count] rho at the layer.
      null: of the layer, None without one.
      layer: for the title.
      rule: by which metamers are judged, see `null_rule.check_rule`.
    """
    lowest = min(0.0, np.min(metamers, initial=0.0), null.minimum if null and null.pairs else 0.0)
    bins = np.linspace(np.floor(lowest * 20) / 20, 1.0, 41).tolist()
    if null and null.pairs:
        middles = (BINS[:-1] + BINS[1:]) / 2
        label = f"unrelated pairs ({null.pairs:,})"
        axes.hist(middles, bins, weights=null.counts / null.pairs, color=NULL, alpha=0.45, label=label)
        axes.axvline(null.maximum, color=NULL, linestyle="--", linewidth=1, label="null maximum")
        if rule != MAXIMUM:
            limit = null_rule.limit(null, rule, layer)
            axes.axvline(limit, color=NULL, linestyle="-", linewidth=1, label=f"limit, {rule}")
    if len(metamers):
        shares = np.full(len(metamers), 1.0 / len(metamers))
        axes.hist(
            metamers,
            bins,
            weights=shares,
            color=METAMERS,
            histtype="step",
            linewidth=2,
            label=f"metamers ({len(metamers)})",
        )
    axes.set(xlabel="Spearman's ρ", ylabel="share", title=as_written(layer))
    axes.legend(fontsize="small")


def line_style(line: int, variant: int = 0) -> dict[str, Any]:
    """How a curve is drawn: colour and symbol by `line`, dashes by `variant`.

    The first variant's symbols are filled, the others' are open.
    """
    color = _COLORS[line % len(_COLORS)]
    return {
        "color": color,
        "marker": _MARKERS[line % len(_MARKERS)],
        "markerfacecolor": "white" if variant else color,
        "linestyle": _LINES[variant % len(_LINES)],
    }


def recognition_axes(axes: Axes, layers: Sequence[str], chances: Iterable[float], ylabel: str) -> None:
    """Proportion correct over layers, without curves yet.

    Args:
      axes: to draw on.
      layers: of the ticks, "natural" first.
      chances: of a right guess; a line for each, none for NaN.
      ylabel: of the axis.
    """
    for place, chance in enumerate(sorted({c for c in chances if np.isfinite(c)})):
        axes.axhline(
            chance,
            color="0.45",
            linestyle=(0, (1, 1.5)),
            linewidth=1,
            zorder=0,
            label="chance" if place == 0 else None,
        )
    axes.set_xticks(range(len(layers)), [as_written(layer) for layer in layers])
    axes.set(xlim=(-0.5, len(layers) - 0.5), ylim=(-0.04, 1.04), yticks=np.linspace(0, 1, 6), ylabel=ylabel)
    axes.grid(axis="y", alpha=0.25, linewidth=0.5)


def recognition_curve(
    axes: Axes,
    places: np.ndarray,
    proportions: np.ndarray,
    sem: np.ndarray,
    label: str,
    style: Mapping[str, Any],
) -> ErrorbarContainer:
    """One network's proportion correct by layer, with standard errors.

    Args:
      axes: to draw on.
      places: [points] on the x axis.
      proportions: [points] in [0, 1], NaN where there is none; the curve breaks there.
      sem: [points] standard errors, NaN for no bar.
      label: for the legend.
      style: of `line_style`.
    """
    return axes.errorbar(
        places,
        proportions,
        yerr=sem,
        label=as_written(label),
        linewidth=1.1,
        elinewidth=0.8,
        capsize=1.5,
        markeredgewidth=0.9,
        clip_on=False,
        **style,
    )


def counts(
    axes: Axes,
    layers: Sequence[str],
    rows: Sequence[Sequence[str]],
    styles: Sequence[Mapping[str, Any] | None],
) -> None:
    """A table below curves: a column for each layer, a row for each curve.

    Args:
      axes: to draw on, as wide as the curves' axes.
      layers: of the ticks.
      rows: texts, [rows][layers].
      styles: of the curve of each row, whose symbol stands before it; None for no symbol.
    """
    heights = [max(text.count("\n") + 1 for text in texts) for texts in rows]
    for bottom, height, texts, style in zip(np.cumsum(heights), heights, rows, styles, strict=True):
        middle = bottom - height / 2
        if style is not None:
            axes.plot([-0.75], [middle], clip_on=False, **{**style, "linestyle": "none"})
        for place, text in enumerate(texts):
            axes.text(place, middle, text, ha="center", va="center", fontsize=5.5, linespacing=1.0)
    ticks = [as_written(layer) for layer in layers]
    axes.set_xticks(range(len(layers)), ticks, rotation=40, ha="right", rotation_mode="anchor")
    axes.set(xlim=(-0.5, len(layers) - 0.5), ylim=(sum(heights), 0), yticks=[])
    axes.tick_params(axis="x", length=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
