"""Whether the steps of a Keras model end in a ReLU, in whatever way it is written.

A function is recognised by what it does to numbers. One that returns max(x, 0), or
min(max(x, 0), ceiling), is a ReLU, be it an `activation`, a layer, a `Lambda` or an operation.
One that returns x, as dropout does at test, ends as the step before it does.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from model_metamers.networks.keras_graph import KerasGraph, Step
from model_metamers.networks.keras_probe import (
    NUMBERS,
    is_float,
    is_keras_own,
    is_opaque,
    known_numbers,
    random_numbers,
    tried_shape,
    try_step,
)

keras = tf.keras

# Layers whose `activation` is the last thing they compute. With other layers this is tried out.
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


@dataclasses.dataclass(frozen=True)
class Clip:
    """The function min(max(x, low), high)."""

    low: float = -math.inf
    high: float = math.inf

    def after(self, first: Clip) -> Clip:
        """The clip that has the same effect as `first` followed by this one."""
        return Clip(*(min(max(bound, self.low), self.high) for bound in (first.low, first.high)))

    @property
    def relu(self) -> bool:
        return self.low == 0

    @property
    def ceiling(self) -> float | None:
        return None if self.high == math.inf else self.high


@dataclasses.dataclass(frozen=True)
class Value:
    """An output of a step, and the clip that the step ends in.

    Attributes:
      output: the value that the Keras model computes.
      before: the value before the clip.
      clip: the clip that turns `before` into `output`; by default it changes nothing.
    """

    output: tf.Tensor
    before: tf.Tensor
    clip: Clip = Clip()


class StepEnd:
    """Computes the values of a step that does not end in a clip; subclasses do so for those that do."""

    def values(self, step: Step, value_of: Callable[[int], Value], training: bool) -> list[Value]:
        given = step.call(lambda slot: value_of(slot).output, training)
        return [Value(output, output) for output in tf.nest.flatten(given)]


@dataclasses.dataclass(frozen=True)
class ClipEnd(StepEnd):
    """For a step that only clips its one input."""

    clip: Clip

    def values(self, step, value_of, training):
        if training:  # dropout and noise leave their input as it is only at test
            return super().values(step, value_of, training)
        given = value_of(step.inputs[0])
        output = step.call(lambda slot: value_of(slot).output)
        return [Value(output, tf.cast(given.before, output.dtype), self.clip.after(given.clip))]


@dataclasses.dataclass(frozen=True)
class ActivationEnd(StepEnd):
    """For a layer whose `activation` comes last."""

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
    """For a layer, such as TimeDistributed, around another one that ends in an activation."""

    clip: Clip

    def values(self, step, value_of, training):
        output = step.call(lambda slot: value_of(slot).output, training)
        with _without_activation(step.operation):
            before = step.call(lambda slot: value_of(slot).output, training)
        return [Value(output, before, self.clip)]


class JoinedEnd(StepEnd):
    """For a concatenation: where every input ends in the same ReLU, the output ends in it too."""

    def values(self, step, value_of, training):
        (joined,) = super().values(step, value_of, training)
        clips = {value_of(slot).clip for slot in step.inputs}
        if len(clips) > 1 or not next(iter(clips)).relu:
            return [joined]
        before = step.call(lambda slot: value_of(slot).before, training)
        return [Value(joined.output, before, clips.pop())]


def step_end(graph: KerasGraph, step: Step) -> StepEnd:
    """How a step ends, as far as trying it out can tell."""
    operation = step.operation
    clip = _clip_of_step(graph, step)
    if clip is not None:
        return ClipEnd(clip)
    if type(operation).__name__ == "Concatenate" and is_keras_own(operation):
        return JoinedEnd()
    if type(operation) in _ACTIVATED:
        clip = clip_of(operation.activation)
        return ActivationEnd(clip) if clip is not None and clip.relu else StepEnd()
    clip = _clip_inside(graph, step)
    return StepEnd() if clip is None else InnerEnd(clip)


def hides_relu(graph: KerasGraph, step: Step) -> bool:
    """Whether a step seems to end in a ReLU although `step_end` recognised none.

    That is, random numbers give many zeros and no negative values. Only steps that may do anything
    and layers that are known to have a ReLU are tried.
    """
    operation = step.operation
    clip = clip_of(getattr(operation, "activation", None))
    known = (clip is not None and clip.relu) or isinstance(operation, keras.layers.ReLU)
    if not known and not is_opaque(operation):
        return False
    given = try_step(graph, step, random_numbers)
    if given is None:
        return False
    values = np.concatenate([np.ravel(value) for value in given])
    return bool(values.min() == 0 < values.max() and np.mean(values == 0) > 0.05)


def clip_of(function: Any) -> Clip | None:
    """The clip that a function of numbers computes; None where it computes something else."""
    if not callable(function) or getattr(function, "weights", None):
        return None
    with contextlib.suppress(Exception):  # whatever a function of the user's may raise
        return _fitting_clip(NUMBERS, np.asarray(function(tf.constant(NUMBERS, tf.float32))))
    return None


def _fitting_clip(given: np.ndarray, got: np.ndarray) -> Clip | None:
    given, got = np.asarray(given, np.float64), np.asarray(got, np.float64)
    if given.shape != got.shape or not np.isfinite(got).all() or got.min() == got.max():
        return None
    low = -math.inf if got.min() == given.min() else float(got.min())
    high = math.inf if got.max() == given.max() else float(got.max())
    return Clip(low, high) if np.array_equal(got, np.clip(given, low, high)) else None


def _clip_of_step(graph: KerasGraph, step: Step) -> Clip | None:
    """The clip that a step computes; None where it computes something else or has weights."""
    if len(step.inputs) != 1 or len(step.outputs) != 1 or getattr(step.operation, "weights", None):
        return None
    before, after = graph.tensors[step.inputs[0]], graph.tensors[step.outputs[0]]
    # An inner model may leave a size open that is known where the model is used.
    shape = tuple(a or b for a, b in itertools.zip_longest(before.shape, after.shape))
    if shape != tuple(b or a for a, b in itertools.zip_longest(before.shape, after.shape)):
        return None
    if not is_float(after):
        return None
    numbers = known_numbers(tried_shape(shape))
    got = try_step(graph, step, lambda _: numbers)
    return None if got is None else _fitting_clip(numbers, got[0])


def _clip_inside(graph: KerasGraph, step: Step) -> Clip | None:
    """The ReLU that a layer ends in, if the layer can be computed without it; else None."""
    activation = _last_activation(step.operation)
    clip = None if activation is None else clip_of(getattr(activation.owner, activation.attribute))
    if clip is None or not clip.relu or len(step.outputs) != 1:
        return None
    whole = try_step(graph, step, random_numbers)
    with _without_activation(step.operation):
        before = try_step(graph, step, random_numbers)
    if whole is None or before is None or not before[0].min() < 0 < before[0].max():
        return None
    wanted = np.clip(before[0], clip.low, clip.high)
    return clip if np.allclose(whole[0], wanted, rtol=1e-5, atol=1e-6) else None


class _Activation(NamedTuple):
    """Where an activation is kept: in this attribute of this layer."""

    owner: Any
    attribute: str


def _last_activation(layer: Any) -> _Activation | None:
    """The activation that may come last in a layer, a layer around another one, or a model."""
    if isinstance(layer, keras.layers.Wrapper):
        return _last_activation(layer.layer)
    if isinstance(layer, keras.Model):
        outputs = getattr(layer, "outputs", None) or []
        return _last_activation(outputs[0]._keras_history.operation) if len(outputs) == 1 else None
    if callable(vars(layer).get("activation")):  # a recurrent layer's belongs to its cell
        return _Activation(layer, "activation")
    if isinstance(layer, keras.layers.ReLU):
        return _Activation(layer, "call")
    return None


@contextlib.contextmanager
def _without_activation(layer: Any) -> Iterator[None]:
    """While it lasts, the layer computes everything but its last activation."""
    activation = _last_activation(layer)
    if activation is None:
        raise ValueError(f"{layer} has no activation to take away")
    owner, name = activation
    own = vars(owner).get(name)
    # Set in this way because Keras would keep track of what is assigned.
    object.__setattr__(owner, name, lambda x, *_, **__: x)
    try:
        yield
    finally:
        if own is None:
            object.__delattr__(owner, name)
        else:
            object.__setattr__(owner, name, own)
