"""Blocks that judges look at, as units of work for any process that sees the metamers and the results.

Nothing here loads TensorFlow before a unit is run: whoever hands units out unpickles them.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from model_metamers.runs import search_batches
from model_metamers.runs.search_batches import Drive
from model_metamers.storage.whole import remove_left_over

if TYPE_CHECKING:
    from model_metamers.catalog.named_network import Named
    from model_metamers.recognition.kept import Block


@dataclasses.dataclass(frozen=True)
class JudgedBlock:
    """Metamers and natural targets that one judge looks at together.

    Attributes:
      network, checkpoint, signal: of the judge, as `named_network.load` takes them; paths are absolute.
      weights: digest of the weights that it must have.
      places: of the metamers, or of those whose targets are shown: absolute paths, in order.
      stems: "metamer" or "target", for each.
      part: "file" or "float", see `Presentation`.
      digest: of who judges and of all files that are judged, see `kept.Block`.
      folder: of the judge's logits.
      path: of this block's.
      number: of the block among the judge's.
    """

    network: str
    checkpoint: str | None
    signal: str | None
    weights: str
    places: tuple[str, ...]
    stems: tuple[str, ...]
    part: str
    digest: str
    folder: str
    path: str
    number: int

    @property
    def key(self) -> str:
        return f"{os.path.basename(self.folder)} block {self.number}"

    @property
    def group(self) -> str:
        return self.folder

    @property
    def steps(self) -> int:
        return len(self.places)

    def done(self) -> bool:
        """Whether its logits are there."""
        return os.path.exists(self.path)

    def run(self) -> None:
        """Computes them, and keeps them.

        Raises:
          InputError: weights or signals are others here, or a file cannot be read.
          StorageError: they cannot be written.
        """
        from model_metamers.recognition import judge_worker

        judge_worker.look(self)


def unit(block: Block, named: Named) -> JudgedBlock:
    """A block as other processes do it.

    Args:
      block: of a judge that is loaded.
      named: what the judge is named by.
    """
    return JudgedBlock(
        network=search_batches.absolute_network(named.network),
        checkpoint=search_batches.absolute(named.checkpoint) if named.checkpoint else None,
        signal=search_batches.absolute(named.signal) if named.signal else None,
        weights=block.judge.checkpoint_digest,
        places=tuple(os.path.abspath(one.folder) for one in block.shown),
        stems=tuple(one.stem for one in block.shown),
        part=block.shown[0].part,
        digest=block.digest,
        folder=os.path.abspath(block.folder),
        path=os.path.abspath(block.path),
        number=block.number,
    )


def look_elsewhere(judged: Sequence[tuple[Named, Sequence[Block]]], drive: Drive) -> Mapping[str, str]:
    """Lets workers look at what is not kept yet.

    Args:
      judged: what each judge is named by, and its blocks.
      drive: lets workers do units.

    Returns:
      The blocks that could not be looked at: the last line of each one's last try, by key.

    Raises:
      InputError, UnfitWorker, SchedulerLost: see `driving.drive`; what was done is kept.
    """
    for block in (block for _, cut in judged for block in cut):
        if not block.done():
            block.path.unlink(missing_ok=True)  # damaged
    units = [unit(block, named) for named, cut in judged for block in cut]
    networks = [path for named, _ in judged for path in search_batches.files_of_network(*named)]
    first = [cut[0].shown[0].path for _, cut in judged[:1]]
    folders = [cut[0].folder for _, cut in judged]
    failed = drive(units, list(dict.fromkeys([*networks, *first])), folders)
    for folder in folders:
        remove_left_over(folder)  # of workers that were killed on this machine
    return failed
