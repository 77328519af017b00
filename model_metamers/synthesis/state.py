"""The state of a search, from which it can go on to the same bits."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from model_metamers.errors import DamagedFileError
from model_metamers.storage.reading import read_arrays
from model_metamers.storage.writing import write_arrays

# TF1's AdamOptimizer, docs/sources.md 6.
BETA1, BETA2 = 0.9, 0.999
_TARGETS = "targets"
# What an optimizer remembers of all signals together.
SHARED = ("beta_powers",)
_CHECKS = ("passes", "stopped")


@dataclasses.dataclass
class SearchState:
    """All that a search needs to go on from where it is, to the same bits.

    Attributes:
      signals: the signals so far, float32 [batch, *shape].
      step: number of finished iterations.
      losses: the losses before each step, float32 [iterations + 1, batch]; NaN for steps to come,
        infinite from the iteration on at which a signal diverged.
      optimizer: what the optimizer remembers, by name. Adam remembers its moments `m` and `v`, of the
        shape of `signals`, and their running powers `beta_powers`, float32 [2]; L-BFGS remembers the
        fields of `LbfgsState`.
      passes: of each signal, the checks in a row that it passed, int32 [batch], where the search may
        be stopped by its criteria (`SynthesisConfig.stop_when`); None elsewhere.
      stopped: the iteration that its search was stopped at, int32 [batch]; -1 where it was not, None
        as for `passes`. Its losses end there.
    """

    signals: np.ndarray
    step: int
    losses: np.ndarray
    optimizer: dict[str, np.ndarray]
    passes: np.ndarray | None = None
    stopped: np.ndarray | None = None

    @classmethod
    def fresh(
        cls,
        signals: np.ndarray,
        iterations: int,
        optimizer: dict[str, np.ndarray],
        may_stop: bool = False,
    ) -> SearchState:
        batch = len(signals)
        losses = np.full([iterations + 1, batch], np.nan, np.float32)
        checks = (np.zeros([batch], np.int32), np.full([batch], -1, np.int32)) if may_stop else (None, None)
        return cls(signals.astype(np.float32), 0, losses, optimizer, *checks)

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """All of it, by name."""
        own = {"signals": self.signals, "step": np.asarray(self.step), "losses": self.losses}
        checks = {name: getattr(self, name) for name in _CHECKS if getattr(self, name) is not None}
        return {**own, **checks, **self.optimizer}

    @property
    def diverged(self) -> dict[int, int]:
        """The iteration from which on a signal's loss was NaN or infinite, by its index in the batch."""
        return diverged_in(self.losses)

    def stopped_at(self, place: int) -> int | None:
        """The iteration at which criteria ended the search of the signal at a place of the batch, or None."""
        return None if self.stopped is None or self.stopped[place] < 0 else int(self.stopped[place])

    def restarts(self, place: int) -> int | None:
        """How often the L-BFGS search of the signal at a place of the batch began afresh; None of Adam's."""
        counted = self.optimizer.get("restarts")
        return None if counted is None else int(counted[place])


def diverged_in(losses: np.ndarray) -> dict[int, int]:
    """The signals that a trace of losses tells to have diverged; see `SearchState.diverged`."""
    left_out = np.isinf(losses)
    return {int(i): int(left_out[:, i].argmax()) for i in np.flatnonzero(left_out[-1])}


def write_state(path: Path, state: SearchState, targets: Sequence[str] = ()) -> None:
    """Writes a search's state to a file.

    Args:
      path: the file.
      state: the state.
      targets: digests of the signals that are matched, which tell later whether the state is still
        of use.

    Raises:
      StorageError: the file cannot be written.
    """
    write_arrays(path, {**state.arrays, _TARGETS: np.array(list(targets), str)})


def read_targets(path: Path) -> list[str]:
    """Digests of the signals that a saved search matches; raises DamagedFileError where it has none."""
    digests = read_arrays(path, (_TARGETS,))[_TARGETS]
    try:
        targets = [str(digest) for digest in digests.reshape(-1)]
    except ValueError:  # a letter that there is not
        targets = [""]
    if not all(re.fullmatch("[0-9a-f]{64}", digest) for digest in targets):
        raise DamagedFileError(f"{path}: no state of a search of this program; remove it")
    return targets


def read_state(path: Path) -> SearchState:
    """Reads a search's state.

    Raises:
      DamagedFileError: the file is missing or damaged, or its arrays do not fit one another.
    """
    optimizer = read_arrays(path)
    optimizer.pop(_TARGETS, None)
    lacking = {"signals", "step", "losses"} - optimizer.keys()
    if not lacking:
        signals, step, losses = (optimizer.pop(name) for name in ("signals", "step", "losses"))
    checks = [optimizer.pop(name, None) for name in _CHECKS]
    if lacking or not (_fit(signals, step, losses, optimizer) and _checks_fit(checks, int(step), losses)):
        raise DamagedFileError(
            f"{path}: no state of a search of this program; remove it, and the search starts anew"
        )
    return SearchState(signals, int(step), losses, optimizer, *checks)


def _checks_fit(checks: Sequence[np.ndarray | None], step: int, losses: np.ndarray) -> bool:
    passes, stopped = checks
    if passes is None or stopped is None:
        return passes is stopped
    return all(
        array.dtype == np.int32 and array.shape == losses.shape[1:] for array in (passes, stopped)
    ) and bool(np.all((passes >= 0) & (passes <= step) & (stopped >= -1) & (stopped <= step)))


def _fit(signals: np.ndarray, step: np.ndarray, losses: np.ndarray, optimizer: dict[str, np.ndarray]) -> bool:
    return bool(
        signals.dtype == losses.dtype == np.float32
        and signals.ndim > 1
        and losses.ndim == 2
        and losses.shape[1] == len(signals)
        and step.shape == ()
        and step.dtype.kind in "iu"
        and 0 <= step < len(losses)
        and all(array.dtype in (np.float32, np.int32) for array in optimizer.values())
        and all(array.shape[:1] == (len(signals),) for name, array in optimizer.items() if name not in SHARED)
        and np.isfinite(signals).all()
    )
