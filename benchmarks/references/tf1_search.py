"""The metamer search as a TensorFlow 1 graph: one call of a session for each step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import TracebackType

import numpy as np
import tensorflow as tf

from benchmarks.references.tf1_networks import Weights
from model_metamers.synthesis.state import SearchState

tf1 = tf.compat.v1


class GraphSearch:
    """A search in a graph and session of its own: TF1's optimiser, schedule and variable constraint.

    Args:
      find: f(signals, weights) -> activations to match, built in the graph.
      values: of the network's variables by name.
      target, start: [batch, *shape].
      bounds: that the signals are clipped to after each step, or None.
      learning_rate: at the first step; it decays as in the released code.
    """

    def __init__(
        self,
        find: Callable[[tf.Tensor, Weights], tf.Tensor],
        values: Mapping[str, np.ndarray],
        target: np.ndarray,
        start: np.ndarray,
        bounds: tuple[float, float] | None,
        learning_rate: float = 0.001,
    ):
        weights: dict[str, tf.Variable] = {}

        def weight(name: str) -> tf.Variable:
            if name not in weights:
                zeros = tf1.zeros_initializer()
                weights[name] = tf1.get_variable(name, values[name].shape, initializer=zeros, trainable=False)
            return weights[name]

        with tf.Graph().as_default() as graph:
            constraint = (lambda x: tf.clip_by_value(x, *bounds)) if bounds else None
            variable = tf1.get_variable("signal", initializer=tf.constant(start), constraint=constraint)
            signal = tf.identity(variable)
            found = find(signal, weight)
            wanted = tf1.placeholder(tf.float32, found.shape)
            self._loss = tf.nn.l2_loss(found - wanted)
            (self._gradient,) = tf1.gradients(self._loss, [signal])
            step = tf1.train.get_or_create_global_step()
            rate = tf1.train.exponential_decay(learning_rate, step, 1000, 0.95)
            optimizer = tf1.train.AdamOptimizer(rate)
            self._train = optimizer.minimize(self._loss, var_list=[variable], global_step=step)
            slots = {name: optimizer.get_slot(variable, name) for name in ("m", "v")}
            powers = {made.op.name: made for made in optimizer.variables() if made.op.name.startswith("beta")}
            self._state = {"signals": variable, "step": step, **slots, **powers}
            initializer = tf1.global_variables_initializer()
        self._session = tf1.Session(graph=graph)
        self._session.run(initializer)
        for name, made in weights.items():
            self._set(made, values[name])
        self._feed = {wanted: self._session.run(found, {signal: target})}

    def put(self, state: SearchState) -> None:
        """Goes on from the state of a search by our Adam."""
        beta1_power, beta2_power = state.optimizer["beta_powers"]
        values = {**state.arrays, "beta1_power": beta1_power, "beta2_power": beta2_power}
        for name, variable in self._state.items():
            self._set(variable, values[name])

    def _set(self, variable: tf.Variable, value: np.ndarray) -> None:
        self._session.run(variable.initializer, {variable.initializer.inputs[1]: value})

    def step(self) -> float:
        """Takes a step; returns the loss before it, summed over the batch."""
        return self._session.run([self._loss, self._train], self._feed)[0]

    def loss(self) -> float:
        """The loss where the search is, summed over the batch."""
        return self._session.run(self._loss, self._feed)

    def state(self) -> dict[str, np.ndarray]:
        """The signals, the step and what Adam remembers, by the names of `SearchState.arrays`."""
        values = self._session.run(self._state)
        powers = np.array([values.pop("beta1_power"), values.pop("beta2_power")])
        return {**values, "beta_powers": powers}

    def gradient(self) -> np.ndarray:
        """Its gradient to the signals, [batch, *shape]."""
        return self._session.run(self._gradient, self._feed)

    def __enter__(self) -> GraphSearch:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._session.close()
