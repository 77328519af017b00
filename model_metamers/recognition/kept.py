"""What judges made of what they were shown, kept beside the results so that nobody looks twice."""

from __future__ import annotations

import dataclasses
import functools
import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from model_metamers.errors import DamagedFileError, OtherSettingsError
from model_metamers.execution import driving
from model_metamers.networks.network import Network
from model_metamers.recognition.network_judge import logits, reader
from model_metamers.recognition.presentations import Presentation
from model_metamers.runs.folder import safe_name
from model_metamers.storage.claims import SETTINGS, claim_folder
from model_metamers.storage.digests import array_digest, text_digest
from model_metamers.storage.reading import read_arrays
from model_metamers.storage.whole import check_writable, make_folder
from model_metamers.storage.writing import write_arrays

_BLOCK = 64  # presentations whose logits are kept together
_FORMAT = 2  # of kept logits; they are made anew when what they hold changes
_LOGITS = "logits"

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Block:
    """Presentations whose logits are kept together: a unit of work, as `execution.units.Unit` has it.

    Attributes:
      judge: who looks at them, with weights; of cochleagrams, the view of an auditory CNN.
      shown: the presentations, all of one kind of signal.
      folder: of the judge's logits.
      number: of the block among the judge's, from 0.
    """

    judge: Network
    shown: tuple[Presentation, ...]
    folder: Path
    number: int = 0

    @property
    def key(self) -> str:
        return f"{self.folder.name} block {self.number}"

    @property
    def group(self) -> str:
        return str(self.folder)

    @property
    def steps(self) -> int:
        return len(self.shown)

    @functools.cached_property
    def digest(self) -> str:
        """sha256 of who judges and what is judged, hex.

        Raises:
          InputError: a file that cannot be read.
        """
        about = repr(dataclasses.astuple(self.judge.signal))
        parts = [str(_FORMAT), self.judge.name, self.judge.checkpoint_digest, about]
        return text_digest([*parts, *(presentation.digest() for presentation in self.shown)])

    @property
    def path(self) -> Path:
        """The file of the logits."""
        return self.folder / f"{self.digest[:32]}.npz"

    def done(self) -> bool:
        """Whether its logits are kept; where they are damaged, a line is logged."""
        return self._kept() is not None

    def run(self) -> None:
        """Computes its logits, and keeps them; InputError or StorageError where that cannot be."""
        self._look()

    def logits(self) -> np.ndarray:
        """float32 [presentations, ...], read where they are kept already."""
        kept = self._kept()
        return self._look() if kept is None else kept

    def _look(self) -> np.ndarray:
        values = logits(self.judge, np.stack([one.read(self.judge.signal) for one in self.shown]))
        write_arrays(self.path, {"logits": values, "sha256": _digest(self.digest, values)})
        return values

    def _kept(self) -> np.ndarray | None:
        if not self.path.exists():
            return None
        try:
            return _read(self.path, self.digest, len(self.shown))
        except DamagedFileError as error:
            _log.info("%s; computed again", error)
            return None


def blocks(network: Network, presentations: Sequence[Presentation], folder: Path) -> list[Block]:
    """What a judge is to look at, block by block; the same whatever is kept already.

    Args:
      network: with weights. Of cochleagrams, an auditory CNN is run from its cochleagram on.
      presentations: that it can judge, see `presentations_for`.
      folder: of the blocks.

    Raises:
      StorageError: the folder cannot be written.
    """
    check_writable(make_folder(folder))
    cut: list[Block] = []
    for spec in dict.fromkeys(p.spec for p in presentations):
        own = [p for p in presentations if p.spec == spec]
        judge = reader(network, spec)
        for first in range(0, len(own), _BLOCK):
            cut.append(Block(judge, tuple(own[first : first + _BLOCK]), folder, len(cut)))
    return cut


def kept_logits(
    network: Network, presentations: Sequence[Presentation], folder: Path, progress: bool = True
) -> np.ndarray:
    """A network's logits for presentations, written to a folder in blocks as they are computed.

    A block bears the digest of its numbers and of what they are of; one that is damaged, or
    another's, is computed again, and a line is logged that says so.

    Args:
      network, presentations: see `blocks`.
      folder: of the blocks; those that are there are read instead of computed.
      progress: whether to show a bar.

    Returns:
      float32 [presentations, ...].

    Raises:
      InputError: a file that cannot be read, or a sound too short for the network.
      StorageError: the folder cannot be written, which is told before the network looks at
        anything; or the disk is full.
    """
    cut = blocks(network, presentations, folder)
    driving.do_alone(cut, progress)
    return logits_of(cut, presentations)


def logits_of(cut: Iterable[Block], presentations: Iterable[Presentation]) -> np.ndarray:
    """The logits that the blocks of a judge keep, float32 [presentations, ...]; missing ones are computed."""
    rows: dict[Presentation, np.ndarray] = {}
    for block in cut:
        rows.update(zip(block.shown, block.logits(), strict=True))
    return np.stack([rows[one] for one in presentations])


def kept_folder(out: Path, network: Network) -> Path:
    """Where a judge's logits are kept."""
    about = text_digest([network.checkpoint_digest])[:12]
    return out / _LOGITS / f"{safe_name(network.name)[:48]}-{about}"


def claim_threads(out: Path, threads: int | None) -> None:
    """Holds the logits of a folder to one number of threads, on which their last bits depend.

    Args:
      out: folder of the results, which this process holds.
      threads: that every process is set up with (`execution.worker_setup`); None promises no last bits.

    Raises:
      OtherSettingsError: those that are there were computed with another number, or with one where None is
        given, or the other way round.
      StorageError: the folder cannot be written.
    """
    folder = out / _LOGITS
    if (folder / SETTINGS).exists():
        claim_folder(folder, {"threads": threads})
    elif threads is not None:
        if any(folder.glob("*/*.npz")):
            raise OtherSettingsError(
                f"{folder}: holds logits that were computed without --threads; leave it out, or choose "
                f"another folder"
            )
        claim_folder(folder, {"threads": threads})


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
