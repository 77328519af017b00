"""Trying out the steps of a Keras model on numbers, to learn what they do."""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from model_metamers.networks.keras_graph import KerasGraph, Step

keras = tf.keras

# Exact in every floating-point type, so that results can be compared for equality.
NUMBERS = np.array([0, 2**-7, 0.25, 0.5, 1, 1.5, 2, 3, 4, 5, 6, 7, 10, 20, 21, 30, 64, 100, 1000, 2**14])
NUMBERS = np.concatenate([-NUMBERS[::-1], NUMBERS])
_FREE_SIZE = 5  # the size that is tried where a shape leaves one open


def is_keras_own(thing: Any) -> bool:
    """Whether a layer, operation or function is one of Keras's."""
    module = getattr(thing, "__module__", None) or type(thing).__module__
    return module.startswith("keras.")


def is_opaque(operation: Any) -> bool:
    """Whether an operation may do anything.

    This is so for a Lambda, for a layer or activation that is not Keras's own, and for a layer or
    model that contains others.
    """
    if isinstance(operation, (keras.layers.Lambda, keras.layers.Wrapper, keras.Model)):
        return True
    activation = getattr(operation, "activation", None)
    return not is_keras_own(operation) or (callable(activation) and not is_keras_own(activation))


def is_float(tensor: Any) -> bool:
    return tf.as_dtype(tensor.dtype).is_floating


def try_step(graph: KerasGraph, step: Step, numbers: Callable[[Any], np.ndarray]) -> list[np.ndarray] | None:
    """The outputs of a step for numbers made by `numbers(tensor)`, float64; None where it cannot be tried."""
    values = _numbers_for(graph, step, numbers)
    if values is None:
        return None
    with contextlib.suppress(Exception):  # whatever a layer of the user's may raise
        given = tf.nest.flatten(step.call(values.__getitem__))
        return [tf.cast(value, tf.float64).numpy() for value in given]
    return None


def passes_gradients(graph: KerasGraph, step: Step) -> bool:
    """Whether a gradient comes back through a step for random numbers.

    Keras's own layers are taken to let gradients through, and so is what cannot be tried.
    """
    own_layer = isinstance(step.operation, keras.layers.Layer) and not is_opaque(step.operation)
    drawn = np.random.default_rng(1)  # other numbers for each input, or a difference of two would be 0
    values = (
        None
        if own_layer
        else _numbers_for(graph, step, lambda tensor: drawn.normal(size=tried_shape(tensor.shape)))
    )
    if values is None:
        return True
    with contextlib.suppress(Exception), tf.GradientTape() as tape:
        tape.watch(values)
        given = [value for value in tf.nest.flatten(step.call(values.__getitem__)) if is_float(value)]
        total = sum(tf.reduce_sum(tf.cast(value, tf.float32) ** 2) for value in given)
        gradients = tape.gradient(total, list(values.values())) if given else []
        return any(gradient is not None and np.any(gradient) for gradient in gradients)
    return True


def _numbers_for(graph: KerasGraph, step: Step, numbers: Callable[[Any], np.ndarray]) -> dict | None:
    """A tensor for each slot that a step reads; None where one of them is not floating-point."""
    tensors = {slot: graph.tensors[slot] for slot in step.inputs}
    if not all(is_float(tensor) for tensor in tensors.values()):
        return None
    return {slot: tf.cast(numbers(tensor), tensor.dtype) for slot, tensor in tensors.items()}


def tried_shape(shape: Sequence[int | None]) -> tuple[int, ...]:
    """The shape with every open size filled in; its batch is large enough to hold all `NUMBERS`."""
    sizes = [_FREE_SIZE if size is None else size for size in shape[1:]]
    batch = shape[0] or max(1, math.ceil(2 * NUMBERS.size / max(1, math.prod(sizes))))
    return (batch, *sizes)


@functools.lru_cache(maxsize=2)
def known_numbers(shape: tuple[int, ...]) -> np.ndarray:
    """`NUMBERS`, repeated to fill the shape, in a random order that sorting or shifting would change."""
    count = math.prod(shape)
    return np.random.default_rng(0).permutation(np.resize(NUMBERS, count)).reshape(shape)


def random_numbers(tensor: Any) -> np.ndarray:
    return np.random.default_rng(1).normal(size=tried_shape(tensor.shape))
