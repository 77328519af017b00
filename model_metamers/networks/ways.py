"""Faster ways to compute a network during a search, and which networks and machines have them."""

from __future__ import annotations

import contextlib
import functools
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from model_metamers.errors import InputError

if TYPE_CHECKING:
    from model_metamers.networks.network import Network


_log = logging.getLogger(__name__)
_TRIALS = 5


def check(network: Network, precision: str, frontend: str, batch_norm: str) -> None:
    """Refuses a way to compute that a network or the machine has not; logs a line where it is slow.

    Args:
      network: the network.
      precision: "float32" or "bfloat16".
      frontend: "exact" or "fast".
      batch_norm: "separate" or "folded".

    Raises:
      InputError: the network has no such front end or no batch normalisation to be folded, or its
        `forward` or the machine cannot compute in bfloat16.
    """
    if batch_norm == "folded" and not network.folds_batch_norm:
        raise InputError(
            f"batch_norm=folded: {network.name} has no batch normalisation that follows a convolution; "
            f"choose batch_norm=separate"
        )
    if frontend not in network.frontends:
        raise InputError(
            f"frontend={frontend}: {network.name} does not hear by a cochleagram; choose frontend=exact"
        )
    if precision != "float32":
        hindrance = network.compiled(
            ("hindrance", precision), lambda: functools.cache(lambda: _hindrance(network, precision))
        )
        if reason := hindrance():
            raise InputError(
                f"precision={precision}: {network.name} cannot compute in it ({reason}); choose "
                f"precision=float32"
            )
        _check_hardware(precision)


def compiled(network: Network, steps: Any, precision: str, frontend: str, batch_norm: str) -> Callable:
    """A `tf.function` of several steps, computed in these ways; the weights are changed once for all."""
    if (precision, frontend, batch_norm) == ("float32", "exact", "separate"):
        return steps

    def in_these_ways(*given):
        folding = network.folding() if batch_norm == "folded" else contextlib.nullcontext()
        with folding, network.drafting(precision, frontend):
            return steps.python_function(*given)

    return tf.function(in_these_ways, autograph=False)


def _check_hardware(precision: str) -> None:
    """Refuses a precision that the machine cannot compute in; logs a line where that is slow."""
    slowness = _slowness(precision)
    if slowness == np.inf:
        raise InputError(
            f"precision={precision}: TensorFlow cannot compute in it here; choose precision=float32"
        )
    if slowness > 1.0:
        _log.info(
            "precision=%s: on this machine a convolution takes %.1f times as long in it as in float32, so "
            "that precision=float32 is likely faster",
            precision,
            slowness,
        )


@functools.cache
def _slowness(precision: str) -> float:
    """How many times as long as in float32 a convolution and its gradient take; measured in moments.

    What processors say of themselves does not tell: with AVX512_BF16 some are twice as fast, others
    slower. Infinite where there is no such convolution.
    """
    ways = [_convolution(tf.float32), _convolution(tf.as_dtype(precision))]
    seconds = [np.inf, np.inf]
    try:
        for trial in range(_TRIALS + 1):
            for i, way in enumerate(ways):
                began = time.perf_counter()
                way().numpy()
                if trial > 0:  # the first one compiles
                    seconds[i] = min(seconds[i], time.perf_counter() - began)
    except tf.errors.OpError:
        return np.inf
    return seconds[1] / seconds[0]


def _convolution(dtype: tf.DType) -> Callable[[], tf.Tensor]:
    """A convolution as in the middle of VGG, with its gradient."""
    x, kernel = tf.ones([1, 14, 14, 256], dtype), tf.ones([3, 3, 256, 256], dtype)

    @tf.function(autograph=False)
    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = tf.nn.conv2d(x, kernel, 1, "SAME") ** 2
        return tape.gradient(value, x)

    return lambda: gradient(x)


def _hindrance(network: Network, precision: str) -> str:
    """Why a network cannot compute in a precision; "" where it can."""
    types: set[tf.DType] = set()

    def trace(signals: tf.Tensor) -> None:
        with network.computing_in(tf.as_dtype(precision)):
            types.update(stage.value.dtype for stage in network.forward(signals).values())

    spec = tf.TensorSpec([None, *network.signal.shape], tf.float32)
    try:
        tf.function(trace, autograph=False).get_concrete_function(spec)
    except (TypeError, ValueError, tf.errors.InvalidArgumentError) as error:
        return " ".join(str(error).split())[:200]
    if tf.as_dtype(precision) not in types:
        return "forward must take its kernels from `weights`, and cast what they multiply to their type"
    return ""
