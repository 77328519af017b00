"""A figure of the losses of our searches beside those that the authors' notebooks printed."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from model_metamers import InputError, plots
from model_metamers.runs.folder import MetamerFolder
from model_metamers.storage.reading import read_arrays

COMPARISON = "comparison.json"
_COLUMNS = 2
_LINEAR_UP_TO = 10  # iterations; the start, 0, has no place on a logarithmic axis


def draw(out: Path) -> list[Path]:
    """Writes `original_comparison.png` and `.pdf`, with a panel for each metamer.

    Args:
      out: folder that compare_with_original wrote.

    Returns:
      The files written.

    Raises:
      InputError: the folder lacks results, or holds damaged ones.
    """
    path = out / COMPARISON
    try:
        comparisons = json.loads(path.read_text(encoding="utf-8"))["comparisons"]
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path}: no results of compare_with_original ({error})") from error
    lines = -(-len(comparisons) // _COLUMNS)
    columns = min(_COLUMNS, len(comparisons))
    figure = Figure(figsize=(4.6 * columns, 3.4 * lines), layout="constrained")
    panels = figure.subplots(lines, columns, squeeze=False).ravel()
    for axes, comparison in zip(panels, comparisons, strict=False):
        _panel(axes, comparison, out)
    for axes in panels[len(comparisons) :]:
        axes.remove()
    panels[0].legend(fontsize="small")
    paths = [out / f"original_comparison.{suffix}" for suffix in ("png", "pdf")]
    for file in paths:
        plots.save_figure(figure, file, dpi=150)
    return paths


def _panel(axes: Axes, comparison: dict[str, Any], out: Path) -> None:
    tiny = np.finfo(np.float32).tiny
    for number, seed in enumerate(comparison["seeds"]):
        metamer = read_arrays(MetamerFolder(out / seed["metamer"]).arrays, ("loss", "loss_iterations"))
        iterations, loss = metamer["loss_iterations"], metamer["loss"]
        axes.plot(
            iterations,
            np.maximum(loss, tiny),
            color="#1f5fa8",
            linewidth=0.8,
            label=None if number else "ours, a line for each seed",
        )
    original = comparison["original"]
    axes.plot(
        original["iterations"],
        original["loss"],
        "o",
        color="#c8553d",
        markersize=5,
        markerfacecolor="none",
        label="original (TF 1.13)",
    )
    axes.set_yscale("log")
    axes.set_xscale("symlog", linthresh=_LINEAR_UP_TO, linscale=0.4)
    axes.set_xlim(-0.5, 1.3 * max(original["iterations"][-1], iterations[-1]))
    axes.set(xlabel="iteration", ylabel="loss")
    title = plots.as_written(f"{comparison['network']} {comparison['layer']}")
    axes.set_title(title, fontsize="medium")
    axes.grid(alpha=0.3)
