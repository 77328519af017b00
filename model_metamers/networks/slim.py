"""What TF-slim's batch-normalised networks share: layers whose variables have slim's names."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import tensorflow as tf

from model_metamers.networks import layers
from model_metamers.networks.network import Network
from model_metamers.signals.spec import SignalSpec

_NORM_VARIABLES = ("beta", "gamma", "moving_mean", "moving_variance")


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

    folds_batch_norm = True
    leaks = True

    @contextlib.contextmanager
    def folding(self) -> Iterator[None]:
        own, folded = self.weights, dict(self.weights)
        for name in own:
            layer, _, kind = name.removeprefix(f"{self._scope}/").rpartition("/")
            beta, gamma, mean, variance = self._weights_of(f"{layer}/BatchNorm", *_NORM_VARIABLES)
            if beta is None or kind not in ("weights", "depthwise_weights"):
                continue
            scale = tf.math.rsqrt(variance + self._norm.epsilon)
            scale = scale if gamma is None else scale * gamma
            folded[name] = own[name] * (scale[:, tf.newaxis] if kind == "depthwise_weights" else scale)
            for variable in _NORM_VARIABLES:
                folded.pop(f"{self._scope}/{layer}/BatchNorm/{variable}", None)
            folded[f"{self._scope}/{layer}/BatchNorm/beta"] = beta - mean * scale
        # Set in this way because tf.Module would keep track of the tensors.
        object.__setattr__(self, "weights", folded)
        try:
            yield
        finally:
            object.__setattr__(self, "weights", own)

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
            x = layers.convolution(x, kernel, stride, padding)
        if biases is not None:
            return tf.nn.bias_add(x, biases)
        return self._batch_norm(x, f"{name}/BatchNorm", training)

    def _depthwise(self, x: tf.Tensor, name: str, training: layers.Training, stride: int = 1) -> tf.Tensor:
        """Convolution of each channel by itself, "SAME", then batch normalisation; no activation."""
        (kernel,) = self._weights_of(name, "depthwise_weights")
        x = tf.nn.depthwise_conv2d(tf.cast(x, kernel.dtype), kernel, [1, stride, stride, 1], "SAME")
        return self._batch_norm(x, f"{name}/BatchNorm", training)

    def _batch_norm(self, x: tf.Tensor, name: str, training: layers.Training) -> tf.Tensor:
        beta, gamma, mean, variance = self._weights_of(name, *_NORM_VARIABLES)
        if mean is None:  # all but this is in the kernel
            return tf.nn.bias_add(x, tf.cast(beta, x.dtype))
        decay, epsilon = self._norm.decay, self._norm.epsilon
        return layers.batch_norm(x, gamma, beta, mean, variance, training, decay, epsilon, fused=True)

    def _weights_of(self, name: str, *parts: str) -> list[Any]:
        """A layer's variables by the last part of their names; None for those it does not have."""
        return [self.weights.get(f"{self._scope}/{name}/{part}") for part in parts]
