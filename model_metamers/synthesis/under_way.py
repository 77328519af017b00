"""A search between two bursts of steps: its state in tensors, so that nothing is copied."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from model_metamers.synthesis.state import SHARED, SearchState, diverged_in


@dataclasses.dataclass(frozen=True)
class UnderWay:
    """What a `SearchState` holds, with signals and the optimizer's memory in tensors.

    Attributes:
      signals: the signals so far, float32 [batch, *shape].
      step, losses: as in `SearchState`.
      optimizer: what the optimizer remembers, by name.
      passes, stopped: as in `SearchState`; 0 and -1 where no criteria stop the search.
      may_stop: whether criteria may.
    """

    signals: tf.Tensor
    step: int
    losses: np.ndarray
    optimizer: dict[str, tf.Tensor]
    passes: np.ndarray
    stopped: np.ndarray
    may_stop: bool

    @classmethod
    def begin(cls, state: SearchState) -> UnderWay:
        """The search that goes on from a state."""
        batch = len(state.signals)
        return cls(
            signals=tf.constant(state.signals),
            step=state.step,
            losses=state.losses,
            optimizer={name: tf.constant(array) for name, array in state.optimizer.items()},
            passes=np.zeros([batch], np.int32) if state.passes is None else state.passes,
            stopped=np.full([batch], -1, np.int32) if state.stopped is None else state.stopped,
            may_stop=state.stopped is not None,
        )

    def kept(self) -> SearchState:
        """The state to be saved or handed over."""
        optimizer = {name: tensor.numpy() for name, tensor in self.optimizer.items()}
        checks = (self.passes, self.stopped) if self.may_stop else (None, None)
        return SearchState(self.signals.numpy(), self.step, self.losses, optimizer, *checks)

    @property
    def searched(self) -> list[int]:
        """The places of the signals that are still searched: neither diverged nor stopped."""
        diverged = diverged_in(self.losses)
        return [int(i) for i in np.flatnonzero(self.stopped < 0) if i not in diverged]

    def after(self, signals: tf.Tensor, losses: np.ndarray, optimizer: dict[str, tf.Tensor]) -> UnderWay:
        """The search after further steps.

        A signal that diverged in these steps is left out. Its place in the batch is kept and filled
        with zeros, so that the other signals keep their bits, which depend on the size of the batch.
        A signal that was stopped before stays as it was.

        Args:
          signals: their values after the steps.
          losses: [steps, batch], the losses before each of the steps.
          optimizer: what the optimizer remembers after the steps.
        """
        end, stopped = self.step + len(losses), self.stopped >= 0
        before = {"signals": self.signals, **self.optimizer}
        tensors = _replaced({"signals": signals, **optimizer}, stopped, before)
        trace = self.losses.copy()
        trace[self.step : end] = np.where(stopped, trace[self.step : end], losses)
        diverged = self._diverged_after(tensors["signals"], np.where(stopped, np.float32(0), losses))
        for place, iteration in diverged.items():
            trace[iteration:, place] = np.inf
        zeros = {name: tf.zeros_like(tensor) for name, tensor in tensors.items()} if diverged else {}
        tensors = _replaced(tensors, np.isin(np.arange(len(stopped)), list(diverged)), zeros)
        return dataclasses.replace(
            self, signals=tensors.pop("signals"), step=end, losses=trace, optimizer=tensors
        )

    def checked(self, passes: np.ndarray, places: Sequence[int]) -> UnderWay:
        """The search after a check of its criteria.

        Args:
          passes: see `SearchState`.
          places: of the signals whose search ends here.
        """
        stopped = self.stopped.copy()
        stopped[list(places)] = self.step
        return dataclasses.replace(self, passes=passes, stopped=stopped)

    def ended(self, places: Sequence[int], losses: np.ndarray) -> UnderWay:
        """The search with the losses [batch] of the signals as they are, where their search ends here."""
        trace, ends = self.losses.copy(), list(places)
        trace[self.step, ends] = np.where(np.isfinite(losses), losses, np.inf)[ends]
        return dataclasses.replace(self, losses=trace)

    def _diverged_after(self, signals: tf.Tensor, losses: np.ndarray) -> dict[int, int]:
        """The signals that have diverged until now, by place, and the iterations from which on."""
        flat = tf.reshape(signals, [len(signals), -1])
        numbers = tf.reduce_all(tf.math.is_finite(flat), axis=1).numpy()
        finite = np.isfinite(losses)
        diverged = diverged_in(self.losses)
        for place in np.flatnonzero(~numbers | ~finite.all(axis=0)):
            first = len(losses) if finite[:, place].all() else int(finite[:, place].argmin())
            diverged.setdefault(int(place), self.step + first)
        return diverged


def _replaced(
    tensors: dict[str, tf.Tensor], places: np.ndarray, others: dict[str, tf.Tensor]
) -> dict[str, tf.Tensor]:
    """The tensors with others' rows at some places of the batch, where there are such places [batch]."""
    if not places.any():
        return tensors
    return {
        name: tensor
        if name in SHARED
        else tf.where(tf.reshape(places, [-1] + [1] * (len(tensor.shape) - 1)), others[name], tensor)
        for name, tensor in tensors.items()
    }
