"""How the steps of a Keras model end: in a ReLU, in whatever way it was written, or not.

A function is known by what it does to numbers. One that gives max(x, 0), or
min(max(x, 0), ceiling), is a ReLU, be it an `activation`, a layer, a `Lambda` or an
operation; one that gives x, as dropout does at test, hands on the end of what it is given.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

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
    if type(operation).__name__ == "Concatenate" and is_keras_own(operation):
        return JoinedEnd()
    if type(operation) in _ACTIVATED:
        clip = clip_of(operation.activation)
        return ActivationEnd(clip) if clip is not None and clip.relu else StepEnd()
    clip = _clip_inside(graph, step)
    return StepEnd() if clip is None else InnerEnd(clip)


def hides_relu(graph: KerasGraph, step: Step) -> bool:
    """Whether a step of no known end gives what only a ReLU would: zeros, and nothing below.

    Asked of what is opaque, and of layers that have a ReLU which could not be taken away.
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
    """The clip that an activation is; None where it is none."""
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
    """The clip that a step is; None where it is none, or has weights that may change."""
    if len(step.inputs) != 1 or len(step.outputs) != 1 or getattr(step.operation, "weights", None):
        return None
    before, after = graph.tensors[step.inputs[0]], graph.tensors[step.outputs[0]]
    # A model that is open in a size may be used where the size is known.
    shape = tuple(a or b for a, b in itertools.zip_longest(before.shape, after.shape))
    if shape != tuple(b or a for a, b in itertools.zip_longest(before.shape, after.shape)):
        return None
    if not is_float(after):
        return None
    numbers = known_numbers(tried_shape(shape))
    got = try_step(graph, step, lambda _: numbers)
    return None if got is None else _fitting_clip(numbers, got[0])


def _clip_inside(graph: KerasGraph, step: Step) -> Clip | None:
    """The clip that a layer ends in, where taking its last activation away leaves the rest alone."""
    found = _last_activation(step.operation)
    clip = None if found is None else clip_of(getattr(*found))
    if clip is None or not clip.relu or len(step.outputs) != 1:
        return None
    whole = try_step(graph, step, random_numbers)
    with _without_activation(step.operation):
        before = try_step(graph, step, random_numbers)
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
    found = _last_activation(layer)
    if found is None:
        raise ValueError(f"{layer} has no activation to take away")
    owner, name = found
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
