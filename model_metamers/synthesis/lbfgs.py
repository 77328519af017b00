"""The metamer search by L-BFGS: the compiled loop around the line search.

The paper searches by Adam; this is an option beside it (WORKSPACE_NOTES.md, deviations).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from model_metamers.synthesis import scaling
from model_metamers.synthesis.easier import Easier
from model_metamers.synthesis.inverse_hessian import own
from model_metamers.synthesis.line_search import LbfgsState, advanced
from model_metamers.synthesis.matching import potential_and_gradient
from model_metamers.synthesis.state import BETA1, BETA2

if TYPE_CHECKING:
    from model_metamers.networks.network import Network

VECTORS = 20


def fresh(
    signals: np.ndarray,
    targets: np.ndarray | None = None,
    sample_rate: int | None = None,
    vectors: int = VECTORS,
) -> dict[str, np.ndarray]:
    """What L-BFGS remembers before the first evaluation, which is of the signals [batch, *shape].

    Args:
      signals: where the search begins.
      targets, sample_rate: of sounds; these are searched in coordinates of their own (`scaling.py`).
      vectors: how many steps are remembered.
    """
    if sample_rate is None:
        return _memory(signals, vectors)
    assert targets is not None
    return {**_memory(np.zeros_like(signals), vectors), **scaling.fresh(signals, targets, sample_rate)}


def _memory(signals: np.ndarray, vectors: int) -> dict[str, np.ndarray]:
    """The state of a line search that begins at signals, or at the numbers that stand for them."""
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
        products=np.zeros([batch, 2 * vectors, 2 * vectors], np.float32),
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


def completed(optimizer: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What an optimizer remembers, with the memory's products where an earlier version saved none."""
    memory = optimizer.get("memory")
    if memory is None or memory.ndim != 4 or "products" in optimizer:
        return optimizer
    rows = memory.reshape(len(memory), -1, memory.shape[3])
    return {**optimizer, "products": rows @ rows.transpose(0, 2, 1)}


def after_draft(signals: tf.Tensor, optimizer: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """What L-BFGS remembers where the function changes: only how often it could not go on.

    What it knows of a draft's or an eased network's values and gradients is of another function.
    """
    _, coordinates = _parted(optimizer)
    begin = tf.zeros_like(signals) if coordinates else signals
    anew = {name: tf.constant(array) for name, array in _memory(begin.numpy(), VECTORS).items()}
    if coordinates:
        coordinates = {**coordinates, "start": signals}
    return {**anew, "restarts": optimizer["restarts"], **coordinates}


def compiled_steps(network: Network, layer: str, relu_gradient: str, slope: float = 0.0) -> Callable:
    """Some evaluations as one compiled loop; takes and gives what `adam.compiled_steps` does.

    The learning rate is that of the Adam steps where the line search cannot go on. The ReLUs before the
    layer have a slope where they are flat, and where widths are given besides, rounded bends (`Easier`).
    """
    spec = network.signal
    low, high = (spec.low, spec.high) if spec.bounded else (-np.inf, np.inf)

    def steps(signals, optimizer, step, length, rate, decay, wanted, widths=None):
        del step, decay
        hidden = Easier(slope, widths)
        shape = signals.shape
        begun, coordinates = _parted(optimizer)
        begun = begun._replace(memory=own(begun.memory))

        def signals_at(point):
            return scaling.sounds(coordinates, point) if coordinates else tf.reshape(point, shape)

        def body(i, losses, *values):
            state = LbfgsState(*values)
            trial = signals_at(state.trial)
            loss, value, gradient = potential_and_gradient(
                network, layer, relu_gradient, trial, wanted, hidden
            )
            gradient = tf.reshape(gradient, state.trial.shape)
            gradient = scaling.gradient(coordinates, gradient) if coordinates else gradient
            state = advanced(state, loss, value, gradient, low, high, rate)
            return i + 1, losses.write(i, state.loss), *state

        losses = tf.TensorArray(tf.float32, size=length, element_shape=[shape[0]])
        _, losses, *values = tf.while_loop(
            lambda i, *_: i < length,
            body,
            (tf.constant(0), losses, *begun),
            parallel_iterations=1,
        )
        state = LbfgsState(*values)
        return signals_at(state.best), {**state._asdict(), **coordinates}, losses.stack()

    return tf.function(steps, autograph=False)


def _parted(optimizer: dict[str, tf.Tensor]) -> tuple[LbfgsState, dict[str, tf.Tensor]]:
    """The line search's state, and the coordinates of sounds; none of other signals."""
    coordinates = {name: optimizer[name] for name in scaling.NAMES if name in optimizer}
    return LbfgsState(**{name: optimizer[name] for name in LbfgsState._fields}), coordinates
