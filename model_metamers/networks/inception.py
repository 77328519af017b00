"""Inception-V3 (Szegedy et al., 2016) with TF-slim's variables and end points."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import tensorflow as tf

from model_metamers import gradients
from model_metamers.errors import InputError
from model_metamers.networks import layers
from model_metamers.networks.inception_blocks import BLOCKS, STEM, Branch, Conv, Fork, Pool, Step
from model_metamers.networks.max_pooling import max_pool2d
from model_metamers.networks.slim import BatchNorm, SlimNetwork
from model_metamers.networks.stage import Stage

_NORM = BatchNorm(epsilon=1e-3, decay=0.9997, scale=False)
_DROPOUT = 0.2  # before the logits, while training
_MIN_CHANNELS = 16
_METAMER_LAYERS = (
    "Conv2d_1a_3x3",
    "Conv2d_2b_3x3",
    "Conv2d_3b_1x1",
    "Conv2d_4a_3x3",
    "Mixed_5d",
    "Mixed_6e",
    "Logits",
)


class InceptionV3(SlimNetwork):
    """Inception-V3; the defaults give the paper's network.

    A Mixed block concatenates its branches. Every branch ends in a ReLU, but for the max pooling
    in Mixed_6a and Mixed_7a, whose values are never negative because its inputs come from a ReLU.
    So one ReLU after the concatenation gives the block's output, and the block's stage keeps the
    values before it.

    Args:
      name: the name in the catalog.
      classes: class names; their number is the number of logits.
      depth_multiplier: factor for the channels of every layer; a layer has at least 16.
      image_size: height and width in pixels; at least 75 with slim's strides.
      stem_strides: strides of Conv2d_1a_3x3, MaxPool_3a_3x3 and MaxPool_5a_3x3; (1, 1, 2) suits
        32-pixel images.
      aux_logits: whether to build the auxiliary classifier on Mixed_6e, which is used in training
        only. Slim's checkpoints hold its variables; a network without it leaves them unused.
      norm_decay: decay of the moving averages in training; slim's default suits many steps.
      kernel_initializer: "he_normal" is slim's.
      scope: first part of the variables' names.

    Raises:
      InputError: the images are too small for the strides.
    """

    def __init__(
        self,
        name: str,
        classes: Sequence[str],
        depth_multiplier: float = 1.0,
        image_size: int = 299,
        stem_strides: tuple[int, int, int] = (2, 2, 2),
        aux_logits: bool = False,
        norm_decay: float = 0.9997,
        kernel_initializer: str = "he_normal",
        scope: str = "InceptionV3",
    ):
        super().__init__(
            name,
            classes,
            image_size,
            _METAMER_LAYERS,
            scope,
            dataclasses.replace(_NORM, decay=norm_decay),
            layers.initializer(kernel_initializer),
        )
        self._depth_multiplier = depth_multiplier
        strides = iter(stem_strides)
        self._stem = tuple(
            dataclasses.replace(step, stride=next(strides)) if step.stride == 2 else step for step in STEM
        )
        aux_size = self._aux_size(aux_logits)

        channels = self._add_branch("", self._stem, 3)
        for block, branches in BLOCKS:
            channels = sum(
                self._add_branch(f"{block}/Branch_{i}/", branch, channels)
                for i, branch in enumerate(branches)
            )
            if aux_logits and block == "Mixed_6e":
                self._add_aux_logits(channels, aux_size)
        self._add_conv("Logits/Conv2d_1c_1x1", [1, 1, channels, len(classes)], normalized=False)

    def _aux_size(self, aux_logits: bool) -> int:
        """The size of the auxiliary classifier's kernel; checks that the images are large enough."""
        size = self.signal.shape[0]
        for step in self._stem:
            kernel = step.kernel[0] if isinstance(step, Conv) else 3
            size = size if step.padding == "SAME" else (size - kernel) // step.stride + 1
        size = (size - 3) // 2 + 1  # Mixed_6a to 6e
        if (size - 3) // 2 + 1 < 1 or (aux_logits and size < 5):
            raise InputError(
                f"image_size={self.signal.shape[0]}: too small, Mixed_6e would be {max(size, 0)} wide and "
                f"needs {5 if aux_logits else 3}; enlarge the images or lower stem_strides"
            )
        return min(5, (size - 5) // 3 + 1)

    def _channels(self, channels: int) -> int:
        return max(int(channels * self._depth_multiplier), _MIN_CHANNELS)

    def _add_branch(self, scope: str, branch: Branch, channels: int) -> int:
        """Creates a branch's variables and returns the number of its output's channels."""
        for step in branch:
            if isinstance(step, Pool):
                continue
            convs = step.convs if isinstance(step, Fork) else (step,)
            for conv in convs:
                self._add_conv(scope + conv.scope, [*conv.kernel, channels, self._channels(conv.channels)])
            channels = sum(self._channels(conv.channels) for conv in convs)
        return channels

    def _add_aux_logits(self, channels: int, size: int) -> None:
        narrow, wide = self._channels(128), self._channels(768)
        self._aux_convs = ("AuxLogits/Conv2d_1b_1x1", f"AuxLogits/Conv2d_2a_{size}x{size}")
        self._add_conv(self._aux_convs[0], [1, 1, channels, narrow])
        self._add_conv(
            self._aux_convs[1], [size, size, narrow, wide], initializer=layers.truncated_normal(0.01)
        )
        self._add_conv(
            "AuxLogits/Conv2d_2b_1x1",
            [1, 1, wide, len(self.classes)],
            normalized=False,
            initializer=layers.truncated_normal(0.001),
        )

    def forward(self, signals: tf.Tensor, training: layers.Training = False) -> dict[str, Stage]:
        """Stages Conv2d_1a_3x3 .. Mixed_7c, PreLogits, Logits, Predictions of images in [0, 1]."""
        stages = {}
        x = self._preprocess(signals)
        for step in self._stem:
            stages[step.scope] = Stage(self._step(x, "", step, training), relu=isinstance(step, Conv))
            x = stages[step.scope].output
        for block, branches in BLOCKS:
            values = [
                self._branch(x, f"{block}/Branch_{i}/", branch, training) for i, branch in enumerate(branches)
            ]
            stages[block] = Stage(tf.concat(values, axis=-1), relu=True)
            x = stages[block].output
        if hasattr(self, "_aux_convs"):
            stages["AuxLogits"] = Stage(self._aux_logits(stages["Mixed_6e"].output, training))

        x = tf.reduce_mean(x, [1, 2], keepdims=True)
        x = layers.dropout(x, _DROPOUT, training, "PreLogits")
        stages["PreLogits"] = Stage(x)
        logits = self._conv(x, "Logits/Conv2d_1c_1x1", training)[:, 0, 0]
        stages["Logits"] = Stage(logits)
        stages["Predictions"] = Stage(tf.nn.softmax(logits))
        return stages

    def _branch(self, x: tf.Tensor, scope: str, branch: Branch, training: layers.Training) -> tf.Tensor:
        """The output of a branch; where the branch ends in a ReLU, the value before it."""
        for step in branch:
            value = self._step(x, scope, step, training)
            x = value if isinstance(step, Pool) else gradients.clipped_relu(value)
        return value

    def _step(self, x: tf.Tensor, scope: str, step: Step, training: layers.Training) -> tf.Tensor:
        """The output of a pooling, or of a convolution before its ReLU."""
        if isinstance(step, Fork):
            return tf.concat([self._step(x, scope, conv, training) for conv in step.convs], axis=-1)
        if isinstance(step, Conv):
            return self._conv(x, scope + step.scope, training, step.stride, step.padding)
        pool = max_pool2d if step.kind == "max" else tf.nn.avg_pool2d
        return pool(x, 3, step.stride, step.padding)

    def _aux_logits(self, x: tf.Tensor, training: layers.Training) -> tf.Tensor:
        x = tf.nn.avg_pool2d(x, 5, 3, "VALID")
        for name in self._aux_convs:
            x = gradients.clipped_relu(self._conv(x, name, training, padding="VALID"))
        return self._conv(x, "AuxLogits/Conv2d_2b_1x1", training)[:, 0, 0]
