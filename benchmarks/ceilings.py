"""What the machine reaches at best: matrix products and convolutions in float32."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import tensorflow as tf

from benchmarks import operations
from benchmarks.timing import Contender, Times

PRODUCT, CONVOLUTION = "matrix product", "convolution"
_SIDE = 2048
# Height and width, channels in and out, of 3 x 3 convolutions as VGG-19 has them in its middle.
_MAP, _CHANNELS = (56, 56), (256, 256)


def contenders() -> list[Contender]:
    """The two, to be timed among others."""
    return [
        _contender(PRODUCT, tf.matmul, *_product_shapes()),
        _contender(CONVOLUTION, _convolve, *_convolution_shapes()),
    ]


def gflops(times: Mapping[str, Times]) -> dict[str, tuple[float, ...]]:
    """GFLOP/s of both in each round."""
    product, convolution = (
        operations.counted(function, *(tf.TensorSpec(shape) for shape in shapes))
        for function, shapes in ((tf.matmul, _product_shapes()), (_convolve, _convolution_shapes()))
    )
    return {
        PRODUCT: tuple(product / seconds for seconds in times[PRODUCT].wall),
        CONVOLUTION: tuple(convolution / seconds for seconds in times[CONVOLUTION].wall),
    }


def _product_shapes() -> Sequence[Sequence[int]]:
    return [_SIDE, _SIDE], [_SIDE, _SIDE]


def _convolution_shapes() -> Sequence[Sequence[int]]:
    return [1, *_MAP, _CHANNELS[0]], [3, 3, *_CHANNELS]


def _convolve(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    return tf.nn.conv2d(x, kernel, 1, "SAME")


def _contender(name: str, function, *shapes: Sequence[int]) -> Contender:
    values = [tf.random.stateless_uniform(shape, [0, i]) for i, shape in enumerate(shapes)]
    compiled = tf.function(function, autograph=False)

    def run(repetitions: int) -> None:
        for _ in range(repetitions):
            result = compiled(*values)
        result.numpy()

    return Contender(name, run)
