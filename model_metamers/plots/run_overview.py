"""A run's folder in one plot: rho of its metamers by layer, which pass, and what rho must exceed."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from model_metamers.criteria.null_file import read_null
from model_metamers.errors import InputError
from model_metamers.plots.on_axes import METAMERS, NULL, as_written
from model_metamers.runs.folder import RunFolder
from model_metamers.runs.intact import check_nulls
from model_metamers.runs.record import Record, read_record
from model_metamers.storage.claims import SETTINGS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from model_metamers.criteria.null import NullDistribution

_SPREAD = 0.25  # of a layer's points to the sides, so that they do not hide one another


class Overview(NamedTuple):
    """What is drawn of a run.

    Attributes:
      network: its name.
      layers: early to late where the null distribution tells the order, else by name.
      records: of the metamers of each layer.
      null: None where none was measured.
    """

    network: str
    layers: list[str]
    records: list[list[Record]]
    null: NullDistribution | None


def read_overview(folder: Path) -> Overview:
    """The records of a run.

    Raises:
      InputError: no folder of a run, one of several networks, verdicts of different null distributions at
        one layer, or a damaged null distribution. A metamer that is damaged is left out.
    """
    place = _network_folder(folder)
    records = []
    for metamer in place.metamers():
        with contextlib.suppress(InputError):
            records.append((metamer.path, read_record(metamer.path)))
    if not records:
        raise InputError(f"{folder}: no metamers of a run; name a folder of make_metamers")
    check_nulls(records)
    null = read_null(place.null)[0] if place.null.exists() else None
    order = list(null.layers) if null else []
    of_layers = {record.layer for _, record in records}
    layers = [layer for layer in order if layer in of_layers] + sorted(of_layers.difference(order))
    by_layer = [[record for _, record in records if record.layer == layer] for layer in layers]
    return Overview(records[0][1].network, layers, by_layer, null)


def _network_folder(folder: Path) -> RunFolder:
    """`OUT/<network>` as given, or the only one in OUT."""
    if (folder / SETTINGS).is_file():
        return RunFolder.of(folder)
    networks = [path.parent for path in sorted(folder.glob(f"*/{SETTINGS}"))]
    if len(networks) > 1:
        names = ", ".join(path.name for path in networks)
        raise InputError(
            f"{folder}: holds runs of several networks ({names}); name the folder of one of them"
        )
    if not networks:
        raise InputError(f"{folder}: no metamers of a run; name a folder of make_metamers")
    return RunFolder.of(networks[0])


def draw_overview(axes: Axes, run: Overview) -> None:
    """A point for each metamer; a line at what rho must exceed."""
    kinds: dict[str, list[tuple[float, float]]] = {"passes": [], "fails": [], "not judged": []}
    for place, records in enumerate(run.records):
        sides = np.linspace(-_SPREAD, _SPREAD, len(records)) if len(records) > 1 else [0.0]
        for side, record in zip(sides, records, strict=True):
            verdict = record.floats.verdict
            kind = "not judged" if verdict is None else "passes" if verdict.passes else "fails"
            kinds[kind].append((place + side, record.floats.measurement.spearman[record.layer]))
    faces = {"passes": METAMERS, "fails": "none", "not judged": "0.8"}
    for kind, points in kinds.items():
        if points:
            x, y = np.array(points).T
            label = f"{kind} ({len(points)})"
            axes.scatter(x, y, s=22, facecolors=faces[kind], edgecolors=METAMERS, linewidths=1, label=label)
    if run.null is not None:
        limits = [run.null.limit(layer) if layer in run.null.layers else np.nan for layer in run.layers]
        label = f"null maximum ({run.null.pairs:,} pairs)"
        if run.null.rule != "maximum":
            label = f"limit by {run.null.rule} ({run.null.pairs:,} pairs)"
        places = np.arange(len(run.layers))
        axes.hlines(limits, places - 0.4, places + 0.4, colors=NULL, linestyles="--", label=label)
    axes.set_xticks(range(len(run.layers)), [as_written(layer) for layer in run.layers])
    axes.tick_params(axis="x", rotation=40 if len(run.layers) > 4 else 0)
    axes.set(xlim=(-0.5, len(run.layers) - 0.5), ylabel="Spearman's ρ", title=as_written(run.network))
    axes.grid(axis="y", alpha=0.25, linewidth=0.5)
    axes.legend(fontsize="small", loc="upper left", bbox_to_anchor=(1.0, 1.0))  # where it hides nothing
