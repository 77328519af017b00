"""MobileNet-V1 (Howard et al., 2017) with TF-slim's variables and end points."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import tensorflow as tf

from model_metamers.networks import layers
from model_metamers.networks.slim import BatchNorm, SlimNetwork
from model_metamers.networks.stage import Stage

# (output channels at depth multiplier 1, stride): first of Conv2d_0, then of each pair of a
# depthwise and a pointwise convolution.
_CONVS = (
    (32, 2),
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (1024, 2),
    (1024, 1),
)
_MIN_CHANNELS = 8
_RELU_CEILING = 6.0
_DROPOUT = 0.001  # while training
_NORM = BatchNorm(epsilon=1e-3, decay=0.9997, scale=True)
_INIT_STDDEV = 0.09
# The last convolution at each resolution (ours: the paper did not use this network).
_METAMER_LAYERS = (
    "Conv2d_0",
    "Conv2d_1_pointwise",
    "Conv2d_3_pointwise",
    "Conv2d_5_pointwise",
    "Conv2d_11_pointwise",
    "Conv2d_13_pointwise",
    "Logits",
)


class MobileNetV1(SlimNetwork):
    """MobileNet-V1, whose every convolution ends in a ReLU clipped at 6.

    Args:
      name: the name in the catalog.
      classes: class names; their number is the number of logits.
      depth_multiplier: factor for the channels of every layer; a layer has at least 8.
      image_size: height and width in pixels.
      first_stride: stride of Conv2d_0; 1 suits 32-pixel images.
      kernel_initializer: None for slim's, a normal distribution of standard deviation 0.09 cut at
        two deviations. With it the activations of an untrained network vanish with depth; with
        "he_normal" they do not.
      scope: first part of the variables' names.
    """

    def __init__(
        self,
        name: str,
        classes: Sequence[str],
        depth_multiplier: float = 1.0,
        image_size: int = 224,
        first_stride: int = 2,
        kernel_initializer: str | None = None,
        scope: str = "MobilenetV1",
    ):
        initializer = (
            layers.initializer(kernel_initializer)
            if kernel_initializer
            else layers.truncated_normal(_INIT_STDDEV)
        )
        super().__init__(name, classes, image_size, _METAMER_LAYERS, scope, _NORM, initializer)
        self._strides = (first_stride, *(stride for _, stride in _CONVS[1:]))

        widths = [max(int(channels * depth_multiplier), _MIN_CHANNELS) for channels, _ in _CONVS]
        self._add_conv("Conv2d_0", [3, 3, 3, widths[0]])
        for i, (inputs, outputs) in enumerate(itertools.pairwise(widths), start=1):
            self._add_depthwise(f"Conv2d_{i}_depthwise", 3, inputs)
            self._add_conv(f"Conv2d_{i}_pointwise", [1, 1, inputs, outputs])
        self._add_conv("Logits/Conv2d_1c_1x1", [1, 1, widths[-1], len(classes)], normalized=False)

    def forward(self, signals: tf.Tensor, training: layers.Training = False) -> dict[str, Stage]:
        """Stages Conv2d_0 .. Conv2d_13_pointwise, AvgPool_1a, Logits, Predictions of images in [0, 1]."""
        stages = {}

        def clipped(name: str, value: tf.Tensor) -> tf.Tensor:
            stages[name] = Stage(value, relu=True, ceiling=_RELU_CEILING)
            return stages[name].output

        x = self._preprocess(signals)
        x = clipped("Conv2d_0", self._conv(x, "Conv2d_0", training, self._strides[0]))
        for i, stride in enumerate(self._strides[1:], start=1):
            name = f"Conv2d_{i}_depthwise"
            x = clipped(name, self._depthwise(x, name, training, stride))
            name = f"Conv2d_{i}_pointwise"
            x = clipped(name, self._conv(x, name, training))

        x = tf.reduce_mean(x, [1, 2], keepdims=True)
        stages["AvgPool_1a"] = Stage(x)
        x = layers.dropout(x, _DROPOUT, training, "AvgPool_1a")
        logits = self._conv(x, "Logits/Conv2d_1c_1x1", training)[:, 0, 0]
        stages["Logits"] = Stage(logits)
        stages["Predictions"] = Stage(tf.nn.softmax(logits))
        return stages
