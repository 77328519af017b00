"""This package's search, one compiled burst of steps after another, as `Search` runs it."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from benchmarks import operations
from model_metamers.networks import ways
from model_metamers.networks.network import Network
from model_metamers.synthesis import adam
from model_metamers.synthesis.config import SynthesisConfig
from model_metamers.synthesis.matching import loss_and_gradient


class OurSearch:
    """A search by Adam at a layer.

    Args:
      network: with weights.
      layer: to match.
      target, start: [batch, *shape].
      config: its precision, front end, batch normalisation and convolutions are those of every step.

    Raises:
      InputError: the network cannot be computed so.
    """

    def __init__(
        self,
        network: Network,
        layer: str,
        target: np.ndarray,
        start: np.ndarray,
        config: SynthesisConfig | None = None,
    ):
        self._network, self._layer = network, layer
        config = (config or SynthesisConfig()).for_network(network)
        self._rates = [tf.constant(v) for v in (config.learning_rate, config.learning_rate_decay)]
        self._relu_gradient = config.relu_gradient
        steps = adam.compiled_steps(network, layer, config.relu_gradient)
        how = ways.Ways(config.precision, config.frontend, config.batch_norm, config.convolutions)
        ways.prepare(network, how)
        self._burst = ways.compiled(network, steps, how)
        self._wanted = network.activations(target, [layer])[layer]
        self._signals = tf.constant(start)
        self._memory = {name: tf.constant(array) for name, array in adam.fresh(start).items()}
        self._done = 0

    def steps(self, count: int) -> np.ndarray:
        """Takes so many steps; returns the losses before each, [count, batch]."""
        self._signals, self._memory, losses = self._burst(
            self._signals,
            self._memory,
            tf.constant(self._done),
            tf.constant(count),
            *self._rates,
            self._wanted,
        )
        self._done += count
        return losses.numpy()

    def gradient(self) -> np.ndarray:
        """The loss's gradient to the signals where the search is, [batch, *shape]."""
        return self._loss_and_gradient(self._signals, self._wanted)[1].numpy()

    def operations_gflop(self) -> float:
        """Counted operations of a step."""
        specs = [tf.TensorSpec(value.shape) for value in (self._signals, self._wanted)]
        return operations.counted(self._loss_and_gradient, *specs)

    def _loss_and_gradient(self, signals: tf.Tensor, wanted: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return loss_and_gradient(self._network, self._layer, self._relu_gradient, signals, wanted)
