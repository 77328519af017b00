"""What the page of a run shows of one metamer, and the pictures that are drawn for it."""

from __future__ import annotations

import base64
import dataclasses
import functools
import mimetypes
import urllib.parse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure

from model_metamers import criteria, plots
from model_metamers.criteria.null import NullDistribution
from model_metamers.frontends.picture import picture_frontend
from model_metamers.runs import results
from model_metamers.runs.folder import MetamerFolder, RunFolder
from model_metamers.runs.intact import is_whole
from model_metamers.runs.record import Record, read_record
from model_metamers.signals.cochleagram_config import CochleagramConfig
from model_metamers.synthesis import Metamer


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


class Shown(NamedTuple):
    """A metamer on the page.

    Attributes:
      changed_ns: when its record was written.
      record: of the metamer.
      cell: what the template shows, by name.
    """

    changed_ns: int
    record: Record
    cell: dict[str, Any]


# What was shown before, by the folder of each metamer: a page that is written again reads what is new.
Known = dict[Path, Shown]


@dataclasses.dataclass(frozen=True)
class Files:
    """How the page names files.

    Attributes:
      out: folder that the page lies in.
      inside: whether files are put into the page, instead of links to them.
    """

    out: Path
    inside: bool = False

    def link(self, path: Path) -> str:
        """A link from the page, with signs such as `#` and `%` of a name written as links do; or the file."""
        if self.inside:
            kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
            return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"
        return urllib.parse.quote(path.relative_to(self.out).as_posix())


def shown(folder: MetamerFolder, network: NetworkResults, files: Files, known: Known) -> Shown | None:
    """A metamer as the page shows it; None where it is broken.

    Args:
      folder: of the metamer.
      network: that it is of.
      files: how they are named.
      known: from pages before; what is read now is added.
    """
    before = known.get(folder.path)
    if before and folder.record.exists() and folder.record.stat().st_mtime_ns == before.changed_ns:
        return before
    if not is_whole(folder.path):
        return None
    changed_ns, record = folder.record.stat().st_mtime_ns, read_record(folder.path)
    known[folder.path] = Shown(changed_ns, record, _cell(folder, record, network, files))
    return known[folder.path]


def _cell(folder: MetamerFolder, record: Record, network: NetworkResults, files: Files) -> dict[str, Any]:
    """One metamer: files, numbers, verdicts."""
    metamer = results.load(folder.path)
    draw_curve = functools.partial(plots.loss_curve, iterations=metamer.loss_iterations, loss=metamer.loss)
    _draw_once(folder.loss_curve, (3.6, 2.2), draw_curve)
    file_rho = record.file.measurement.spearman if record.file.measurement else {}
    verdict, file_verdict = record.floats.verdict, record.file.verdict
    return {
        "layer": metamer.layer,
        "metamer": _signal(folder, "metamer", metamer, network, files),
        "target": {
            **_signal(folder, "target", metamer, network, files),
            "class": criteria.class_text(metamer.target_class),
        },
        "class": criteria.class_text(metamer.metamer_class),
        "names_classes": metamer.target_class is not None,
        "rho": metamer.spearman[metamer.layer],
        "match": metamer.measurement.match,
        "verdict": verdict,
        "kind": "none" if verdict is None else "pass" if verdict.passes else "fail",
        "file_verdict": file_verdict,
        "file_differs": bool(verdict and file_verdict and file_verdict.passes != verdict.passes),
        "clipped": record.file.clipped_samples,
        "iterations": metamer.iterations,
        "stop_reason": metamer.stop_reason,
        "starts": metamer.starts,
        "loss_first": record.loss_first,
        "loss_last": record.loss_last,
        "loss_png": files.link(folder.loss_curve),
        "rhos": {layer: _rhos(rho, file_rho.get(layer)) for layer, rho in metamer.spearman.items()},
    }


def _rhos(rho: float, of_file: float | None) -> str:
    """Rho of the floats, and of the file where three digits tell them apart."""
    own = f"{rho:.3f}"
    if of_file is None or np.isnan(of_file) or f"{of_file:.3f}" == own:
        return own
    return f"{own} / {of_file:.3f}"


def _signal(
    folder: MetamerFolder, stem: str, metamer: Metamer, network: NetworkResults, files: Files
) -> dict[str, str]:
    """The picture of a metamer or its target, and its sound where it is one."""
    file = folder.shown(stem, metamer.spec.kind)
    if metamer.spec.kind == "image":
        return {"picture": files.link(file)}
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
        return {"picture": files.link(picture)}
    heard = functools.partial(
        plots.sound, waveform=signal, sample_rate=metamer.spec.rate_hz, frontend=frontend
    )
    _draw_once(picture, (3.6, 2.4), heard)
    return {"picture": files.link(picture), "sound": files.link(file)}


def _draw_once(path: Path, size: tuple[float, float], draw: Callable) -> None:
    """A figure of one axes, drawn unless it is there: a metamer never changes."""
    if not path.exists():
        draw_figure(path, size, draw)


def draw_figure(path: Path, size: tuple[float, float], draw: Callable) -> None:
    """A figure of one axes."""
    figure = Figure(figsize=size, dpi=110, layout="constrained")
    draw(figure.add_subplot())
    plots.save_figure(figure, path)
