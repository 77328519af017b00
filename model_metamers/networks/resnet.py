"""ResNet-V2 (He et al., 2016) with TF-slim's variables and end points."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import tensorflow as tf

from model_metamers import gradients
from model_metamers.networks import layers
from model_metamers.networks.max_pooling import max_pool2d
from model_metamers.networks.slim import BatchNorm, SlimNetwork
from model_metamers.networks.stage import Stage

# Number of units in each of the four blocks. The last unit of a block has a stride of 2, except in
# the last block.
UNITS = {"resnet_v2_50": (3, 4, 6, 3), "resnet_v2_101": (3, 4, 23, 3), "resnet_v2_152": (3, 8, 36, 3)}
_NORM = BatchNorm(epsilon=1e-5, decay=0.997, scale=True)
_EXPANSION = 4  # a unit's output is four times as wide as its bottleneck


def _block_units(block: str, count: int, width: int, stride: int) -> tuple[tuple[str, int, int], ...]:
    """(name, bottleneck width, stride) of each unit of a block; only the last unit is strided."""
    return tuple(
        (f"{block}/unit_{i}/bottleneck_v2", width, stride if i == count else 1) for i in range(1, count + 1)
    )


class ResNetV2(SlimNetwork):
    """ResNet with pre-activation; the defaults give the paper's network, resnet_v2_101.

    No metamer layer ends in a ReLU: a block's output is the sum that the next unit's batch
    normalisation and ReLU take, so these layers are matched with the ordinary gradient
    (docs/sources.md 4a). Within a unit, the stages "block1/unit_1/bottleneck_v2/conv1" and
    ".../conv2" do end in a ReLU.

    Args:
      name: the name in the catalog.
      classes: class names; their number is the number of logits.
      units: number of units in each block; see `UNITS`.
      image_size: height and width in pixels; slim evaluates the checkpoints at 299, and its code's
        default is 224 (docs/sources.md 4a).
      widths: bottleneck channels of each block.
      stem_width: channels of conv1.
      stem_strides: strides of conv1 and of the max pooling after it; (1, 1) suits 32-pixel images.
      norm_decay: decay of the moving averages in training; slim's default suits many steps.
      kernel_initializer: "he_normal" is slim's.
      scope: first part of the variables' names.
    """

    def __init__(
        self,
        name: str,
        classes: Sequence[str],
        units: Sequence[int] = UNITS["resnet_v2_101"],
        image_size: int = 299,
        widths: Sequence[int] = (64, 128, 256, 512),
        stem_width: int = 64,
        stem_strides: tuple[int, int] = (2, 2),
        norm_decay: float = 0.997,
        kernel_initializer: str = "he_normal",
        scope: str = "resnet_v2_101",
    ):
        blocks = [f"block{i}" for i in range(1, len(units) + 1)]
        super().__init__(
            name,
            classes,
            image_size,
            ["conv1", *blocks, "global_pool", "logits"],
            scope,
            dataclasses.replace(_NORM, decay=norm_decay),
            layers.initializer(kernel_initializer),
        )
        strides = [2] * (len(units) - 1) + [1]
        self._blocks = tuple(
            (block, _block_units(block, count, width, stride))
            for block, count, width, stride in zip(blocks, units, widths, strides, strict=True)
        )
        self._stem_strides = stem_strides

        self._add_conv("conv1", [7, 7, 3, stem_width], normalized=False)
        channels = stem_width
        for _, block_units in self._blocks:
            for unit, width, _ in block_units:
                self._add_unit(unit, channels, width)
                channels = _EXPANSION * width
        self._add_batch_norm("postnorm", channels)
        self._add_conv("logits", [1, 1, channels, len(classes)], normalized=False)

    def _add_unit(self, unit: str, channels: int, width: int) -> None:
        self._add_batch_norm(f"{unit}/preact", channels)
        if channels != _EXPANSION * width:
            self._add_conv(f"{unit}/shortcut", [1, 1, channels, _EXPANSION * width], normalized=False)
        self._add_conv(f"{unit}/conv1", [1, 1, channels, width])
        self._add_conv(f"{unit}/conv2", [3, 3, width, width])
        self._add_conv(f"{unit}/conv3", [1, 1, width, _EXPANSION * width], normalized=False)

    def forward(self, signals: tf.Tensor, training: layers.Training = False) -> dict[str, Stage]:
        """Stages conv1, every unit's and block's, global_pool, logits, predictions of images in [0, 1]."""
        conv_stride, pool_stride = self._stem_strides
        x = self._conv(self._preprocess(signals), "conv1", training, conv_stride, "EVEN")
        stages = {"conv1": Stage(x)}
        x = max_pool2d(x, 3, pool_stride, "SAME")
        for block, block_units in self._blocks:
            for unit, _, stride in block_units:
                x = self._unit(x, unit, stride, training, stages)
                stages[unit] = Stage(x)
            stages[block] = Stage(x)

        x = gradients.clipped_relu(self._batch_norm(x, "postnorm", training))
        x = tf.reduce_mean(x, [1, 2], keepdims=True)
        stages["global_pool"] = Stage(x)
        logits = self._conv(x, "logits", training)[:, 0, 0]
        stages["logits"] = Stage(logits)
        stages["predictions"] = Stage(tf.nn.softmax(logits))
        return stages

    def _unit(
        self, x: tf.Tensor, unit: str, stride: int, training: layers.Training, stages: dict[str, Stage]
    ) -> tf.Tensor:
        """The output of a unit, shortcut plus residual; its inner stages are added to `stages`."""
        preact = gradients.clipped_relu(self._batch_norm(x, f"{unit}/preact", training))
        if self._weights_of(f"{unit}/shortcut", "weights")[0] is None:
            shortcut = x[:, ::stride, ::stride]
        else:
            shortcut = self._conv(preact, f"{unit}/shortcut", training, stride)
            stages[f"{unit}/shortcut"] = Stage(shortcut)
        stages[f"{unit}/conv1"] = Stage(self._conv(preact, f"{unit}/conv1", training), relu=True)
        residual = stages[f"{unit}/conv1"].output
        residual = self._conv(residual, f"{unit}/conv2", training, stride, "EVEN")
        stages[f"{unit}/conv2"] = Stage(residual, relu=True)
        residual = self._conv(stages[f"{unit}/conv2"].output, f"{unit}/conv3", training)
        stages[f"{unit}/conv3"] = Stage(residual)
        return shortcut + residual
