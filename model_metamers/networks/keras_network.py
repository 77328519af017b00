"""Bring your own: a built Keras model as a network."""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from model_metamers.errors import InputError
from model_metamers.networks import keras_checks
from model_metamers.networks.keras_graph import KerasGraph
from model_metamers.networks.keras_relu import ClipEnd, StepEnd, Value, hides_relu, step_end
from model_metamers.networks.network import Network, Stage
from model_metamers.signals.spec import SignalSpec


def from_keras(
    model: Any,
    layers: Sequence[str],
    signal: SignalSpec,
    classes: Sequence[str] | None = None,
    name: str | None = None,
    learning_rate: float = 0.001,
    preprocess: Callable[[tf.Tensor], tf.Tensor] | None = None,
) -> Network:
    """A Keras model with names for the layers to match.

    Every layer of the model, and every operation such as `keras.ops.relu(x)` or `a + b`, is a
    stage under its name. A layer of a model in the model is "base/conv", for which `layers`
    takes "conv" where there is but one. A layer that is used more than once is a stage each
    time: "relu@0", "relu@1", ... An operation that gives several tensors is "name[0]", ...

    A layer that ends in a ReLU gets the linear gradient when it is matched, however the ReLU
    was written: as `activation`, by name, function or layer; as a layer or operation of its
    own; in a `Lambda`, in `TimeDistributed`, at the end of an inner model; with dropout, or
    whatever else does nothing at test, after it; as a concatenation of such layers. Where a
    layer seems to hide a ReLU that cannot be got at, a warning names it.

    The model may compute in any floating-point type; stages are float32.

    Args:
      model: functional or sequential, built, with one input and one output [batch,
        classes]: logits or probabilities. Of one number [batch, 1] two classes are made, by
        the threshold 0.5 where its activation gives 0 to 1 (a sigmoid), else by 0; a stage
        "two_classes" [batch, 2] is added for them: [1 - p, p], or [0, logit].
      layers: names of the layers to match, early to late. The output layer need not be
        among them.
      signal: what the network is fed, before preprocessing.
      classes: names of the outputs; "class_0", ... when None. Of one number: the names below
        and above the threshold, or the name above alone, "cat", which makes "not cat".
      name: of the network; the model's when None.
      learning_rate: of the metamer search.
      preprocess: from float32 [batch, *signal.shape] to what the model takes; of TensorFlow
        operations, since gradients flow through it. None where the model does it itself.

    Raises:
      InputError: a model that is not built, has no graph of layers or several inputs or
        outputs; an unknown layer, or one of several uses; classes or a signal that do not
        fit; preprocessing that cannot be traced, or through which no gradient flows.
    """
    return KerasNetwork(model, layers, signal, classes, name, learning_rate, preprocess)


class KerasNetwork(Network):
    """See `from_keras`. The variables stay the Keras model's."""

    def __init__(self, model, layers, signal, classes, name, learning_rate, preprocess):
        keras_checks.check_model(model)
        graph = KerasGraph(model)
        outputs = graph.tensors[graph.output].shape[-1]
        layers = (layers,) if isinstance(layers, str) else layers
        super().__init__(
            name or model.name, signal, layers, _class_names(classes, outputs, model.name), learning_rate
        )
        self._preprocess = keras_checks.checked_preprocessing(preprocess, signal, model)
        self._two_classes = keras_checks.one_number(graph, model.name) if outputs == 1 else None
        # Not assigned as attributes are, which tf.Module would search for variables.
        ends = [step_end(graph, step) if step.operation else None for step in graph.steps]
        object.__setattr__(self, "_graph", graph)
        object.__setattr__(self, "_ends", ends)
        hidden = _slots_that_hide_a_relu(graph, ends)
        self._hidden = frozenset(name for name, slot in graph.stages.items() if slot in hidden)
        self.layers = tuple(self._in_full(layer) for layer in self.layers)
        self.check_layers(self.layers)
        keras_checks.check_gradients(graph, self.layers, model.name)
        keras_checks.check_answers(self, model, self._preprocess)
        self.weights = _by_path(model.weights)
        if self._hidden:
            names = ", ".join(name for name in graph.stages if name in self._hidden)
            warnings.warn(
                f"{self.name}: {names} seem to end in a ReLU that cannot be got at; matched, it has its "
                f"plain gradient, not the linear one; write it as `activation`, or as a layer of its own",
                stacklevel=3,
            )

    @property
    def checkpoint_digest(self) -> str:
        """Of the weights as they are when it is asked for."""
        content = _digest(self.weights)
        return self._assigned_digests.get(content, content)

    @checkpoint_digest.setter
    def checkpoint_digest(self, value: str) -> None:
        # One that is assigned, as a checkpoint's, holds as long as the weights stay the same.
        assigned = {_digest(self.weights): value} if value else {}
        object.__setattr__(self, "_assigned_digests", assigned)

    @property
    def logits_stage(self) -> str:
        if self._two_classes is not None:
            return "two_classes"
        return [name for name, slot in self._graph.stages.items() if slot == self._graph.output][-1]

    def forward(self, signals: tf.Tensor, training: bool = False) -> dict[str, Stage]:
        """Every layer and operation of the model by name."""
        graph, training = self._graph, training is not False
        first = tf.cast(self._preprocess(signals), graph.tensors[0].dtype)
        values = {0: Value(first, first)}
        for step, end in zip(graph.steps, self._ends, strict=True):
            if end is not None:
                given = end.values(step, values.__getitem__, training)
                values.update(zip(step.outputs, given, strict=True))
        stages = {name: _stage(values[slot]) for name, slot in graph.stages.items()}
        if self._two_classes is not None:
            number = tf.cast(values[graph.output].output, tf.float32)
            other = 1.0 - number if self._two_classes == "probability" else tf.zeros_like(number)
            stages["two_classes"] = Stage(tf.concat([other, number], axis=-1))
        return stages

    def relu_gradient(self, layer: str, wanted: str) -> str:
        """As `Network.relu_gradient`; "plain" where a ReLU is hidden in the layer."""
        return "plain" if layer in self._hidden else super().relu_gradient(layer, wanted)

    def check_layers(self, layers: Iterable[str]) -> tuple[str, ...]:
        layers = (layers,) if isinstance(layers, str) else tuple(layers)
        for layer in layers:
            meant = self._meant(layer)
            if layer not in self.stages and meant:
                raise InputError(
                    f"{layer!r} is no stage of {self.name}, which uses it more than once or within a model; "
                    f"say {' or '.join(meant)}"
                )
        return super().check_layers(layers)

    def initialize(self, seed: int) -> None:
        raise InputError(f"{self.name} brings its own weights; initialise the Keras model instead")

    def _in_full(self, layer: str) -> str:
        """The one stage that a layer's own name can mean; the name as it is where it is none or several."""
        meant = self._meant(layer)
        return meant[0] if len(meant) == 1 and layer not in self.stages else layer

    def _meant(self, layer: str) -> list[str]:
        """The stages of a layer that is called by its own name: without its model, or which use of it."""
        return [stage for stage in self.stages if layer in _short_names(stage)]


def _short_names(stage: str) -> set[str]:
    last = stage.rpartition("/")[2]
    return {_without_use(stage), last, _without_use(last)}


def _without_use(stage: str) -> str:
    return re.sub(r"@\d+", "", stage)


def _stage(value: Value) -> Stage:
    if not value.clip.relu:
        return Stage(tf.cast(value.output, tf.float32))
    return Stage(tf.cast(value.before, tf.float32), True, value.clip.ceiling)


def _slots_that_hide_a_relu(graph: KerasGraph, ends: Sequence[StepEnd | None]) -> set[int]:
    hidden: set[int] = set()
    for step, end in zip(graph.steps, ends, strict=True):
        handed_on = isinstance(end, ClipEnd) and not end.clip.relu and step.inputs[0] in hidden
        if handed_on or (type(end) is StepEnd and hides_relu(graph, step)):
            hidden.update(step.outputs)
    return hidden


def _class_names(classes: Sequence[str] | str | None, outputs: int, model: str) -> tuple[str, ...]:
    """The names of the classes: as many as outputs, or two of one output."""
    count = 2 if outputs == 1 else outputs
    if classes is None:
        return tuple(f"class_{i}" for i in range(count))
    classes = (classes,) if isinstance(classes, str) else tuple(classes)
    if outputs == 1 and len(classes) == 1:
        return (f"not {classes[0]}", *classes)
    if len(classes) != count:
        one = "; of one output the names are two, below and above the threshold" if outputs == 1 else ""
        raise InputError(f"{len(classes)} class names were given for {outputs} outputs of {model}{one}")
    return classes


def _by_path(variables: Sequence[Any]) -> dict[str, tf.Variable]:
    """Variables by Keras's path, which layers of one name in several models share: "path", "path_1", ..."""
    named: dict[str, tf.Variable] = {}
    for variable in variables:
        path, count = variable.path, 0
        while path in named:
            count += 1
            path = f"{variable.path}_{count}"
        named[path] = variable.value
    return named


def _digest(weights: dict[str, Any]) -> str:
    digest = hashlib.sha256()
    for name in sorted(weights):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(weights[name]).tobytes())
    return f"sha256:{digest.hexdigest()}"
