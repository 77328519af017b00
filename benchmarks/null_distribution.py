"""Times a null distribution against the naive loop over pairs, in one run.

  python benchmarks/null_distribution.py --network=vgg_19_small --inputs=train-0.tfrecord,...
  python benchmarks/null_distribution.py --network=vgg_19 --checkpoint=random:0 --photographs=120 --pairs=7140

The naive loop runs both signals of a pair through the network and calls
scipy.stats.spearmanr for every layer, as the released scripts do; a sample of it is timed
between the parts of ours, and the ratio is for the same number of pairs.
"""

import resource
import time
from collections.abc import Iterator

import numpy as np
import scipy.stats
from absl import app, flags

import model_metamers as mm
from model_metamers.corpora import demo_stimuli
from model_metamers.criteria import null_design
from model_metamers.criteria.null_distribution import combine, measure_blocks
from model_metamers.signals import collection, images

_NETWORK = flags.DEFINE_string("network", "vgg_19_small", "Network of the catalog.")
_CHECKPOINT = flags.DEFINE_string("checkpoint", None, "As for make_metamers.")
_INPUTS = flags.DEFINE_list("inputs", [], "Files, folders or TFRecord files of natural signals.")
_PHOTOGRAPHS = flags.DEFINE_integer(
    "photographs", 0, "Instead: so many random crops of libraries' photographs."
)
_PAIRS = flags.DEFINE_integer("pairs", 1_000_000, "Pairs of every layer.")
_MEMORY = flags.DEFINE_float("memory_gb", 4.0, "For ranks.")
_SAMPLE = flags.DEFINE_integer("naive_pairs", 20, "Pairs of the naive loop that are timed.")


def random_crops(count: int, signal: mm.SignalSpec) -> np.ndarray:
    """Square crops at random places and sizes of photographs, float32 [count, *shape]."""
    from PIL import Image

    random = np.random.RandomState(0)
    photos = [Image.fromarray(pixels).convert("RGB") for _, pixels in demo_stimuli.photographs()]
    crops = []
    for i in range(count):
        photo = photos[i % len(photos)]
        side = int(random.uniform(0.4, 1.0) * min(photo.size))
        left, top = (random.randint(0, edge - side + 1) for edge in photo.size)
        crops.append(images.fit(photo.crop((left, top, left + side, top + side)), signal))
    return np.stack(crops)


def naive_seconds(network: mm.Network, signals, couples: np.ndarray) -> Iterator[float]:
    """Seconds for each pair, every layer."""
    for a, b in couples:
        began = time.perf_counter()
        pair = [network.activations(signals[int(i)][np.newaxis], network.layers) for i in (a, b)]
        for layer in network.layers:
            scipy.stats.spearmanr(*(p[layer].numpy().ravel() for p in pair))
        yield time.perf_counter() - began


def main(_) -> None:
    network = mm.load_network(_NETWORK.value, _CHECKPOINT.value)
    if _PHOTOGRAPHS.value:
        signals = random_crops(_PHOTOGRAPHS.value, network.signal)
    else:
        signals = collection.find_stimuli(_INPUTS.value, network.signal)
    network.activations(signals[0][np.newaxis], network.layers)  # compiled before the clock runs
    blocks = null_design.make_design("blocks", len(signals), _PAIRS.value)
    halves = [blocks[: len(blocks) // 2], blocks[len(blocks) // 2 :]]
    couples = np.concatenate([b.stimuli[b.pairs] for b in blocks])[:: max(1, len(blocks) * 50)][
        : _SAMPLE.value
    ]
    seconds, naive, rho = 0.0, [], {}
    for half in halves:
        began = time.perf_counter()
        rho |= measure_blocks(network, network.layers, signals, half, _MEMORY.value)
        seconds += time.perf_counter() - began
        naive += list(naive_seconds(network, signals, couples))
    null = combine(network, "blocks", [rho[block.index] for block in blocks])
    pairs = sum(len(block.pairs) for block in blocks)
    peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    hours = np.median(naive) * pairs / 3600
    print(f"{network.name}: {pairs:,} pairs x {len(network.layers)} layers in {seconds:.1f} s")
    print(f"peak memory {peak_gb:.2f} GB")
    print(f"naive: {np.median(naive):.3f} s a pair (median of {len(naive)}), {hours:.1f} h for as many")
    print(f"ratio {hours * 3600 / seconds:.0f}")
    print(f"a million pairs at this rate: {seconds / pairs * 1_006_740 / 60:.1f} min")
    for layer, found_here in null.layers.items():
        interval = f"{found_here.maximum_low:.4f}-{found_here.maximum_high:.4f}"
        worth = f"worth {found_here.effective_pairs:,.0f} independent pairs"
        print(f"  {layer}: max {found_here.maximum:.4f}, 90 % {interval}, {worth}")


if __name__ == "__main__":
    app.run(main)
