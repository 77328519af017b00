"""The metamer search: gradient descent on a signal until a layer's activations match.

Source: paper 3.1; docs/sources.md 6. The signal is the only variable; the network's weights
take no gradient.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from model_metamers.errors import InputError
from model_metamers.networks.network import Network
from model_metamers.synthesis import starts
from model_metamers.synthesis.config import SynthesisConfig
from model_metamers.synthesis.state import BETA1, BETA2, SearchState

# TF1's AdamOptimizer, docs/sources.md 6.
_EPSILON = 1e-8
_DECAY_STEPS = 1000
# A burst is one call into the compiled loop; between bursts the search can be stopped.
_BURST_SECONDS = 0.5


class Search:
    """Searches at one layer; compiled once for a batch size.

    Args:
      network: with weights.
      layer: a stage of it.
      config: of the search.

    Raises:
      InputError: unknown layer.
    """

    def __init__(self, network: Network, layer: str, config: SynthesisConfig):
        network.check_layers(layer)
        self.network, self.layer = network, layer
        self.config = config.for_network(network)
        self._burst = tf.function(self._steps, autograph=False)

    def run(
        self,
        targets: np.ndarray,
        signals: np.ndarray | None = None,
        state: SearchState | None = None,
        save: Callable[[SearchState], None] | None = None,
        progress: bool = True,
    ) -> tuple[SearchState, bool]:
        """Searches for a batch of targets; each signal's result is its own.

        Args:
          targets: [batch, *shape], in the network's range.
          signals: starts, one or a batch; noise of the config's seed when None.
          state: to continue from, instead of starts.
          save: called with the state every `config.save_every` steps and at the end.
          progress: whether to show a bar.

        Returns:
          The last state, and whether the search was finished: Ctrl-C stops it early and
          keeps the signals so far.

        Raises:
          InputError: targets or starts are no signals of the network; the loss became NaN.
        """
        config, spec = self.config, self.network.signal
        targets = spec.check(targets, "target")
        if state is None:
            if signals is None:
                signals = starts.start(spec, config.seed, config.preset)
            signals = spec.check(signals, "start")
            state = SearchState.fresh(np.broadcast_to(signals, targets.shape), config.iterations)
        wanted = self.network.activations(targets, [self.layer])[self.layer]
        _check_finite(wanted, f"the target's activations at {self.layer}")

        length, seconds = 1, 0.0
        bar = tqdm(
            total=config.iterations,
            initial=state.step,
            desc=f"{self.network.name} {self.layer}",
            disable=not progress,
            dynamic_ncols=True,
        )
        try:
            while state.step < config.iterations:
                length = min(length, config.iterations - state.step)
                length = min(length, config.save_every - state.step % config.save_every)
                began = time.monotonic()
                state = self._advance(state, wanted, length)
                seconds = (time.monotonic() - began) / length
                bar.update(length)
                bar.set_postfix(loss=f"{state.losses[state.step - 1].mean():.4g}")
                length = min(2 * length, max(1, int(_BURST_SECONDS / max(seconds, 1e-6))))
                if save and state.step % config.save_every == 0 and state.step < config.iterations:
                    save(state)
            state.losses[state.step] = self._final_loss(state, wanted)
            finished = True
        except KeyboardInterrupt:
            finished = False
        finally:
            bar.close()
        if save:
            save(state)
        return state, finished

    def _advance(self, state: SearchState, wanted: tf.Tensor, length: int) -> SearchState:
        """The state `length` steps on."""
        signals, m, v, powers, losses = self._burst(
            tf.constant(state.signals),
            tf.constant(state.m),
            tf.constant(state.v),
            tf.constant(state.beta_powers),
            tf.constant(state.step, tf.int32),
            tf.constant(length, tf.int32),
            wanted,
        )
        losses = losses.numpy()
        if not np.isfinite(losses).all() or not np.isfinite(signals.numpy()).all():
            bad = np.flatnonzero(~np.isfinite(losses).all(axis=1))
            step = state.step + (int(bad[0]) if bad.size else length)
            raise InputError(
                f"{self.network.name} {self.layer}: the loss is no longer a number at iteration {step}; "
                f"lower the learning rate (now {self.config.learning_rate:g}) or look at the target"
            )
        trace = state.losses.copy()
        trace[state.step : state.step + length] = losses
        return SearchState(signals.numpy(), m.numpy(), v.numpy(), powers.numpy(), state.step + length, trace)

    def _steps(self, signals, m, v, powers, step, length, wanted):
        """`length` iterations as one compiled loop; losses [length, batch]."""

        def body(i, signals, m, v, powers, losses):
            loss, gradient = self._loss_and_gradient(signals, wanted)
            rate = self._learning_rate(step + i)
            signals, m, v = adam_update(signals, gradient, m, v, powers, rate)
            if self.network.signal.bounded:
                signals = tf.clip_by_value(signals, self.network.signal.low, self.network.signal.high)
            powers = powers * tf.constant([BETA1, BETA2])
            return i + 1, signals, m, v, powers, losses.write(i, loss)

        losses = tf.TensorArray(tf.float32, size=length, element_shape=[signals.shape[0]])
        _, signals, m, v, powers, losses = tf.while_loop(
            lambda i, *_: i < length,
            body,
            (tf.constant(0), signals, m, v, powers, losses),
            parallel_iterations=1,
        )
        return signals, m, v, powers, losses.stack()

    def _loss_and_gradient(self, signals, wanted):
        """Each signal's loss [batch], and the gradient to the signals."""
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(signals)
            stage = self.network.forward(signals)[self.layer]
            linear = self.config.relu_gradient == "linear"
            found = stage.linear_gradient_output if linear else stage.output
            axes = list(range(1, found.shape.rank))
            loss = 0.5 * tf.reduce_sum((found - wanted) ** 2, axis=axes)
        return loss, tape.gradient(loss, signals)

    def _learning_rate(self, step: tf.Tensor) -> tf.Tensor:
        """As TF1's exponential_decay, in float32 and not in stairs."""
        exponent = tf.cast(step, tf.float32) / _DECAY_STEPS
        return self.config.learning_rate * tf.pow(self.config.learning_rate_decay, exponent)

    def _final_loss(self, state: SearchState, wanted: tf.Tensor) -> np.ndarray:
        found = self.network.activations(state.signals, [self.layer])[self.layer]
        axes = list(range(1, found.shape.rank))
        return (0.5 * tf.reduce_sum((found - wanted) ** 2, axis=axes)).numpy()


def adam_update(signals, gradient, m, v, beta_powers, learning_rate):
    """One step of TF1's Adam: epsilon stands outside the bias correction.

    Returns:
      The new signals and moments; `beta_powers` [2] are the caller's to multiply.
    """
    rate = learning_rate * tf.sqrt(1.0 - beta_powers[1]) / (1.0 - beta_powers[0])
    m = m + (gradient - m) * (1.0 - BETA1)
    v = v + (gradient * gradient - v) * (1.0 - BETA2)
    return signals - rate * m / (tf.sqrt(v) + _EPSILON), m, v


def _check_finite(values: tf.Tensor, what: str) -> None:
    if not np.isfinite(values.numpy()).all():
        raise InputError(f"{what} are not finite; check the weights and the target")
