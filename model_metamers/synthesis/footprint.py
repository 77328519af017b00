"""How much memory a search takes for each signal of its batch, without searching.

One step for one signal is traced, not computed. Its tensors are gone through in their order: one is
held from where it is made to where it is last read.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from model_metamers.networks.transformed_kernels import taken
from model_metamers.synthesis import adam, lbfgs
from model_metamers.synthesis.line_search import LbfgsState, advanced
from model_metamers.synthesis.matching import loss_and_gradient, potential_and_gradient

if TYPE_CHECKING:
    from model_metamers.networks.network import Network
    from model_metamers.synthesis.config import SynthesisConfig

# Operations whose result lies where their operand does.
_VIEWS = {"Identity", "IdentityN", "Reshape", "ExpandDims", "Squeeze", "StopGradient", "PreventGradient"}


def bytes_per_signal(network: Network, layer: str, config: SynthesisConfig) -> int:
    """Memory that each signal of a batch takes while it is searched for.

    Weights, and what TensorFlow takes in any case, are not counted.

    Args:
      network: its weights need not be filled.
      layer: that is matched.
      config: of the search.

    Returns:
      An estimate in bytes, within a factor of two of what is taken (`tests/synthesis/test_footprint.py`).

    Raises:
      InputError: the network has no such stage, or no gradient comes back from it.
    """
    (layer,) = network.check_layers([layer])
    given = (network, layer, config.relu_gradient)
    signal = np.zeros([1, *network.signal.shape], np.float32)
    optimizer = (lbfgs if config.optimizer == "lbfgs" else adam).fresh(signal)
    specs = {name: tf.TensorSpec(array.shape, array.dtype) for name, array in optimizer.items()}
    wanted = tf.TensorSpec([size or 1 for size in network.stage_shapes[layer]], tf.float32)

    def adam_step(signals, optimizer, wanted):
        _, gradient = loss_and_gradient(*given, signals, wanted)
        return adam.adam_update(signals, gradient, **optimizer, learning_rate=0.001)

    def lbfgs_step(signals, optimizer, wanted):
        state = LbfgsState(**optimizer)
        trial = tf.reshape(state.trial, signals.shape)
        loss, value, gradient = potential_and_gradient(*given, trial, wanted)
        return advanced(state, loss, value, tf.reshape(gradient, state.trial.shape), 0.0, 1.0, 0.001)

    step = lbfgs_step if config.optimizer == "lbfgs" else adam_step
    spec = tf.TensorSpec(signal.shape, tf.float32)
    graph = tf.function(step, autograph=False).get_concrete_function(spec, specs, wanted).graph
    # Beside the step, a search holds what the burst of steps began with, and what was last saved or began it.
    state = signal.nbytes + sum(array.nbytes for array in optimizer.values())
    return 3 * state + _most_held(graph) + _work_of_winograd(network, config)


def _work_of_winograd(network: Network, config: SynthesisConfig) -> int:
    """What the largest convolution takes beside its input and output."""
    return max(taken(network).values(), default=0) if config.convolutions == "winograd" else 0


def _most_held(graph: tf.Graph) -> int:
    """The most bytes that tensors which depend on the graph's inputs take at a time."""
    operations = _needed(graph)
    captured = {tensor.ref() for tensor in graph.internal_captures}
    places: dict = {}  # of a tensor, by its reference: the one in whose memory it lies
    last_read: dict = {}
    sizes: dict = {}
    for number, operation in enumerate(operations):
        depends = [places[t.ref()] for t in operation.inputs if t.ref() in places]
        last_read.update(dict.fromkeys(depends, number))
        is_input = operation.type == "Placeholder" and operation.outputs[0].ref() not in captured
        for tensor in operation.outputs if depends or is_input else ():
            own = tensor.ref()
            if operation.type in _VIEWS and depends:
                places[own] = depends[0]
            else:
                places[own], sizes[own], last_read[own] = own, _bytes(tensor), number
    last_read.update({places[t.ref()]: len(operations) for t in graph.outputs if t.ref() in places})
    return _peak((sizes[own], made, last_read[own]) for made, own in _in_order(operations, sizes))


def _needed(graph: tf.Graph) -> list[tf.Operation]:
    """The operations that the graph's outputs depend on, in order; TensorFlow runs no others."""
    needed = set()
    waiting = [tensor.op for tensor in graph.outputs]
    while waiting:
        operation = waiting.pop()
        if operation not in needed:
            needed.add(operation)
            waiting.extend((*(tensor.op for tensor in operation.inputs), *operation.control_inputs))
    return [operation for operation in graph.get_operations() if operation in needed]


def _in_order(operations: Iterable[tf.Operation], sizes: dict) -> Iterable[tuple[int, object]]:
    """Number of the operation that makes it, and reference, of every tensor that takes memory."""
    for number, operation in enumerate(operations):
        for tensor in operation.outputs:
            if tensor.ref() in sizes:
                yield number, tensor.ref()


def _peak(held: Iterable[tuple[int, int, int]]) -> int:
    """The most bytes at a time, of (bytes, made, last read)."""
    changes: dict[int, int] = {}
    for size, made, read in held:
        changes[made] = changes.get(made, 0) + size
        changes[read + 1] = changes.get(read + 1, 0) - size
    return int(max(np.cumsum([changes[when] for when in sorted(changes)]), default=0))


def _bytes(tensor: tf.Tensor) -> int:
    """Of a tensor of one signal; 0 where its shape is not known before it is computed."""
    elements = tensor.shape.num_elements()
    return 0 if elements is None else elements * tensor.dtype.size
