"""The metamer search: gradient descent on a signal until a layer's activations match.

Source: paper 3.1; docs/sources.md 6. The signal is the only variable; the network's weights
take no gradient.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf
from tqdm.auto import tqdm

from model_metamers.criteria.null_rule import MAXIMUM
from model_metamers.errors import DivergedError, InputError
from model_metamers.execution.lines import as_bar_or_lines
from model_metamers.networks import ways
from model_metamers.networks.network import Network
from model_metamers.synthesis import easier, lbfgs, starts, stopping
from model_metamers.synthesis.config import SynthesisConfig
from model_metamers.synthesis.phases import OPTIMIZERS, exact_ways, phases
from model_metamers.synthesis.state import SearchState
from model_metamers.synthesis.under_way import UnderWay
from model_metamers.synthesis.watching import Watch

if TYPE_CHECKING:
    from model_metamers.criteria.null import NullDistribution
    from model_metamers.synthesis.metamer import Metamer

# A burst is one call of the compiled loop; between bursts the search can be stopped.
_BURST_SECONDS = 0.5


class Search:
    """The search at one layer of a network.

    What TensorFlow compiles is kept by the network and shared by all searches at the layer; it is
    compiled once for each size of batch. TensorFlow never gives the memory of a compiled function
    back, so that one for every search would fill it.

    Args:
      network: a network that has its weights.
      layer: name of the stage to match.
      config: settings of the search.
      null: the null distribution that `config.stop_when` or `starts` needs; of no effect without them.

    Raises:
      InputError: the network has no such stage, or the null distribution that is needed is missing,
        of another network or without the layer.
    """

    def __init__(
        self,
        network: Network,
        layer: str,
        config: SynthesisConfig,
        null: NullDistribution | None = None,
    ):
        (layer,) = network.check_layers(layer)
        self.network, self.layer = network, layer
        self.config = config.for_network(network)
        self.null_rule = null.rule if null else MAXIMUM
        self.null, self._stopping = None, None
        if config.needs_null:
            self.null = stopping.needed_null(network, layer, config, null)
        if self.null and config.stop_when is not None:
            self._stopping = stopping.Stopping(network, layer, self.config, self.null)
        self._optimizer = OPTIMIZERS[config.optimizer]
        self._phases = phases(network, layer, self.config)

    def run(
        self,
        targets: np.ndarray,
        signals: np.ndarray | None = None,
        state: SearchState | None = None,
        save: Callable[[SearchState], None] | None = None,
        progress: bool = True,
        told: Callable[[int], None] | None = None,
        watch: Watch | None = None,
    ) -> tuple[SearchState, bool]:
        """Searches for the metamers of a batch of targets, which do not influence one another.

        Args:
          targets: [batch, *shape], in the network's range.
          signals: what to start from, one signal or a batch; noise of the config's seed when None.
          state: the state of an earlier search to continue, in place of `signals`.
          save: called with the state every `config.save_every` steps, after `config.save_minutes` without,
            and at the end.
          progress: whether to show a bar.
          told: called now and then with the number of finished steps.
          watch: told of the search now and then, and at its checks; it changes nothing.

        Returns:
          The last state, and whether the search was finished: Ctrl-C stops it early and
          keeps the signals so far. A signal whose loss becomes NaN or infinite is left out, and
          the others go on; `state.diverged` tells which, and from which iteration on. With
          `config.stop_when`, a signal that met its criteria stays as it was then, and the others go
          on; `state.stopped_at` tells when.

        Raises:
          InputError: the network cannot take the targets or starts, the state belongs to another
            search, or no target has finite activations.
        """
        targets = self.network.signal.check(targets, "target")
        if state is None:
            state = self._fresh(targets, signals)
        state = dataclasses.replace(state, optimizer=lbfgs.completed(state.optimizer))
        self._check_state(state, targets)
        wanted = self.network.activations(targets, [self.layer])[self.layer]
        self._check_some_finite(wanted)
        widths = easier.widths(self.network, targets) if self._phases[0].rounded else None
        ways.prepare(self.network, exact_ways(self.config))
        begun = now = UnderWay.begin(state)
        finished, saved = True, time.monotonic()
        with self._bar(state.step, progress) as bar:
            try:
                if watch:
                    watch.tell(now)
                for now in self._bursts(begun, targets, (wanted, widths), watch):
                    bar.update(now.step - bar.n)
                    bar.set_postfix(loss=_mean_loss(now))
                    if watch:
                        watch.tell(now)
                    if told:
                        told(now.step)
                    if save and now.step < self.config.iterations and self._is_due(now.step, saved):
                        save(now.kept())
                        saved = time.monotonic()
                if now.step == self.config.iterations:
                    now = now.ended(now.searched, self._loss(now, wanted))
                if watch:
                    watch.end(now)
            except KeyboardInterrupt:
                finished = False
        state = now.kept()
        if save:
            save(state)
        return state, finished

    def _is_due(self, step: int, saved: float) -> bool:
        """Whether the state is to be saved after a step, where the last one was at a time."""
        late = time.monotonic() - saved > 60.0 * self.config.save_minutes
        return late or step % self.config.save_every == 0

    def _fresh(self, targets: np.ndarray, signals: np.ndarray | None) -> SearchState:
        """The state before the first step; see `run`."""
        config, spec = self.config, self.network.signal
        if signals is None:
            signals = starts.start(spec, config.seed, config.preset)
        signals = np.broadcast_to(spec.check(signals, "start"), targets.shape)
        may_stop = self._stopping is not None
        return SearchState.fresh(signals, config.iterations, self._remembered(signals, targets), may_stop)

    def _remembered(self, signals: np.ndarray, targets: np.ndarray) -> dict[str, np.ndarray]:
        """What the optimizer remembers before the first step."""
        spec = self.network.signal
        return self._optimizer.fresh(signals, targets, spec.sample_rate if spec.kind == "sound" else None)

    def _check_state(self, state: SearchState, targets: np.ndarray) -> None:
        """Refuses the state of another search."""
        if (
            state.signals.shape != targets.shape
            or len(state.losses) != self.config.iterations + 1
            or (state.stopped is None) != (self._stopping is None)
            or _kinds(state.optimizer) != _kinds(self._remembered(targets, targets))
        ):
            raise InputError("the state is of another search: of other targets, iterations, or optimizer")

    def _bar(self, step: int, progress: bool) -> tqdm:
        return tqdm(
            total=self.config.iterations,
            initial=step,
            desc=f"{self.network.name} {self.layer}",
            disable=not progress,
            **as_bar_or_lines(),
            leave=None,  # gone at the end where it stands below the bar of a run
        )

    def _bursts(
        self, now: UnderWay, targets: np.ndarray, of_targets: tuple, watch: Watch | None
    ) -> Iterator[UnderWay]:
        """The search after each burst, until its iterations are over or no signal is searched any more.

        Bursts grow until they take `_BURST_SECONDS`, and end where a state is to be saved, criteria are
        to be checked or watched, or another phase begins. `of_targets` are the activations wanted, and the
        widths of rounded bends.
        """
        longest = 1
        while now.step < self.config.iterations and now.searched:
            length = min(longest, self._until_next_end(now.step))
            length = min(length, watch.every - now.step % watch.every) if watch else length
            began = time.monotonic()
            now = self._advance(now, of_targets, length)
            seconds = (time.monotonic() - began) / length
            longest = min(2 * length, max(1, int(_BURST_SECONDS / max(seconds, 1e-6))))
            if self._stopping and self._stopping.due(now.step):
                passes, stops = self._stopping.check(now, targets)
                now = now.checked(passes, stops)
                now = now.ended(stops, self._loss(now, of_targets[0])) if stops else now
            yield now

    def _until_next_end(self, step: int) -> int:
        """The longest burst after a finished step."""
        ends = [phase.end - step for phase in self._phases if step < phase.end]
        ends.append(self.config.save_every - step % self.config.save_every)
        if self._stopping:
            ends.append(self._stopping.until_next(step))
        return min(ends)

    def _advance(self, now: UnderWay, of_targets: tuple, length: int) -> UnderWay:
        """The search after `length` further steps, all of them of one phase."""
        phase = next(phase for phase in self._phases if now.step < phase.end)
        signals, optimizer, losses = phase.burst(
            now.signals,
            now.optimizer,
            tf.constant(now.step, tf.int32),
            tf.constant(length, tf.int32),
            tf.constant(self.config.learning_rate, tf.float32),
            tf.constant(self.config.learning_rate_decay, tf.float32),
            *(of_targets if phase.rounded else of_targets[:1]),
        )
        now = now.after(signals, losses.numpy(), optimizer)
        if now.step == phase.end < self.config.iterations:
            optimizer = self._optimizer.after_draft(now.signals, now.optimizer)
            now = dataclasses.replace(now, optimizer=optimizer)
        return now

    def diverged_error(
        self, iterations: Mapping[str, int], metamers: Sequence[Metamer] = ()
    ) -> DivergedError:
        """The error that reports signals whose loss became NaN or infinite.

        Args:
          iterations: for each of these stimuli, the iteration from which on it was left out.
          metamers: the metamers of the other stimuli.
        """
        where = ", ".join(f"{name} at iteration {step}" for name, step in iterations.items())
        return DivergedError(
            f"{self.network.name} {self.layer}: the loss is no longer a number ({where}); lower the "
            f"learning rate (now {self.config.learning_rate:g}) or look at the target",
            iterations,
            metamers,
        )

    @property
    def relu_gradient_used(self) -> str:
        """The gradient of the ReLU at the layer; see `Metamer.relu_gradient_used`."""
        return self.network.relu_gradient(self.layer, self.config.relu_gradient)

    def _check_some_finite(self, wanted: tf.Tensor) -> None:
        """Refuses a batch none of whose targets can be matched; a part of it diverges at iteration 0."""
        finite = np.isfinite(wanted.numpy()).reshape(len(wanted), -1).all(axis=1)
        if not finite.any():
            raise InputError(
                f"the target's activations at {self.layer} are not finite; check the weights and the target"
            )

    def _loss(self, now: UnderWay, wanted: tf.Tensor) -> np.ndarray:
        """The loss of each signal as it is."""
        reached = self.network.activations(now.signals, [self.layer])[self.layer]
        axes = list(range(1, reached.shape.rank))
        return (0.5 * tf.reduce_sum((reached - wanted) ** 2, axis=axes)).numpy()


def _mean_loss(now: UnderWay) -> str:
    """The mean loss of the last step over the signals that have not diverged, as text."""
    losses = now.losses[now.step - 1]
    losses = losses[np.isfinite(losses)]
    return f"{losses.mean():.4g}" if losses.size else "none"


def _kinds(arrays: Mapping[str, np.ndarray]) -> dict[str, tuple]:
    """Shape and type of every array."""
    return {name: (array.shape, array.dtype) for name, array in arrays.items()}
