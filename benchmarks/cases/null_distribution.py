"""A null distribution against the naive loop over pairs."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import scipy.stats

from benchmarks import signals
from benchmarks.results import Result, Table
from benchmarks.settings import Settings
from benchmarks.timing import Spread
from model_metamers import catalog
from model_metamers.criteria import null_design
from model_metamers.criteria.null_distribution import combine, measure_blocks
from model_metamers.errors import InputError
from model_metamers.networks.network import Network
from model_metamers.signals import collection

_MILLION = 1_006_740  # pairs of the paper's number in whole blocks
_BLOCK = 120
_PAIRS_OF_BLOCK = _BLOCK * (_BLOCK - 1) // 2
_NAIVE_PAIRS = 20


def run(name: str, settings: Settings) -> Result:
    """Times the layers of a network, on `--inputs` or random crops of photographs.

    The naive loop runs both signals of a pair through the network and calls scipy.stats.spearmanr for
    every layer, as the released scripts do; a sample of it is timed between the parts of ours, and the
    ratio is for the same number of pairs.

    Raises:
      InputError: a sound network is given no inputs.
    """
    del name
    results = [_measure(network, settings) for network in settings.networks or ("vgg_19_small",)]
    return Result(tuple(result.tables[0] for result in results), sum((r.notes for r in results), ()))


def _measure(name: str, settings: Settings) -> Result:
    network = catalog.load_network(name, settings.checkpoint)
    stimuli = _signals(network, settings)
    network.activations(stimuli[0][np.newaxis], network.layers)  # compiled before the clock runs
    blocks = null_design.make_design("blocks", len(stimuli), settings.pairs)
    halves = [part for part in (blocks[: len(blocks) // 2], blocks[len(blocks) // 2 :]) if part]
    couples = np.concatenate([block.stimuli[block.pairs] for block in blocks])
    couples = couples[:: max(1, len(couples) // _NAIVE_PAIRS)][:_NAIVE_PAIRS]
    seconds, naive = 0.0, []
    rho: dict[int, dict[str, np.ndarray]] = {}
    for half in halves:
        began = time.perf_counter()
        rho |= measure_blocks(network, network.layers, stimuli, half, settings.memory_gb, progress=False)
        seconds += time.perf_counter() - began
        naive += list(_naive_seconds(network, stimuli, couples))
    null = combine(network, "blocks", blocks, [rho[block.index] for block in blocks])
    pairs = sum(len(block.pairs) for block in blocks)
    ratio = Spread.of(naive).median * pairs / seconds
    row = (
        f"{pairs:,}",
        str(len(network.layers)),
        f"{seconds:.1f}",
        f"{seconds / pairs * _MILLION / 60:.1f}",
        Spread.of(naive).text(1e3),
        f"{ratio:.0f}x",
    )
    columns = ("pairs", "layers", "s", "a million pairs, min", "naive loop, ms a pair", "ours is faster by")
    numbers = {
        "pairs": pairs,
        "seconds": seconds,
        "naive_seconds_a_pair": naive,
        "maxima": {layer: found.maximum for layer, found in null.layers.items()},
    }
    maxima = ", ".join(f"{layer} {found.maximum:.4f}" for layer, found in null.layers.items())
    return Result((Table(network.name, columns, (row,), numbers),), (f"Maxima of {network.name}: {maxima}.",))


def _signals(network: Network, settings: Settings):
    if settings.inputs:
        return collection.find_stimuli(list(settings.inputs), network.signal)
    if network.signal.kind != "image":
        raise InputError(f"null of {network.name}: name sounds with --inputs; none come with the package")
    blocks = -(-settings.pairs // _PAIRS_OF_BLOCK)
    return signals.random_crops(blocks * _BLOCK, network.signal)


def _naive_seconds(network: Network, stimuli, couples: np.ndarray) -> Iterator[float]:
    """Seconds for each pair, every layer."""
    for couple in couples:
        began = time.perf_counter()
        pair = [network.activations(stimuli[int(i)][np.newaxis], network.layers) for i in couple]
        for layer in network.layers:
            scipy.stats.spearmanr(*(p[layer].numpy().ravel() for p in pair))
        yield time.perf_counter() - began
