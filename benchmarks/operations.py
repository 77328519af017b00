"""How many floating-point operations a TensorFlow graph asks for."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import tensorflow as tf


def counted(function: Callable, *arguments: tf.TensorSpec) -> float:
    """Operations of one call of a function, in GFLOP, a multiplication and an addition counted each.

    Convolutions, matrix products and Fourier transforms count; all else is small beside them in the
    networks here. What does not lead to the function's results is left out, as TensorFlow prunes it.

    Args:
      function: of tensors.
      arguments: their shapes, known in full.
    """
    graph = tf.function(function, autograph=False).get_concrete_function(*arguments).graph
    return sum(map(_of_operation, _leading_to(graph.outputs))) / 1e9


def _leading_to(outputs: Sequence[tf.Tensor]) -> list[tf.Operation]:
    """The operations that the outputs depend on, each once."""
    found: dict[str, tf.Operation] = {}
    waiting = [tensor.op for tensor in outputs]
    while waiting:
        operation = waiting.pop()
        if operation.name not in found:
            found[operation.name] = operation
            waiting += [tensor.op for tensor in operation.inputs] + list(operation.control_inputs)
    return list(found.values())


def _of_operation(operation: tf.Operation) -> float:
    counter = _COUNTERS.get(operation.type)
    return counter(operation) if counter else 0.0


def _convolution(operation: tf.Operation) -> float:
    height, width, channels, _ = operation.inputs[1].shape
    return 2.0 * height * width * channels * _size(operation.outputs[0])


def _convolution_backwards(operation: tf.Operation) -> float:
    height, width, channels, _ = operation.inputs[1].shape
    return 2.0 * height * width * channels * _size(operation.inputs[2])


def _depthwise(operation: tf.Operation) -> float:
    return 2.0 * math.prod(operation.inputs[1].shape[:2]) * _size(operation.outputs[0])


def _depthwise_backwards(operation: tf.Operation) -> float:
    return 2.0 * math.prod(operation.inputs[1].shape[:2]) * _size(operation.inputs[2])


def _product(transposed: str) -> Callable[[tf.Operation], float]:
    def count(operation: tf.Operation) -> float:
        inner = operation.inputs[0].shape[-2 if operation.get_attr(transposed) else -1]
        return 2.0 * inner * _size(operation.outputs[0])

    return count


def _fourier(operation: tf.Operation) -> float:
    """5 n log2 n of n complex numbers, by custom; half of it where one side is real."""
    value = max(operation.inputs[0], operation.outputs[0], key=_size)
    real = operation.type in ("RFFT", "IRFFT")
    return (2.5 if real else 5.0) * _size(value) * math.log2(value.shape[-1])


def _size(tensor: tf.Tensor) -> int:
    return math.prod(tensor.shape)


_COUNTERS: dict[str, Callable[[tf.Operation], float]] = {
    "Conv2D": _convolution,
    "Conv2DBackpropInput": _convolution_backwards,
    "DepthwiseConv2dNative": _depthwise,
    "DepthwiseConv2dNativeBackpropInput": _depthwise_backwards,
    "MatMul": _product("transpose_a"),
    "BatchMatMulV2": _product("adj_x"),
    "FFT": _fourier,
    "IFFT": _fourier,
    "RFFT": _fourier,
    "IRFFT": _fourier,
}
