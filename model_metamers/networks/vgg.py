"""VGG (Simonyan & Zisserman, 2015) with TF-slim's variables and end points."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from model_metamers import gradients
from model_metamers.networks import layers
from model_metamers.networks.max_pooling import max_pool2d
from model_metamers.networks.network import Network
from model_metamers.networks.stage import Stage
from model_metamers.signals.spec import SignalSpec

# ImageNet's mean RGB that slim's VGG was trained with, on the 0-255 scale (docs/sources.md 4a).
_MEAN_RGB = (123.68, 116.779, 103.939)
_CONVS_PER_BLOCK = {"vgg_19": (2, 2, 4, 4, 4)}
_DROPOUT = 0.5  # slim's rate, after fc6 and fc7 in training


class VGG(Network):
    """VGG-19; the defaults give the paper's network.

    Args:
      name: the name in the catalog.
      classes: class names; their number is the number of logits.
      image_size: height and width in pixels; a multiple of 32.
      widths: channels of the five blocks.
      fc_width: number of units of fc6 and fc7.
      pixel_std: what 0-255 pixels are divided by after the mean is subtracted; 1 in slim.
      kernel_initializer: "glorot_uniform" is slim's.
      scope: first part of the variables' names.
    """

    leaks = True

    def __init__(
        self,
        name: str,
        classes: Sequence[str],
        image_size: int = 224,
        widths: Sequence[int] = (64, 128, 256, 512, 512),
        fc_width: int = 4096,
        pixel_std: float = 1.0,
        kernel_initializer: str = "glorot_uniform",
        scope: str = "vgg_19",
    ):
        blocks = _CONVS_PER_BLOCK[scope]
        last_convs = [f"conv{i}_{count}" for i, count in enumerate(blocks, start=1)]
        super().__init__(
            name=name,
            signal=SignalSpec("image", (image_size, image_size, 3), 0.0, 1.0),
            layers=[*last_convs, "fc6", "fc7", "fc8"],
            classes=classes,
        )
        self._scope, self._blocks, self._pixel_std = scope, blocks, pixel_std
        self._kernel_initializer = layers.initializer(kernel_initializer)

        channels = 3
        for block, (count, width) in enumerate(zip(blocks, widths, strict=True), start=1):
            for i in range(1, count + 1):
                self._add(f"conv{block}/conv{block}_{i}", [3, 3, channels, width])
                channels = width
        final_size = image_size // 32
        self._add("fc6", [final_size, final_size, channels, fc_width])
        self._add("fc7", [1, 1, fc_width, fc_width])
        self._add("fc8", [1, 1, fc_width, len(classes)])

    def _add(self, name: str, kernel_shape: Sequence[int]) -> None:
        zeros = layers.initializer("zeros")
        self.add_weight(f"{self._scope}/{name}/weights", kernel_shape, self._kernel_initializer)
        self.add_weight(f"{self._scope}/{name}/biases", kernel_shape[-1:], zeros)

    def _weights_of(self, name: str) -> tuple[tf.Variable, tf.Variable]:
        return tuple(self.weights[f"{self._scope}/{name}/{part}"] for part in ("weights", "biases"))

    def forward(self, signals: tf.Tensor, training: layers.Training = False) -> dict[str, Stage]:
        """Stages conv1_1 .. pool5, fc6, fc7, fc8 of images in [0, 1]."""
        stages = {}
        x = (signals * 255.0 - _MEAN_RGB) / self._pixel_std
        for block, count in enumerate(self._blocks, start=1):
            for i in range(1, count + 1):
                kernel, bias = self._weights_of(f"conv{block}/conv{block}_{i}")
                stages[f"conv{block}_{i}"] = Stage(layers.conv2d(x, kernel, bias), relu=True)
                x = stages[f"conv{block}_{i}"].output
            x = max_pool2d(x, 2, 2, "VALID")
            stages[f"pool{block}"] = Stage(x)

        # Slim's fc layers are VALID convolutions with a single output position. Matrix products
        # over the flattened map give the same result, 2.25 times faster on a CPU.
        x = tf.reshape(x, [-1, x.shape[1] * x.shape[2] * x.shape[3]])
        for name in ("fc6", "fc7", "fc8"):
            kernel, bias = self._weights_of(name)
            x = tf.cast(x, kernel.dtype)
            value = tf.matmul(x, tf.reshape(kernel, [-1, kernel.shape[-1]])) + bias
            if name == "fc8":
                stages[name] = Stage(value)
            else:
                stages[name] = Stage(value[:, tf.newaxis, tf.newaxis, :], relu=True)
                x = layers.dropout(gradients.clipped_relu(value), _DROPOUT, training, name)
        return stages
