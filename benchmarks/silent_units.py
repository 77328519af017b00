"""How much of a network is silent: shares of activations that are zero, and channels that never fire.

  python -m benchmarks.silent_units --network=resnet_v2_small_64 --inputs=validation-00000-of-00004.tfrecord
  python -m benchmarks.silent_units --network=word_reduced_aliasing_small --inputs=words --stimuli=500

Of every layer that metamers are made for. Zeros tie in ranks, so that they limit Spearman's rho; a channel
that is zero for every stimulus tells nothing of any of them.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence

import numpy as np

import model_metamers as mm
from model_metamers.signals import collection

_BATCH = 20


def shares(network: mm.Network, batches: Iterable[np.ndarray]) -> dict[str, tuple[float, int, int]]:
    """Of each metamer layer: the share of zeros, channels that never fire, and channels.

    Args:
      batches: signals [batch, *signal.shape], at least one batch.
    """
    zeros: dict[str, list[float]] = {}
    largest: dict[str, np.ndarray] = {}
    for signals in batches:
        for layer, values in network.activations(signals, network.layers).items():
            values = np.abs(values.numpy())
            zeros.setdefault(layer, []).extend((values == 0).reshape(len(values), -1).mean(axis=1))
            here = values.reshape(-1, values.shape[-1]).max(axis=0)
            largest[layer] = np.maximum(largest.get(layer, 0.0), here)
    return {
        layer: (float(np.mean(zeros[layer])), int((largest[layer] == 0).sum()), len(largest[layer]))
        for layer in zeros
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--network", required=True, help="Of the catalog.")
    parser.add_argument("--inputs", required=True, nargs="+", help="Files, folders or TFRecord files.")
    parser.add_argument("--stimuli", type=int, default=1000, help="So many of them, evenly spread.")
    asked = parser.parse_args(arguments)
    network = mm.load_network(asked.network)
    stimuli = collection.find_stimuli(asked.inputs, network.signal)
    chosen = np.linspace(0, len(stimuli) - 1, min(asked.stimuli, len(stimuli))).astype(int)
    batches = (
        np.stack([stimuli[i] for i in chosen[start : start + _BATCH]])
        for start in range(0, len(chosen), _BATCH)
    )
    print(f"{network.name}, {len(chosen)} stimuli", end="\n\n")
    print("| layer | zeros | channels that never fire |")
    print("|---|---|---|")
    for layer, (zero, silent, channels) in shares(network, batches).items():
        print(f"| {layer} | {zero:.1%} | {silent} of {channels} |")


if __name__ == "__main__":
    main()
