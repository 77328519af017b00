"""A quasi-Newton search for a batch of signals: L-BFGS within bounds, one evaluation at a time.

Every signal is searched by itself: whether one is done, or goes on well or badly, changes nothing
of the others. Everything that the search needs to go on is in its state, which holds nothing but
arrays.

One call of `advanced` takes what was evaluated at the trial signals and gives the next ones. A
trial is accepted where the value has fallen enough and the slope has flattened (the weak Wolfe
conditions, approximate where the value is down to rounding); else another length is tried along
the same direction. Bounds are kept by projection: a pixel that lies at a bound and is pushed
against it is left out of the direction.

Where no length is accepted, the gradient is not that of the value: some Adam steps are taken, and
the memory begins afresh. That is counted.

Sources: Nocedal & Wright, Numerical Optimization (2006), algorithms 7.4 and 7.5; Hager & Zhang,
SIAM Journal on Optimization 16 (2005), the approximate conditions; Schmidt, Kim & Sra, Projected
Newton-type methods in machine learning (2011), the projection.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from model_metamers.synthesis.adam import adam_update
from model_metamers.synthesis.state import BETA1, BETA2

# The usual constants of the Wolfe conditions (Nocedal & Wright, p. 33 and 38).
_DECREASE, _FLATTENED = 1e-4, 0.9
# Share of the value below which a difference is rounding in float32.
_ROUNDING = 1e-6
# A length that lowers the value is taken after so many trials, flattened or not.
_PATIENCE = 6
# So many trials without one that lowers the value are a failure.
_MOST_TRIALS = 20
# Adam steps after the first failure; twice as many after each further one, up to the most.
_ADAM_STEPS, _MOST_ADAM_STEPS = 10, 160
# So many evaluations that lower the value by less than this share are a failure, too.
_STRETCH, _LEAST_PROGRESS = 20, 1e-4
# The least cosine between a step and the change of the gradient that is remembered.
_LEAST_COSINE = 1e-6
# No number of a bounded signal moves by more than this share of the range at once: the first steps from noise
# would throw pixels to the bounds, from where some searches end in a much shallower valley.
_LARGEST_MOVE = 0.1


class LbfgsState(NamedTuple):
    """Where the search of each signal is; all float32 but for the counts, which are int32.

    Attributes:
      best: [batch, n] the signals of the lowest loss so far.
      loss: [batch] of them, as the trace shows it.
      current: [batch, n] signals from which the search goes on; the best but after Adam steps.
      value: [batch] of the function that is made small, at them.
      gradient: [batch, n] of that function.
      trial: [batch, n] to be evaluated next.
      direction: [batch, n] that the line search follows.
      slope: [batch] of the value along it, at `current`.
      length: [batch] of the trial's step in units of the direction.
      shortest, longest: [batch] lengths between which an acceptable one lies, as far as known.
      trials: [batch] evaluated along the direction.
      steps, changes: [batch, vectors, n] of the signals and of the gradient, oldest first.
      remembered: [batch, vectors] 1 where there is such a step, else 0.
      m, v: [batch, n] Adam's moments.
      powers: [batch, 2] Adam's.
      adam_left: [batch] Adam steps still to take.
      milestone: [batch] the value some evaluations ago.
      since: [batch] how many.
      restarts: [batch] how often the line search could not go on.
      begun: [batch] 0 before the first evaluation.
    """

    best: tf.Tensor
    loss: tf.Tensor
    current: tf.Tensor
    value: tf.Tensor
    gradient: tf.Tensor
    trial: tf.Tensor
    direction: tf.Tensor
    slope: tf.Tensor
    length: tf.Tensor
    shortest: tf.Tensor
    longest: tf.Tensor
    trials: tf.Tensor
    steps: tf.Tensor
    changes: tf.Tensor
    remembered: tf.Tensor
    m: tf.Tensor
    v: tf.Tensor
    powers: tf.Tensor
    adam_left: tf.Tensor
    milestone: tf.Tensor
    since: tf.Tensor
    restarts: tf.Tensor
    begun: tf.Tensor


def advanced(
    state: LbfgsState,
    loss: tf.Tensor,
    value: tf.Tensor,
    gradient: tf.Tensor,
    low: float,
    high: float,
    rate: tf.Tensor | float,
) -> LbfgsState:
    """The state after one evaluation.

    Args:
      state: whose `trial` was evaluated.
      loss: [batch] of the trial, for the trace.
      value, gradient: [batch] and [batch, n] of the function that is made small, at the trial.
      low, high: bounds of every number of the signals.
      rate: of the Adam steps.
    """
    moved = state.trial - state.current
    predicted = _dot(state.gradient, moved)
    finite = tf.math.is_finite(value) & tf.reduce_all(tf.math.is_finite(gradient), axis=1)
    rounding = _ROUNDING * tf.abs(state.value)
    lower = finite & (value <= state.value + _DECREASE * predicted + rounding)
    flat = _dot(gradient, moved) >= _FLATTENED * predicted
    searching = (state.begun > 0) & (state.adam_left == 0)
    trials = state.trials + 1
    limit = _limit(state.direction, low, high)
    accepted = tf.where(searching, lower & (flat | (state.length >= limit) | (trials >= _PATIENCE)), finite)
    since = state.since + 1
    due = since >= _STRETCH
    still = tf.where(accepted, value, state.value)
    stalled = due & (still > state.milestone - _LEAST_PROGRESS * tf.abs(state.milestone))
    failed = searching & (stalled | (~accepted & (trials >= _MOST_TRIALS)))
    better = finite & (loss < state.loss)
    more = tf.minimum(_MOST_ADAM_STEPS, _ADAM_STEPS * 2 ** tf.minimum(state.restarts, 10))

    state = _remembered(state, moved, gradient - state.gradient, accepted & searching)
    longer = lower & ~accepted
    state = state._replace(
        current=_where(accepted, state.trial, state.current),
        best=_where(better, state.trial, state.best),
        loss=tf.where(better, loss, state.loss),
        gradient=_where(accepted, gradient, state.gradient),
        shortest=tf.where(longer, state.length, state.shortest),
        longest=tf.where(longer, state.longest, state.length),
        trials=trials,
        adam_left=tf.where(failed, more, tf.maximum(state.adam_left - 1, 0)),
        # What Adam does is no stretch of the line search.
        milestone=tf.where(due | ~searching, still, state.milestone),
        since=tf.where(due | ~searching, 0, since),
        restarts=state.restarts + tf.cast(failed, tf.int32),
        begun=tf.ones_like(state.begun),
    )
    stepping = state.adam_left > 0
    remembered = _where(failed, tf.zeros_like(state.remembered), state.remembered)
    state = _adam_step(state._replace(remembered=remembered), stepping, failed, low, high, rate)
    length = tf.minimum(_next_length(state, value), limit)
    state = state._replace(value=tf.where(accepted, value, state.value))
    fresh_line = _new_line(state, low, high)
    again = _on_line(state, state.direction, length, low, high)._replace(length=length)
    return _chosen(stepping, state, _chosen(accepted, fresh_line, again))


def _remembered(state: LbfgsState, step: tf.Tensor, change: tf.Tensor, where: tf.Tensor) -> LbfgsState:
    """The state with a step in its memory, where it tells of a curvature."""
    product = _dot(step, change)
    least = _LEAST_COSINE * tf.norm(step, axis=1) * tf.norm(change, axis=1)
    keep = where & (product > least)
    new = tf.ones_like(product)
    steps, changes, remembered = (
        tf.concat([old[:, 1:], latest[:, None]], axis=1)
        for old, latest in ((state.steps, step), (state.changes, change), (state.remembered, new))
    )
    return state._replace(
        steps=_where(keep, steps, state.steps),
        changes=_where(keep, changes, state.changes),
        remembered=_where(keep, remembered, state.remembered),
    )


def _new_line(state: LbfgsState, low: float, high: float) -> LbfgsState:
    """The state at the first trial along a new direction."""
    pushed = ((state.current <= low) & (state.gradient > 0)) | (
        (state.current >= high) & (state.gradient < 0)
    )
    gradient = tf.where(pushed, 0.0, state.gradient)
    product, known = _times_inverse_hessian(state, gradient, pushed)
    direction = -product
    slope = _dot(gradient, direction)
    downhill = slope < 0
    direction = _where(downhill, direction, -gradient)
    slope = tf.where(downhill, slope, -_dot(gradient, gradient))
    # Without a memory the direction has no scale: a step of length 1 is a first guess.
    unknown = ~(downhill & known)
    size = tf.maximum(tf.norm(direction, axis=1), 1e-30)
    length = tf.minimum(tf.where(unknown, tf.minimum(1.0, 1.0 / size), 1.0), _limit(direction, low, high))
    state = state._replace(
        direction=direction,
        slope=slope,
        length=length,
        shortest=tf.zeros_like(length),
        longest=tf.fill(tf.shape(length), np.float32(np.inf)),
        trials=tf.zeros_like(state.trials),
        remembered=_where(downhill, state.remembered, tf.zeros_like(state.remembered)),
    )
    return _on_line(state, direction, length, low, high)


def _times_inverse_hessian(
    state: LbfgsState, gradient: tf.Tensor, pushed: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """The gradient [batch, n] times L-BFGS's matrix, among the numbers that are not `pushed`.

    In the compact form of Byrd, Nocedal & Schnabel, Mathematical Programming 63 (1994), theorem 2.2:
    a few matrix products instead of two loops. What has as many rows as vectors is float64.

    Returns:
      The product, and [batch] whether any step was remembered.
    """
    free = tf.where(pushed, 0.0, 1.0)[:, None]
    steps, changes = state.steps * free, state.changes * free
    products = _dot(steps, changes)
    least = _LEAST_COSINE * tf.norm(steps, axis=2) * tf.norm(changes, axis=2)
    known = (state.remembered > 0) & (products > least)
    steps, changes = (tf.where(known[:, :, None], vectors, 0.0) for vectors in (steps, changes))
    cross = tf.cast(tf.matmul(steps, changes, transpose_b=True), tf.float64)
    upper = tf.linalg.band_part(cross, 0, -1) + tf.linalg.diag(tf.cast(~known, tf.float64))
    square = tf.cast(tf.matmul(changes, changes, transpose_b=True), tf.float64)
    scales = tf.math.divide_no_nan(tf.linalg.diag_part(cross), tf.linalg.diag_part(square))
    latest = state.steps.shape[1] - 1 - tf.argmax(tf.cast(known[:, ::-1], tf.int32), axis=1)
    some = tf.reduce_any(known, axis=1)
    scale = tf.gather(scales, latest, batch_dims=1)
    scale = tf.where(some, scale, tf.ones_like(scale))[:, None, None]
    along_steps, along_changes = (
        tf.cast(tf.matmul(vectors, gradient[:, :, None]), tf.float64) for vectors in (steps, changes)
    )
    shares = tf.linalg.triangular_solve(upper, along_steps, lower=False)
    own = tf.linalg.diag_part(cross)[:, :, None] * shares
    back = own + scale * (tf.matmul(square, shares) - along_changes)
    back = tf.linalg.triangular_solve(upper, back, lower=False, adjoint=True)
    of_steps = tf.matmul(steps, tf.cast(back, tf.float32), transpose_a=True)
    of_changes = tf.matmul(changes, tf.cast(scale * shares, tf.float32), transpose_a=True)
    result = tf.cast(scale[:, :, 0], tf.float32) * gradient + (of_steps - of_changes)[:, :, 0]
    return tf.where(pushed, 0.0, result), some


def _next_length(state: LbfgsState, value: tf.Tensor) -> tf.Tensor:
    """Between the lengths that are known; by a parabola where only too long ones are."""
    excess = value - state.value - state.slope * state.length
    parabola = -state.slope * state.length**2 / (2.0 * excess)
    parabola = tf.where(tf.math.is_finite(parabola), parabola, 0.0)
    shorter = tf.clip_by_value(parabola, 0.1 * state.longest, 0.5 * state.longest)
    between = tf.where(state.shortest > 0, 0.5 * (state.shortest + state.longest), shorter)
    return tf.where(tf.math.is_inf(state.longest), 2.0 * state.shortest, between)


def _limit(direction: tf.Tensor, low: float, high: float) -> tf.Tensor:
    """The greatest length [batch] that a trial along a direction may have; infinite without bounds."""
    fastest = tf.reduce_max(tf.abs(direction), axis=1)
    return np.float32(_LARGEST_MOVE * (high - low)) / tf.maximum(fastest, 1e-30)


def _on_line(
    state: LbfgsState, direction: tf.Tensor, length: tf.Tensor, low: float, high: float
) -> LbfgsState:
    trial = tf.clip_by_value(state.current + length[:, None] * direction, low, high)
    return state._replace(trial=trial)


def _adam_step(
    state: LbfgsState,
    stepping: tf.Tensor,
    first: tf.Tensor,
    low: float,
    high: float,
    rate: tf.Tensor | float,
) -> LbfgsState:
    m = _where(first, tf.zeros_like(state.m), state.m)
    v = _where(first, tf.zeros_like(state.v), state.v)
    powers = _where(first, tf.broadcast_to(tf.constant([BETA1, BETA2]), tf.shape(state.powers)), state.powers)
    trial, m, v = adam_update(state.current, state.gradient, m, v, tf.transpose(powers)[:, :, None], rate)
    return state._replace(
        trial=_where(stepping, tf.clip_by_value(trial, low, high), state.trial),
        m=_where(stepping, m, state.m),
        v=_where(stepping, v, state.v),
        powers=_where(stepping, powers * tf.constant([BETA1, BETA2]), state.powers),
    )


def _chosen(where: tf.Tensor, yes: LbfgsState, no: LbfgsState) -> LbfgsState:
    return LbfgsState(*(_where(where, a, b) if a is not b else a for a, b in zip(yes, no, strict=True)))


def _where(where: tf.Tensor, yes: tf.Tensor, no: tf.Tensor) -> tf.Tensor:
    """By signal: `where` [batch] broadcast to the others' rank."""
    return tf.where(tf.reshape(where, [-1] + [1] * (len(yes.shape) - 1)), yes, no)


def _dot(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(a * b, axis=-1)
