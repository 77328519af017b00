"""Which networks can be computed as a draft: in bfloat16, or by a faster front end."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import tensorflow as tf

from model_metamers.errors import InputError

if TYPE_CHECKING:
    from model_metamers.networks.network import Network


def check(network: Network, precision: str, frontend: str) -> None:
    """Refuses a draft that a network cannot compute; traces the network once, and computes nothing.

    Args:
      network: the network.
      precision: "float32" or "bfloat16".
      frontend: "exact" or "fast".

    Raises:
      InputError: the network has no such front end, or its `forward` cannot compute in bfloat16.
    """
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
