"""What a null distribution would take: blocks, time, disk and memory, measured on a few of its stimuli."""

from __future__ import annotations

import collections
import dataclasses
import math
import time
from collections.abc import Sequence

import numpy as np

from model_metamers.criteria.null_design import Block
from model_metamers.criteria.null_distribution import (
    COPIES,
    Known,
    combine,
    measure_blocks,
    rank_correlations,
)
from model_metamers.runs.null_runs import NullRun, missing_blocks
from model_metamers.runs.planning import peak_memory, since_start

_FEW, _MORE = 4, 12  # stimuli that are timed
_UNITS = 1 << 16  # of ranks whose correlation is timed


@dataclasses.dataclass(frozen=True)
class NullPlan:
    """What a null distribution would take.

    Attributes:
      blocks: places of those that are to be measured, with the number of their stimuli and pairs.
      all_blocks: there are, with those that are measured already.
      start: seconds until a process has TensorFlow, the network and the list of stimuli.
      once: seconds of a process, until it has compiled the network.
      stimulus: seconds of each stimulus of a block: read, run, and ranked at every layer.
      pair: seconds of each pair of a block's stimuli.
      end: seconds for all pairs to become a distribution.
      disk: bytes of the blocks, which go when all are there.
      memory: bytes that a process takes, at most so far, and those of a block's ranks.
    """

    blocks: Sequence[tuple[int, int, int]]
    all_blocks: int
    start: float
    once: float
    stimulus: float
    pair: float
    end: float
    disk: float
    memory: float

    def seconds(self, workers: int = 1) -> float:
        """Seconds until all is done, by processes that each take every n-th block."""
        shares: dict[int, float] = collections.defaultdict(float)
        for place, stimuli, _ in self.blocks:
            shares[place % workers] += stimuli * self.stimulus + stimuli**2 / 2 * self.pair
        longest = max(shares.values(), default=0.0)
        return self.start + (self.once if shares else 0.0) + longest + self.end


def plan(run: NullRun) -> NullPlan:
    """Times a few stimuli, and tells what all of it would take; writes nothing.

    Raises:
      InputError: see `null_runs.measure`.
    """
    blocks, missing = run.blocks(), missing_blocks(run)
    start = since_start()
    if not missing:
        return NullPlan([], len(blocks), start, 0.0, 0.0, 0.0, 0.0, 0.0, peak_memory())
    largest = max(missing, key=lambda block: len(block.stimuli))
    count = len(largest.stimuli)
    few, more = min(_FEW, count), min(_MORE, count)
    cold, warm = (_timed(run, largest, few) for _ in range(2))
    longer = min(_timed(run, largest, more) for _ in range(2)) if more > few else warm  # the first compiles
    stimulus = (longer - warm) / (more - few) if more > few else warm / few
    units = [math.prod(n or 1 for n in run.network.stage_shapes[layer][1:]) for layer in run.layers]
    return NullPlan(
        blocks=[(block.index, len(block.stimuli), len(block.pairs)) for block in missing],
        all_blocks=len(blocks),
        start=start,
        once=max(cold - warm, 0.0) + max(warm - few * stimulus, 0.0),
        stimulus=stimulus,
        pair=_pair_seconds(count, sum(units)),
        end=_end_seconds(run, blocks),
        disk=8.0 * len(units) * sum(len(block.pairs) for block in blocks),
        memory=peak_memory() + min(1e9 * run.memory_gb, 4.0 * count * sum(units)),
    )


def _timed(run: NullRun, block: Block, count: int) -> float:
    """Seconds to measure all pairs of the first stimuli of a block, layers being taken as for all of it."""
    pairs = np.argwhere(np.triu(np.ones([count, count], bool), 1))
    part = Block(block.index, block.stimuli[:count], pairs)
    memory = run.memory_gb * count / len(block.stimuli)
    began = time.monotonic()
    measure_blocks(run.network, run.layers, run.stimuli, [part], memory, progress=False)
    return time.monotonic() - began


def _pair_seconds(size: int, units: int) -> float:
    """Seconds that ranks of some stimuli take to be correlated, for each pair of them."""
    some = min(units, _UNITS)
    ranks = np.random.default_rng(0).permuted(np.tile(np.arange(some, dtype=np.float32), (size, 1)), axis=1)
    began = time.monotonic()
    rank_correlations(ranks)
    return (time.monotonic() - began) * units / some / (size**2 / 2)


def _end_seconds(run: NullRun, blocks: Sequence[Block]) -> float:
    """Seconds that all pairs take to become a distribution, timed on one layer of invented rho."""
    random = np.random.default_rng(0)
    nothing = np.empty([0, 3])
    invented = [
        {run.layers[0]: random.uniform(0, 0.5, len(block.pairs)), COPIES: nothing} for block in blocks
    ]
    known = Known(run.stimuli.names, run.stimuli.classes)
    began = time.monotonic()
    combine(run.network, run.design, blocks, invented, known)
    return (time.monotonic() - began) * len(run.layers)
