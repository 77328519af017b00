"""EfficientNet-Lite (Tan and Le, 2019; docs/sources.md 4a), with the variables of the official checkpoint."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from model_metamers.networks import layers
from model_metamers.networks.network import Network
from model_metamers.networks.stage import Stage
from model_metamers.signals.spec import SignalSpec

_PIXEL_MEAN, _PIXEL_STD = 127.0, 128.0  # of pixels in [0, 255]
_RELU_CEILING = 6.0
_EPSILON, _MOMENTUM = 1e-3, 0.99  # of the batch normalisation
_DROPOUT, _BLOCK_DROPOUT = 0.2, 0.2  # while training; the second grows from 0 at the first block
_STEM_CHANNELS, _HEAD_CHANNELS = 32, 1280
_NORM = "tpu_batch_normalization"
_NORM_VARIABLES = ("gamma", "beta", "moving_mean", "moving_variance")


class _Group(NamedTuple):
    """Blocks in a row: how many, size of the depthwise kernel, stride of the first, expansion, channels."""

    blocks: int
    size: int
    stride: int
    expansion: int
    channels: int


_GROUPS = (
    _Group(1, 3, 1, 1, 16),
    _Group(2, 3, 2, 6, 24),
    _Group(2, 5, 2, 6, 40),
    _Group(3, 3, 2, 6, 80),
    _Group(3, 5, 1, 6, 112),
    _Group(4, 5, 2, 6, 192),
    _Group(1, 3, 1, 6, 320),
)
# The stem, the last block at each resolution, the head (ours: the paper did not use this network).
_METAMER_LAYERS = ("stem", "block_0", "block_2", "block_4", "block_10", "block_15", "head", "logits")


class _Block(NamedTuple):
    """One block: channels in and out, size of the depthwise kernel, its stride, expansion."""

    inputs: int
    outputs: int
    size: int
    stride: int
    expansion: int


def _blocks(groups: Sequence[_Group]) -> list[_Block]:
    blocks, inputs = [], _STEM_CHANNELS
    for group in groups:
        for i in range(group.blocks):
            stride = group.stride if i == 0 else 1
            blocks.append(_Block(inputs, group.channels, group.size, stride, group.expansion))
            inputs = group.channels
    return blocks


_BLOCKS = tuple(_blocks(_GROUPS))


class EfficientNetLite(Network):
    """EfficientNet-Lite0: inverted bottlenecks without squeeze and excitation, ReLUs clipped at 6.

    Stages: `stem`; of each block i the two ReLUs `block_i/expand` (block 0 has none) and
    `block_i/depthwise`, and its output `block_i`, which ends in no ReLU; `head`, `pool`, `logits`. The
    released code calls `block_i/depthwise` `block_i/expansion_output`, `head` `head_1x1`, and `pool`
    `pooled_features`.

    Args:
      name: the name in the catalog.
      classes: class names; their number is the number of logits.
      image_size: height and width in pixels.
      scope: first part of the variables' names.
    """

    folds_batch_norm = True
    leaks = True
    takes_averages = True

    def __init__(
        self, name: str, classes: Sequence[str], image_size: int = 224, scope: str = "efficientnet-lite0"
    ):
        signal = SignalSpec("image", (image_size, image_size, 3), 0.0, 1.0)
        super().__init__(name=name, signal=signal, layers=_METAMER_LAYERS, classes=classes)
        self._scope = scope
        self._norm_of: dict[str, str] = {}  # a kernel's name -> the scope of the normalisation after it
        self._their_names: dict[str, str] = {}

        self._add_conv("stem/conv2d/kernel", f"stem/{_NORM}", [3, 3, 3, _STEM_CHANNELS], "_conv_stem", "_bn0")
        for i, block in enumerate(_BLOCKS):
            self._add_block(i, block)
        head = [1, 1, _BLOCKS[-1].outputs, _HEAD_CHANNELS]
        self._add_conv("head/conv2d/kernel", f"head/{_NORM}", head, "_conv_head", "_bn1")
        self._add("head/dense/kernel", [_HEAD_CHANNELS, len(classes)], _dense_initializer, "_fc.weight")
        self._add("head/dense/bias", [len(classes)], layers.initializer("zeros"), "_fc.bias")

    @property
    def torch_names(self) -> dict[str, str]:
        """The names of EfficientNet-PyTorch by those of the variables."""
        return dict(self._their_names)

    def forward(self, signals: tf.Tensor, training: layers.Training = False) -> dict[str, Stage]:
        """Stages stem, block_0/depthwise .. block_15, head, pool, logits of images in [0, 1]."""
        stages = {}

        def clipped(name: str, value: tf.Tensor) -> tf.Tensor:
            stages[name] = Stage(value, relu=True, ceiling=_RELU_CEILING)
            return stages[name].output

        x = (signals * 255.0 - _PIXEL_MEAN) / _PIXEL_STD
        x = clipped("stem", self._conv(x, "stem/conv2d/kernel", training, stride=2))
        for i, block in enumerate(_BLOCKS):
            inputs = x
            if block.expansion != 1:
                x = clipped(f"block_{i}/expand", self._conv(x, f"blocks_{i}/conv2d/kernel", training))
            kernel = f"blocks_{i}/depthwise_conv2d/depthwise_kernel"
            x = clipped(f"block_{i}/depthwise", self._conv(x, kernel, training, block.stride))
            x = self._conv(x, self._projection(i, block), training)
            if block.stride == 1 and block.inputs == block.outputs:
                x = inputs + self._drop_samples(x, i, training)
            stages[f"block_{i}"] = Stage(x)
        x = clipped("head", self._conv(x, "head/conv2d/kernel", training))
        x = tf.reduce_mean(x, [1, 2])
        stages["pool"] = Stage(x)
        x = layers.dropout(x, _DROPOUT, training, "pool")
        kernel, bias = self._weight("head/dense/kernel"), self._weight("head/dense/bias")
        stages["logits"] = Stage(tf.nn.bias_add(tf.matmul(tf.cast(x, kernel.dtype), kernel), bias))
        return stages

    @contextlib.contextmanager
    def folding(self) -> Iterator[None]:
        own, folded = self.weights, dict(self.weights)
        for kernel, norm in self._norm_of.items():
            names = [f"{self._scope}/{norm}/{part}" for part in _NORM_VARIABLES]
            gamma, beta, mean, variance = (own[name] for name in names)
            scale = gamma * tf.math.rsqrt(variance + _EPSILON)
            full = f"{self._scope}/{kernel}"
            folded[full] = own[full] * (scale[:, tf.newaxis] if _is_depthwise(kernel) else scale)
            for name in names:
                del folded[name]
            folded[names[1]] = beta - mean * scale
        # Set in this way because tf.Module would keep track of the tensors.
        object.__setattr__(self, "weights", folded)
        try:
            yield
        finally:
            object.__setattr__(self, "weights", own)

    def _add_block(self, i: int, block: _Block) -> None:
        wide, theirs = block.inputs * block.expansion, f"_blocks.{i}"
        norms = [f"blocks_{i}/{_NORM}{suffix}" for suffix in ("", "_1", "_2")]
        if block.expansion != 1:
            shape = [1, 1, block.inputs, wide]
            self._add_conv(
                f"blocks_{i}/conv2d/kernel", norms.pop(0), shape, f"{theirs}._expand_conv", f"{theirs}._bn0"
            )
        depthwise = f"blocks_{i}/depthwise_conv2d/depthwise_kernel"
        shape = [block.size, block.size, wide, 1]
        self._add_conv(depthwise, norms[0], shape, f"{theirs}._depthwise_conv", f"{theirs}._bn1")
        shape = [1, 1, wide, block.outputs]
        self._add_conv(
            self._projection(i, block), norms[1], shape, f"{theirs}._project_conv", f"{theirs}._bn2"
        )

    @staticmethod
    def _projection(i: int, block: _Block) -> str:
        """The kernel of a block's last convolution: its second of that kind, where there is an expansion."""
        return f"blocks_{i}/conv2d{'' if block.expansion == 1 else '_1'}/kernel"

    def _add_conv(self, kernel: str, norm: str, shape: Sequence[int], conv: str, bn: str) -> None:
        """Creates a kernel and the batch normalisation after it; `conv` and `bn` are PyTorch's layers."""
        self._norm_of[kernel] = norm
        self._add(kernel, shape, _kernel_initializer, f"{conv}.weight")
        channels = [shape[2] if _is_depthwise(kernel) else shape[3]]
        zeros, ones = layers.initializer("zeros"), layers.initializer("ones")
        self._add(f"{norm}/gamma", channels, ones, f"{bn}.weight")
        self._add(f"{norm}/beta", channels, zeros, f"{bn}.bias")
        self._add(f"{norm}/moving_mean", channels, zeros, f"{bn}.running_mean", trainable=False)
        self._add(f"{norm}/moving_variance", channels, ones, f"{bn}.running_var", trainable=False)

    def _add(self, name: str, shape: Sequence[int], initializer, theirs: str, trainable: bool = True) -> None:
        self.add_weight(f"{self._scope}/{name}", shape, initializer, trainable)
        self._their_names[f"{self._scope}/{name}"] = theirs

    def _weight(self, name: str):
        """A variable, or its cast or folded form; None where it is folded away."""
        return self.weights.get(f"{self._scope}/{name}")

    def _conv(self, x: tf.Tensor, name: str, training: layers.Training, stride: int = 1) -> tf.Tensor:
        """Convolution, "SAME", then batch normalisation; no activation."""
        kernel, norm = self._weight(name), self._norm_of[name]
        x = tf.cast(x, kernel.dtype)
        if _is_depthwise(name):
            x = tf.nn.depthwise_conv2d(x, kernel, [1, stride, stride, 1], "SAME")
        else:
            x = layers.convolution(x, kernel, stride)
        gamma, beta, mean, variance = (self._weight(f"{norm}/{part}") for part in _NORM_VARIABLES)
        if mean is None:  # all but this is in the kernel
            return tf.nn.bias_add(x, tf.cast(beta, x.dtype))
        return layers.batch_norm(x, gamma, beta, mean, variance, training, _MOMENTUM, _EPSILON)

    def _drop_samples(self, x: tf.Tensor, i: int, training: layers.Training) -> tf.Tensor:
        """In training, leaves a block out of some samples of a batch, later blocks out of more."""
        kept = tf.ones([tf.shape(x)[0], 1, 1, 1], x.dtype)
        rate = _BLOCK_DROPOUT * i / len(_BLOCKS)
        return x if training is False else x * layers.dropout(kept, rate, training, f"block_{i}")


def _is_depthwise(kernel: str) -> bool:
    return kernel.endswith("depthwise_kernel")


def _kernel_initializer(shape: Sequence[int], seed: int) -> tf.Tensor:
    height, width, _, outputs = shape
    stddev = float(np.sqrt(2.0 / (height * width * outputs)))
    return tf.keras.initializers.RandomNormal(stddev=stddev, seed=seed)(shape)


def _dense_initializer(shape: Sequence[int], seed: int) -> tf.Tensor:
    bound = float(1.0 / np.sqrt(shape[1]))
    return tf.keras.initializers.RandomUniform(-bound, bound, seed=seed)(shape)
