"""Convolutions of 3 x 3 by Winograd's algorithm, with a quarter of the multiplications.

A map is cut into tiles of 4 x 4 outputs, each of which depends on 6 x 6 inputs. Three matrices transform
inputs, kernels and outputs so that each of 36 products is one over the channels alone: 36 a tile in place
of 9 x 16 = 144. The transforms are sums of whole maps. XLA compiles them with the products to one function,
about twice as fast as TensorFlow's own convolution; the same in TensorFlow's single operations is slower.

Source: Lavin & Gray, "Fast algorithms for convolutional neural networks", CVPR 2016, arXiv 1509.09308,
F(4 x 4, 3 x 3).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

_TILE, _WINDOW = 4, 6  # outputs of a tile along an axis, and the inputs they depend on
_OF_INPUTS = np.array(
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ]
)
_OF_KERNELS = np.array([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]) / 24
_OF_OUTPUTS = np.array([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]])
_PRODUCTS = _WINDOW**2
# With fewer channels the transforms cost what the products spare. With fewer tiles in a batch each product
# reads a kernel, four times as large as before, for too little. docs/measurements.md.
_FEWEST_CHANNELS, _FEWEST_TILES = 32, 16


def suits_kernel(kernel: Sequence[int]) -> bool:
    """Whether convolutions with a kernel [height, width, in, out] can be faster so."""
    return len(kernel) == 4 and tuple(kernel[:2]) == (3, 3) and min(kernel[2:]) >= _FEWEST_CHANNELS


def suits(x: Sequence[int | None], kernel: Sequence[int], strides: int | Sequence[int], padding: str) -> bool:
    """Whether a convolution of maps [batch, height, width, in], of known sizes, can be faster so."""
    strides = (strides, strides) if isinstance(strides, int) else tuple(strides)
    if strides != (1, 1) or padding != "SAME" or not suits_kernel(kernel):
        return False
    batch, height, width, _ = x
    if batch is None or height is None or width is None:
        return False
    return batch * _tiles(height) * _tiles(width) >= _FEWEST_TILES


def transformed_shape(kernel: tf.Tensor) -> list[int]:
    """Shape of `transformed_kernel`."""
    return [_PRODUCTS, *kernel.shape[2:]]


def transformed_kernel(kernel: tf.Tensor) -> tf.Tensor:
    """What `conv2d` multiplies by, [36, in, out] of the kernel's type; computed in float64.

    Args:
      kernel: [3, 3, in, out].
    """
    both = tf.constant(np.kron(_OF_KERNELS, _OF_KERNELS), tf.float64)  # [36, 9]
    flat = tf.reshape(tf.cast(kernel, tf.float64), [_OF_KERNELS.shape[1] ** 2, -1])
    return tf.cast(tf.reshape(both @ flat, transformed_shape(kernel)), kernel.dtype)


def conv2d(x: tf.Tensor, transformed: tf.Tensor) -> tf.Tensor:
    """`tf.nn.conv2d` at stride 1 with "SAME" padding, but for rounding.

    There is a gradient to the maps alone: in a search weights take none.

    Args:
      x: [batch, height, width, in], of any batch, height and width.
      transformed: [36, in, out]; see `transformed_kernel`.
    """
    forward, backward = _compiled(*x.shape[1:3], *transformed.shape[1:])

    @tf.custom_gradient
    def convolve(x):
        return forward(x, transformed), lambda dy: backward(dy, transformed)

    return convolve(x)


def work_bytes(x: Sequence[int], kernel: Sequence[int]) -> int:
    """Memory that one such convolution takes while it is computed, for maps [batch, height, width, in]."""
    batch, height, width, _ = x
    return 4 * _PRODUCTS * batch * _tiles(height) * _tiles(width) * sum(kernel[2:])


@functools.cache
def _compiled(height: int, width: int, inputs: int, outputs: int) -> tuple[Callable, Callable]:
    """The convolution and its gradient; layers of one shape share them, so that each is compiled once."""
    del inputs, outputs

    def forward(x, transformed):
        return _from_products(_of_tiles(x) @ transformed, height, width)

    def backward(dy, transformed):
        products = tf.matmul(_from_products_gradient(dy), transformed, transpose_b=True)
        return _of_tiles_gradient(products, height, width)

    one, other = (tf.function(f, jit_compile=True, autograph=False) for f in (forward, backward))
    return one, other


def _of_tiles(x: tf.Tensor) -> tf.Tensor:
    """The transformed windows [36, tiles, channels] of maps [batch, height, width, channels]."""
    _, height, width, channels = x.shape
    down, across = _tiles(height), _tiles(width)
    after = [_TILE * (tiles + 1) - size - 1 for tiles, size in ((down, height), (across, width))]
    x = tf.pad(x, [(0, 0), (1, after[0]), (1, after[1]), (0, 0)])
    x = tf.reshape(x, [-1, down + 1, _TILE, across + 1, _TILE, channels])
    rows = [x[:, i // _TILE : down + i // _TILE, i % _TILE] for i in range(_WINDOW)]
    x = tf.stack(_sums(_OF_INPUTS, rows))  # [6, batch, down, across + 1, 4, channels]
    columns = [x[:, :, :, i // _TILE : across + i // _TILE, i % _TILE] for i in range(_WINDOW)]
    return tf.reshape(tf.stack(_sums(_OF_INPUTS, columns), axis=1), [_PRODUCTS, -1, channels])


def _from_products(products: tf.Tensor, height: int, width: int) -> tf.Tensor:
    """Maps [batch, height, width, channels] of products [36, tiles, channels]."""
    down, across, channels = _tiles(height), _tiles(width), products.shape[-1]
    x = tf.reshape(products, [_WINDOW, _WINDOW, -1, down, across, channels])
    x = tf.stack(_sums(_OF_OUTPUTS, [x[:, i] for i in range(_WINDOW)]), axis=4)
    x = tf.stack(_sums(_OF_OUTPUTS, [x[i] for i in range(_WINDOW)]), axis=2)
    return tf.reshape(x, [-1, _TILE * down, _TILE * across, channels])[:, :height, :width]


def _from_products_gradient(dy: tf.Tensor) -> tf.Tensor:
    """Gradient to the products [36, tiles, channels]: the adjoint of `_from_products`."""
    _, height, width, channels = dy.shape
    down, across = _tiles(height), _tiles(width)
    dy = tf.pad(dy, [(0, 0), (0, _TILE * down - height), (0, _TILE * across - width), (0, 0)])
    dy = tf.reshape(dy, [-1, down, _TILE, across, _TILE, channels])
    dy = tf.stack(_sums(_OF_OUTPUTS.T, [dy[:, :, i] for i in range(_TILE)]))
    dy = tf.stack(_sums(_OF_OUTPUTS.T, [dy[:, :, :, :, i] for i in range(_TILE)]), axis=1)
    return tf.reshape(dy, [_PRODUCTS, -1, channels])


def _of_tiles_gradient(windows: tf.Tensor, height: int, width: int) -> tf.Tensor:
    """Gradient to the maps, of the windows' [36, tiles, channels]: the adjoint of `_of_tiles`."""
    down, across, channels = _tiles(height), _tiles(width), windows.shape[-1]
    x = tf.reshape(windows, [_WINDOW, _WINDOW, -1, down, across, channels])
    x = _overlapping(_sums(_OF_INPUTS.T, [x[:, i] for i in range(_WINDOW)]), along=3)
    x = tf.stack(x, axis=4)  # [6, batch, down, across + 1, 4, channels]
    x = _overlapping(_sums(_OF_INPUTS.T, [x[i] for i in range(_WINDOW)]), along=1)
    x = tf.reshape(tf.stack(x, axis=2), [-1, _TILE * (down + 1), _TILE * (across + 1), channels])
    return x[:, 1 : height + 1, 1 : width + 1]


def _overlapping(windows: Sequence[tf.Tensor], along: int) -> list[tf.Tensor]:
    """What the windows' positions add to those of tiles: the last two are the first two of the next tile.

    Args:
      windows: of each of the 6 positions, an array over tiles.
      along: its axis of tiles, which becomes longer by one.
    """
    rank = windows[0].shape.rank
    own, next_one = ([pad if axis == along else (0, 0) for axis in range(rank)] for pad in ((0, 1), (1, 0)))
    found = [tf.pad(window, own) for window in windows[:_TILE]]
    for i, window in enumerate(windows[_TILE:]):
        found[i] = found[i] + tf.pad(window, next_one)
    return found


def _sums(matrix: np.ndarray, terms: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    """For each row of a matrix, the sum of the terms with its weights; none is multiplied by 0 or 1."""
    found = []
    for row in matrix:
        weighted = [_times(int(weight), term) for weight, term in zip(row, terms, strict=True) if weight]
        found.append(functools.reduce(tf.add, weighted))
    return found


def _times(weight: int, term: tf.Tensor) -> tf.Tensor:
    return term if weight == 1 else -term if weight == -1 else weight * term


def _tiles(length: int) -> int:
    return -(-length // _TILE)
