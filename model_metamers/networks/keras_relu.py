"""How the steps of a Keras model end: in a ReLU, in whatever way it was written, or not.

A function is known by what it does to numbers. One that gives max(x, 0), or
min(max(x, 0), ceiling), is a ReLU, be it an `activation`, a layer, a `Lambda` or an
operation; one that gives x, as dropout does at test, hands on the end of what it is given.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from model_metamers.networks.keras_graph import KerasGraph, Step

keras = tf.keras

# Layers whose `activation` is the last thing they do. Of others it is tried out.
_ACTIVATED = (
    keras.layers.Dense,
    keras.layers.EinsumDense,
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    keras.layers.Conv3D,
    keras.layers.Conv1DTranspose,
    keras.layers.Conv2DTranspose,
    keras.layers.Conv3DTranspose,
    keras.layers.DepthwiseConv1D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv1D,
    keras.layers.SeparableConv2D,
)
# Exact in every floating-point type, so that equal means equal.
_NUMBERS = np.array([0, 2**-7, 0.25, 0.5, 1, 1.5, 2, 3, 4, 5, 6, 7, 10, 20, 21, 30, 64, 100, 1000, 2**14])
_NUMBERS = np.concatenate([-_NUMBERS[::-1], _NUMBERS])
_FREE_SIZE = 5  # tried where a shape leaves a size open


@dataclasses.dataclass(frozen=True)
class Clip:
    """The function min(max(x, low), high)."""

    low: float = -math.inf
    high: float = math.inf

    def after(self, first: Clip) -> Clip:
        """This clip of what the first gives."""
        return Clip(*(min(max(bound, self.low), self.high) for bound in (first.low, first.high)))

    @property
    def relu(self) -> bool:
        return self.low == 0

    @property
    def ceiling(self) -> float | None:
        return None if self.high == math.inf else self.high


@dataclasses.dataclass(frozen=True)
class Value:
    """What a step gives, and how that ends.

    Attributes:
      output: the model's own value.
      before, clip: `output` is the clip of `before`.
    """

    output: tf.Tensor
    before: tf.Tensor
    clip: Clip = Clip()


class StepEnd:
    """How one step ends: in nothing special. Computes the step's values."""

    def values(self, step: Step, value_of: Callable[[int], Value], training: bool) -> list[Value]:
        given = step.call(lambda slot: value_of(slot).output, training)
        return [Value(output, output) for output in tf.nest.flatten(given)]


@dataclasses.dataclass(frozen=True)
class ClipEnd(StepEnd):
    """The step is a clip of its one input, and no more."""

    clip: Clip

    def values(self, step, value_of, training):
        if training:  # dropout and noise are the identity at test alone
            return super().values(step, value_of, training)
        given = value_of(step.inputs[0])
        output = step.call(lambda slot: value_of(slot).output)
        return [Value(output, tf.cast(given.before, output.dtype), self.clip.after(given.clip))]


@dataclasses.dataclass(frozen=True)
class ActivationEnd(StepEnd):
    """The step is a layer whose `activation` comes last."""

    clip: Clip

    def values(self, step, value_of, training):
        with _without_activation(step.operation):
            before = step.call(lambda slot: value_of(slot).output, training)
        output = step.operation.activation(before)
        if getattr(before, "_keras_mask", None) is not None:
            output._keras_mask = before._keras_mask
        return [Value(output, before, self.clip)]


@dataclasses.dataclass(frozen=True)
class InnerEnd(StepEnd):
    """The step is a layer around another one that ends in an activation, such as TimeDistributed."""

    clip: Clip

    def values(self, step, value_of, training):
        output = step.call(lambda slot: value_of(slot).output, training)
        with _without_activation(step.operation):
            before = step.call(lambda slot: value_of(slot).output, training)
        return [Value(output, before, self.clip)]


class JoinedEnd(StepEnd):
    """The step joins tensors: a ReLU of each is a ReLU of all, where their ceilings agree."""

    def values(self, step, value_of, training):
        (joined,) = super().values(step, value_of, training)
        clips = {value_of(slot).clip for slot in step.inputs}
        if len(clips) > 1 or not next(iter(clips)).relu:
            return [joined]
        before = step.call(lambda slot: value_of(slot).before, training)
        return [Value(joined.output, before, clips.pop())]


def step_end(graph: KerasGraph, step: Step) -> StepEnd:
    """How a step ends, as far as can be found out by trying."""
    operation = step.operation
    clip = _clip_of_step(graph, step)
    if clip is not None:
        return ClipEnd(clip)
    if type(operation).__name__ == "Concatenate" and _is_keras_own(operation):
        return JoinedEnd()
    if type(operation) in _ACTIVATED:
        clip = clip_of(operation.activation)
        return ActivationEnd(clip) if clip is not None and clip.relu else StepEnd()
    clip = _clip_inside(graph, step)
    return StepEnd() if clip is None else InnerEnd(clip)


def hides_relu(graph: KerasGraph, step: Step) -> bool:
    """Whether a step of no known end gives what only a ReLU would: zeros, and nothing below.

    Asked of what cannot be seen into: a Lambda, a layer of one's own, a layer around another
    or with an activation of one's own, not of Keras's layers and functions.
    """
    if not _is_opaque(step.operation):
        return False
    given = _try(graph, step, _random_numbers)
    if given is None:
        return False
    values = np.concatenate([np.ravel(value) for value in given])
    return bool(values.min() == 0 < values.max() and np.mean(values == 0) > 0.05)


def clip_of(function: Any) -> Clip | None:
    """The clip that an activation is; None where it is none."""
    if not callable(function) or getattr(function, "weights", None):
        return None
    with contextlib.suppress(Exception):  # whatever a function of the user's may raise
        return _fitting_clip(_NUMBERS, np.asarray(function(tf.constant(_NUMBERS, tf.float32))))
    return None


def _fitting_clip(given: np.ndarray, got: np.ndarray) -> Clip | None:
    given, got = np.asarray(given, np.float64), np.asarray(got, np.float64)
    if given.shape != got.shape or not np.isfinite(got).all() or got.min() == got.max():
        return None
    low = -math.inf if got.min() == given.min() else float(got.min())
    high = math.inf if got.max() == given.max() else float(got.max())
    return Clip(low, high) if np.array_equal(got, np.clip(given, low, high)) else None


def _clip_of_step(graph: KerasGraph, step: Step) -> Clip | None:
    """The clip that a step is; None where it is none, or has weights that may change."""
    if len(step.inputs) != 1 or len(step.outputs) != 1 or getattr(step.operation, "weights", None):
        return None
    before, after = graph.tensors[step.inputs[0]], graph.tensors[step.outputs[0]]
    # A model that is open in a size may be used where the size is known.
    shape = tuple(a or b for a, b in itertools.zip_longest(before.shape, after.shape))
    if shape != tuple(b or a for a, b in itertools.zip_longest(before.shape, after.shape)):
        return None
    if not _is_float(after):
        return None
    numbers = _known_numbers(_tried_shape(shape))
    got = _try(graph, step, lambda _: numbers)
    return None if got is None else _fitting_clip(numbers, got[0])


def _clip_inside(graph: KerasGraph, step: Step) -> Clip | None:
    """The clip that a layer ends in, where taking its last activation away leaves the rest alone."""
    found = _last_activation(step.operation)
    clip = None if found is None else clip_of(getattr(*found))
    if clip is None or not clip.relu or len(step.outputs) != 1:
        return None
    whole = _try(graph, step, _random_numbers)
    with _without_activation(step.operation):
        before = _try(graph, step, _random_numbers)
    if whole is None or before is None or not before[0].min() < 0 < before[0].max():
        return None
    wanted = np.clip(before[0], clip.low, clip.high)
    return clip if np.allclose(whole[0], wanted, rtol=1e-5, atol=1e-6) else None


def _last_activation(layer: Any) -> tuple[Any, str] | None:
    """Of a layer, a layer around one, or a model: which layer's which function may come last."""
    if isinstance(layer, keras.layers.Wrapper):
        return _last_activation(layer.layer)
    if isinstance(layer, keras.Model):
        outputs = getattr(layer, "outputs", None) or []
        return _last_activation(outputs[0]._keras_history.operation) if len(outputs) == 1 else None
    if callable(vars(layer).get("activation")):  # a recurrent layer's belongs to its cell
        return layer, "activation"
    if isinstance(layer, keras.layers.ReLU):
        return layer, "call"
    return None


@contextlib.contextmanager
def _without_activation(layer: Any) -> Iterator[None]:
    """The layer without its last activation, with its own weights."""
    owner, name = _last_activation(layer)
    own = vars(owner).get(name)
    # Past Keras, which would keep account of what is assigned.
    object.__setattr__(owner, name, lambda x, *_, **__: x)
    try:
        yield
    finally:
        if own is None:
            object.__delattr__(owner, name)
        else:
            object.__setattr__(owner, name, own)


def _is_opaque(operation: Any) -> bool:
    if isinstance(operation, (keras.layers.Lambda, keras.layers.Wrapper, keras.layers.ReLU, keras.Model)):
        return True
    activation = getattr(operation, "activation", None)
    if callable(activation):
        clip = clip_of(activation)
        if (clip is not None and clip.relu) or not _is_keras_own(activation):
            return True
    return not _is_keras_own(operation)


def _is_keras_own(thing: Any) -> bool:
    module = getattr(thing, "__module__", None) or type(thing).__module__
    return module.startswith("keras.")


def _is_float(tensor: Any) -> bool:
    return tf.as_dtype(tensor.dtype).is_floating


def _try(graph: KerasGraph, step: Step, numbers: Callable[[Any], np.ndarray]) -> list[np.ndarray] | None:
    """What a step gives for such numbers, float64; None where it cannot be tried."""
    tensors = {slot: graph.tensors[slot] for slot in step.inputs}
    if not all(_is_float(tensor) for tensor in tensors.values()):
        return None
    values = {slot: tf.cast(numbers(tensor), tensor.dtype) for slot, tensor in tensors.items()}
    with contextlib.suppress(Exception):  # whatever a layer of the user's may raise
        given = tf.nest.flatten(step.call(values.__getitem__))
        return [tf.cast(value, tf.float64).numpy() for value in given]
    return None


def _tried_shape(shape: Sequence[int | None]) -> tuple[int, ...]:
    """Such a shape, with sizes where it is open, and enough numbers to try them all."""
    sizes = [_FREE_SIZE if size is None else size for size in shape[1:]]
    batch = shape[0] or max(1, math.ceil(2 * _NUMBERS.size / max(1, math.prod(sizes))))
    return (batch, *sizes)


@functools.lru_cache(maxsize=2)
def _known_numbers(shape: tuple[int, ...]) -> np.ndarray:
    """`_NUMBERS` again and again, in no order that a layer could leave as it is by chance."""
    count = math.prod(shape)
    return np.random.default_rng(0).permutation(np.resize(_NUMBERS, count)).reshape(shape)


def _random_numbers(tensor: Any) -> np.ndarray:
    return np.random.default_rng(1).normal(size=_tried_shape(tensor.shape))
