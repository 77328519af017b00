"""The paper's auditory CNNs, built from an architecture that is data.

An architecture is a list of `{"layer_type": ..., "args": {...}}`, applied one after
the other, in the grammar of the authors' own files (docs/sources.md 1a). `word_architecture`
makes the aliased and the reduced-aliasing one (docs/sources.md 1b) at any width.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from model_metamers.errors import InputError
from model_metamers.frontends.cochleagram import CochleagramConfig, cochleagram
from model_metamers.frontends.fast_cochleagram import fast_cochleagram
from model_metamers.networks import layers
from model_metamers.networks.audio_architecture import Architecture, normalized
from model_metamers.networks.audio_layers import LAYER_TYPES, RELU_CEILINGS, top_names
from model_metamers.networks.network import Network
from model_metamers.networks.stage import Stage
from model_metamers.networks.tasks import WORD_TASK
from model_metamers.signals.spec import SignalSpec

# Metamer layers (docs/sources.md 1a). Where a Hann pooling has taken over a convolution's stride, the
# pooling's output is matched instead of the convolution's.
ALIASED_LAYERS = (
    "cochleagram",
    "conv_0",
    "conv_1",
    "conv_2",
    "conv_3",
    "conv_4",
    "fc_intermediate",
    "logits",
)
REDUCED_LAYERS = (
    "cochleagram",
    "pool_0_0",
    "pool_1_0",
    "conv_2",
    "conv_3",
    "conv_4",
    "fc_intermediate",
    "logits",
)
# (kernel, stride) of the five convolutions of Tables S2 and S3.
_CONVOLUTIONS = (((7, 14), 3), ((4, 8), 2), ((2, 5), 1), ((2, 5), 1), ((2, 5), 1))
# By the convolution that comes before: (layer type, name, stride) of a pooling.
_POOLS = {
    0: ("tf.layers.max_pooling2d", "pool_0", 2),
    1: ("tf.layers.max_pooling2d", "pool_1", 2),
    4: ("tf.layers.average_pooling2d", "pool_2", 2),
}
_SCOPE = "brain_network"
_SPEECH_RMS = 0.1  # level of the sounds the networks were trained on, docs/sources.md 6


def word_architecture(
    reduced_aliasing: bool,
    channels: Sequence[int] = (96, 256, 512, 1024, 512),
    fc_units: int = 4096,
    tasks: Mapping[str, int] | None = None,
) -> list[dict[str, Any]]:
    """The architecture of Table S2 (aliased) or S3 (reduced aliasing).

    In the reduced-aliasing network Hann pooling replaces max and average pooling, and a strided
    convolution becomes one of stride 1 followed by a Hann pooling with its stride (paper 3.2).

    Args:
      reduced_aliasing: True for Table S3, False for Table S2.
      channels: output channels of the five convolutions; the defaults are the paper's.
      fc_units: number of units of fc_intermediate.
      tasks: number of classes by task key; 794 words when None.

    Returns:
      `{"layer_type": ..., "args": {...}}` of each layer, in order.

    Source: a reconstruction (docs/sources.md 1b): strides and channels are taken from sources,
    kernel shapes and the places of batch normalisation are inferred.
    """
    architecture = [_layer("tf.layers.batch_normalization", "batch_norm_data")]
    for i, (kernel, stride) in enumerate(_CONVOLUTIONS):
        architecture += _convolution(i, channels[i], kernel, stride, reduced_aliasing)
        if i in _POOLS:
            architecture.append(_pooling(*_POOLS[i], reduced_aliasing))
        if i < 2:
            architecture.append(_layer("tf.layers.batch_normalization", f"batch_norm_{i}"))
    return architecture + [
        _layer("tf.layers.flatten", "flatten_end_conv"),
        _layer("tf.layers.dense", "fc_intermediate", units=fc_units),
        _layer("tf.nn.relu", "relu_fc_intermediate"),
        _layer("tf.layers.dropout", "dropout", rate=0.5),
        _layer("multi_fc_top_classification", "fc_top", n_classes_dict=dict(tasks or {WORD_TASK: 794})),
    ]


def _convolution(
    i: int, channels: int, kernel: tuple[int, int], stride: int, reduced_aliasing: bool
) -> list[dict[str, Any]]:
    """A convolution with its ReLU and, where its stride is moved into one, a Hann pooling."""
    layers = [
        _layer(
            "tf.layers.conv2d",
            f"conv_{i}",
            filters=channels,
            kernel_size=kernel,
            strides=1 if reduced_aliasing else stride,
            padding="SAME",
        ),
        _layer("tf.nn.relu", f"relu_{i}"),
    ]
    return layers + ([_hann_pooling(f"pool_{i}_0", stride)] if reduced_aliasing and stride > 1 else [])


def _pooling(layer_type: str, name: str, stride: int, reduced_aliasing: bool) -> dict[str, Any]:
    if reduced_aliasing:
        return _hann_pooling(name, stride)
    return _layer(layer_type, name, pool_size=(2, 5), strides=stride, padding="SAME")


def _hann_pooling(name: str, stride: int) -> dict[str, Any]:
    return _layer(
        "hpool",
        name,
        strides=stride,
        pool_size=4 * stride,
        padding="SAME",
        sqrt_window=False,
        normalize=True,
    )


def _layer(layer_type: str, name: str, **args) -> dict[str, Any]:
    return {"layer_type": layer_type, "args": {**args, "name": name}}


class AuditoryCNN(Network):
    """A network that computes a cochleagram, applies an architecture to it and answers one task.

    Every layer of the architecture is a stage under its own name. A convolution or dense
    layer and the ReLU that follows it are one stage, under the convolution's or dense layer's name.

    Args:
      name: the name in the catalog.
      architecture: the layers after the cochleagram, in order; the module's docstring has the
        grammar.
      metamer_layers: names of the metamer layers, early to late; the last one must be "logits".
      classes: class names of the logits.
      frontend: settings of the cochleagram.
      num_samples: length of a sound, at the front end's sample rate.
      task: the task whose logits are the stage "logits".
      other_classes: class names of the other tasks, by task, where they are known.

    Raises:
      InputError: a layer type, an argument or a task that is not known, or a layer
        that does not fit the one before.
    """

    frontends = ("exact", "fast")
    leaks = True

    def __init__(
        self,
        name: str,
        architecture: Architecture,
        metamer_layers: Sequence[str],
        classes: Sequence[str],
        frontend: CochleagramConfig,
        num_samples: int = 40000,
        task: str = WORD_TASK,
        other_classes: Mapping[str, Sequence[str]] | None = None,
    ):
        super().__init__(
            name=name,
            signal=SignalSpec("sound", (num_samples,), -1.0, 1.0, frontend.sample_rate, _SPEECH_RMS),
            layers=metamer_layers,
            classes=classes,
        )
        self.frontend, self.task = frontend, task
        self._classes_of = {task: tuple(classes), **(other_classes or {})}
        # Tuples, because tf.Module would wrap a list of dicts and search it for variables.
        self._architecture = tuple((item["layer_type"], item["args"]) for item in normalized(architecture))
        self._build()

    def _build(self) -> None:
        """Creates the variables, following the shapes through the architecture."""
        # The shape after the layers so far; after the last layer, a dict of each task's shape.
        shape: Any = [None, self.frontend.num_filters, self.frontend.num_frames(self.signal.shape[0]), 1]
        for layer_type, args in self._architecture:
            add_weights = LAYER_TYPES[layer_type].add_weights
            if add_weights:
                add_weights(self.add_weight, f"{_SCOPE}/{args['name']}", args, shape[-1])
            layer = functools.partial(self._apply, layer_type, args)
            try:
                traced = tf.function(layer, autograph=False).get_concrete_function(
                    tf.TensorSpec(shape, tf.float32), training=False
                )
            except (ValueError, IndexError, tf.errors.InvalidArgumentError) as error:
                raise InputError(
                    f"architecture: {layer_type} {args['name']!r} does not fit its input of shape "
                    f"{list(shape)} ({str(error).splitlines()[0][:200]})"
                ) from error
            shape = traced.output_shapes
        if self.task not in shape:
            raise InputError(f"{self.name}: the architecture has no task {self.task!r}, only {sorted(shape)}")

    @property
    def tasks(self) -> dict[str, tuple[str, int]]:
        """For each task, the stage that holds its logits and the number of its classes."""
        layer_type, args = self._architecture[-1]
        names = top_names(layer_type, args)
        return {task: (name, args["n_classes_dict"][task]) for task, name in names.items()}

    def classes_of(self, task: str) -> tuple[str, ...]:
        """Class names of a task's logits; an empty tuple where they are not known."""
        return tuple(self._classes_of.get(task, ()))

    def _apply(self, layer_type: str, args: Mapping[str, Any], x: tf.Tensor, training: layers.Training):
        """The output of one layer; of the last one, a dict of each task's logits."""
        scope = f"{_SCOPE}/{args['name']}"
        return LAYER_TYPES[layer_type].apply(self.weights, scope, args, x, training)

    def forward(self, signals: tf.Tensor, training: layers.Training = False) -> dict[str, Stage]:
        """Stages from "cochleagram" to "logits" of [batch, samples] waveforms."""
        front_end = fast_cochleagram if self.frontend_in_use == "fast" else cochleagram
        return self.forward_cochleagram(front_end(signals, self.frontend), training)

    def forward_cochleagram(self, x: tf.Tensor, training: layers.Training = False) -> dict[str, Stage]:
        """The stages of `forward`, from [batch, filters, frames, 1] cochleagrams."""
        stages, previous = {"cochleagram": Stage(x)}, "cochleagram"
        for layer_type, args in self._architecture:
            if layer_type in RELU_CEILINGS:
                stages[previous] = Stage(x, relu=True, ceiling=RELU_CEILINGS[layer_type])
                x = stages[previous].output
                continue
            x = self._apply(layer_type, args, x, training)
            if isinstance(x, dict):  # the logits of every task end the network
                names = top_names(layer_type, args)
                stages.update({name: Stage(x[task]) for task, name in names.items()})
                stages["logits"] = Stage(x[self.task])
                break
            stages[args["name"]] = Stage(x)
            previous = args["name"]
        return stages
