"""One HTML page of a run, drawn from its saved results."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from model_metamers import plots
from model_metamers.criteria import null_rule
from model_metamers.criteria.null import NullDistribution
from model_metamers.criteria.verdict import FEW_PAIRS
from model_metamers.frontends.picture import picture_frontend
from model_metamers.runs import Run
from model_metamers.runs.intact import check_nulls
from model_metamers.runs.record import Record
from model_metamers.runs.report_cells import Files, Known, NetworkResults, Shown, draw_figure, shown
from model_metamers.signals.cochleagram_config import CochleagramConfig
from model_metamers.signals.spec import SignalSpec
from model_metamers.storage.writing import write_text

_TEMPLATE = "report.html"
_OWN_SIZE = 160  # pixels from which on images are shown at their own size, and smaller ones enlarged


def network_results(run: Run, null: NullDistribution | None) -> NetworkResults:
    """What is shown of a run."""
    layers = [layer for layer in run.network.stages if layer in run.layers]
    measured = list(dict.fromkeys([*run.network.layers, *layers]))
    signal = run.network.signal
    frontend, heard = signal.frontend, signal.kind == "sound"
    if heard:
        own = getattr(run.network, "frontend", None)
        frontend = own if isinstance(own, CochleagramConfig) else picture_frontend(signal.rate_hz)
    return NetworkResults(
        run.network.name,
        run.folder,
        layers,
        measured,
        run.network.classes,
        null,
        frontend,
        heard,
        own_width(signal),
    )


def own_width(signal: SignalSpec) -> int | None:
    """The width of images that are shown at their own size, in pixels; None for sounds and small images."""
    return signal.shape[1] if signal.kind == "image" and signal.shape[1] >= _OWN_SIZE else None


def write_report(
    out: Path,
    networks: Sequence[NetworkResults],
    title: str,
    command: str,
    under_way: str = "",
    known: Known | None = None,
    single_file: bool = False,
) -> Path:
    """Writes `report.html` and the pictures that it shows beside the results.

    Args:
      out: folder of the run; the page names files relative to it.
      networks: one section each; at least one.
      title: of the page.
      command: that repeats the run.
      under_way: how far a run is that is not over; empty for one that is.
      known: what earlier pages showed, so that only what is new is read; what is read now is added.
      single_file: write `report_single_file.html` instead, which holds all pictures and sounds itself.

    Returns:
      The page's path.

    Raises:
      InputError: verdicts at a layer are of different null distributions.
      StorageError: the page or a picture cannot be written.
    """
    template = jinja2.Environment(
        loader=jinja2.PackageLoader("model_metamers"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    ).get_template(_TEMPLATE)
    files, known = Files(out, single_file), {} if known is None or single_file else known
    sections = [_section(network, files, known) for network in networks]
    measured = [section["null_pairs"] for section in sections]
    page = template.render(
        title=title,
        command=command,
        under_way=under_way,
        sections=sections,
        layers=list(dict.fromkeys(line["layer"] for section in sections for line in section["summary"])),
        few_pairs=min((pairs for pairs in measured if 0 < pairs < FEW_PAIRS), default=None),
    )
    path = networks[0].folder.single_page if single_file else networks[0].folder.page
    write_text(path, re.sub(r"\n\s+", "\n", page))  # pages of thousands of metamers are large enough
    return path


def _section(network: NetworkResults, files: Files, known: Known) -> dict[str, Any]:
    """A network's part of the page: a table, rows of stimuli, histograms."""
    by_layer: dict[str, list[Shown]] = {}
    rows: dict[str, list[dict[str, Any]]] = {}
    histograms = []
    for layer in network.layers:
        there = [
            (folder, shown(folder, network, files, known)) for folder in network.folder.metamers([layer])
        ]
        whole = [(folder, one) for folder, one in there if one is not None]
        check_nulls((folder.path, one.record) for folder, one in whole)
        by_layer[layer] = [one for _, one in whole]
        for folder, one in whole:
            rows.setdefault(folder.name, []).append(one.cell)
        if whole:
            path = _draw_histogram(network, layer, [one.record for _, one in whole])
            histograms.append({"layer": layer, "file": files.link(path)})
    return {
        "name": network.name,
        "is_image": network.frontend is None,
        "width": network.width,
        "is_cochleagram": network.frontend is not None and not network.heard,
        "classes": [c for c in network.classes if not c.startswith("__")],
        "summary": [_summary(network, layer, there) for layer, there in by_layer.items()],
        "rows": [_row(name, rows[name], network) for name in rows],
        "histograms": histograms,
        **_null_values(network.null),
    }


def _draw_histogram(network: NetworkResults, layer: str, records: Sequence[Record]) -> Path:
    rho = np.array([record.floats.measurement.spearman[layer] for record in records], np.float64)
    null = network.null.at(layer) if network.null else None
    rule = network.null.rule if network.null else null_rule.MAXIMUM
    draw = functools.partial(plots.spearman_histogram, metamers=rho, null=null, layer=layer, rule=rule)
    path = network.folder.histogram(layer)
    draw_figure(path, (3.6, 2.6), draw)
    return path


def _summary(network: NetworkResults, layer: str, there: Sequence[Shown]) -> dict[str, Any]:
    """A layer's line of the table on top."""
    rho = np.array([one.cell["rho"] for one in there], np.float64)
    judged = [one.cell["verdict"] for one in there if one.cell["verdict"]]
    null = network.null
    has_null = null is not None and layer in null.layers
    return {
        "layer": layer,
        "made": len(there),
        "passed": sum(verdict.passes for verdict in judged) if judged else None,
        "rho": float(np.nanmean(rho)) if np.isfinite(rho).any() else None,
        "limit": null.limit(layer) if null is not None and has_null else None,
        "pairs": null.at(layer).pairs if null is not None and has_null else None,
    }


def _row(stimulus: str, cells: Sequence[dict[str, Any]], network: NetworkResults) -> dict[str, Any]:
    """A stimulus: its metamers, and rho of each at every layer as texts of equal length in columns."""
    null = network.null
    head = [f"null {'max' if null is None or null.rule == null_rule.MAXIMUM else 'limit'}"]
    lines = [["metamer of", *(cell["layer"] for cell in cells), *head]]
    # Of layers outside the network's own, rho is taken at the matched one alone.
    for layer in (at for at in network.measured_layers if any(at in cell["rhos"] for cell in cells)):
        limit = f"{null.limit(layer):.3f}" if null is not None and layer in null.layers else ""
        lines.append([f"at {layer}", *(cell["rhos"].get(layer, "") for cell in cells), limit])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    matched = ["", *(f"at {cell['layer']}" for cell in cells), ""]
    table = []
    for first, *others in lines:
        line = [("", first.ljust(widths[0]), False)]
        for place, text in enumerate(others, 1):
            line.append((" " * (2 + widths[place] - len(text)), text, bool(text) and first == matched[place]))
        table.append(line)
    return {"stimulus": stimulus, "target": cells[0]["target"], "cells": cells, "table": table}


def _null_values(null: NullDistribution | None) -> dict[str, Any]:
    """What a section tells of its null distribution."""
    if null is None:
        return {"null_pairs": 0, "null_rule": null_rule.MAXIMUM, "copies": 0, "copied_files": 0, "shares": []}
    return {
        "null_pairs": null.pairs,
        "null_rule": null.rule,
        "copies": len(null.copies),
        "copied_files": len(null.copied_files),
        "shares": [
            {"layer": layer, "rho": rho, "limit": null.limit(layer)} for layer, rho in null.layers.items()
        ],
    }
