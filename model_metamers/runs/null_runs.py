"""A null distribution in a folder: measured block by block, resumed, in shards.

The folder holds `settings.json`, `blocks/` while blocks are being measured, and, when
all are there, `null.npz` with `null.json` for people.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model_metamers.criteria import null_design
from model_metamers.criteria.null import NullDistribution, read_null, write_null
from model_metamers.criteria.null_distribution import combine, measure_blocks
from model_metamers.errors import InputError
from model_metamers.runs.folder import NULL
from model_metamers.signals.collection import Stimuli
from model_metamers.storage.claims import claim_folder
from model_metamers.storage.reading import read_arrays
from model_metamers.storage.writing import write_arrays, write_json

if TYPE_CHECKING:
    from model_metamers.networks.network import Network


@dataclasses.dataclass(frozen=True)
class NullRun:
    """What is to be measured.

    Attributes:
      network: with weights.
      layers: stages.
      stimuli: natural signals.
      out: folder.
      pairs, design, block_size, seed: see `null_design.make_design`.
      memory_gb: for ranks.
    """

    network: Network
    layers: Sequence[str]
    stimuli: Stimuli
    out: Path
    pairs: int = 1_000_000
    design: str = "blocks"
    block_size: int = 120
    seed: int = 0
    memory_gb: float = 4.0

    def blocks(self) -> list[null_design.Block]:
        return null_design.make_design(
            self.design, len(self.stimuli), self.pairs, self.block_size, self.seed, self.stimuli.recordings
        )


def measure(
    run: NullRun, shard: int = 0, num_shards: int = 1, progress: bool = True
) -> NullDistribution | None:
    """Measures the blocks of a shard that are not there yet; combines when all are.

    Any way of sharding, stopping and starting again gives the same `null.npz`.

    Returns:
      The null distribution, or None while other shards' blocks are missing.

    Raises:
      InputError: as `make_design` and `measure_blocks`; a folder that cannot be written or
        holds a null distribution of other settings.
    """
    blocks = run.blocks()
    own = null_design.shard_of(blocks, shard, num_shards)
    folder = run.out / "blocks"
    _prepare(run)
    path = run.out / NULL
    if path.exists():
        return read_null(path)[0]
    folder.mkdir(exist_ok=True)
    missing = [block for block in own if not _block_path(folder, block.index).exists()]
    measure_blocks(
        run.network,
        run.layers,
        run.stimuli,
        missing,
        run.memory_gb,
        keep=lambda index, rho: write_arrays(_block_path(folder, index), rho),
        progress=progress,
    )
    if not all(_block_path(folder, block.index).exists() for block in blocks):
        return None
    rho = [read_arrays(_block_path(folder, block.index), run.layers) for block in blocks]
    null = combine(run.network, run.design, rho)
    write_json(run.out / "null.json", summary(null))
    write_null(path, null, run.stimuli.digest)
    shutil.rmtree(folder)
    return null


def summary(null: NullDistribution) -> dict[str, Any]:
    """A null distribution in plain values, without its histograms."""
    layers = {}
    for layer, rho in null.layers.items():
        values = dataclasses.asdict(rho)
        del values["counts"]
        layers[layer] = {"pairs": rho.pairs, **values}
    return {
        "network": null.network,
        "checkpoint": null.checkpoint,
        "design": null.design,
        "layers": layers,
    }


def _prepare(run: NullRun) -> None:
    settings = {
        "network": run.network.name,
        "checkpoint": run.network.checkpoint_digest,
        "layers": list(run.layers),
        "stimuli": run.stimuli.digest,
        **{name: getattr(run, name) for name in ("pairs", "design", "block_size", "seed")},
    }
    claim_folder(run.out, settings)


def _block_path(folder: Path, index: int) -> Path:
    return folder / f"block_{index:06d}.npz"


def read(path: str | os.PathLike) -> NullDistribution:
    """A null distribution from its folder or its `null.npz`.

    Raises:
      InputError: there is none, or it is not finished.
    """
    path = Path(path)
    if path.is_dir():
        if (path / "blocks").is_dir():
            raise InputError(f"{path}: not all blocks are measured yet; run the shards that are missing")
        path = path / NULL
    return read_null(path)[0]
