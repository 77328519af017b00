"""A network of the catalog in the form of the authors' TensorFlow 1 code."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable

import tensorflow as tf

from benchmarks.references import tf1_networks
from benchmarks.references.tf1_networks import Weights
from model_metamers.networks.auditory_cnn import AuditoryCNN
from model_metamers.networks.network import Network
from model_metamers.networks.slim import SlimNetwork
from model_metamers.networks.vgg import VGG

tf1 = tf.compat.v1


def form(network: Network, layer: str) -> Callable[[tf.Tensor, Weights], tf.Tensor]:
    """f(signals, weights) -> activations at a layer, whose ReLU passes every gradient.

    VGG has 7 x 7 and 1 x 1 convolutions for fc6 to fc8, the auditory CNNs a downsampling by
    convolution and dense Hann kernels. TF-slim's other networks are the package's own operations in a
    TensorFlow 1 graph, but for batch normalisation, which slim fuses.
    """
    if isinstance(network, VGG):
        return functools.partial(tf1_networks.vgg_19, layer=layer, pixel_std=network._pixel_std)
    if isinstance(network, AuditoryCNN):
        return functools.partial(
            tf1_networks.auditory_cnn,
            layer=layer,
            config=network.frontend,
            reduced_aliasing=any(kind == "hpool" for kind, _ in network._architecture),
        )
    return functools.partial(_slim_network, network=network, layer=layer)


def _slim_network(signals: tf.Tensor, weight: Weights, network: Network, layer: str) -> tf.Tensor:
    in_graph = copy.copy(network)
    # Set in this way because tf.Module would keep track of the graph's variables.
    object.__setattr__(in_graph, "weights", {name: weight(name) for name in network.weights})
    if isinstance(network, SlimNetwork):
        object.__setattr__(in_graph, "_batch_norm", functools.partial(_fused_batch_norm, in_graph))
    return in_graph.forward(signals)[layer].linear_gradient_output


def _fused_batch_norm(network: SlimNetwork, x: tf.Tensor, name: str, training: bool) -> tf.Tensor:
    del training
    scope = f"{network._scope}/{name}"
    gamma, beta, mean, variance = (
        network.weights.get(f"{scope}/{part}") for part in ("gamma", "beta", "moving_mean", "moving_variance")
    )
    gamma = tf.ones_like(beta) if gamma is None else gamma
    epsilon = network._norm.epsilon
    return tf1.nn.fused_batch_norm(x, gamma, beta, mean, variance, epsilon, is_training=False)[0]
