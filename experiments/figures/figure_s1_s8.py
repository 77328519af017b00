"""Figures S1 to S8: rho of metamers and of unrelated pairs, at every matched layer."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from model_metamers import criteria, plots
from model_metamers.criteria.null import NullDistribution
from model_metamers.recognition.judgement import Who
from model_metamers.runs.folder import safe_name

_COLUMNS = 4


def draw(out: Path, name: str, rows: Sequence[dict[str, Any]], nulls: Sequence[NullDistribution]) -> None:
    """Writes `<name>_spearman.png` and `.pdf`.

    Args:
      out: folder to write to.
      name: title of the figure, and the beginning of its files' names.
      rows: rows of `verdicts.csv`, all of one network with the same weights; "network", "weights",
        "layer" and "rho" are read.
      nulls: null distributions, among them those of this network.
    """
    network, weights = rows[0]["network"], rows[0]["weights"]
    of_network = [n for n in nulls if criteria.is_null_of(n, network, weights)]
    null = {layer: of_layer for n in of_network for layer, of_layer in n.layers.items()}
    rules = {layer: n.rule for n in of_network for layer in n.layers}
    layers = [layer for layer in null if any(row["layer"] == layer for row in rows)]
    lines = -(-len(layers) // _COLUMNS)
    columns = min(_COLUMNS, len(layers))
    figure = Figure(figsize=(3.4 * columns, 2.7 * lines + 0.4), layout="constrained")
    title = f"{name}, untrained" if Who(network, weights).untrained else name
    figure.suptitle(plots.as_written(title))
    panels = figure.subplots(lines, columns, squeeze=False).ravel()
    for axes, layer in zip(panels, layers, strict=False):
        rho = np.array([row["rho"] for row in rows if row["layer"] == layer], np.float64)
        plots.spearman_histogram(axes, rho[np.isfinite(rho)], null[layer], layer, rules[layer])
    for axes in panels[len(layers) :]:
        axes.remove()
    for suffix in ("png", "pdf"):
        plots.save_figure(figure, out / f"{safe_name(name)}_spearman.{suffix}", dpi=150)
