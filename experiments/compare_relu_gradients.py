"""Compares metamers made with the linear and with the ordinary ReLU gradient (Figure 2).

  compare_relu_gradients --network=word_reduced_aliasing_small --inputs=words/ --out=relu
  compare_relu_gradients --network=vgg_19_small --inputs=photos/ --layers=conv1_2,conv5_4 --out=relu

Where a layer ends in a ReLU, a unit that is zero for the signal so far passes no gradient
and may never leave zero. So the paper lets the ReLU of the matched layer pass every
gradient. This searches for metamers of the same stimuli, from the same noise, with either
gradient ("linear" and "plain"), and tells how well they match.

--stimuli of the inputs are matched, evenly spread over the order of their names; the further ones and
--null_inputs serve the null distribution. Layers must end in a ReLU: at others the two gradients are one.

Written below --out, which may be shared by several networks: `linear/` and `plain/` with
the metamers, each as make_metamers leaves them; `relu_gradients.csv` and `.json` with, for
each network, layer, stimulus and gradient, rho at the layer and the shares of units that
are zero (zero_target: for the target; zero_start: for the noise; zero_start_of_active: for
the noise, of the units that the target activates; lost: of these, still zero in the
metamer); `<network>_example.npz` with activations of one stimulus at one layer;
`figure_2_<network>.png` and `.pdf`; `<network>_flags.txt`. A run that was stopped continues
with the same command.
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy.stats
import tensorflow as tf
from absl import flags

import model_metamers as mm
from model_metamers import runs
from model_metamers.networks.network import Network
from model_metamers.runs.folder import safe_name
from model_metamers.signals import files
from model_metamers.storage.writing import write_arrays, write_json, write_lines, write_rows
from model_metamers.synthesis import starts
from model_metamers_experiments import binary
from model_metamers_experiments.figures import figure_2

_NETWORK = flags.DEFINE_string("network", None, "Network of the catalog.", required=True)
_CHECKPOINT = flags.DEFINE_string("checkpoint", None, "As for make_metamers.")
_LAYERS = flags.DEFINE_list(
    "layers", None, "Layers to match, early to late. Without it, all metamer layers that end in a ReLU."
)
_INPUTS = flags.DEFINE_list("inputs", None, "Files or folders of natural signals.", required=True)
_NULL_INPUTS = flags.DEFINE_list("null_inputs", [], "Further natural signals, for the null distribution.")
_OUT = flags.DEFINE_string("out", None, "Folder of the results.", required=True)
_STIMULI = flags.DEFINE_integer("stimuli", 20, "How many of the inputs are matched.", lower_bound=1)
_ITERATIONS = flags.DEFINE_integer("iterations", 15000, "Steps of the search.")
_LEARNING_RATE = flags.DEFINE_float("learning_rate", None, "At the start; as for make_metamers.")
_PRESET = flags.DEFINE_enum("preset", "released", ["released", "paper"], "As for make_metamers.")
_SEED = flags.DEFINE_integer("seed", 0, "Of the noise that every search begins from.")
_EXAMPLE_LAYER = flags.DEFINE_string(
    "example_layer",
    None,
    "Whose activations are drawn. Without it, where the two gradients differ most in mean rho.",
)
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 8, "Stimuli searched together.", lower_bound=1)
_SAVE_EVERY = flags.DEFINE_integer("save_every", 1000, "Steps between saved states of a search.")
_RESUME = flags.DEFINE_bool(
    "resume", True, "Continue a run in --out; without, a folder with a run is refused."
)
_PROGRESS = flags.DEFINE_bool("progress", True, "Show progress bars.")

_EXAMPLE_UNITS = 20000  # more points than a scatter plot can show


def main() -> int:
    binary.repeatable()
    configs = {gradient: _config(gradient) for gradient in figure_2.GRADIENTS}
    network = mm.load_network(_NETWORK.value, _CHECKPOINT.value)
    layers = _relu_layers(network, _LAYERS.value)
    if _EXAMPLE_LAYER.value and _EXAMPLE_LAYER.value not in layers:
        raise mm.InputError(f"--example_layer={_EXAMPLE_LAYER.value}: expected one of {', '.join(layers)}")
    # Every metamer is read at every matched layer, so that the figure can show early ones at late ones.
    network.layers = tuple(s for s in network.stages if s in layers or s in network.layers)
    out = Path(_OUT.value)
    plans = _plans(network, layers, configs, out)
    for plan in plans.values():
        runs.prepare(plan, _RESUME.value)
    there = figure_2.read_rows(out / figure_2.ROWS) if (out / figure_2.ROWS).exists() else []
    repeat = binary.settings(__name__)
    write_lines(out / f"{network.name}_flags.txt", repeat)
    null = runs.measure_null(plans["linear"], _PROGRESS.value)
    rows, problems = [], []
    for gradient, plan in plans.items():
        for layer, stimulus, record in runs.make(plan, null, _PROGRESS.value):
            if isinstance(record, mm.InputError):
                problems.append(f"{gradient} {layer} {stimulus}: {record}")
            else:
                rows.append(_row(plan, layer, stimulus, gradient, record))
    for problem in problems:
        print(f"compare_relu_gradients: {problem}", file=sys.stderr)
    if not rows:
        return 1
    _write_rows(out, there, rows)
    summary = [_summary(layer, [row for row in rows if row["layer"] == layer]) for layer in layers]
    _write_example(plans, _EXAMPLE_LAYER.value or _most_different(summary))
    drawn = figure_2.draw(out)
    binary.print_table([list(summary[0]), *([_text(v) for v in line.values()] for line in summary)])
    print(f"Look: {', '.join(map(str, drawn))}")
    return int(bool(problems))


def _relu_layers(network: Network, asked: Sequence[str] | None) -> tuple[str, ...]:
    """The asked layers, or all metamer layers that end in a ReLU, early to late."""
    stages = network.forward(tf.zeros([1, *network.signal.shape]))
    if not asked:
        return tuple(layer for layer in network.layers if stages[layer].relu)
    without = [layer for layer in network.check_layers(asked) if not stages[layer].relu]
    if without:
        with_relu = ", ".join(name for name, stage in stages.items() if stage.relu)
        raise mm.InputError(
            f"{network.name}: {', '.join(without)} does not end in a ReLU, so there is nothing to compare; "
            f"these layers do: {with_relu}"
        )
    return tuple(name for name in stages if name in asked)


def _config(gradient: str) -> mm.SynthesisConfig:
    return mm.SynthesisConfig(
        iterations=_ITERATIONS.value,
        learning_rate=_LEARNING_RATE.value,
        preset=_PRESET.value,
        seed=_SEED.value,
        relu_gradient=gradient,
        save_every=_SAVE_EVERY.value,
    )


def _plans(
    network: Network, layers: Sequence[str], configs: Mapping[str, mm.SynthesisConfig], out: Path
) -> dict[str, runs.Run]:
    """The two runs, which differ in the gradient only."""
    signals = files.load_signals(files.find_files(_INPUTS.value, network.signal), network.signal)
    further = files.load_signals(files.find_files(_NULL_INPUTS.value, network.signal), network.signal)
    names = list(signals)
    places = np.linspace(0, len(names), min(_STIMULI.value, len(names)), endpoint=False).astype(int)
    matched = [names[i] for i in places]
    unmatched = [name for name in names if name not in matched]
    return {
        gradient: runs.Run(
            network=network,
            layers=layers,
            stimuli={name: signals[name] for name in matched},
            null_stimuli={**further, **{name: signals[name] for name in unmatched}},
            out=out / gradient,
            config=config,
            batch_size=_BATCH_SIZE.value,
        )
        for gradient, config in configs.items()
    }


def _row(plan: runs.Run, layer: str, stimulus: str, gradient: str, record: dict[str, Any]) -> dict[str, Any]:
    """What is told of one metamer."""
    metamer = mm.load(plan.folder.metamer(layer, stimulus).path)
    start = starts.start(plan.network.signal, plan.config.seed, plan.config.preset)
    target, noise, found = _activations(plan.network, layer, [metamer.target, start, metamer.signal])
    active = target > 0
    return {
        "network": plan.network.name,
        "layer": layer,
        "depth": plan.network.stages.index(layer),
        "stimulus": stimulus,
        "gradient": gradient,
        "rho": metamer.spearman[layer],
        "loss": record["loss_last"],
        "iterations": metamer.iterations,
        "same_class": metamer.measurement.same_class,
        "zero_target": float(np.mean(target == 0)),
        "zero_start": float(np.mean(noise == 0)),
        "zero_start_of_active": float(np.mean(noise[active] == 0)) if active.any() else float("nan"),
        "lost": float(np.mean(found[active] == 0)) if active.any() else float("nan"),
    }


def _activations(network: Network, layer: str, signals: Sequence[np.ndarray]) -> np.ndarray:
    """Of each signal at a layer, [signals, units]."""
    return network.activations(np.stack(signals), [layer])[layer].numpy().reshape(len(signals), -1)


def _write_rows(out: Path, there: Sequence[dict[str, Any]], rows: Sequence[dict[str, Any]]) -> None:
    """Adds rows to those that were there; a row of the same metamer is replaced."""
    path = out / figure_2.ROWS
    key = ("network", "depth", "layer", "stimulus", "gradient")
    merged = {tuple(row[k] for k in key): row for row in [*there, *rows]}
    # NaN as JSON gives it back, so that the CSV is the same after a further run.
    ordered = [{k: None if v != v else v for k, v in merged[place].items()} for place in sorted(merged)]
    write_json(path, ordered)
    write_rows(path.with_suffix(".csv"), ordered)


def _summary(layer: str, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """A layer's line of the table, over stimuli that have a rho with either gradient."""
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


def _most_different(summary: Sequence[dict[str, Any]]) -> str:
    difference = [abs(line["rho_linear"] - line["rho_plain"]) for line in summary]
    return summary[int(np.argmax(np.nan_to_num(difference, nan=-1.0)))]["layer"]


def _write_example(plans: dict[str, runs.Run], layer: str) -> None:
    """Activations of the first stimulus that both gradients have at a layer, for the figure."""
    network, out = plans["linear"].network, plans["linear"].out.parent
    for stimulus in plans["linear"].stimuli:
        folders = {g: plan.folder.metamer(layer, stimulus).path for g, plan in plans.items()}
        if not all(folder.exists() for folder in folders.values()):
            continue
        made = {g: mm.load(folder) for g, folder in folders.items()}
        signals = [made["linear"].target, *(made[g].signal for g in figure_2.GRADIENTS)]
        values = _activations(network, layer, signals)
        if values.shape[1] > _EXAMPLE_UNITS:
            drawn = np.random.RandomState(0).choice(values.shape[1], _EXAMPLE_UNITS, replace=False)
            values = values[:, drawn]
        path = out / f"{safe_name(network.name)}_example.npz"
        arrays = dict(zip(("target", *figure_2.GRADIENTS), values, strict=True))
        write_arrays(path, {"layer": np.array(layer), "stimulus": np.array(stimulus), **arrays})
        return


def _text(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def run() -> None:
    binary.run(main)


if __name__ == "__main__":
    run()
