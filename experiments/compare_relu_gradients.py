"""Compares metamers made with the linear and with the ordinary ReLU gradient (Figure 2).

  compare_relu_gradients --network=word_reduced_aliasing_small --inputs=words/ --out=relu
  compare_relu_gradients --network=vgg_19_small --inputs=photos/ --layers=conv1_2,conv5_4 --out=relu

At a layer that ends in a ReLU, a unit that is zero for the current signal passes no gradient and may
stay at zero for ever. So the paper lets every gradient pass the ReLU of the matched layer. This
program searches for metamers of the same stimuli, from the same noise, with either gradient
("linear" and "plain"), and tells how well they match.

As many of the inputs as --stimuli says are matched, evenly spread over the order of their names. The
other inputs and --null_inputs are used for the null distribution. The layers must end in a ReLU: at
others the two gradients are the same.

Results in --out, which several networks may share:
  linear/, plain/                the metamers, as make_metamers writes them;
  relu_gradients.csv and .json   a row for each network, layer, stimulus and gradient, with rho at the
                                 layer and shares of units that are zero: zero_target for the target,
                                 zero_start for the noise, zero_start_of_active for the noise among the
                                 units that the target activates, lost for the metamer among those;
  <network>_example.npz          activations of one stimulus at one layer;
  figure_2_<network>.png, .pdf   the figure;
  <network>_flags.txt            the flags.
A run that was stopped continues with the same command.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from absl import flags

import model_metamers as mm
from model_metamers import runs
from model_metamers.catalog import named_network
from model_metamers.runs import null_runs
from model_metamers.runs.folder import safe_name
from model_metamers.signals import files
from model_metamers.storage import locks
from model_metamers_experiments import binary, relu_gradients
from model_metamers_experiments.figures import figure_2

_NETWORK = flags.DEFINE_string("network", None, f"{named_network.NAMES}.", required=True)
_CHECKPOINT = flags.DEFINE_string("checkpoint", None, "As for make_metamers.")
_SIGNAL = flags.DEFINE_string("signal", None, named_network.SIGNAL)
_LAYERS = flags.DEFINE_list(
    "layers", None, "Layers to match, early to late. Without it, all metamer layers that end in a ReLU."
)
_INPUTS = flags.DEFINE_list("inputs", None, "Files or folders of natural signals.", required=True)
_NULL_INPUTS = flags.DEFINE_list("null_inputs", [], "Further natural signals, for the null distribution.")
_NULL = flags.DEFINE_string(
    "null", None, "Null distribution that make_null_distribution measured, instead of one over the inputs."
)
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


def main() -> int:
    binary.repeatable()
    configs = {gradient: _config(gradient) for gradient in figure_2.GRADIENTS}
    network = named_network.load(_NETWORK.value, _CHECKPOINT.value, _SIGNAL.value)
    layers = relu_gradients.relu_layers(network, _LAYERS.value)
    if _EXAMPLE_LAYER.value and _EXAMPLE_LAYER.value not in layers:
        raise mm.InputError(f"--example_layer={_EXAMPLE_LAYER.value}: expected one of {', '.join(layers)}")
    # Every metamer is read at every matched layer, so that the figure can show early ones at late ones.
    network.layers = tuple(s for s in network.stages if s in layers or s in network.layers)
    out = Path(_OUT.value)
    plans = _plans(network, layers, configs, out)
    _rows(out)  # damaged ones are refused before work begins
    done = runs.execute(
        list(plans.values()),
        flags=binary.settings(__name__),
        flags_file=out / f"{safe_name(network.name)}_flags.txt",
        resume=_RESUME.value,
        progress=_PROGRESS.value,
    )
    made = dict(zip(plans, done.by_run, strict=True))
    for gradient, layer, stimulus, error in relu_gradients.failures(made):
        binary.tell(f"{gradient} {layer} {stimulus}: {error}")
    rows = relu_gradients.rows(plans, made)
    if not rows:
        return 1
    with locks.hold(out, "rows", wait=True):  # other networks' rows may have been written meanwhile
        relu_gradients.write_rows_of(out, _rows(out), rows)
    summary = relu_gradients.summary(layers, rows)
    relu_gradients.write_example(plans, _EXAMPLE_LAYER.value or relu_gradients.most_different(summary))
    drawn = figure_2.draw(out)
    binary.print_table([list(summary[0]), *([_text(v) for v in line.values()] for line in summary)])
    print(f"Look: {', '.join(map(str, drawn))}")
    return int(not done.complete)


def _rows(out: Path) -> list[dict[str, Any]]:
    """Those that are there, of any network."""
    return figure_2.read_rows(out / figure_2.ROWS) if (out / figure_2.ROWS).exists() else []


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
    network: mm.Network, layers: Sequence[str], configs: Mapping[str, mm.SynthesisConfig], out: Path
) -> dict[str, runs.Run]:
    """The two runs, which differ only in the gradient."""
    signals = files.load_signals(files.find_files(_INPUTS.value, network.signal), network.signal)
    further = files.load_signals(files.find_files(_NULL_INPUTS.value, network.signal), network.signal)
    null = null_runs.read(_NULL.value) if _NULL.value else None
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
            null=null,
        )
        for gradient, config in configs.items()
    }


def _text(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def run() -> None:
    binary.run(main)


if __name__ == "__main__":
    run()
