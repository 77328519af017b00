"""Faster ways to compute a network during a search, and which networks and machines have them."""

from __future__ import annotations

import contextlib
import functools
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import tensorflow as tf

from model_metamers.errors import InputError
from model_metamers.networks import winograd
from model_metamers.networks.transformed_kernels import TransformedKernels, taken

if TYPE_CHECKING:
    from model_metamers.networks.network import Network


_log = logging.getLogger(__name__)
_TRIALS = 5


class Ways(NamedTuple):
    """How a network is computed during a search; the defaults are the network as it stands.

    Attributes:
      precision: "float32" or "bfloat16".
      frontend: "exact" or "fast".
      batch_norm: "separate" or "folded".
      convolutions: "direct" or "winograd".
    """

    precision: str = "float32"
    frontend: str = "exact"
    batch_norm: str = "separate"
    convolutions: str = "direct"


def check(network: Network, how: Ways) -> None:
    """Refuses a way to compute that a network or the machine has not; logs a line where it is slow.

    Args:
      network: the network.
      how: it is to be computed.

    Raises:
      InputError: the network has no such front end, no batch normalisation to be folded or no such
        convolutions, its `forward` or the machine cannot compute in bfloat16, or XLA is missing.
    """
    if how.batch_norm == "folded" and not network.folds_batch_norm:
        raise InputError(
            f"batch_norm=folded: {network.name} has no batch normalisation that follows a convolution; "
            f"choose batch_norm=separate"
        )
    if how.frontend not in network.frontends:
        raise InputError(
            f"frontend={how.frontend}: {network.name} does not hear by a cochleagram; choose frontend=exact"
        )
    if how.convolutions == "winograd":
        _check_winograd(network)
    if (precision := how.precision) != "float32":
        hindrance = network.compiled(
            ("hindrance", precision), lambda: functools.cache(lambda: _hindrance(network, precision))
        )
        if reason := hindrance():
            raise InputError(
                f"precision={precision}: {network.name} cannot compute in it ({reason}); choose "
                f"precision=float32"
            )
        _check_hardware(precision)


def compiled(network: Network, steps: Any, how: Ways) -> Callable:
    """A `tf.function` of several steps, computed in these ways; the weights are changed once for all.

    `prepare` must be called before it is, whenever weights may have changed.
    """
    if how == Ways():
        return steps

    def in_these_ways(*given):
        with contextlib.ExitStack() as stack:
            if how.batch_norm == "folded":
                stack.enter_context(network.folding())
            if how.convolutions == "winograd":
                stack.enter_context(_transformed_kernels(network, how).in_use())
            stack.enter_context(network.drafting(how.precision, how.frontend))
            return steps.python_function(*given)

    return tf.function(in_these_ways, autograph=False)


def prepare(network: Network, how: Ways) -> None:
    """Makes what `compiled` functions of these ways take from the network's weights as they are now."""
    if how.convolutions == "winograd":
        _transformed_kernels(network, how).refresh()


def _transformed_kernels(network: Network, how: Ways) -> TransformedKernels:
    """Those of a network, which keeps them for all its searches."""
    return network.compiled(
        ("transformed kernels", how.batch_norm),
        lambda: TransformedKernels(network, folded=how.batch_norm == "folded"),
    )


def _check_winograd(network: Network) -> None:
    """Refuses convolutions by Winograd's algorithm where there are none, or XLA does not compile them."""
    if not taken(network):
        raise InputError(
            f"convolutions=winograd: {network.name} has no convolution of 3 x 3 at stride 1 with enough "
            f"channels that `layers.convolution` computes; choose convolutions=direct"
        )
    if not _compiles():
        raise InputError(
            "convolutions=winograd: TensorFlow cannot compile by XLA here; choose convolutions=direct"
        )


@functools.cache
def _compiles() -> bool:
    """Whether XLA compiles such a convolution on this machine."""
    try:
        winograd.conv2d(tf.ones([1, 4, 4, 1]), tf.ones(winograd.transformed_shape(tf.ones([3, 3, 1, 1]))))
    except (tf.errors.OpError, ValueError):
        return False
    return True


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
