"""What TensorBoard is told of searches: loss, rho at the checks, and the signals. No search depends on it."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from model_metamers import criteria
from model_metamers.signals import images
from model_metamers.synthesis.stopping import EVERY

if TYPE_CHECKING:
    from model_metamers.networks.network import Network
    from model_metamers.synthesis.config import SynthesisConfig
    from model_metamers.synthesis.under_way import UnderWay

_SIGNALS = 10  # times that the signal of a search is kept, beside its start and its end


class Watch(Protocol):
    """Who is told of a search.

    Attributes:
      every: iterations between those that it is told of in any case.
    """

    every: int

    def tell(self, now: UnderWay) -> None:
        """The search as it is."""

    def end(self, now: UnderWay) -> None:
        """The search as it ended."""


class SearchSummaries(contextlib.AbstractContextManager):
    """Writes what TensorBoard reads of the searches of a batch, a folder for each signal.

    Args:
      folders: of the signals, [batch]; made where they are missing.
      network, layer, config: of the search; all values of the config filled in.
      targets: [batch, *shape].

    Raises:
      StorageError: something cannot be written; so do `tell` and `end`.
    """

    def __init__(
        self,
        folders: Sequence[Path],
        network: Network,
        layer: str,
        config: SynthesisConfig,
        targets: np.ndarray,
    ):
        import tensorflow as tf

        from model_metamers.summaries import refused_in_one_line

        self._tf, self._refused = tf, refused_in_one_line
        self._network, self._layer, self._config, self._targets = network, layer, config, targets
        self._folders = folders
        self._next: list[int] = []  # the iteration of each that its next loss is of
        self._checked = [-1] * len(folders)
        self.every = EVERY[config.optimizer]
        self._writers = []
        for folder in folders:
            with self._refused(folder):
                self._writers.append(tf.summary.create_file_writer(str(folder)))

    def __exit__(self, *error: object) -> None:
        with contextlib.suppress(self._tf.errors.OpError):
            for writer in self._writers:
                writer.close()

    def tell(self, now: UnderWay) -> None:
        """Writes losses; at a check also rho, and now and then the signal."""
        self._next = self._next or [now.step] * len(self._folders)  # what was before is in older files
        for place in now.searched:
            self._tell(now, place, now.step, now.step % self.every == 0, self._is_shown(now.step))

    def end(self, now: UnderWay) -> None:
        """Writes the last loss, rho and signal of each that did not diverge."""
        stopped = np.where(now.stopped < 0, now.step, now.stopped)
        for place in range(len(self._folders)):
            if not np.isinf(now.losses[:, place]).any():
                self._tell(now, place, int(stopped[place]), True, True)

    def _is_shown(self, step: int) -> bool:
        """Whether the signal is kept at a step: at the first check of each tenth of the search."""
        tenth = max(self.every, self._config.iterations // _SIGNALS)
        return step % self.every == 0 and step % tenth < self.every

    def _tell(self, now: UnderWay, place: int, step: int, checked: bool, shown: bool) -> None:
        every = self._config.log_every
        with self._refused(self._folders[place]), self._writers[place].as_default():
            losses = now.losses[: step + 1, place]
            for at in range(self._next[place], step + 1):
                if np.isfinite(losses[at]):
                    if at % every == 0 or at == self._config.iterations:
                        self._tf.summary.scalar("loss", losses[at], at)
                    self._next[place] = at + 1
            if checked and step > self._checked[place]:
                self._checked[place] = step
                self._check(now.signals[place].numpy(), place, step, shown)
                self._writers[place].flush()

    def _check(self, signal: np.ndarray, place: int, step: int, shown: bool) -> None:
        target = self._targets[place]
        measured = criteria.measure(self._network, target, signal, self._layer, all_layers=False)
        self._tf.summary.scalar("rho", measured.spearman[self._layer], step)
        if step == 0 or shown:
            self._show("metamer", signal, step)
        if step == 0:
            self._show("target", target, step)

    def _show(self, name: str, signal: np.ndarray, step: int) -> None:
        spec, summary = self._network.signal, self._tf.summary
        if spec.kind == "sound":
            summary.audio(name, np.clip(signal, -1.0, 1.0)[np.newaxis, :, np.newaxis], spec.rate_hz, step)
        elif spec.kind == "image":
            summary.image(name, _batch(images.to_uint8(signal, spec)), step)
        else:  # low frequencies at the bottom, brightest as the target's brightest
            levels = np.clip(signal[::-1] / max(float(self._targets.max()), 1e-12), 0.0, 1.0)
            summary.image(name, _batch(np.uint8(255 * levels)), step)


def _batch(image: np.ndarray) -> Any:
    """An image [height, width] or [height, width, channels] as [1, height, width, channels]."""
    return image.reshape(1, *image.shape[:2], -1)
