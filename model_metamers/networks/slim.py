"""What TF-slim's batch-normalised networks share: layers whose variables have slim's names."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from model_metamers.networks import layers
from model_metamers.networks.network import Network
from model_metamers.signals.spec import SignalSpec


@dataclasses.dataclass(frozen=True)
class BatchNorm:
    """The settings of a network's slim.batch_norm.

    Attributes:
      epsilon: added to the variance.
      decay: decay of the moving averages in training.
      scale: whether there is a gamma.
    """

    epsilon: float
    decay: float
    scale: bool


class SlimNetwork(Network):
    """An image network of TF-slim; it scales images from [0, 1] to [-1, 1] (docs/sources.md 4a).

    Args:
      name: the name in the catalog.
      classes: class names, including slim's "background" where the checkpoint has it.
      image_size: height and width in pixels.
      metamer_layers: names of the metamer layers, early to late, the logits last.
      scope: first part of the variables' names.
      norm: settings of the batch normalisation.
      kernel_initializer: f(shape, seed) -> values.
    """

    def __init__(
        self,
        name: str,
        classes: Sequence[str],
        image_size: int,
        metamer_layers: Sequence[str],
        scope: str,
        norm: BatchNorm,
        kernel_initializer: Callable,
    ):
        signal = SignalSpec("image", (image_size, image_size, 3), 0.0, 1.0)
        super().__init__(name=name, signal=signal, layers=metamer_layers, classes=classes)
        self._scope, self._norm, self._kernel_initializer = scope, norm, kernel_initializer

    @staticmethod
    def _preprocess(images: tf.Tensor) -> tf.Tensor:
        return (images - 0.5) * 2.0

    def _add_conv(
        self,
        name: str,
        kernel_shape: Sequence[int],
        normalized: bool = True,
        initializer: Callable | None = None,
    ) -> None:
        """Creates a kernel, and the variables of its batch normalisation or else its biases."""
        initializer = initializer or self._kernel_initializer
        self.add_weight(f"{self._scope}/{name}/weights", kernel_shape, initializer)
        if normalized:
            self._add_batch_norm(f"{name}/BatchNorm", kernel_shape[-1])
        else:
            self.add_weight(f"{self._scope}/{name}/biases", kernel_shape[-1:], layers.initializer("zeros"))

    def _add_depthwise(self, name: str, size: int, channels: int) -> None:
        initializer = layers.depthwise_initializer(self._kernel_initializer)
        self.add_weight(f"{self._scope}/{name}/depthwise_weights", [size, size, channels, 1], initializer)
        self._add_batch_norm(f"{name}/BatchNorm", channels)

    def _add_batch_norm(self, name: str, channels: int) -> None:
        zeros, ones = layers.initializer("zeros"), layers.initializer("ones")
        if self._norm.scale:
            self.add_weight(f"{self._scope}/{name}/gamma", [channels], ones)
        self.add_weight(f"{self._scope}/{name}/beta", [channels], zeros)
        self.add_weight(f"{self._scope}/{name}/moving_mean", [channels], zeros, trainable=False)
        self.add_weight(f"{self._scope}/{name}/moving_variance", [channels], ones, trainable=False)

    def _conv(
        self, x: tf.Tensor, name: str, training: layers.Training, stride: int = 1, padding: str = "SAME"
    ) -> tf.Tensor:
        """Convolution with its biases or batch normalisation; no activation.

        `padding` may also be "EVEN", see `layers.conv2d_same`.
        """
        kernel, biases = self._weights_of(name, "weights", "biases")
        x = tf.cast(x, kernel.dtype)
        if padding == "EVEN":
            x = layers.conv2d_same(x, kernel, stride)
        else:
            x = tf.nn.conv2d(x, kernel, stride, padding)
        if biases is not None:
            return tf.nn.bias_add(x, biases)
        return self._batch_norm(x, f"{name}/BatchNorm", training)

    def _depthwise(self, x: tf.Tensor, name: str, training: layers.Training, stride: int = 1) -> tf.Tensor:
        """Convolution of each channel by itself, "SAME", then batch normalisation; no activation."""
        (kernel,) = self._weights_of(name, "depthwise_weights")
        x = tf.nn.depthwise_conv2d(tf.cast(x, kernel.dtype), kernel, [1, stride, stride, 1], "SAME")
        return self._batch_norm(x, f"{name}/BatchNorm", training)

    def _batch_norm(self, x: tf.Tensor, name: str, training: layers.Training) -> tf.Tensor:
        gamma, beta, mean, variance = self._weights_of(
            name, "gamma", "beta", "moving_mean", "moving_variance"
        )
        decay, epsilon = self._norm.decay, self._norm.epsilon
        return layers.batch_norm(x, gamma, beta, mean, variance, training, decay, epsilon, fused=True)

    def _weights_of(self, name: str, *parts: str) -> list[Any]:
        """A layer's variables by the last part of their names; None for those it does not have."""
        return [self.weights.get(f"{self._scope}/{name}/{part}") for part in parts]
