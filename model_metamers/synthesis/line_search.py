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
from model_metamers.synthesis.inverse_hessian import times_inverse_hessian, with_step
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
      memory: [batch, 2, vectors, n] the latest steps, and the changes of the gradient.
      products: [batch, 2 vectors, 2 vectors] of every two of them.
      remembered: [batch] how many steps were written to it since it was last forgotten.
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
    memory: tf.Tensor
    products: tf.Tensor
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
      state: whose `trial` was evaluated; its memory is written to (`inverse_hessian.own`).
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

    change = gradient - state.gradient
    current = _where(accepted, state.trial, state.current)
    gradient = _where(accepted, gradient, state.gradient)
    pushed = _pushed(current, gradient, low, high)
    free = gradient if pushed is None else tf.where(pushed, 0.0, gradient)
    memory, products, remembered, along = with_step(
        state.memory, state.products, state.remembered, moved, change, accepted & searching, free
    )
    longer = lower & ~accepted
    state = state._replace(
        memory=memory,
        products=products,
        remembered=tf.where(failed, 0, remembered),
        current=current,
        best=_where(better, state.trial, state.best),
        loss=tf.where(better, loss, state.loss),
        gradient=gradient,
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
    again = state._replace(length=tf.minimum(_next_length(state, value), limit))
    state = state._replace(value=tf.where(accepted, value, state.value))
    fresh_line = _new_line(state, free, along, pushed, low, high)
    again = again._replace(value=state.value)
    state = _chosen(stepping, state, _chosen(accepted, fresh_line, again))
    trial = tf.clip_by_value(state.current + state.length[:, None] * state.direction, low, high)
    return _adam_step(state._replace(trial=trial), stepping, failed, low, high, rate)


def _pushed(current: tf.Tensor, gradient: tf.Tensor, low: float, high: float) -> tf.Tensor | None:
    """Where numbers lie at a bound and are pushed against it [batch, n]; None without bounds."""
    if not np.isfinite([low, high]).any():
        return None
    return ((current <= low) & (gradient > 0)) | ((current >= high) & (gradient < 0))


def _new_line(
    state: LbfgsState,
    gradient: tf.Tensor,
    along: tf.Tensor,
    left_out: tf.Tensor | None,
    low: float,
    high: float,
) -> LbfgsState:
    """The state at the first trial along a new direction; for the others see `times_inverse_hessian`."""
    product, known = times_inverse_hessian(
        state.memory, state.products, state.remembered, gradient, along, left_out
    )
    direction = -product
    slope = _dot(gradient, direction)
    downhill = slope < 0
    direction = _where(downhill, direction, -gradient)
    slope = tf.where(downhill, slope, -_dot(gradient, gradient))
    # Without a memory the direction has no scale: a step of length 1 is a first guess.
    unknown = ~(downhill & known)
    size = tf.maximum(tf.norm(direction, axis=1), 1e-30)
    length = tf.minimum(tf.where(unknown, tf.minimum(1.0, 1.0 / size), 1.0), _limit(direction, low, high))
    return state._replace(
        direction=direction,
        slope=slope,
        length=length,
        shortest=tf.zeros_like(length),
        longest=tf.fill(tf.shape(length), np.float32(np.inf)),
        trials=tf.zeros_like(state.trials),
        remembered=tf.where(downhill, state.remembered, 0),
    )


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


def _adam_step(
    state: LbfgsState,
    stepping: tf.Tensor,
    first: tf.Tensor,
    low: float,
    high: float,
    rate: tf.Tensor | float,
) -> LbfgsState:
    """The state with Adam's trial where it steps; mostly it does nowhere, and nothing is computed."""

    def step():
        m = _where(first, tf.zeros_like(state.m), state.m)
        v = _where(first, tf.zeros_like(state.v), state.v)
        betas = tf.constant([BETA1, BETA2])
        powers = _where(first, tf.broadcast_to(betas, tf.shape(state.powers)), state.powers)
        both = tf.transpose(powers)[:, :, None]
        trial, m, v = adam_update(state.current, state.gradient, m, v, both, rate)
        return (
            _where(stepping, tf.clip_by_value(trial, low, high), state.trial),
            _where(stepping, m, state.m),
            _where(stepping, v, state.v),
            _where(stepping, powers * betas, state.powers),
        )

    unchanged = (state.trial, state.m, state.v, state.powers)
    trial, m, v, powers = tf.cond(tf.reduce_any(stepping), step, lambda: unchanged)
    return state._replace(trial=trial, m=m, v=v, powers=powers)


def _chosen(where: tf.Tensor, yes: LbfgsState, no: LbfgsState) -> LbfgsState:
    return LbfgsState(*(_where(where, a, b) if a is not b else a for a, b in zip(yes, no, strict=True)))


def _where(where: tf.Tensor, yes: tf.Tensor, no: tf.Tensor) -> tf.Tensor:
    """By signal: `where` [batch] broadcast to the others' rank."""
    return tf.where(tf.reshape(where, [-1] + [1] * (len(yes.shape) - 1)), yes, no)


def _dot(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(a * b, axis=-1)
