"""What a worker does for a block of a null distribution; network and stimuli stay loaded."""

from __future__ import annotations

import dataclasses
import functools
import platform
from pathlib import Path
from typing import Any

from model_metamers.criteria import null_design
from model_metamers.criteria.null_distribution import Signals, measure_blocks
from model_metamers.errors import InputError
from model_metamers.execution import stopping
from model_metamers.runs.batch_worker import loaded_network
from model_metamers.runs.null_blocks import NullBlock
from model_metamers.runs.null_runs import NullRun
from model_metamers.signals import collection
from model_metamers.storage.writing import write_arrays


def measure(unit: NullBlock) -> None:
    """Measures a block and writes what was measured; see `NullBlock.run`."""
    run, blocks = _run(dataclasses.replace(unit, index=0, path=""))
    measure_blocks(
        run.network,
        run.layers,
        _UntilTold(run.stimuli),
        [blocks[unit.index]],
        run.memory_gb,
        keep=lambda _, rho: write_arrays(unit.path, rho),
        progress=False,
    )


class _UntilTold:
    """Signals that are given until this process is told to end; the block is then left, and measured anew."""

    def __init__(self, signals: Signals):
        self._signals = signals

    def __len__(self) -> int:
        return len(self._signals)

    def __getitem__(self, index: int) -> Any:
        if stopping.told():
            raise KeyboardInterrupt
        return self._signals[index]


@functools.lru_cache(1)
def _run(of_all: NullBlock) -> tuple[NullRun, dict[int, null_design.Block]]:
    """The run that a unit is a block of, and its blocks by index."""
    source = of_all.source
    network = loaded_network(source.network, source.checkpoint, source.signal)
    stimuli = collection.find_stimuli(
        source.inputs, network.signal, source.recording, source.sound_key, source.record_rate
    )
    if source.labels is not None:
        stimuli.label(dict(source.labels))
    for what, wanted, here in (
        ("weights", of_all.weights, network.checkpoint_digest),
        ("stimuli", of_all.stimuli, stimuli.digest),
    ):
        if wanted != here:
            raise InputError(f"{source.network}: other {what} on {platform.node()}")
    run = NullRun(
        network=network,
        layers=of_all.layers,
        stimuli=stimuli,
        out=Path(of_all.out),
        pairs=of_all.pairs,
        design=of_all.design,
        block_size=of_all.block_size,
        seed=of_all.seed,
        memory_gb=of_all.memory_gb,
    )
    return run, {block.index: block for block in run.blocks()}
