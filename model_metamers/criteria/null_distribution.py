"""Spearman's rho between unrelated natural signals, per layer (paper 3.1).

Each stimulus of a block runs once, its activations are ranked once, and every pair of
the block is then an entry in one product of standardised ranks. The values are those of
`scipy.stats.spearmanr` on each pair.
"""

from __future__ import annotations

import concurrent.futures
import logging
import math
import os
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from tqdm import tqdm

from model_metamers.criteria import null_design
from model_metamers.criteria.null import BINS, LayerNull, NullDistribution
from model_metamers.errors import InputError
from model_metamers.signals.arguments import check_range, number
from model_metamers.statistics import ranks
from model_metamers.storage.digests import array_digest

if TYPE_CHECKING:
    from model_metamers.networks.network import Network

# Units whose ranks are multiplied at a time: 120 stimuli x 32,768 x 8 bytes are 31 MB.
_UNITS_PER_PRODUCT = 32768
_FORWARD_BYTES = 256 * 2**20
_FEWEST_BLOCKS = 8  # below, block statistics say nothing
_MOST_MEMORY_GB = 10**6

_log = logging.getLogger(__name__)


class Signals(Protocol):
    """An array of signals, or anything that gives one signal at a time."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Any: ...


def null_distribution(
    network: Network,
    layers: Sequence[str],
    signals: Signals,
    pairs: int = 1_000_000,
    seed: int = 0,
    design: str = "blocks",
    recordings: Sequence[Hashable] | None = None,
    memory_gb: float = 4.0,
    progress: bool = True,
) -> NullDistribution:
    """Measures rho of unrelated pairs, as many as asked for or as there are.

    Two signals that are equal are not unrelated: their pair has no rho, and a logged line names it.

    Args:
      network: with weights.
      layers: stages to measure.
      signals: [count, *shape], or anything with `len` whose item at an index array is such
        a batch, loaded when it is asked for.
      pairs, seed, design, recordings: see `null_design.make_design`.
      memory_gb: for ranks; where a block's do not fit, layers are measured in turn.
      progress: whether to show a bar.

    Raises:
      InputError: unknown layer, too few signals, or none of this network.
    """
    blocks = null_design.make_design(design, len(signals), pairs, seed=seed, recordings=recordings)
    rho = measure_blocks(network, layers, signals, blocks, memory_gb, progress=progress)
    return combine(network, design, [rho[block.index] for block in blocks])


def measure_blocks(
    network: Network,
    layers: Sequence[str],
    signals: Signals,
    blocks: Sequence[null_design.Block],
    memory_gb: float = 4.0,
    keep: Callable[[int, Mapping[str, np.ndarray]], None] | None = None,
    progress: bool = True,
) -> dict[int, dict[str, np.ndarray]]:
    """Rho of the pairs of blocks, by block index and layer; NaN where not defined.

    It is not where an activation is constant, or where the two signals are equal: those are not
    unrelated, and their rho of 1 would be the maximum that no metamer exceeds.

    Args:
      network, layers, signals, memory_gb, progress: as in `null_distribution`.
      blocks: to be measured.
      keep: called with each finished block.
    """
    layers = network.check_layers(layers)
    memory_gb = number("memory_gb", memory_gb)
    check_range("memory_gb", memory_gb, 0, _MOST_MEMORY_GB)
    size = max((len(block.stimuli) for block in blocks), default=0)
    groups = _layer_groups(network, layers, size, memory_gb)
    measured = {}
    copies: set[tuple[int, int]] = set()
    total = sum(len(block.pairs) for block in blocks)
    bar = tqdm(
        total=total,
        desc=f"{network.name} null",
        unit="pair",
        unit_scale=True,
        disable=not progress,
        dynamic_ncols=True,
    )
    with bar, concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for block in blocks:
            rho: dict[str, np.ndarray] = {}
            for group in groups:
                rho |= _measure_block(network, group, signals, block, pool, copies)
            measured[block.index] = {layer: rho[layer] for layer in layers}
            if keep:
                keep(block.index, measured[block.index])
            bar.update(len(block.pairs))
    if copies:
        named = ", ".join(f"{a} and {b}" for a, b in sorted(copies)[:5])
        _log.info("%d pairs of equal signals have no rho, such as %s (counted from 0)", len(copies), named)
    return measured


def combine(
    network: Network, design: str, blocks: Sequence[Mapping[str, np.ndarray]], seed: int = 0
) -> NullDistribution:
    """The null distribution of measured blocks, given in the order of the design."""
    layers = {layer: _layer_null([block[layer] for block in blocks], seed) for layer in blocks[0]}
    return NullDistribution(network.name, network.checkpoint_digest, layers, design)


def rank_correlations(ranked: np.ndarray) -> np.ndarray:
    """Rho of every pair of rows of ranks [stimuli, units], float64; NaN for constant rows.

    Products are summed in float64: in float32 they are off by 2e-5 at 3 million units.
    """
    count, units = ranked.shape
    products = np.zeros([count, count])
    middle = (units + 1) / 2  # the mean rank, ties or not
    for first in range(0, units, _UNITS_PER_PRODUCT):
        part = ranked[:, first : first + _UNITS_PER_PRODUCT].astype(np.float64) - middle
        products += part @ part.T
    lengths = np.sqrt(np.diag(products))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.clip(products / np.outer(lengths, lengths), -1.0, 1.0)


def _measure_block(network, layers, signals, block, pool, copies) -> dict[str, np.ndarray]:
    """Rho of a block's pairs by layer; pairs of equal signals have none and are added to `copies`."""
    units = {layer: _units(network, layer) for layer in layers}
    # float32 holds ranks exactly up to 8 million units: they are whole or half numbers.
    ranked: dict[str, np.ndarray] = {
        layer: np.empty([len(block.stimuli), n], _rank_type(n)) for layer, n in units.items()
    }
    batch = max(1, min(32, _FORWARD_BYTES // (4 * sum(units.values()))))
    contents: list[str] = []
    for first in range(0, len(block.stimuli), batch):
        given = np.stack([signals[int(i)] for i in block.stimuli[first : first + batch]])
        given = network.signal.check(given, "null signals")
        contents += map(array_digest, given)
        activations = network.activations(given, layers)
        jobs = []
        for layer, values in activations.items():
            for row, value in enumerate(values.numpy(), start=first):
                jobs.append(pool.submit(_rank_into, ranked[layer], row, value, layer))
        for job in jobs:
            job.result()
    rho = {}
    equal = np.array([contents[a] == contents[b] for a, b in block.pairs], bool)
    for pair in block.stimuli[block.pairs[equal]]:
        copies.add((int(pair.min()), int(pair.max())))
    for layer in layers:
        table = rank_correlations(ranked.pop(layer))
        rho[layer] = np.where(equal, np.nan, table[block.pairs[:, 0], block.pairs[:, 1]])
    return rho


def _rank_into(ranked: np.ndarray, row: int, values: np.ndarray, layer: str) -> None:
    if not np.isfinite(values).all():
        raise InputError(f"activations at {layer} are not finite; check the weights and the signals")
    ranked[row] = ranks.average_ranks(values)


def _units(network: Network, layer: str) -> int:
    """How many there are at a layer."""
    return math.prod(size or 1 for size in network.stage_shapes[layer][1:])


def _rank_type(units: int) -> type:
    return np.float32 if units < 2**23 else np.float64


def _layer_groups(network: Network, layers: Sequence[str], size: int, memory_gb: float) -> list[list[str]]:
    """Layers that are measured in one pass, so that a block's ranks fit in memory.

    Raises:
      InputError: one layer alone does not fit.
    """
    groups: list[list[str]] = []
    room = 0.0
    for layer in layers:
        units = _units(network, layer)
        need = size * units * np.dtype(_rank_type(units)).itemsize / 2**30
        if need > memory_gb:
            raise InputError(
                f"{size} stimuli at {layer} take {need:.1f} GB of ranks, more than the {memory_gb:g} GB "
                f"allowed; allow more, or use smaller blocks"
            )
        if not groups or need > room:
            groups.append([])
            room = memory_gb
        groups[-1].append(layer)
        room -= need
    return groups


def _layer_null(blocks: Sequence[np.ndarray], seed: int) -> LayerNull:
    defined = [rho[np.isfinite(rho)] for rho in blocks]
    rho = np.concatenate(defined)
    undefined = sum(len(b) for b in blocks) - len(rho)
    counts = np.histogram(rho, BINS)[0]
    if not len(rho):
        nan = math.nan
        return LayerNull(counts, nan, nan, nan, undefined, 0.0, nan, nan)
    low, high = _maximum_interval([b.max() for b in defined if len(b)], seed)
    return LayerNull(
        counts=counts,
        minimum=float(rho.min()),
        maximum=float(rho.max()),
        mean=float(rho.mean()),
        undefined=undefined,
        effective_pairs=_effective_pairs(defined, rho),
        maximum_low=low,
        maximum_high=high,
    )


def _effective_pairs(blocks: Sequence[np.ndarray], rho: np.ndarray) -> float:
    """Variance of rho over the variance of its mean, from the spread of the blocks' means."""
    means = np.array([b.mean() for b in blocks if len(b)])
    if len(means) < _FEWEST_BLOCKS:
        return math.nan
    spread = means.var(ddof=1)
    return float(min(len(rho), len(means) * rho.var() / spread)) if spread > 0 else float(len(rho))


def _maximum_interval(maxima: Sequence[float], seed: int, draws: int = 2000) -> tuple[float, float]:
    """5th and 95th percentile of the maximum over blocks drawn anew with replacement."""
    if len(maxima) < _FEWEST_BLOCKS:
        return math.nan, math.nan
    drawn = np.random.RandomState(seed).choice(maxima, [draws, len(maxima)]).max(axis=1)
    low, high = np.percentile(drawn, [5, 95])
    return float(low), float(high)
