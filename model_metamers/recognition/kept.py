"""What judges made of what they were shown, kept beside the results so that nobody looks twice."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from model_metamers.errors import DamagedFileError
from model_metamers.networks.network import Network
from model_metamers.recognition.network_judge import logits, reader
from model_metamers.recognition.presentations import Presentation
from model_metamers.runs.batches import Shard
from model_metamers.runs.folder import safe_name
from model_metamers.storage.digests import array_digest, text_digest
from model_metamers.storage.reading import read_arrays
from model_metamers.storage.whole import check_writable, make_folder
from model_metamers.storage.writing import write_arrays

_BLOCK = 64  # presentations whose logits are kept together
_FORMAT = 2  # of kept logits; they are made anew when what they hold changes

_log = logging.getLogger(__name__)


def kept_logits(
    network: Network, presentations: Sequence[Presentation], folder: Path, progress: bool = True
) -> np.ndarray:
    """A network's logits for presentations, written to a folder in blocks as they are computed.

    A block bears the digest of its numbers and of what they are of; one that is damaged, or
    another's, is computed again, and a line is logged that says so.

    Args:
      network: with weights. Of cochleagrams, an auditory CNN is run from its cochleagram on.
      presentations: that it can judge, see `presentations_for`.
      folder: of the blocks; those that are there are read instead of computed.
      progress: whether to show a bar.

    Returns:
      float32 [presentations, ...].

    Raises:
      InputError: a file that cannot be read, or a sound too short for the network.
      StorageError: the folder cannot be written, which is told before the network looks at
        anything; or the disk is full.
    """
    check_writable(make_folder(folder))
    rows: dict[int, np.ndarray] = {}
    with tqdm(total=len(presentations), desc=f"{network.name} judges", disable=not progress) as bar:
        for judge, block in _blocks(network, presentations):
            shown = [presentations[i] for i in block]
            rows.update(zip(block, _block(judge, shown, folder), strict=True))
            bar.update(len(block))
    return np.stack([rows[i] for i in range(len(presentations))])


def keep_part(
    network: Network,
    presentations: Sequence[Presentation],
    folder: Path,
    shard: Shard,
    before: int = 0,
    progress: bool = True,
) -> int:
    """Computes those of the blocks of `kept_logits` that fall to a shard and are not there yet.

    Any number of processes may do so at once, also for the same shard: a block is written whole or not at
    all, and is the same whoever wrote it.

    Args:
      network, presentations, folder, progress: see `kept_logits`.
      shard: the part.
      before: blocks that were counted before, of other judges.

    Returns:
      `before`, and the blocks of this judge, of all shards.
    """
    check_writable(make_folder(folder))
    blocks = list(_blocks(network, presentations))
    own = [one for place, one in enumerate(blocks, before) if place % shard.count == shard.index]
    for judge, block in tqdm(own, desc=f"{network.name} judges", disable=not progress):
        _block(judge, [presentations[i] for i in block], folder)
    return before + len(blocks)


def _blocks(network: Network, presentations: Sequence[Presentation]) -> Iterator[tuple[Network, list[int]]]:
    """What judges, and places of the presentations whose logits are kept together."""
    for spec in dict.fromkeys(p.spec for p in presentations):
        places = [i for i, p in enumerate(presentations) if p.spec == spec]
        judge = reader(network, spec)
        for first in range(0, len(places), _BLOCK):
            yield judge, places[first : first + _BLOCK]


def kept_folder(out: Path, network: Network) -> Path:
    """Where a judge's logits are kept."""
    about = text_digest([network.checkpoint_digest])[:12]
    return out / "logits" / f"{safe_name(network.name)[:48]}-{about}"


def _block(network: Network, block: Sequence[Presentation], folder: Path) -> np.ndarray:
    """Logits of a block, read where they are kept already."""
    key = _block_key(network, block)
    path = folder / f"{key[:32]}.npz"
    if path.exists():
        try:
            return _read(path, key, len(block))
        except DamagedFileError as error:
            _log.info("%s; computed again", error)
    values = logits(network, np.stack([p.read(network.signal) for p in block]))
    write_arrays(path, {"logits": values, "sha256": _digest(key, values)})
    return values


def _read(path: Path, key: str, rows: int) -> np.ndarray:
    """The logits that a file keeps; DamagedFileError where they are others, or another block's."""
    kept = read_arrays(path, ("logits", "sha256"))
    values = kept["logits"]
    if values.ndim < 1 or len(values) != rows or not np.array_equal(kept["sha256"], _digest(key, values)):
        raise DamagedFileError(f"{path}: damaged, or not the logits that belong there")
    return values


def _digest(key: str, values: np.ndarray) -> np.ndarray:
    """sha256 of logits and of what they are of, uint8 [32]."""
    parts = [key, str(values.dtype), str(values.shape), array_digest(values)]
    return np.frombuffer(bytes.fromhex(text_digest(parts)), np.uint8)


def _block_key(network: Network, block: Sequence[Presentation]) -> str:
    """sha256 of who judges and what is judged, hex."""
    parts = [str(_FORMAT), network.name, network.checkpoint_digest, repr(dataclasses.astuple(network.signal))]
    parts += [presentation.digest() for presentation in block]
    return text_digest(parts)
