"""Figures S1 to S8: rho of metamers and of unrelated pairs, at every matched layer."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from model_metamers import plots
from model_metamers.networks.cochleagram_view import viewed_name
from model_metamers.null_distribution import NullDistribution

_COLUMNS = 4


def draw(out: Path, network: str, rows: Sequence[dict[str, Any]], nulls: Sequence[NullDistribution]) -> None:
    """Writes `<network>_spearman.png` and `.pdf`.

    Args:
      out: folder.
      network: whose metamers are shown.
      rows: of `verdicts.csv`, with "network", "layer" and "rho".
      nulls: that they were judged by.
    """
    own = [row for row in rows if row["network"] == network]
    of_network = [n for n in nulls if viewed_name(n.network) == viewed_name(network)]
    null = {layer: found for n in of_network for layer, found in n.layers.items()}
    layers = [layer for layer in null if any(row["layer"] == layer for row in own)]
    lines = -(-len(layers) // _COLUMNS)
    columns = min(_COLUMNS, len(layers))
    figure = Figure(figsize=(3.4 * columns, 2.7 * lines + 0.4), layout="constrained")
    figure.suptitle(network)
    panels = figure.subplots(lines, columns, squeeze=False).ravel()
    for axes, layer in zip(panels, layers, strict=False):
        rho = np.array([row["rho"] for row in own if row["layer"] == layer], np.float64)
        plots.spearman_histogram(axes, rho[np.isfinite(rho)], null[layer], layer)
    for axes in panels[len(layers) :]:
        axes.remove()
    for suffix in ("png", "pdf"):
        figure.savefig(out / f"{network}_spearman.{suffix}", dpi=150)
