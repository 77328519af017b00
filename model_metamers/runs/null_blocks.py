"""The blocks of a null distribution as units of work, for any process that sees its folder.

Nothing here loads TensorFlow before a unit is run: whoever hands units out unpickles them.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from model_metamers.errors import InputError
from model_metamers.runs.search_batches import Drive, absolute, absolute_network, network_file

if TYPE_CHECKING:
    from model_metamers.criteria.null import NullDistribution
    from model_metamers.runs.null_runs import NullRun


class UnmeasuredError(InputError):
    """Blocks failed on every try, so that there is no null distribution yet; what was measured is kept.

    Attributes:
      failed: the last line of each block's last try, by block.
    """

    def __init__(self, text: str, failed: Mapping[str, str]):
        super().__init__(text)
        self.failed = dict(failed)


@dataclasses.dataclass(frozen=True)
class NullSource:
    """What a null distribution is measured from, in strings and numbers.

    Attributes:
      network, checkpoint, signal: as `named_network.load` takes them.
      inputs, recording, sound_key, record_rate: as `collection.find_stimuli` takes them.
      labels: as `labels.read_labels` takes them.
    """

    network: str
    checkpoint: str | None
    signal: str | None
    inputs: tuple[str, ...]
    recording: str | None
    sound_key: str
    record_rate: int | None
    labels: tuple[tuple[str, str], ...] | None

    def absolute(self) -> NullSource:
        """The same, as any folder's process finds it."""
        return dataclasses.replace(
            self,
            network=absolute_network(self.network),
            checkpoint=absolute(self.checkpoint) if self.checkpoint else None,
            signal=absolute(self.signal) if self.signal else None,
            inputs=tuple(map(os.path.abspath, self.inputs)),
        )

    def sees(self) -> list[Path]:
        """Files and folders that every worker must see."""
        given = [network_file(self.network), self.signal, *self.inputs]
        weights = [self.checkpoint] if self.checkpoint and os.path.sep in absolute(self.checkpoint) else []
        return [Path(place) for place in (*given, *weights) if place]


@dataclasses.dataclass(frozen=True)
class NullBlock:
    """One block of a null distribution.

    Attributes:
      source: what it is measured from.
      weights, stimuli: digests of the weights and the stimuli that it must be measured on.
      layers, pairs, design, block_size, seed, memory_gb: of the run.
      out: folder of the run.
      index: of the block.
      path: of what is measured.
      whole: of the null distribution, for which blocks are not kept.
    """

    source: NullSource
    weights: str
    stimuli: str
    layers: tuple[str, ...]
    pairs: int
    design: str
    block_size: int
    seed: int
    memory_gb: float
    out: str
    index: int
    path: str
    whole: str

    @property
    def key(self) -> str:
        return f"block {self.index}"

    @property
    def group(self) -> str:
        return self.out

    @property
    def steps(self) -> int:
        return 1

    def done(self) -> bool:
        """Whether it was measured."""
        return os.path.exists(self.path) or os.path.exists(self.whole)

    def run(self) -> None:
        """Measures it.

        Raises:
          InputError: weights or stimuli are others here.
          KeyboardInterrupt: this process was told to end; a block is measured whole or not at all.
        """
        from model_metamers.runs import null_worker

        null_worker.measure(self)


def measure_elsewhere(run: NullRun, source: NullSource, drive: Drive) -> NullDistribution:
    """As `null_runs.measure`, by workers.

    Args:
      run: what is to be measured.
      source: from which a worker makes the same run.
      drive: lets workers do units.

    Raises:
      InputError: as `null_runs.measure` and `driving.drive`.
      UnmeasuredError: blocks failed on every try; the others were measured.
      InUseError: another process works on this folder.
    """
    from model_metamers.runs import null_runs
    from model_metamers.runs.batches import hold_whole

    with hold_whole(run.out):
        null = null_runs.begun(run)
        if null is not None:
            return null
        blocks = run.blocks()
        units = [
            NullBlock(
                source=source.absolute(),
                weights=run.network.checkpoint_digest,
                stimuli=run.stimuli.digest,
                layers=tuple(run.layers),
                pairs=run.pairs,
                design=run.design,
                block_size=run.block_size,
                seed=run.seed,
                memory_gb=run.memory_gb,
                out=os.path.abspath(run.out),
                index=block.index,
                path=os.path.abspath(null_runs.block_path(run, block.index)),
                whole=os.path.abspath(null_runs.whole_path(run)),
            )
            for block in blocks
        ]
        if failed := drive(units, source.sees(), [run.out]):
            raise UnmeasuredError(
                f"{run.out}: {len(failed)} of {len(units)} blocks could not be measured "
                f"({next(iter(failed.values()))}); the same command tries them again",
                failed,
            )
        null = null_runs.combined(run, blocks)
        if null is None:
            raise InputError(f"{run.out}: the result of a block is missing; the same command makes it anew")
        return null
