"""The layer types of the auditory architectures: their arguments, variables and outputs.

An architecture is a list of `{"layer_type": ..., "args": {...}}` in the grammar of the
authors' own files (docs/sources.md 1a); names, defaults and variables are those of TF1's tf.layers
and of the lab's functions behind each layer type.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from model_metamers import gradients
from model_metamers.networks import layers, one_channel
from model_metamers.networks.max_pooling import max_pool2d

Args = Mapping[str, Any]
Weights = Mapping[str, tf.Variable]
AddWeight = Callable[..., tf.Variable]
REQUIRED = object()  # stands where an argument has no default

# Upper bound of each ReLU of the grammar.
RELU_CEILINGS = {"tf.nn.relu": None, "tf.nn.relu6": 6.0}


@dataclasses.dataclass(frozen=True)
class LayerType:
    """One layer type of the grammar.

    Attributes:
      arguments: name -> (kind, default or REQUIRED); the kinds are those of
        `audio_architecture`.
      apply: f(weights, scope, args, x, training) -> the layer's output; a layer that classifies
        returns a dict with the logits of each task.
      add_weights: f(add_weight, scope, args, channels) creates the layer's variables; None
        where it has none.
      default_name: what TF1 calls a layer of this type that was given no name.
    """

    arguments: Mapping[str, tuple[str, Any]]
    apply: Callable[[Weights, str, Args, tf.Tensor, layers.Training], Any]
    add_weights: Callable[[AddWeight, str, Args, int], None] | None = None
    default_name: str = ""


def pad_one_axis(
    x: tf.Tensor, size: Sequence[int], strides: Sequence[int], padding: Sequence[str]
) -> tuple[tf.Tensor, str]:
    """Pads the input where a window is to be padded along one axis only.

    Args:
      x: [batch, height, width, channels].
      size: of the window, (height, width), dilation included.
      strides: (height, width).
      padding: (height, width), "SAME" or "VALID" each. The lab's "VALID_TIME" is
        ("SAME", "VALID"): padded along frequency only.

    Returns:
      The input, with zeros around it where the two axes differ, and the padding mode ("SAME"
      or "VALID") for the convolution or pooling that follows.
    """
    if padding[0] == padding[1]:
        return x, padding[0]
    pads = layers.same_pads(x.shape[1:3], size, strides)
    pads = [pads[axis] if padding[axis] == "SAME" else (0, 0) for axis in (0, 1)]
    return tf.pad(x, [(0, 0), *pads, (0, 0)]), "VALID"


def _conv2d(weights: Weights, scope: str, args: Args, x: tf.Tensor, training: layers.Training) -> tf.Tensor:
    kernel = weights[f"{scope}/kernel"]
    span = [(k - 1) * d + 1 for k, d in zip(args["kernel_size"], args["dilation_rate"], strict=True)]
    x, padding = pad_one_axis(tf.cast(x, kernel.dtype), span, args["strides"], args["padding"])
    if x.shape[-1] == 1 and args["strides"] == args["dilation_rate"] == (1, 1):
        x = one_channel.conv2d_of_one_channel(x, kernel, padding)
    else:
        x = layers.dilated_conv2d(x, kernel, args["strides"], args["dilation_rate"], padding)
    return tf.nn.bias_add(x, weights[f"{scope}/bias"]) if args["use_bias"] else x


def _conv2d_weights(add_weight: AddWeight, scope: str, args: Args, channels: int) -> None:
    kernel = [*args["kernel_size"], channels, args["filters"]]
    add_weight(f"{scope}/kernel", kernel, layers.initializer("glorot_uniform"))
    if args["use_bias"]:
        add_weight(f"{scope}/bias", [args["filters"]], layers.initializer("zeros"))


def _batch_norm(
    weights: Weights, scope: str, args: Args, x: tf.Tensor, training: layers.Training
) -> tf.Tensor:
    parts = ("gamma", "beta", "moving_mean", "moving_variance")
    gamma, beta, mean, variance = (weights.get(f"{scope}/{part}") for part in parts)
    return layers.batch_norm(x, gamma, beta, mean, variance, training, args["momentum"], args["epsilon"])


def _batch_norm_weights(add_weight: AddWeight, scope: str, args: Args, channels: int) -> None:
    zeros, ones = layers.initializer("zeros"), layers.initializer("ones")
    if args["scale"]:
        add_weight(f"{scope}/gamma", [channels], ones)
    if args["center"]:
        add_weight(f"{scope}/beta", [channels], zeros)
    add_weight(f"{scope}/moving_mean", [channels], zeros, trainable=False)
    add_weight(f"{scope}/moving_variance", [channels], ones, trainable=False)


def _hpool(weights: Weights, scope: str, args: Args, x: tf.Tensor, training: layers.Training) -> tf.Tensor:
    x, padding = pad_one_axis(x, args["pool_size"], args["strides"], args["padding"])
    return layers.hann_pool(
        x, args["strides"], args["pool_size"], padding, args["sqrt_window"], args["normalize"]
    )


def _pool(pool: Callable) -> Callable:
    def apply(weights: Weights, scope: str, args: Args, x: tf.Tensor, training: layers.Training) -> tf.Tensor:
        return pool(x, args["pool_size"], args["strides"], args["padding"])

    return apply


def _nn_avg_pool(
    weights: Weights, scope: str, args: Args, x: tf.Tensor, training: layers.Training
) -> tf.Tensor:
    return tf.nn.avg_pool2d(x, args["ksize"], args["strides"], args["padding"])


def _product(weights: Weights, scope: str, args: Args, x: tf.Tensor) -> tf.Tensor:
    kernel = weights[f"{scope}/kernel"]
    x = tf.cast(x, kernel.dtype)
    x = tf.matmul(x, kernel) if x.shape.rank == 2 else tf.tensordot(x, kernel, 1)
    return x + weights[f"{scope}/bias"] if args["use_bias"] else x


def _dense(weights: Weights, scope: str, args: Args, x: tf.Tensor, training: layers.Training) -> tf.Tensor:
    return _product(weights, scope, args, x)


def _add_dense(add_weight: AddWeight, scope: str, args: Args, channels: int, units: int) -> None:
    add_weight(f"{scope}/kernel", [channels, units], layers.initializer("glorot_uniform"))
    if args["use_bias"]:
        add_weight(f"{scope}/bias", [units], layers.initializer("zeros"))


def _dense_weights(add_weight: AddWeight, scope: str, args: Args, channels: int) -> None:
    _add_dense(add_weight, scope, args, channels, args["units"])


def top_names(layer_type: str, args: Args) -> dict[str, str]:
    """The name of each task's dense layer at the top of the network.

    `multi_fc_top_classification` numbers them in the alphabetical order of the tasks.
    """
    tasks = sorted(args["n_classes_dict"])
    if layer_type == "fc_top_classification":
        return {tasks[0]: args["name"]}
    return {task: f"{args['name']}_{i}" for i, task in enumerate(tasks)}


def _top(layer_type: str) -> LayerType:
    def apply(weights: Weights, scope: str, args: Args, x: tf.Tensor, training: layers.Training) -> dict:
        folder = scope.removesuffix(args["name"])
        names = top_names(layer_type, args)
        return {task: _product(weights, folder + name, args, x) for task, name in names.items()}

    def add_weights(add_weight: AddWeight, scope: str, args: Args, channels: int) -> None:
        folder = scope.removesuffix(args["name"])
        for task, name in top_names(layer_type, args).items():
            _add_dense(add_weight, folder + name, args, channels, args["n_classes_dict"][task])

    arguments = {
        "n_classes_dict": ("classes", REQUIRED),
        "activation": ("none", None),
        "use_bias": ("flag", True),
    }
    return LayerType(arguments, apply, add_weights, "dense")


def _slice(weights: Weights, scope: str, args: Args, x: tf.Tensor, training: layers.Training) -> tf.Tensor:
    for begin, size, length in zip(args["begin"][1:], args["size"][1:], x.shape[1:], strict=True):
        if begin + max(size, 1) > length:
            raise ValueError(f"a slice from {begin} of size {size} leaves an axis of {length}")
    # The whole batch is kept: the size in the file is that of the authors' training batches.
    return tf.slice(x, [0, *args["begin"][1:]], [-1, *args["size"][1:]])


def _relu(ceiling: float | None) -> LayerType:
    return LayerType({}, lambda weights, scope, args, x, training: gradients.clipped_relu(x, ceiling))


_POOL = {
    "pool_size": ("pair", REQUIRED),
    "strides": ("pair", REQUIRED),
    "padding": ("padding", "VALID"),
    "data_format": ("channels last", None),
}

LAYER_TYPES: Mapping[str, LayerType] = {
    "tf.layers.conv2d": LayerType(
        {
            "filters": ("size", REQUIRED),
            "kernel_size": ("pair", REQUIRED),
            "strides": ("pair", (1, 1)),
            "padding": ("axis paddings", ("VALID", "VALID")),
            "dilation_rate": ("pair", (1, 1)),
            "activation": ("none", None),
            "use_bias": ("flag", True),
            "data_format": ("channels last", None),
        },
        _conv2d,
        _conv2d_weights,
        "conv2d",
    ),
    "tf.layers.batch_normalization": LayerType(
        {
            "axis": ("last axis", -1),
            "momentum": ("number", 0.99),
            "epsilon": ("number", 1e-3),
            "center": ("flag", True),
            "scale": ("flag", True),
        },
        _batch_norm,
        _batch_norm_weights,
        "batch_normalization",
    ),
    **{name: _relu(ceiling) for name, ceiling in RELU_CEILINGS.items()},
    "tf.nn.leaky_relu": LayerType(
        {"alpha": ("number", 0.2)},
        lambda weights, scope, args, x, training: tf.nn.leaky_relu(x, args["alpha"]),
    ),
    "hpool": LayerType(
        {
            "strides": ("pair", (2, 2)),
            "pool_size": ("pair", (8, 8)),
            "padding": ("axis paddings", ("SAME", "SAME")),
            "sqrt_window": ("flag", False),
            "normalize": ("flag", False),
        },
        _hpool,
    ),
    "tf.layers.max_pooling2d": LayerType(_POOL, _pool(max_pool2d)),
    "tf.layers.average_pooling2d": LayerType(_POOL, _pool(tf.nn.avg_pool2d)),
    "tf.nn.avg_pool": LayerType(
        {
            "ksize": ("window", REQUIRED),
            "strides": ("window", REQUIRED),
            "padding": ("padding", REQUIRED),
            "data_format": ("channels last", None),
        },
        _nn_avg_pool,
    ),
    "tf.layers.flatten": LayerType(
        {"data_format": ("channels last", None)},
        lambda weights, scope, args, x, training: tf.reshape(x, [-1, x.shape[1:].num_elements()]),
        default_name="flatten",
    ),
    "tf.layers.dense": LayerType(
        {"units": ("size", REQUIRED), "activation": ("none", None), "use_bias": ("flag", True)},
        _dense,
        _dense_weights,
        "dense",
    ),
    "tf.layers.dropout": LayerType(
        {"rate": ("number", 0.5), "noise_shape": ("none", None)},
        lambda weights, scope, args, x, training: layers.dropout(x, args["rate"], training, scope),
        default_name="dropout",
    ),
    "fc_top_classification": _top("fc_top_classification"),
    "multi_fc_top_classification": _top("multi_fc_top_classification"),
    "tf.pad": LayerType(
        {"paddings": ("pairs", REQUIRED), "mode": ("pad mode", "CONSTANT"), "constant_values": ("number", 0)},
        lambda weights, scope, args, x, training: tf.pad(
            x, args["paddings"], args["mode"], args["constant_values"]
        ),
    ),
    "tf.slice": LayerType({"begin": ("begin", REQUIRED), "size": ("integers", REQUIRED)}, _slice),
    "tf.transpose": LayerType(
        {"perm": ("permutation", REQUIRED)},
        lambda weights, scope, args, x, training: tf.transpose(x, args["perm"]),
    ),
}
