"""The layers of Inception-V3 as data: its stem and its blocks of branches, by TF-slim's names."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Conv:
    """Convolution, batch normalisation and ReLU."""

    scope: str
    channels: int
    kernel: tuple[int, int]
    stride: int = 1
    padding: str = "SAME"


@dataclasses.dataclass(frozen=True)
class Fork:
    """Convolutions of one input, whose outputs are concatenated."""

    convs: tuple[Conv, ...]


@dataclasses.dataclass(frozen=True)
class Pool:
    """3 x 3 pooling, "max" or "avg". Its inputs come from a ReLU, so its outputs are never negative."""

    kind: str
    stride: int = 1
    padding: str = "SAME"
    scope: str = ""


Step = Conv | Fork | Pool  # of a branch
Branch = tuple[Step, ...]  # steps in a row
Block = tuple[Branch, ...]  # branches of one input, whose outputs are concatenated


def _conv(scope: str, channels: int, kernel: tuple[int, int] | None = None, **kwargs) -> Conv:
    """A convolution with the kernel size in its name, unless `kernel` gives another: slim misnamed some."""
    height, width = scope[-3:].split("x")
    return Conv(scope, channels, kernel or (int(height), int(width)), **kwargs)


def _shrink(scope: str, channels: int) -> Conv:
    return _conv(scope, channels, kernel=(3, 3), stride=2, padding="VALID")


_REDUCE = "Conv2d_0a_1x1"  # the name of the first convolution of most branches
_SHRINK_POOL: Branch = (Pool("max", stride=2, padding="VALID"),)


def _pool_branch(channels: int) -> Branch:
    return (Pool("avg"), _conv("Conv2d_0b_1x1", channels))


def _block_35(pooled: int, reduce: str = _REDUCE, conv: str = "Conv2d_0b_5x5") -> Block:
    return (
        (_conv(_REDUCE, 64),),
        (_conv(reduce, 48), _conv(conv, 64)),
        (_conv(_REDUCE, 64), _conv("Conv2d_0b_3x3", 96), _conv("Conv2d_0c_3x3", 96)),
        _pool_branch(pooled),
    )


def _block_17(inner: int) -> Block:
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


def _block_8(upright: str) -> Block:
    return (
        (_conv(_REDUCE, 320),),
        (_conv(_REDUCE, 384), Fork((_conv("Conv2d_0b_1x3", 384), _conv(upright, 384)))),
        (
            _conv(_REDUCE, 448),
            _conv("Conv2d_0b_3x3", 384),
            Fork((_conv("Conv2d_0c_1x3", 384), _conv("Conv2d_0d_3x1", 384))),
        ),
        _pool_branch(192),
    )


# The steps before the first block; each is an end point.
STEM: tuple[Conv | Pool, ...] = (
    _conv("Conv2d_1a_3x3", 32, stride=2, padding="VALID"),
    _conv("Conv2d_2a_3x3", 32, padding="VALID"),
    _conv("Conv2d_2b_3x3", 64),
    Pool("max", stride=2, padding="VALID", scope="MaxPool_3a_3x3"),
    _conv("Conv2d_3b_1x1", 80, padding="VALID"),
    _conv("Conv2d_4a_3x3", 192, padding="VALID"),
    Pool("max", stride=2, padding="VALID", scope="MaxPool_5a_3x3"),
)
BLOCKS: tuple[tuple[str, Block], ...] = (
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
