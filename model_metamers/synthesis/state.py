"""Where a search is: what it needs to go on to the same bits."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from model_metamers.errors import InputError
from model_metamers.storage.reading import read_arrays
from model_metamers.storage.writing import write_arrays

# TF1's AdamOptimizer, docs/sources.md 6.
BETA1, BETA2 = 0.9, 0.999


@dataclasses.dataclass
class SearchState:
    """Everything a search needs to go on from where it is, to the same bits.

    Attributes:
      signals: [batch, *shape] float32.
      m, v: Adam's moments, as `signals`.
      beta_powers: Adam's running powers, float32 [2].
      step: finished iterations.
      losses: [iterations + 1, batch] float32, before each step; NaN yet to come.
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


def write_state(path: Path, state: SearchState) -> None:
    """Writes a search's state; StorageError where it cannot be written."""
    write_arrays(path, {field.name: getattr(state, field.name) for field in dataclasses.fields(state)})


def read_state(path: Path) -> SearchState:
    """Reads a search's state.

    Raises:
      InputError: it is missing, damaged, or its arrays do not fit one another.
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
        raise InputError(
            f"{path}: no state of a search of this program; remove it, and the search starts anew"
        )
    return SearchState(**{**arrays, "step": int(step)})
