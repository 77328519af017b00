"""A null distribution in a folder: measured block by block, resumed, in shards.

The folder holds `settings.json`, `blocks/` while blocks are being measured, and, when
all are there, `null.npz` with `null.json` for people.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import math
import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model_metamers.criteria import copies, null_design
from model_metamers.criteria.null import NullDistribution
from model_metamers.criteria.null_distribution import COPIES, Known, combine, measure_blocks
from model_metamers.criteria.null_file import read_null, write_null
from model_metamers.errors import DamagedFileError, InputError
from model_metamers.runs.folder import NULL
from model_metamers.signals.collection import Stimuli
from model_metamers.storage.claims import claim_folder
from model_metamers.storage.locks import held, hold
from model_metamers.storage.reading import read_arrays, read_json
from model_metamers.storage.whole import make_folder
from model_metamers.storage.writing import write_arrays, write_json

if TYPE_CHECKING:
    from model_metamers.networks.network import Network

_log = logging.getLogger(__name__)

_BLOCKS, _SUMMARY = "blocks", "null.json"


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
      threads: as `Run` has them; of the settings of the folder where they are given.
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
    threads: int | None = None

    def blocks(self) -> list[null_design.Block]:
        return null_design.make_design(
            self.design, len(self.stimuli), self.pairs, self.block_size, self.seed, self.stimuli.recordings
        )


def measure(
    run: NullRun, shard: int = 0, num_shards: int = 1, progress: bool = True
) -> NullDistribution | None:
    """Measures the blocks of a shard that are not there yet; combines when all are.

    Any way of sharding, stopping and starting again gives the same `null.npz`. Shards without a
    block in common may be measured at once.

    Returns:
      The null distribution, or None while other shards' blocks are missing.

    Raises:
      InputError: as `make_design` and `measure_blocks`; a folder that cannot be written or
        holds a null distribution of other settings.
      InUseError: another process measures some of these blocks.
    """
    blocks = run.blocks()
    own = null_design.shard_of(blocks, shard, num_shards)
    with hold(run.out, wait=True):  # for as long as another shard begins or ends
        claim_folder(run.out, _settings(run))
        if (null := _finished(run)) is not None:
            return null
        _check_free(run.out, shard, num_shards)
        measuring = contextlib.ExitStack()
        measuring.enter_context(hold(run.out, f"shard-{shard}-of-{num_shards}"))
    with measuring:
        folder = make_folder(run.out / _BLOCKS)
        missing = [block for block in own if not _is_measured(folder, block.index, run.layers)]
        measure_blocks(
            run.network,
            run.layers,
            run.stimuli,
            missing,
            run.memory_gb,
            keep=lambda index, rho: write_arrays(_block_path(folder, index), rho),
            progress=progress,
        )
    with hold(run.out, wait=True):
        null = _finished(run)
        return combined(run, blocks) if null is None else null


def begun(run: NullRun) -> NullDistribution | None:
    """Claims a folder that this process holds, and makes room for blocks that are damaged.

    Returns:
      The null distribution where it is there already.

    Raises:
      InputError: the folder holds one of other settings.
      StorageError: it cannot be written.
    """
    claim_folder(run.out, _settings(run))
    if (null := _finished(run)) is not None:
        return null
    (run.out / NULL).unlink(missing_ok=True)
    folder = make_folder(run.out / _BLOCKS)
    for block in run.blocks():
        if not _is_measured(folder, block.index, run.layers):
            block_path(run, block.index).unlink(missing_ok=True)
    return None


def block_path(run: NullRun, index: int) -> Path:
    """The file of a block."""
    return _block_path(run.out / _BLOCKS, index)


def whole_path(run: NullRun) -> Path:
    """The file of the null distribution."""
    return run.out / NULL


def missing_blocks(run: NullRun) -> list[null_design.Block]:
    """The blocks that are yet to be measured; nothing is written.

    Raises:
      InputError: the design cannot be drawn.
    """
    if (run.out / NULL).exists():
        return []
    return [block for block in run.blocks() if not _is_measured(run.out / _BLOCKS, block.index, run.layers)]


def _check_free(out: Path, shard: int, num_shards: int) -> None:
    """Refuses a shard that has blocks in common with one that is being measured by another process."""
    for what in held(out):
        match = re.fullmatch(r"shard-(\d+)-of-(\d+)", what)
        if match and (int(match[1]) - shard) % math.gcd(int(match[2]), num_shards) == 0:
            with hold(out, what):  # says who it is
                pass


def _finished(run: NullRun) -> NullDistribution | None:
    """The null distribution where it is there whole; what a killed process left beside it is put right."""
    if not (run.out / NULL).exists():
        return None
    try:
        null = read(run.out)
    except InputError as error:
        _log.info("%s; measured again", error)
        return None
    if _digest_in(run.out / _SUMMARY) is None:
        write_json(run.out / _SUMMARY, summary(null))
    shutil.rmtree(run.out / _BLOCKS, ignore_errors=True)
    return null


def combined(run: NullRun, blocks: Sequence[null_design.Block]) -> NullDistribution | None:
    """Writes the null distribution of all blocks; None while some are missing."""
    folder = run.out / _BLOCKS
    if not all(_is_measured(folder, block.index, run.layers) for block in blocks):
        return None
    names = (*run.layers, COPIES)
    measured = [read_arrays(_block_path(folder, block.index), names) for block in blocks]
    known = Known(run.stimuli.names, run.stimuli.classes, run.stimuli.copies)
    write(run.out / NULL, combine(run.network, run.design, blocks, measured, known), run.stimuli.digest)
    return _finished(run)


def write(path: Path, null: NullDistribution, stimuli: str) -> None:
    """Writes `null.npz`, and `null.json` beside it for people.

    Args:
      path: of `null.npz`.
      null: the null distribution.
      stimuli: digest of what it was measured on.

    Raises:
      StorageError: one cannot be written.
    """
    write_json(path.with_name(_SUMMARY), summary(null))
    write_null(path, null, stimuli)


def summary(null: NullDistribution) -> dict[str, Any]:
    """A null distribution in plain values, without its histograms."""
    return {
        "network": null.network,
        "checkpoint": null.checkpoint,
        "design": null.design,
        "null_rule": null.rule,
        "copies": {
            "rule": copies.RULE,
            "pairs_left_out": len(null.copies),
            "pairs": [[pair.one, pair.other, round(pair.likeness, 4)] for pair in null.copies],
            "files_left_out": len(null.copied_files),
            "files": [list(pair) for pair in null.copied_files],
        },
        "layers": {layer: _layer_summary(null, layer) for layer in null.layers},
        "sha256": null.digest,
    }


def _layer_summary(null: NullDistribution, layer: str) -> dict[str, Any]:
    rho = null.at(layer)
    values = dataclasses.asdict(rho)
    for name in ("counts", "same_class_largest", "different_class_largest"):
        del values[name]
    shares = {"same_class": rho.same_class_share, "different_class": 1 - rho.same_class_share}
    return {
        "pairs": rho.pairs,
        **values,
        **{f"{kind}_share": share for kind, share in shares.items()},
        **{f"{kind}_maximum": getattr(rho, f"{kind}_maximum") for kind in shares},
        "limit": null.limit(layer),
    }


def _digest_in(path: Path) -> str | None:
    """The digest of the null distribution that a summary tells of; None where it tells none."""
    with contextlib.suppress(InputError):
        values = read_json(path)
        return values.get("sha256") if isinstance(values, dict) else None
    return None


def _settings(run: NullRun) -> dict[str, Any]:
    return {
        "network": run.network.name,
        "checkpoint": run.network.checkpoint_digest,
        "layers": list(run.layers),
        "stimuli": run.stimuli.digest,
        **{name: getattr(run, name) for name in ("pairs", "design", "block_size", "seed")},
        **({"threads": run.threads} if run.threads is not None else {}),
        **({"labels": run.stimuli.labels_digest} if run.stimuli.labels_digest else {}),
    }


def _block_path(folder: Path, index: int) -> Path:
    return folder / f"block_{index:06d}.npz"


def _is_measured(folder: Path, index: int, layers: Sequence[str]) -> bool:
    """Whether a block is there and can be read."""
    path = _block_path(folder, index)
    try:
        return path.exists() and bool(read_arrays(path, (*layers, COPIES)))
    except InputError as error:
        _log.info("%s; measured again", error)
        return False


def read(path: str | os.PathLike) -> NullDistribution:
    """A null distribution from its folder or its `null.npz`.

    Raises:
      InputError: there is none, it is not finished, or it is not the one that its `null.json` tells of.
    """
    path = Path(path)
    if path.is_dir():
        if not (path / NULL).exists() and (path / _BLOCKS).is_dir():
            raise InputError(f"{path}: not all blocks are measured yet; run the shards that are missing")
        path = path / NULL
    null = read_null(path)[0]
    if _digest_in(path.with_name(_SUMMARY)) not in (None, null.digest):
        raise DamagedFileError(
            f"{path}: was changed after it was written; make_null_distribution with the same command "
            f"measures it anew"
        )
    return null
