"""The metamer search by L-BFGS: the compiled loop around the line search.

The paper searches by Adam; this is an option beside it (WORKSPACE_NOTES.md, deviations).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from model_metamers.synthesis.line_search import LbfgsState, advanced
from model_metamers.synthesis.matching import potential_and_gradient
from model_metamers.synthesis.state import BETA1, BETA2

if TYPE_CHECKING:
    from model_metamers.networks.network import Network

VECTORS = 20


def fresh(signals: np.ndarray, vectors: int = VECTORS) -> dict[str, np.ndarray]:
    """What L-BFGS remembers before the first evaluation, which is of the signals [batch, *shape]."""
    flat = signals.reshape(len(signals), -1).astype(np.float32)
    batch, n = flat.shape
    zeros = np.zeros([batch, n], np.float32)
    none, count = np.zeros([batch], np.float32), np.zeros([batch], np.int32)
    state = LbfgsState(
        best=flat,
        loss=np.full([batch], np.inf, np.float32),
        current=flat,
        value=none,
        gradient=zeros,
        trial=flat,
        direction=zeros,
        slope=none,
        length=none,
        shortest=none,
        longest=np.full([batch], np.inf, np.float32),
        trials=count,
        memory=np.zeros([batch, 2, vectors, n], np.float32),
        remembered=count,
        m=zeros,
        v=zeros,
        powers=np.broadcast_to(np.array([BETA1, BETA2], np.float32), [batch, 2]),
        adam_left=count,
        milestone=np.full([batch], np.inf, np.float32),
        since=count,
        restarts=count,
        begun=count,
    )
    return state._asdict()


def after_draft(signals: tf.Tensor, optimizer: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """What L-BFGS remembers where the exact steps begin: only how often it could not go on.

    What it knows of the draft's values and gradients is of another function.
    """
    anew = {name: tf.constant(array) for name, array in fresh(signals.numpy()).items()}
    return {**anew, "restarts": optimizer["restarts"]}


def compiled_steps(network: Network, layer: str, relu_gradient: str) -> Callable:
    """Some evaluations as one compiled loop; takes and gives what `adam.compiled_steps` does.

    The learning rate is that of the Adam steps where the line search cannot go on.
    """
    spec = network.signal
    low, high = (spec.low, spec.high) if spec.bounded else (-np.inf, np.inf)

    def steps(signals, optimizer, step, length, rate, decay, wanted):
        del step, decay
        shape = signals.shape

        def body(i, losses, *values):
            state = LbfgsState(*values)
            trial = tf.reshape(state.trial, shape)
            loss, value, gradient = potential_and_gradient(network, layer, relu_gradient, trial, wanted)
            state = advanced(state, loss, value, tf.reshape(gradient, state.trial.shape), low, high, rate)
            return i + 1, losses.write(i, state.loss), *state

        losses = tf.TensorArray(tf.float32, size=length, element_shape=[shape[0]])
        _, losses, *values = tf.while_loop(
            lambda i, *_: i < length,
            body,
            (tf.constant(0), losses, *LbfgsState(**optimizer)),
            parallel_iterations=1,
        )
        state = LbfgsState(*values)
        return tf.reshape(state.best, shape), state._asdict(), losses.stack()

    return tf.function(steps, autograph=False)
