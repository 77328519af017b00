"""The state of a search, from which it can go on to the same bits."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from model_metamers.errors import DamagedFileError
from model_metamers.storage.reading import read_arrays
from model_metamers.storage.writing import write_arrays

# TF1's AdamOptimizer, docs/sources.md 6.
BETA1, BETA2 = 0.9, 0.999
_TARGETS = "targets"


@dataclasses.dataclass
class SearchState:
    """All that a search needs to go on from where it is, to the same bits.

    Attributes:
      signals: the signals so far, float32 [batch, *shape].
      m, v: Adam's moments, of the shape of `signals`.
      beta_powers: Adam's powers of beta 1 and beta 2, float32 [2].
      step: number of finished iterations.
      losses: the losses before each step, float32 [iterations + 1, batch]; NaN for steps to come,
        infinite from the iteration on at which a signal diverged.
    """

    signals: np.ndarray
    m: np.ndarray
    v: np.ndarray
    beta_powers: np.ndarray
    step: int
    losses: np.ndarray

    @classmethod
    def fresh(cls, signals: np.ndarray, iterations: int) -> SearchState:
        return cls(
            signals=signals.astype(np.float32),
            m=np.zeros_like(signals, np.float32),
            v=np.zeros_like(signals, np.float32),
            beta_powers=np.array([BETA1, BETA2], np.float32),
            step=0,
            losses=np.full([iterations + 1, len(signals)], np.nan, np.float32),
        )

    @property
    def diverged(self) -> dict[int, int]:
        """The iteration from which on a signal's loss was NaN or infinite, by its index in the batch."""
        left_out = np.isinf(self.losses)
        return {int(i): int(left_out[:, i].argmax()) for i in np.flatnonzero(left_out[-1])}

    def after(
        self,
        signals: np.ndarray,
        m: np.ndarray,
        v: np.ndarray,
        beta_powers: np.ndarray,
        losses: np.ndarray,
    ) -> SearchState:
        """The state after further steps.

        A signal that diverged in these steps is left out. Its place in the batch is kept and filled
        with zeros, so that the other signals keep their bits, which depend on the size of the batch.

        Args:
          signals, m, v, beta_powers: their values after the steps.
          losses: [steps, batch], the losses before each of the steps.
        """
        end = self.step + len(losses)
        trace = self.losses.copy()
        trace[self.step : end] = losses
        finite = np.isfinite(losses)
        numbers = np.isfinite(signals).reshape(len(signals), -1).all(axis=1)
        diverged = self.diverged
        for i in np.flatnonzero(~numbers | ~finite.all(axis=0)):
            first = len(losses) if finite[:, i].all() else int(finite[:, i].argmin())
            diverged.setdefault(int(i), self.step + first)
        if diverged:
            signals, m, v = (array.copy() for array in (signals, m, v))
        for place, iteration in diverged.items():
            trace[iteration:, place] = np.inf
            signals[place] = m[place] = v[place] = 0.0
        return SearchState(signals, m, v, beta_powers, end, trace)

    def finish(self, losses: np.ndarray) -> None:
        """Adds the losses [batch] of the final signals."""
        known = np.isinf(self.losses[self.step])
        self.losses[self.step] = np.where(np.isfinite(losses) & ~known, losses, np.inf)


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
    fields = {field.name: getattr(state, field.name) for field in dataclasses.fields(state)}
    write_arrays(path, {**fields, _TARGETS: np.array(list(targets), str)})


def read_targets(path: Path) -> list[str]:
    """Digests of the signals that a saved search matches; raises DamagedFileError where it has none."""
    return [str(digest) for digest in read_arrays(path, (_TARGETS,))[_TARGETS].reshape(-1)]


def read_state(path: Path) -> SearchState:
    """Reads a search's state.

    Raises:
      DamagedFileError: the file is missing or damaged, or its arrays do not fit one another.
    """
    arrays = read_arrays(path, tuple(field.name for field in dataclasses.fields(SearchState)))
    signals, losses, step = arrays["signals"], arrays["losses"], arrays["step"]
    fits = (
        all(array.dtype == np.float32 for name, array in arrays.items() if name != "step")
        and arrays["m"].shape == arrays["v"].shape == signals.shape
        and arrays["beta_powers"].shape == (2,)
        and signals.ndim > 1
        and losses.ndim == 2
        and losses.shape[1] == len(signals)
        and step.shape == ()
        and step.dtype.kind in "iu"
        and 0 <= step < len(losses)
    )
    if not fits:
        raise DamagedFileError(
            f"{path}: no state of a search of this program; remove it, and the search starts anew"
        )
    return SearchState(signals, arrays["m"], arrays["v"], arrays["beta_powers"], int(step), losses)
