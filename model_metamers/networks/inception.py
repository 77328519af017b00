"""Inception-V3 (Szegedy et al., 2016) with TF-slim's variables and end points."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import tensorflow as tf

from model_metamers.errors import InputError
from model_metamers.networks import layers
from model_metamers.networks.network import Stage
from model_metamers.networks.slim import BatchNorm, SlimNetwork

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


@dataclasses.dataclass(frozen=True)
class _Conv:
    """Convolution, batch normalisation and ReLU."""

    scope: str
    channels: int
    kernel: tuple[int, int]
    stride: int = 1
    padding: str = "SAME"


@dataclasses.dataclass(frozen=True)
class _Fork:
    """Convolutions of one input, side by side."""

    convs: tuple[_Conv, ...]


@dataclasses.dataclass(frozen=True)
class _Pool:
    """3 x 3 pooling, "max" or "avg"; its inputs are never negative, so nor is it."""

    kind: str
    stride: int = 1
    padding: str = "SAME"
    scope: str = ""


# A step of a branch, a branch, and a block of branches that are concatenated.
_Step = _Conv | _Fork | _Pool
_Branch = tuple[_Step, ...]
_Block = tuple[_Branch, ...]


def _conv(scope: str, channels: int, kernel: tuple[int, int] | None = None, **kwargs) -> _Conv:
    """A convolution whose kernel is that in its name, unless given: slim misnamed some."""
    height, width = scope[-3:].split("x")
    return _Conv(scope, channels, kernel or (int(height), int(width)), **kwargs)


def _shrink(scope: str, channels: int) -> _Conv:
    return _conv(scope, channels, kernel=(3, 3), stride=2, padding="VALID")


_REDUCE = "Conv2d_0a_1x1"  # the name of the first convolution of most branches
_SHRINK_POOL: _Branch = (_Pool("max", stride=2, padding="VALID"),)


def _pool_branch(channels: int) -> _Branch:
    return (_Pool("avg"), _conv("Conv2d_0b_1x1", channels))


def _block_35(pooled: int, reduce: str = _REDUCE, conv: str = "Conv2d_0b_5x5") -> _Block:
    return (
        (_conv(_REDUCE, 64),),
        (_conv(reduce, 48), _conv(conv, 64)),
        (_conv(_REDUCE, 64), _conv("Conv2d_0b_3x3", 96), _conv("Conv2d_0c_3x3", 96)),
        _pool_branch(pooled),
    )


def _block_17(inner: int) -> _Block:
    return (
        (_conv(_REDUCE, 192),),
        (_conv(_REDUCE, inner), _conv("Conv2d_0b_1x7", inner), _conv("Conv2d_0c_7x1", 192)),
        (
            _conv(_REDUCE, inner),
            _conv("Conv2d_0b_7x1", inner),
            _conv("Conv2d_0c_1x7", inner),
            _conv("Conv2d_0d_7x1", inner),
            _conv("Conv2d_0e_1x7", 192),
        ),
        _pool_branch(192),
    )


def _block_8(upright: str) -> _Block:
    return (
        (_conv(_REDUCE, 320),),
        (_conv(_REDUCE, 384), _Fork((_conv("Conv2d_0b_1x3", 384), _conv(upright, 384)))),
        (
            _conv(_REDUCE, 448),
            _conv("Conv2d_0b_3x3", 384),
            _Fork((_conv("Conv2d_0c_1x3", 384), _conv("Conv2d_0d_3x1", 384))),
        ),
        _pool_branch(192),
    )


# Steps up to the first block; each is an end point.
_STEM: tuple[_Conv | _Pool, ...] = (
    _conv("Conv2d_1a_3x3", 32, stride=2, padding="VALID"),
    _conv("Conv2d_2a_3x3", 32, padding="VALID"),
    _conv("Conv2d_2b_3x3", 64),
    _Pool("max", stride=2, padding="VALID", scope="MaxPool_3a_3x3"),
    _conv("Conv2d_3b_1x1", 80, padding="VALID"),
    _conv("Conv2d_4a_3x3", 192, padding="VALID"),
    _Pool("max", stride=2, padding="VALID", scope="MaxPool_5a_3x3"),
)
_BLOCKS: tuple[tuple[str, _Block], ...] = (
    ("Mixed_5b", _block_35(32)),
    ("Mixed_5c", _block_35(64, "Conv2d_0b_1x1", "Conv_1_0c_5x5")),
    ("Mixed_5d", _block_35(64)),
    (
        "Mixed_6a",
        (
            (_shrink("Conv2d_1a_1x1", 384),),
            (_conv(_REDUCE, 64), _conv("Conv2d_0b_3x3", 96), _shrink("Conv2d_1a_1x1", 96)),
            _SHRINK_POOL,
        ),
    ),
    ("Mixed_6b", _block_17(128)),
    ("Mixed_6c", _block_17(160)),
    ("Mixed_6d", _block_17(160)),
    ("Mixed_6e", _block_17(192)),
    (
        "Mixed_7a",
        (
            (_conv(_REDUCE, 192), _shrink("Conv2d_1a_3x3", 320)),
            (
                _conv(_REDUCE, 192),
                _conv("Conv2d_0b_1x7", 192),
                _conv("Conv2d_0c_7x1", 192),
                _shrink("Conv2d_1a_3x3", 192),
            ),
            _SHRINK_POOL,
        ),
    ),
    ("Mixed_7b", _block_8("Conv2d_0b_3x1")),
    ("Mixed_7c", _block_8("Conv2d_0c_3x1")),
)


class InceptionV3(SlimNetwork):
    """Inception-V3; the paper's network at the defaults.

    A Mixed block is the concatenation of its branches. All end in a ReLU but the max pooling
    of Mixed_6a and 7a, which pools what a ReLU made: so the stage keeps the branches' values
    before the ReLU, and one ReLU after the concatenation gives the block's output.

    Args:
      name: the catalog's name.
      classes: class names; their number is the number of logits.
      depth_multiplier: of every layer's channels, which are 16 at least.
      image_size: height and width, 75 at least with slim's strides.
      stem_strides: of Conv2d_1a_3x3, MaxPool_3a_3x3 and MaxPool_5a_3x3; (1, 1, 2) suits
        32-pixel images.
      aux_logits: whether to build the auxiliary classifier on Mixed_6e, which serves
        training alone; slim's checkpoints hold its variables, which are left unused without.
      norm_decay: of the moving averages in training; slim's suits trainings of many steps.
      kernel_initializer: "he_normal" is slim's.
      scope: of the variables' names.

    Raises:
      InputError: images too small.
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
            dataclasses.replace(step, stride=next(strides)) if step.stride == 2 else step for step in _STEM
        )
        aux_size = self._aux_size(aux_logits)

        channels = self._add_branch("", self._stem, 3)
        for block, branches in _BLOCKS:
            channels = sum(
                self._add_branch(f"{block}/Branch_{i}/", branch, channels)
                for i, branch in enumerate(branches)
            )
            if aux_logits and block == "Mixed_6e":
                self._add_aux_logits(channels, aux_size)
        self._add_conv("Logits/Conv2d_1c_1x1", [1, 1, channels, len(classes)], normalized=False)

    def _aux_size(self, aux_logits: bool) -> int:
        """Size of the auxiliary classifier's kernel; also checks that no layer is left empty."""
        size = self.signal.shape[0]
        for step in self._stem:
            kernel = step.kernel[0] if isinstance(step, _Conv) else 3
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

    def _add_branch(self, scope: str, branch: _Branch, channels: int) -> int:
        """Creates a branch's variables; returns its output's channels."""
        for step in branch:
            if isinstance(step, _Pool):
                continue
            convs = step.convs if isinstance(step, _Fork) else (step,)
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
            stages[step.scope] = Stage(self._step(x, "", step, training), relu=isinstance(step, _Conv))
            x = stages[step.scope].output
        for block, branches in _BLOCKS:
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

    def _branch(self, x: tf.Tensor, scope: str, branch: _Branch, training: layers.Training) -> tf.Tensor:
        """A branch's output, before the ReLU where it ends in one."""
        for step in branch:
            value = self._step(x, scope, step, training)
            x = value if isinstance(step, _Pool) else tf.nn.relu(value)
        return value

    def _step(self, x: tf.Tensor, scope: str, step: _Step, training: layers.Training) -> tf.Tensor:
        """A pooling's output, or a convolution's before its ReLU."""
        if isinstance(step, _Fork):
            return tf.concat([self._step(x, scope, conv, training) for conv in step.convs], axis=-1)
        if isinstance(step, _Conv):
            return self._conv(x, scope + step.scope, training, step.stride, step.padding)
        pool = tf.nn.max_pool2d if step.kind == "max" else tf.nn.avg_pool2d
        return pool(x, 3, step.stride, step.padding)

    def _aux_logits(self, x: tf.Tensor, training: layers.Training) -> tf.Tensor:
        x = tf.nn.avg_pool2d(x, 5, 3, "VALID")
        for name in self._aux_convs:
            x = tf.nn.relu(self._conv(x, name, training, padding="VALID"))
        return self._conv(x, "AuxLogits/Conv2d_2b_1x1", training)[:, 0, 0]
