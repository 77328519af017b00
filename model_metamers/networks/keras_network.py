"""A built Keras model as a network."""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from model_metamers.errors import InputError, nearest
from model_metamers.networks import keras_checks
from model_metamers.networks.keras_graph import KerasGraph
from model_metamers.networks.keras_relu import ClipEnd, StepEnd, Value, hides_relu, step_end
from model_metamers.networks.network import Network
from model_metamers.networks.stage import Stage
from model_metamers.signals.spec import SignalSpec

_LISTED = 12  # names that a message lists in full


def from_keras(
    model: Any,
    layers: Sequence[str],
    signal: SignalSpec,
    classes: Sequence[str] | None = None,
    name: str | None = None,
    learning_rate: float = 0.001,
    preprocess: Callable[[tf.Tensor], tf.Tensor] | None = None,
) -> Network:
    """A Keras model as a network whose layers can be matched.

    Every layer of the model, and every operation such as `keras.ops.relu(x)` or `a + b`, is a
    stage under its name. A layer of an inner model "base" is "base/conv", at any depth; "conv"
    does as well where only one layer has that name. A layer that is used more than once is one stage
    for each use: "relu@0", "relu@1", ... An operation that returns several tensors is "name[0]",
    "name[1]", ...

    A layer that ends in a ReLU gets the linear gradient when it is matched, however the ReLU
    is written: as `activation`, given as a name, function or layer; as a layer or operation of its
    own; in a `Lambda`, in `TimeDistributed`, or at the end of an inner model; followed by dropout
    or anything else that does nothing at test; or as a concatenation of such layers. A warning
    names every layer that seems to contain a ReLU that cannot be reached.

    The model may compute in any floating-point type; stages are float32.

    Args:
      model: functional or sequential, built, with one input and one output [batch,
        classes] of logits or probabilities. A single output [batch, 1] stands for two classes,
        with a threshold of 0.5 if its activation gives 0 to 1 (a sigmoid) and of 0 otherwise;
        a stage "two_classes" [batch, 2] is added for them: [1 - p, p], or [0, logit].
      layers: names of the layers to match, early to late. The output layer need not be
        among them.
      signal: what the network is fed, before preprocessing.
      classes: names of the outputs; "class_0", ... when None. For a single output: the names
        of the classes below and above the threshold, or only of the one above, such as "cat",
        which makes the other "not cat".
      name: name of the network; the model's when None.
      learning_rate: learning rate of the metamer search.
      preprocess: from float32 [batch, *signal.shape] to the model's input, made of TensorFlow
        operations, since gradients flow through it. None where the model does it itself.

    Raises:
      InputError: the model is not built, has no graph of layers, or has several inputs or
        outputs; a layer is unknown, or its name fits several stages; classes or signal do not
        fit the model; or `preprocess` cannot be traced or lets no gradient through.

    Example:
      >>> layers = tf.keras.layers
      >>> conv = layers.Conv2D(4, 3, activation="relu", name="conv")
      >>> model = tf.keras.Sequential([layers.Input((8, 8, 3)), conv, layers.Flatten(), layers.Dense(2)])
      >>> network = from_keras(model, ["conv"], SignalSpec("image", (8, 8, 3), 0.0, 1.0))
      >>> network.stage_shapes["conv"], network.relu_gradient("conv", "linear")
      ((None, 6, 6, 4), 'linear')
    """
    return KerasNetwork(model, layers, signal, classes, name, learning_rate, preprocess)


class KerasNetwork(Network):
    """See `from_keras`. It uses the Keras model's own variables."""

    def __init__(self, model, layers, signal, classes, name, learning_rate, preprocess):
        keras_checks.check_model(model)
        graph = KerasGraph(model)
        keras_checks.check_states(graph, model.name)
        outputs = graph.tensors[graph.output].shape[-1]
        keras_checks.check_arguments(layers, signal)
        classes = _class_names(classes, outputs, model.name)
        # Its layers are those that are found below: an error must not tell of others as of its own.
        super().__init__(name or model.name, signal, (), classes, learning_rate)
        self._preprocess = keras_checks.checked_preprocessing(preprocess, signal, model)
        self._two_classes = keras_checks.one_number(graph, model.name) if outputs == 1 else None
        # Set in this way because tf.Module would search ordinary attributes for variables.
        ends = [step_end(graph, step) if step.operation else None for step in graph.steps]
        object.__setattr__(self, "_graph", graph)
        object.__setattr__(self, "_ends", ends)
        hidden = _slots_that_hide_a_relu(graph, ends)
        self._hidden = frozenset(name for name, slot in graph.stages.items() if slot in hidden)
        self.layers = self.check_layers(layers)
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
        """Digest of the weights as they are now; or the one assigned to just these weights."""
        content = _digest(self.weights)
        return self._assigned_digests.get(content, content)

    @checkpoint_digest.setter
    def checkpoint_digest(self, value: str) -> None:
        # A digest that is assigned, such as a checkpoint's, is kept while the weights stay the same.
        assigned = {_digest(self.weights): value} if value else {}
        object.__setattr__(self, "_assigned_digests", assigned)

    @property
    def logits_stage(self) -> str:
        if self._two_classes is not None:
            return "two_classes"
        return [name for name, slot in self._graph.stages.items() if slot == self._graph.output][-1]

    def forward(self, signals: tf.Tensor, training: bool = False) -> dict[str, Stage]:
        """The stage of every layer and operation of the model, from [batch, *signal.shape] signals."""
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
        """As `Network.relu_gradient`, but "plain" for a layer with a ReLU that cannot be reached."""
        (layer,) = self.check_layers([layer])
        return "plain" if layer in self._hidden else super().relu_gradient(layer, wanted)

    def check_layers(self, layers: Iterable[str]) -> tuple[str, ...]:
        """As `Network.check_layers`; a name without the models around it serves where only one has it."""
        layers = (layers,) if isinstance(layers, str) else tuple(layers)
        return super().check_layers([self._in_full(layer) for layer in layers])

    def initialize(self, seed: int) -> None:
        raise InputError(f"{self.name} brings its own weights; initialise the Keras model instead")

    def _in_full(self, layer: str) -> str:
        """The full name of the only stage that a short name fits; of an unknown layer, the name as it is.

        Raises:
          InputError: it fits several; the message has their full names.
        """
        if layer in self.stages:
            return layer
        candidates = [stage for stage in self.stages if layer in _short_names(stage)]
        if len(candidates) > 1:
            told = (
                " or ".join(candidates)
                if len(candidates) <= _LISTED
                else nearest(layer, candidates, "stages")
            )
            raise InputError(
                f"{layer!r} is no stage of {self.name}, which uses it more than once or within a model; "
                f"say {told}"
            )
        return candidates[0] if candidates else layer


def _short_names(stage: str) -> set[str]:
    """Names of a stage without some or all models around it, and without the numbers of the uses."""
    parts = stage.split("/")
    ends = {"/".join(parts[i:]) for i in range(len(parts))}
    return ends | {re.sub(r"@\d+", "", end) for end in ends}


def _stage(value: Value) -> Stage:
    if not value.clip.relu:
        return Stage(tf.cast(value.output, tf.float32))
    return Stage(tf.cast(value.before, tf.float32), True, value.clip.ceiling)


def _slots_that_hide_a_relu(graph: KerasGraph, ends: Sequence[StepEnd | None]) -> set[int]:
    """Outputs of steps with a ReLU that cannot be reached, and of steps that hand them on."""
    hidden: set[int] = set()
    for step, end in zip(graph.steps, ends, strict=True):
        hands_on = isinstance(end, ClipEnd) and not end.clip.relu and step.inputs[0] in hidden
        if hands_on or (type(end) is StepEnd and hides_relu(graph, step)):
            hidden.update(step.outputs)
    return hidden


def _class_names(classes: Sequence[str] | str | None, outputs: int, model: str) -> tuple[str, ...]:
    """One class name for each output, or two for a single output."""
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
    """Variables by Keras's path; paths that occur more than once become "path", "path_1", ..."""
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
