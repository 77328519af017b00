"""Bring your own: a built Keras model as a network."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from model_metamers.errors import InputError
from model_metamers.networks.network import Network, Stage
from model_metamers.signals.spec import SignalSpec

keras = tf.keras

# Layers whose `activation` is the last thing they do; a recurrent layer's is not.
_ACTIVATED = (
    keras.layers.Dense,
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    keras.layers.Conv3D,
    keras.layers.Conv1DTranspose,
    keras.layers.Conv2DTranspose,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv2D,
)


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

    A layer that ends in a ReLU, as its `activation`, as a layer of its own, or as a
    concatenation of such layers, gets the linear gradient when it is matched. Every
    layer of the model is a stage under its name.

    Args:
      model: functional or sequential, built, with one input and one output [batch,
        classes]: logits or probabilities.
      layers: names of the layers to match, early to late. The output layer need not be
        among them.
      signal: what the network is fed, before preprocessing.
      classes: names of the outputs; "class_0", ... when None.
      name: of the network; the model's when None.
      learning_rate: of the metamer search.
      preprocess: from [batch, *signal.shape] to what the model takes; it stays in the
        graph that gradients flow through. None where the model does it itself.

    Raises:
      InputError: a model that is not built, has no graph of layers or several inputs or
        outputs, an unknown layer, classes or a signal that do not fit.
    """
    return KerasNetwork(model, layers, signal, classes, name, learning_rate, preprocess)


class KerasNetwork(Network):
    """See `from_keras`. The variables stay the Keras model's."""

    def __init__(self, model, layers, signal, classes, name, learning_rate, preprocess):
        _check_model(model)
        outputs = model.outputs[0].shape[-1]
        classes = tuple(classes) if classes is not None else tuple(f"class_{i}" for i in range(outputs))
        if len(classes) != outputs:
            raise InputError(f"{len(classes)} class names were given for {outputs} outputs of {model.name}")
        super().__init__(name or model.name, signal, layers, classes, learning_rate)
        self._model = model
        self._preprocess = preprocess or tf.identity
        self._readings = {
            layer.name: _reading(layer.output)
            for layer in model.layers
            if not isinstance(layer, keras.layers.InputLayer) and _single(layer)
        }
        needed = {id(t): t for reading in self._readings.values() for t in reading.tensors}
        self._places = {key: place for place, key in enumerate(needed)}
        self._extractor = keras.Model(model.inputs, list(needed.values()))
        self._output_name = model.outputs[0]._keras_history.operation.name
        self._check_signal()
        self.check_layers(self.layers)
        self.weights = {v.path: v.value for v in model.variables}
        self.checkpoint_digest = _digest(self.weights)

    @property
    def logits_stage(self) -> str:
        return self._output_name

    def forward(self, signals: tf.Tensor, training: bool = False) -> dict[str, Stage]:
        """Every layer of the model by name."""
        values = self._extractor(self._preprocess(signals), training=training)
        values = values if isinstance(values, (list, tuple)) else [values]
        stages = {}
        for name, reading in self._readings.items():
            value = reading.value([values[self._places[id(t)]] for t in reading.tensors])
            stages[name] = Stage(value, reading.relu, reading.ceiling)
        return stages

    def initialize(self, seed: int) -> None:
        raise InputError(f"{self.name} brings its own weights; initialise the Keras model instead")

    def _check_signal(self) -> None:
        expected = tuple(self._model.inputs[0].shape[1:])
        given = tuple(
            tf.function(self._preprocess)
            .get_concrete_function(tf.TensorSpec([None, *self.signal.shape], tf.float32))
            .output_shapes[1:]
        )
        if len(given) != len(expected) or any(
            e not in (None, g) for e, g in zip(expected, given, strict=True)
        ):
            raise InputError(
                f"{self._model.name} takes {list(expected)}, but the signal gives {list(given)}"
                f" after preprocessing; change `signal` or `preprocess`"
            )


class _Reading:
    """How a layer's value is had from tensors of the model.

    Attributes:
      tensors: of the model's graph that must be computed.
      value: their values -> the layer's value before its ReLU, or its output.
      relu, ceiling: as in `Stage`.
    """

    def __init__(self, tensors: list, value: Callable, relu: bool = False, ceiling: float | None = None):
        self.tensors, self.value, self.relu, self.ceiling = tensors, value, relu, ceiling


def _reading(tensor: Any) -> _Reading:
    layer = tensor._keras_history.operation
    ceiling = _relu_ceiling(layer)
    if ceiling is not _NO_RELU:
        if isinstance(layer, _ACTIVATED):
            return _Reading(
                [layer.input], lambda values: _without_activation(layer, values[0]), True, ceiling
            )
        return _Reading([layer.input], lambda values: values[0], True, ceiling)
    if isinstance(layer, keras.layers.Concatenate) and _single(layer):
        branches = [_reading(branch) for branch in layer.input]
        # A ReLU of each branch is a ReLU of all, where their ceilings agree.
        if all(b.relu and b.ceiling == branches[0].ceiling for b in branches):
            return _concatenated(branches, layer.axis)
    return _Reading([tensor], lambda values: values[0])


def _concatenated(branches: list[_Reading], axis: int) -> _Reading:
    counts = [len(branch.tensors) for branch in branches]

    def value(values):
        parts = []
        for branch, count in zip(branches, counts, strict=True):
            parts.append(branch.value(values[:count]))
            values = values[count:]
        return tf.concat(parts, axis)

    return _Reading([t for b in branches for t in b.tensors], value, True, branches[0].ceiling)


_NO_RELU = object()


def _relu_ceiling(layer: Any) -> Any:
    """The upper bound of the ReLU that a layer ends in (None without one), or _NO_RELU."""
    if not _single(layer):
        return _NO_RELU
    if isinstance(layer, keras.layers.ReLU):
        plain = not layer.negative_slope and not layer.threshold
        return layer.max_value if plain else _NO_RELU
    if isinstance(layer, (keras.layers.Activation, *_ACTIVATED)):
        ceilings = {keras.activations.relu: None, keras.activations.relu6: 6.0}
        return ceilings.get(layer.activation, _NO_RELU)
    return _NO_RELU


def _without_activation(layer: Any, value: tf.Tensor) -> tf.Tensor:
    """What a layer computes before its activation, with the layer's own weights."""
    activation, layer.activation = layer.activation, keras.activations.linear
    try:
        return layer(value)
    finally:
        layer.activation = activation


def _single(layer: Any) -> bool:
    """Whether a layer is used once and gives one tensor."""
    try:
        return not isinstance(layer.output, (list, tuple, dict))
    except AttributeError:
        return False


def _check_model(model: Any) -> None:
    if not isinstance(model, keras.Model):
        raise InputError(f"expected a Keras model on the TensorFlow backend, got {type(model).__name__}")
    if not model.built or not getattr(model, "inputs", None) or not getattr(model, "outputs", None):
        raise InputError(
            f"{model.name} has no graph of layers: build a sequential model with an input shape; for a "
            f"subclassed one, write a Network (see examples/)"
        )
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise InputError(
            f"{model.name} has {len(model.inputs)} inputs and {len(model.outputs)} outputs; expected one"
        )
    if len(model.outputs[0].shape) != 2:
        raise InputError(f"{model.name} gives {list(model.outputs[0].shape)}; expected [batch, classes]")


def _digest(weights: dict[str, Any]) -> str:
    digest = hashlib.sha256()
    for name in sorted(weights):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(weights[name]).tobytes())
    return f"sha256:{digest.hexdigest()}"
