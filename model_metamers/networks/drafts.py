"""Which networks can be computed as a draft: in bfloat16, or by a faster front end."""

from __future__ import annotations

import functools
import logging
import pathlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from model_metamers.errors import InputError

if TYPE_CHECKING:
    from model_metamers.networks.network import Network


_log = logging.getLogger(__name__)
_PROCESSOR = pathlib.Path("/proc/cpuinfo")
# Of x86 and ARM processors.
_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}


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


def drafted(network: Network, steps: Any, precision: str, frontend: str) -> Callable:
    """A `tf.function` of several steps as a draft, which brings the weights into bfloat16 once for all."""

    def draft(*given):
        with network.drafting(precision, frontend):
            return steps.python_function(*given)

    return tf.function(draft, autograph=False)


def note_hardware(precision: str) -> None:
    """Logs a line where the machine computes in a precision by slower means."""
    if precision == "bfloat16" and not _has_bfloat16():
        _log.info(
            "precision=bfloat16: this machine has no arithmetic for it (a processor with avx512_bf16 or "
            "amx_bf16, or a GPU of compute capability 8), so that precision=float32 is likely faster"
        )


def _has_bfloat16() -> bool:
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        details = map(tf.config.experimental.get_device_details, gpus)
        # Devices of other makers tell no compute capability.
        return all(one.get("compute_capability", (8, 0)) >= (8, 0) for one in details)
    try:
        about = _PROCESSOR.read_text(encoding="utf-8", errors="replace")
    except OSError:  # no Linux
        return False
    return bool(_FLAGS & set(about.split()))


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
