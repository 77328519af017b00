"""A search between two bursts of steps: its state in tensors, so that nothing is copied."""

from __future__ import annotations

import dataclasses

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
    """

    signals: tf.Tensor
    step: int
    losses: np.ndarray
    optimizer: dict[str, tf.Tensor]

    @classmethod
    def begin(cls, state: SearchState) -> UnderWay:
        """The search that goes on from a state."""
        optimizer = {name: tf.constant(array) for name, array in state.optimizer.items()}
        return cls(tf.constant(state.signals), state.step, state.losses, optimizer)

    def kept(self) -> SearchState:
        """The state to be saved or handed over."""
        optimizer = {name: tensor.numpy() for name, tensor in self.optimizer.items()}
        return SearchState(self.signals.numpy(), self.step, self.losses, optimizer)

    @property
    def diverged(self) -> dict[int, int]:
        """See `SearchState.diverged`."""
        return diverged_in(self.losses)

    def after(self, signals: tf.Tensor, losses: np.ndarray, optimizer: dict[str, tf.Tensor]) -> UnderWay:
        """The search after further steps.

        A signal that diverged in these steps is left out. Its place in the batch is kept and filled
        with zeros, so that the other signals keep their bits, which depend on the size of the batch.

        Args:
          signals: their values after the steps.
          losses: [steps, batch], the losses before each of the steps.
          optimizer: what the optimizer remembers after the steps.
        """
        end = self.step + len(losses)
        trace = self.losses.copy()
        trace[self.step : end] = losses
        diverged = self._diverged_after(signals, losses)
        for place, iteration in diverged.items():
            trace[iteration:, place] = np.inf
        if diverged:
            out = np.isin(np.arange(len(signals)), list(diverged))
            signals = _rows(out, tf.zeros_like(signals), signals)
            optimizer = {
                name: tensor if name in SHARED else _rows(out, tf.zeros_like(tensor), tensor)
                for name, tensor in optimizer.items()
            }
        return UnderWay(signals, end, trace, optimizer)

    def ended(self, losses: np.ndarray) -> UnderWay:
        """The search after its last step, with the losses [batch] of the final signals."""
        trace = self.losses.copy()
        known = np.isinf(trace[self.step])
        trace[self.step] = np.where(np.isfinite(losses) & ~known, losses, np.inf)
        return dataclasses.replace(self, losses=trace)

    def _diverged_after(self, signals: tf.Tensor, losses: np.ndarray) -> dict[int, int]:
        """The signals that have diverged until now, by place, and the iterations from which on."""
        flat = tf.reshape(signals, [len(signals), -1])
        numbers = tf.reduce_all(tf.math.is_finite(flat), axis=1).numpy()
        finite = np.isfinite(losses)
        diverged = self.diverged
        for place in np.flatnonzero(~numbers | ~finite.all(axis=0)):
            first = len(losses) if finite[:, place].all() else int(finite[:, place].argmin())
            diverged.setdefault(int(place), self.step + first)
        return diverged


def _rows(where: np.ndarray, yes: tf.Tensor, no: tf.Tensor) -> tf.Tensor:
    """By place in the batch, the rows of one tensor or of the other."""
    return tf.where(tf.reshape(where, [-1] + [1] * (len(yes.shape) - 1)), yes, no)
