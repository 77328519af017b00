"""Spearman's rho between unrelated natural signals, per layer (paper 3.1).

Each stimulus of a block runs once, its activations are ranked once, and every pair of
the block is then an entry in one product of standardised ranks. The values are those of
`scipy.stats.spearmanr` on each pair.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import logging
import math
import os
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from tqdm.auto import tqdm

from model_metamers.criteria import null_design
from model_metamers.criteria.copies import Compared
from model_metamers.criteria.null import LeftOut, NullDistribution
from model_metamers.criteria.null_numbers import layer_null
from model_metamers.errors import InputError
from model_metamers.execution.lines import as_bar_or_lines
from model_metamers.signals.arguments import check_range, number
from model_metamers.statistics import ranks

if TYPE_CHECKING:
    from model_metamers.networks.network import Network

# Units whose ranks are multiplied at a time: 120 stimuli x 32,768 x 8 bytes are 31 MB.
_UNITS_PER_PRODUCT = 32768
_FORWARD_BYTES = 256 * 2**20
_NAMED_COPIES = 5  # in a logged line
_MOST_MEMORY_GB = 10**6
# Beside a block's rho by layer: float64 [copies, 3], the two signals' indices and how alike they are.
COPIES = "copies: one, other, likeness"

_log = logging.getLogger(__name__)


class Signals(Protocol):
    """An array of signals, or anything that gives one signal at a time."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Any: ...


@dataclasses.dataclass(frozen=True)
class Known:
    """What is known of signals beside their values.

    Attributes:
      names: of all; their indices when None.
      classes: of all, None where one is not known; None where no class is.
      copied_files: see `NullDistribution`.
    """

    names: Sequence[str] | None = None
    classes: Sequence[str | None] | None = None
    copied_files: Sequence[tuple[str, str]] = ()


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
    names: Sequence[str] | None = None,
    classes: Sequence[str | None] | None = None,
) -> NullDistribution:
    """Measures rho of unrelated pairs, as many as asked for or as there are.

    Two signals of which one is a copy or near-copy of the other (`copies`) are not unrelated: their pair has
    no rho, and is named.

    Args:
      network: with weights.
      layers: stages to measure.
      signals: [count, *shape], or anything with `len` whose item at an index array is such
        a batch, loaded when it is asked for.
      pairs, seed, design, recordings: see `null_design.make_design`.
      memory_gb: for ranks; where a block's do not fit, layers are measured in turn.
      progress: whether to show a bar.
      names: of the signals, for those that are copies; their indices when None.
      classes: of the signals, which tell pairs of one class from others; None, of all or of one, where
        they are not known.

    Raises:
      InputError: unknown layer, too few signals, or none of this network.

    Example:
      >>> import model_metamers as mm
      >>> network = mm.load_network("vgg_19_small", "random:0")
      >>> noise = np.random.default_rng(0).uniform(size=[5, 32, 32, 3])
      >>> null = null_distribution(network, network.layers, noise, progress=False)
      >>> null.design, null.at("fc8").pairs
      ('blocks', 10)
    """
    for what, given in (("names", names), ("classes", classes)):
        if given is not None and len(given) != len(signals):
            raise InputError(f"{len(given)} {what} were given for {len(signals)} signals")
    blocks = null_design.make_design(design, len(signals), pairs, seed=seed, recordings=recordings)
    rho = measure_blocks(network, layers, signals, blocks, memory_gb, progress=progress)
    return combine(network, design, blocks, [rho[block.index] for block in blocks], Known(names, classes))


def measure_blocks(
    network: Network,
    layers: Sequence[str],
    signals: Signals,
    blocks: Sequence[null_design.Block],
    memory_gb: float = 4.0,
    keep: Callable[[int, Mapping[str, np.ndarray]], None] | None = None,
    progress: bool = True,
) -> dict[int, dict[str, np.ndarray]]:
    """Rho of the pairs of blocks, by block index and layer, and beside them `COPIES`; NaN where not defined.

    Rho is not where an activation is constant, or where the two signals are copies: those are not
    unrelated, and their rho of near 1 would be the maximum that no metamer exceeds.

    Args:
      network, layers, signals, memory_gb, progress: as in `null_distribution`.
      blocks: to be measured.
      keep: called with each finished block.
    """
    layers = network.chosen_layers(layers)
    memory_gb = number("memory_gb", memory_gb)
    check_range("memory_gb", memory_gb, 0, _MOST_MEMORY_GB)
    size = max((len(block.stimuli) for block in blocks), default=0)
    groups = _layer_groups(network, layers, size, memory_gb)
    measured = {}
    total = sum(len(block.pairs) for block in blocks)
    bar = tqdm(
        total=total,
        desc=f"{network.name} null",
        unit="pair",
        unit_scale=True,
        disable=not progress,
        **as_bar_or_lines(),
    )
    with bar, concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for block in blocks:
            rho: dict[str, np.ndarray] = {}
            for group in groups:
                rho |= _measure_block(network, group, signals, block, pool)
            measured[block.index] = {name: rho[name] for name in (*layers, COPIES)}
            if keep:
                keep(block.index, measured[block.index])
            bar.update(len(block.pairs))
    return measured


def combine(
    network: Network,
    design: str,
    blocks: Sequence[null_design.Block],
    measured: Sequence[Mapping[str, np.ndarray]],
    known: Known | None = None,
    seed: int = 0,
) -> NullDistribution:
    """The null distribution of measured blocks.

    Args:
      network, design, blocks: whose and which they are, in order.
      measured: what `measure_blocks` gave of each.
      known: of all signals; a logged line names those that are copies.
      seed: of the draws that tell how sure the maximum is.
    """
    known = known or Known()
    same = [_same_class(block, known.classes) for block in blocks]
    layers = {
        layer: layer_null([block[layer] for block in measured], same, seed)
        for layer in measured[0]
        if layer != COPIES
    }
    copies = _named(np.concatenate([block[COPIES] for block in measured]), known.names)
    if copies:
        named = ", ".join(f"{pair.one} and {pair.other}" for pair in copies[:_NAMED_COPIES])
        _log.info("%d pairs of copies have no rho, such as %s", len(copies), named)
    copied = tuple((_printable(one), _printable(other)) for one, other in known.copied_files)
    return NullDistribution(
        network.name, network.checkpoint_digest, layers, design, copies=copies, copied_files=copied
    )


def _named(copies: np.ndarray, names: Sequence[str] | None) -> tuple[LeftOut, ...]:
    """Pairs of copies by name, each once, from `COPIES` of all blocks."""
    called = str if names is None else lambda index: _printable(names[index])
    pairs = {(int(one), int(other)): float(likeness) for one, other, likeness in copies}
    return tuple(LeftOut(called(a), called(b), likeness) for (a, b), likeness in sorted(pairs.items()))


def _printable(name: str) -> str:
    return name if name.isprintable() else ascii(name)


def _same_class(block: null_design.Block, classes: Sequence[str | None] | None) -> np.ndarray:
    """Of each pair whether it is of one class: 1, 0, or -1 where that is not known."""
    if classes is None:
        return np.full(len(block.pairs), -1)
    numbers = {None: -1}
    own = np.array([numbers.setdefault(classes[i], len(numbers)) for i in block.stimuli])
    one, other = own[block.pairs[:, 0]], own[block.pairs[:, 1]]
    return np.where((one < 0) | (other < 0), -1, one == other)


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


def _measure_block(network, layers, signals, block, pool) -> dict[str, np.ndarray]:
    """Rho of a block's pairs by layer, and `COPIES`, which have none."""
    units = {layer: _units(network, layer) for layer in layers}
    # float32 holds ranks exactly up to 8 million units: they are whole or half numbers.
    ranked: dict[str, np.ndarray] = {
        layer: np.empty([len(block.stimuli), n], _rank_type(n)) for layer, n in units.items()
    }
    batch = max(1, min(32, _FORWARD_BYTES // (4 * sum(units.values()))))
    compared = Compared(network.signal.kind)
    for first in range(0, len(block.stimuli), batch):
        given = np.stack([signals[int(i)] for i in block.stimuli[first : first + batch]])
        given = network.signal.check(given, "null signals")
        compared.add(given)
        activations = network.activations(given, layers)
        jobs = []
        for layer, values in activations.items():
            for row, value in enumerate(values.numpy(), start=first):
                jobs.append(pool.submit(_rank_into, ranked[layer], row, value, layer))
        for job in jobs:
            job.result()
    places, likeness = compared.copies(block.pairs)
    copies = np.sort(block.stimuli[block.pairs[places]], axis=1)
    rho = {COPIES: np.column_stack([copies, likeness]).astype(np.float64)}
    for layer in layers:
        table = rank_correlations(ranked.pop(layer))
        rho[layer] = table[block.pairs[:, 0], block.pairs[:, 1]]
        rho[layer][places] = np.nan
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
