"""A network's kernels for convolutions by Winograd's algorithm: made once for its weights, and kept."""

from __future__ import annotations

import contextlib
import contextvars
import dataclasses
import types
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import tensorflow as tf

from model_metamers.networks import winograd

if TYPE_CHECKING:
    from model_metamers.networks.network import Network

_TRACED = 16  # signals of a batch in which every map has enough tiles


@dataclasses.dataclass
class _InUse:
    """Transformed kernels by reference of the kernel, and the memory that a convolution by each takes."""

    transformed: Mapping[Hashable, tf.Tensor]
    work_bytes: dict[Hashable, int] = dataclasses.field(default_factory=dict)


_IN_USE: contextvars.ContextVar[_InUse | None] = contextvars.ContextVar("transformed kernels", default=None)


class TransformedKernels:
    """The transformed forms of a network's kernels, four times as large as these.

    Args:
      network: whose kernels they are.
      folded: whether of the kernels with batch normalisation in them.
    """

    def __init__(self, network: Network, folded: bool):
        self._network, self._folded = network, folded
        self._variables = {
            name: tf.Variable(tf.zeros(winograd.transformed_shape(network.weights[name])), trainable=False)
            for name in taken(network)
        }

    def refresh(self) -> None:
        """Makes them anew of the network's weights as they are now."""
        with self._network.folding() if self._folded else contextlib.nullcontext():
            for name, variable in self._variables.items():
                variable.assign(winograd.transformed_kernel(self._network.weights[name]))

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        """While it lasts, `layers.convolution` takes them; `folding`, if it is asked for, must last too."""
        weights = self._network.weights
        with _using({weights[n].ref(): tf.convert_to_tensor(v) for n, v in self._variables.items()}):
            yield


def convolved(
    x: tf.Tensor, kernel: tf.Tensor, strides: int | Sequence[int], padding: str
) -> tf.Tensor | None:
    """The convolution by a kernel's transformed form; None where there is none in use or it does not suit.

    Args:
      x: [batch, height, width, in].
      kernel: as it stands in the network's `weights`.
      strides: one for both axes, or (height, width).
      padding: "SAME" or "VALID".
    """
    in_use = _IN_USE.get()
    if in_use is None or kernel.ref() not in in_use.transformed:
        return None
    if not winograd.suits(x.shape, kernel.shape, strides, padding):
        return None
    work = winograd.work_bytes(x.shape, kernel.shape)
    in_use.work_bytes[kernel.ref()] = max(in_use.work_bytes.get(kernel.ref(), 0), work)
    return winograd.conv2d(x, in_use.transformed[kernel.ref()])


def taken(network: Network) -> Mapping[str, int]:
    """The kernels that a network's forward pass can take so, with the bytes of work for each signal.

    The network is traced once, not computed.
    """
    return network.compiled(("transformed kernels",), lambda: _taken(network))


def _taken(network: Network) -> Mapping[str, int]:
    found: dict[str, int] = {}

    def trace(signals: tf.Tensor) -> None:
        suited = {n: k for n, k in network.weights.items() if winograd.suits_kernel(k.shape)}
        with _using({k.ref(): tf.zeros(winograd.transformed_shape(k)) for k in suited.values()}) as in_use:
            network.forward(signals)
        work = {name: in_use.work_bytes.get(kernel.ref(), 0) for name, kernel in suited.items()}
        found.update({name: most // _TRACED for name, most in work.items() if most})

    spec = tf.TensorSpec([_TRACED, *network.signal.shape], tf.float32)
    tf.function(trace, autograph=False).get_concrete_function(spec)
    return types.MappingProxyType(found)  # tf.Module would wrap a plain dict


@contextlib.contextmanager
def _using(transformed: Mapping[Hashable, tf.Tensor]) -> Iterator[_InUse]:
    in_use = _InUse(transformed)
    token = _IN_USE.set(in_use)
    try:
        yield in_use
    finally:
        _IN_USE.reset(token)
