"""One HTML page of a run, drawn from its saved results."""

from __future__ import annotations

import dataclasses
import functools
import urllib.parse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from matplotlib.figure import Figure

from model_metamers import criteria, plots
from model_metamers.criteria import null_rule
from model_metamers.criteria.null import NullDistribution
from model_metamers.frontends.picture import picture_frontend
from model_metamers.runs import Run, results
from model_metamers.runs.folder import MetamerFolder, RunFolder
from model_metamers.runs.intact import check_nulls, is_whole
from model_metamers.runs.record import read_record
from model_metamers.signals.cochleagram_config import CochleagramConfig
from model_metamers.signals.spec import SignalSpec
from model_metamers.storage.writing import write_text
from model_metamers.synthesis import Metamer

_TEMPLATE = "report.html"
_OWN_SIZE = 160  # pixels from which on images are shown at their own size, and smaller ones enlarged


@dataclasses.dataclass(frozen=True)
class NetworkResults:
    """What is shown of one network.

    Attributes:
      name: of the network.
      folder: of its results.
      layers: matched, early to late.
      measured_layers: whose rho is told, early to late.
      classes: that the network knows.
      null: None where none was measured.
      frontend: draws sounds and cochleagrams; None for images.
      heard: whether the signals are sounds.
      width: at which images are shown, in pixels; None where the page decides.
    """

    name: str
    folder: RunFolder
    layers: Sequence[str]
    measured_layers: Sequence[str]
    classes: Sequence[str]
    null: NullDistribution | None
    frontend: CochleagramConfig | None = None
    heard: bool = False
    width: int | None = None


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


def write_report(out: Path, networks: Sequence[NetworkResults], title: str, command: str) -> Path:
    """Writes `report.html` and the pictures that it shows beside the results.

    Args:
      out: folder of the run; the page names files relative to it.
      networks: one section each; at least one.
      title: of the page.
      command: that repeats the run.

    Returns:
      The page's path.

    Raises:
      InputError: verdicts at a layer are of different null distributions.
      StorageError: the page or a picture cannot be written.
    """
    template = jinja2.Environment(
        loader=jinja2.PackageLoader("model_metamers"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    ).get_template(_TEMPLATE)
    sections = [_section(network, out) for network in networks]
    page = template.render(title=title, command=command, sections=sections)
    path = networks[0].folder.page
    write_text(path, page)
    return path


def _section(network: NetworkResults, out: Path) -> dict[str, Any]:
    """A network's part of the page: rows of stimuli, histograms."""
    folders = {
        layer: [folder for folder in network.folder.metamers([layer]) if is_whole(folder.path)]
        for layer in network.layers
    }
    stimuli = list(dict.fromkeys(folder.name for there in folders.values() for folder in there))
    rows, histograms = [], []
    for stimulus in stimuli:
        cells = [
            _cell(folder, network, out)
            for layer in network.layers
            for folder in folders[layer]
            if folder.name == stimulus
        ]
        rows.append({"stimulus": stimulus, "target": cells[0]["target"], "cells": cells})
    for layer in network.layers:
        records = [read_record(folder.path) for folder in folders[layer]]
        check_nulls(zip((folder.path for folder in folders[layer]), records, strict=True))
        rho = np.array([record.floats.measurement.spearman[layer] for record in records], np.float64)
        null = network.null.at(layer) if network.null else None
        path = network.folder.histogram(layer)
        if records:
            rule = network.null.rule if network.null else null_rule.MAXIMUM
            draw = functools.partial(
                plots.spearman_histogram, metamers=rho, null=null, layer=layer, rule=rule
            )
            _draw(path, (3.6, 2.6), draw)
            histograms.append({"layer": layer, "file": _relative(path, out)})
    return {
        "name": network.name,
        "is_image": network.frontend is None,
        "width": network.width,
        "is_cochleagram": network.frontend is not None and not network.heard,
        "classes": [c for c in network.classes if not c.startswith("__")],
        "rows": rows,
        "histograms": histograms,
        **_null_values(network.null),
    }


def _null_values(null: NullDistribution | None) -> dict[str, Any]:
    """What a section tells of its null distribution."""
    if null is None:
        return {"null_pairs": 0, "null_rule": null_rule.MAXIMUM, "copies": 0, "copied_files": 0, "shares": []}
    return {
        "null_pairs": max((rho.pairs for rho in null.layers.values()), default=0),
        "null_rule": null.rule,
        "copies": len(null.copies),
        "copied_files": len(null.copied_files),
        "shares": [
            {"layer": layer, "rho": rho, "limit": null.limit(layer)} for layer, rho in null.layers.items()
        ],
    }


def _cell(folder: MetamerFolder, network: NetworkResults, out: Path) -> dict[str, Any]:
    """One metamer: files, numbers, verdicts."""
    metamer, record = results.load(folder.path), read_record(folder.path)
    draw = functools.partial(plots.loss_curve, iterations=metamer.loss_iterations, loss=metamer.loss)
    _draw_once(folder.loss_curve, (3.6, 2.2), draw)
    file_rho = record.file.measurement.spearman if record.file.measurement else {}
    table = []
    null_layers = network.null.layers if network.null else {}
    # Of layers outside the network's own, rho is taken at the matched one alone.
    for layer in (layer for layer in network.measured_layers if layer in metamer.spearman):
        table.append(
            {
                "layer": layer,
                "rho": metamer.spearman[layer],
                "file_rho": _defined(file_rho.get(layer)),
                "null_max": network.null.limit(layer) if network.null and layer in null_layers else None,
                "matched": layer == metamer.layer,
            }
        )
    return {
        "layer": metamer.layer,
        "metamer": _shown(folder, "metamer", metamer, network, out),
        "target": {
            **_shown(folder, "target", metamer, network, out),
            "class": criteria.class_text(metamer.target_class),
        },
        "class": criteria.class_text(metamer.metamer_class),
        "names_classes": metamer.target_class is not None,
        "rho": metamer.spearman[metamer.layer],
        "match": metamer.measurement.match,
        "verdict": record.floats.verdict,
        "file_verdict": record.file.verdict,
        "clipped": record.file.clipped_samples,
        "iterations": metamer.iterations,
        "stop_reason": metamer.stop_reason,
        "starts": metamer.starts,
        "loss_first": record.loss_first,
        "loss_last": record.loss_last,
        "loss_png": _relative(folder.loss_curve, out),
        "table": table,
    }


def _shown(
    folder: MetamerFolder, stem: str, metamer: Metamer, network: NetworkResults, out: Path
) -> dict[str, str]:
    """The picture of a metamer or its target, and its sound where it is one."""
    file = folder.shown(stem, metamer.spec.kind)
    if metamer.spec.kind == "image":
        return {"picture": _relative(file, out)}
    picture = folder.cochleagram(stem)
    frontend = network.frontend or metamer.spec.frontend or picture_frontend(metamer.spec.rate_hz)
    signal = metamer.signal if stem == "metamer" else metamer.target
    if metamer.spec.kind == "cochleagram":
        draw = functools.partial(
            plots.cochleagram,
            values=signal[:, :, 0],
            frontend=frontend,
            vmax=float(metamer.target.max()),
        )
        _draw_once(picture, (3.6, 2.4), draw)
        return {"picture": _relative(picture, out)}
    heard = functools.partial(
        plots.sound, waveform=signal, sample_rate=metamer.spec.rate_hz, frontend=frontend
    )
    _draw_once(picture, (3.6, 2.4), heard)
    return {"picture": _relative(picture, out), "sound": _relative(file, out)}


def _defined(value: float | None) -> float | None:
    """None for a rho that is not defined: it is not shown."""
    return None if value is None or np.isnan(value) else value


def _relative(path: Path, out: Path) -> str:
    """A link from the page, in which `#`, `?` and `%` of a name are no signs of their own."""
    return urllib.parse.quote(path.relative_to(out).as_posix())


def _draw_once(path: Path, size: tuple[float, float], draw: Callable) -> None:
    """A figure of one axes, drawn unless it is there: a metamer never changes."""
    if not path.exists():
        _draw(path, size, draw)


def _draw(path: Path, size: tuple[float, float], draw: Callable) -> None:
    """A figure of one axes."""
    figure = Figure(figsize=size, dpi=110, layout="constrained")
    draw(figure.add_subplot())
    plots.save_figure(figure, path)
