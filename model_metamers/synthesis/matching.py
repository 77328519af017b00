"""How far a signal's activations are from the target's, and which way leads nearer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import tensorflow as tf

from model_metamers import gradients
from model_metamers.errors import InputError
from model_metamers.synthesis.easier import EXACT, Easier

if TYPE_CHECKING:
    from model_metamers.networks.network import Network


def loss_and_gradient(
    network: Network, layer: str, relu_gradient: str, signals: tf.Tensor, wanted: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """The loss of each signal and its gradient.

    Args:
      network: the network.
      layer: name of the stage whose activations are matched.
      relu_gradient: gradient of the ReLU at the end of that stage, "linear" or "plain".
      signals: [batch, *shape].
      wanted: [batch, ...], the targets' activations at the layer.

    Returns:
      Losses [batch], sum of squared differences / 2, and the gradient [batch, *shape].

    Raises:
      InputError: there is no gradient from the layer to the signals.
    """
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(signals)
        stage = network.forward(signals)[layer].in_float32
        reached = stage.linear_gradient_output if relu_gradient == "linear" else stage.output
        axes = list(range(1, reached.shape.rank))
        loss = 0.5 * tf.reduce_sum((reached - wanted) ** 2, axis=axes)
    gradient = tape.gradient(loss, signals)
    if gradient is None:
        raise InputError(_no_gradient(network, layer))
    return loss, gradient


def potential_and_gradient(
    network: Network,
    layer: str,
    relu_gradient: str,
    signals: tf.Tensor,
    wanted: tf.Tensor,
    hidden: Easier = EXACT,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """The function whose gradient `loss_and_gradient` gives, which a line search needs.

    The linear gradient of a ReLU is not that of the squared error, but of another function with the
    same minimum. For a value a before the ReLU and a wanted w >= 0 that is (a - w)^2 / 2 where the
    ReLU passes a on, w^2 / 2 - w a where a < 0, and (c - w)^2 / 2 + (c - w) (a - c) above its
    ceiling c. (The clipped slopes within a cochleagram have no such function.)

    Args:
      network, layer, relu_gradient, signals, wanted: as for `loss_and_gradient`.
      hidden: how the ReLUs before that stage are computed.

    Returns:
      Each signal's loss [batch], that function [batch], and its gradient to the signals.

    Raises:
      InputError: no gradient comes back.
    """
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(signals)
        with gradients.replaced_relu(hidden.relu()):
            stage = network.forward(signals)[layer].in_float32
        axes = list(range(1, stage.value.shape.rank))
        loss = potential = 0.5 * tf.reduce_sum((stage.output - wanted) ** 2, axis=axes)
        if stage.relu and relu_gradient == "linear":
            # The ReLU's own slope drops out, so that it need not be told to the tape.
            output = tf.stop_gradient(stage.output)
            beyond = tf.reduce_sum((output - wanted) * (stage.value - output), axis=axes)
            potential = tf.stop_gradient(loss) + beyond
    gradient = tape.gradient(potential, signals)
    if gradient is None:
        raise InputError(_no_gradient(network, layer))
    return loss, potential, gradient


def _no_gradient(network: Network, layer: str) -> str:
    return (
        f"{network.name} {layer}: no gradient comes back to the signal; what lies between "
        f"rounds, turns into integers or stops gradients"
    )
