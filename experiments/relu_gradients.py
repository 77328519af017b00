"""How well metamers match when they are made with the linear and with the ordinary ReLU gradient."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from model_metamers import InputError, runs
from model_metamers.runs import results
from model_metamers.runs.folder import safe_name
from model_metamers.storage.writing import write_arrays, write_json, write_rows
from model_metamers_experiments.figures import figure_2

if TYPE_CHECKING:
    from model_metamers.networks.network import Network

_EXAMPLE_UNITS = 20000  # a scatter plot cannot show more points


def relu_layers(network: Network, asked: Sequence[str] | None) -> tuple[str, ...]:
    """The layers asked for, or all metamer layers that end in a ReLU; early to late.

    Raises:
      InputError: a layer asked for does not end in a ReLU, or is unknown.
    """
    import tensorflow as tf

    stages = network.forward(tf.zeros([1, *network.signal.shape]))
    if not asked:
        return tuple(layer for layer in network.layers if stages[layer].relu)
    asked = network.check_layers(asked)
    without = [layer for layer in asked if not stages[layer].relu]
    if without:
        with_relu = ", ".join(name for name, stage in stages.items() if stage.relu)
        raise InputError(
            f"{network.name}: {', '.join(without)} does not end in a ReLU, so there is nothing to compare; "
            f"these layers do: {with_relu}"
        )
    return tuple(name for name in stages if name in asked)


def failures(
    made: Mapping[str, Sequence[runs.Made]],
) -> Iterator[tuple[str, str, str, InputError]]:
    """(gradient, layer, stimulus, error) of every metamer that could not be made."""
    for gradient, of_run in made.items():
        for layer, stimulus, record in of_run:
            if isinstance(record, InputError):
                yield gradient, layer, stimulus, record


def rows(plans: Mapping[str, runs.Run], made: Mapping[str, Sequence[runs.Made]]) -> list[dict[str, Any]]:
    """A row of numbers for every metamer that was made.

    Args:
      plans: the run of each gradient, "linear" and "plain".
      made: the metamers of each gradient: layer, stimulus, and a record or an error.
    """
    return [
        _row(plans[gradient], layer, stimulus, gradient, record)
        for gradient, of_run in made.items()
        for layer, stimulus, record in of_run
        if not isinstance(record, InputError)
    ]


def summary(layers: Sequence[str], rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """A line for each layer; see `_summary_of`."""
    return [_summary_of(layer, [row for row in rows if row["layer"] == layer]) for layer in layers]


def _row(plan: runs.Run, layer: str, stimulus: str, gradient: str, record: runs.Record) -> dict[str, Any]:
    """The row of one metamer; the manual of compare_relu_gradients explains the columns."""
    from model_metamers.synthesis import starts

    metamer = results.load(plan.folder.metamer(layer, stimulus).path)
    start = starts.start(plan.network.signal, plan.config.seed, plan.config.preset)
    target, noise, metamers = _activations(plan.network, layer, [metamer.target, start, metamer.signal])
    active = target > 0
    return {
        "network": plan.network.name,
        "layer": layer,
        "depth": plan.network.stages.index(layer),
        "stimulus": stimulus,
        "gradient": gradient,
        "rho": metamer.spearman[layer],
        "loss": record.loss_last,
        "iterations": metamer.iterations,
        "same_class": metamer.measurement.same_class,
        "zero_target": float(np.mean(target == 0)),
        "zero_start": float(np.mean(noise == 0)),
        "zero_start_of_active": float(np.mean(noise[active] == 0)) if active.any() else float("nan"),
        "lost": float(np.mean(metamers[active] == 0)) if active.any() else float("nan"),
    }


def _activations(network: Network, layer: str, signals: Sequence[np.ndarray]) -> np.ndarray:
    """The activations of signals at a layer, [signals, units]."""
    return network.activations(np.stack(signals), [layer])[layer].numpy().reshape(len(signals), -1)


def write_rows_of(out: Path, there: Sequence[dict[str, Any]], rows: Sequence[dict[str, Any]]) -> None:
    """Writes the rows that were there and new ones, which replace those of the same metamers."""
    path = out / figure_2.ROWS
    key = ("network", "depth", "layer", "stimulus", "gradient")
    merged = {tuple(row[k] for k in key): row for row in [*there, *rows]}
    # NaN becomes None, as it comes back from JSON, so that a later run writes the same CSV.
    ordered = [{k: None if v != v else v for k, v in merged[place].items()} for place in sorted(merged)]
    write_json(path, ordered)
    write_rows(path.with_suffix(".csv"), ordered)


def _summary_of(layer: str, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """A layer's line of the table, over the stimuli for which rho is known with both gradients."""
    import scipy.stats

    rho = {g: {r["stimulus"]: r["rho"] for r in rows if r["gradient"] == g} for g in figure_2.GRADIENTS}
    both = [s for s in rho["linear"] if np.isfinite([rho[g].get(s, np.nan) for g in rho]).all()]
    linear, plain = (np.array([rho[g][s] for s in both]) for g in ("linear", "plain"))
    mean = {g: float(np.mean(v)) if both else float("nan") for g, v in (("linear", linear), ("plain", plain))}
    differ = len(both) > 1 and np.any(linear != plain)
    return {
        "layer": layer,
        "stimuli": len(both),
        "zero_target": _mean(rows, "zero_target"),
        "zero_start": _mean(rows, "zero_start"),
        "rho_linear": mean["linear"],
        "rho_plain": mean["plain"],
        "linear_better": int(np.sum(linear > plain)),
        "wilcoxon_p": float(scipy.stats.wilcoxon(linear, plain).pvalue) if differ else float("nan"),
        "lost_linear": _mean([r for r in rows if r["gradient"] == "linear"], "lost"),
        "lost_plain": _mean([r for r in rows if r["gradient"] == "plain"], "lost"),
    }


def _mean(rows: Sequence[dict[str, Any]], column: str) -> float:
    values = [row[column] for row in rows if np.isfinite(row[column])]
    return float(np.mean(values)) if values else float("nan")


def most_different(summary: Sequence[dict[str, Any]]) -> str:
    """The layer at which the mean rho of the two gradients differs most."""
    difference = [abs(line["rho_linear"] - line["rho_plain"]) for line in summary]
    return summary[int(np.argmax(np.nan_to_num(difference, nan=-1.0)))]["layer"]


def write_example(plans: dict[str, runs.Run], layer: str) -> None:
    """Writes the activations of an example for the figure.

    It is the first stimulus with metamers of both gradients at the layer.
    """
    network, out = plans["linear"].network, plans["linear"].out.parent
    for stimulus in plans["linear"].stimuli:
        folders = {g: plan.folder.metamer(layer, stimulus).path for g, plan in plans.items()}
        if not all(folder.exists() for folder in folders.values()):
            continue
        made = {g: results.load(folder) for g, folder in folders.items()}
        signals = [made["linear"].target, *(made[g].signal for g in figure_2.GRADIENTS)]
        values = _activations(network, layer, signals)
        if values.shape[1] > _EXAMPLE_UNITS:
            drawn = np.random.RandomState(0).choice(values.shape[1], _EXAMPLE_UNITS, replace=False)
            values = values[:, drawn]
        path = out / f"{safe_name(network.name)}_example.npz"
        arrays = dict(zip(("target", *figure_2.GRADIENTS), values, strict=True))
        write_arrays(path, {"layer": np.array(layer), "stimulus": np.array(stimulus), **arrays})
        return
