"""What L-BFGS knows of a function's curvature: the latest steps, with the changes of the gradient.

Sources: Nocedal & Wright, Numerical Optimization (2006), section 7.2; Byrd, Nocedal & Schnabel,
Mathematical Programming 63 (1994), theorem 2.2, whose compact form takes few passes over the memory.
"""

from __future__ import annotations

import tensorflow as tf

# The least cosine between a step and the change of the gradient that tells of a curvature.
_LEAST_COSINE = 1e-6


def with_step(
    memory: tf.Tensor, count: tf.Tensor, step: tf.Tensor, change: tf.Tensor, where: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """The memory with one more step of each signal, in the place of the oldest.

    Args:
      memory: [batch, 2, vectors, n], the steps and the changes of the gradient.
      count: [batch] of the steps that were written to it; 0 forgets them.
      step, change: [batch, n].
      where: [batch], whose steps are to be remembered, if they tell of a curvature.

    Returns:
      Memory and count.
    """
    product = tf.reduce_sum(step * change, axis=1)
    keep = where & (product > _LEAST_COSINE * tf.norm(step, axis=1) * tf.norm(change, axis=1))
    vectors = memory.shape[2]
    place = tf.one_hot(count % vectors, vectors, on_value=True, off_value=False) & keep[:, tf.newaxis]
    latest = tf.stack([step, change], axis=1)[:, :, tf.newaxis]
    memory = tf.where(place[:, tf.newaxis, :, tf.newaxis], latest, memory)
    return memory, count + tf.cast(keep, tf.int32)


def times_inverse_hessian(
    memory: tf.Tensor, count: tf.Tensor, gradient: tf.Tensor, left_out: tf.Tensor | None
) -> tuple[tf.Tensor, tf.Tensor]:
    """The gradient times L-BFGS's matrix.

    Args:
      memory, count: see `with_step`.
      gradient: [batch, n], zero where numbers are left out.
      left_out: [batch, n], numbers that take no part; None where all do.

    Returns:
      The product [batch, n], zero where numbers are left out, and [batch] whether a step was remembered.
    """
    vectors, n = memory.shape[2], memory.shape[3]
    both = tf.reshape(memory, [-1, 2 * vectors, n])
    if left_out is not None:
        both = tf.where(left_out[:, tf.newaxis], 0.0, both)
    # Oldest first; what was not written yet comes before.
    places = (count[:, tf.newaxis] + tf.range(vectors)) % vectors
    order = tf.concat([places, places + vectors], axis=1)
    gram = tf.cast(tf.matmul(both, both, transpose_b=True), tf.float64)
    gram = tf.gather(tf.gather(gram, order, axis=1, batch_dims=1), order, axis=2, batch_dims=1)
    along = tf.cast(tf.matmul(both, gradient[:, :, tf.newaxis]), tf.float64)
    along = tf.gather(along, order, axis=1, batch_dims=1)

    products = tf.linalg.diag_part(gram[:, :vectors, vectors:])
    sizes = tf.sqrt(tf.linalg.diag_part(gram))
    least = _LEAST_COSINE * sizes[:, :vectors] * sizes[:, vectors:]
    known = (places < count[:, tf.newaxis]) & (products > least)
    twice = tf.concat([known, known], axis=1)
    gram = tf.where(twice[:, :, tf.newaxis] & twice[:, tf.newaxis], gram, 0.0)
    along = tf.where(twice[:, :, tf.newaxis], along, 0.0)
    cross, square = gram[:, :vectors, vectors:], gram[:, vectors:, vectors:]
    upper = tf.linalg.band_part(cross, 0, -1) + tf.linalg.diag(tf.cast(~known, tf.float64))
    scales = tf.math.divide_no_nan(tf.linalg.diag_part(cross), tf.linalg.diag_part(square))
    latest = vectors - 1 - tf.argmax(tf.cast(known[:, ::-1], tf.int32), axis=1)
    some = tf.reduce_any(known, axis=1)
    scale = tf.where(some, tf.gather(scales, latest, batch_dims=1), 1.0)[:, tf.newaxis, tf.newaxis]

    shares = tf.linalg.triangular_solve(upper, along[:, :vectors], lower=False)
    own = tf.linalg.diag_part(cross)[:, :, tf.newaxis] * shares
    back = own + scale * (tf.matmul(square, shares) - along[:, vectors:])
    back = tf.linalg.triangular_solve(upper, back, lower=False, adjoint=True)
    factors = tf.cast(tf.concat([back, -scale * shares], axis=1), tf.float32)
    back_to_places = (tf.range(vectors) - count[:, tf.newaxis]) % vectors
    back_to_places = tf.concat([back_to_places, back_to_places + vectors], axis=1)
    factors = tf.gather(factors, back_to_places, axis=1, batch_dims=1)
    curved = tf.matmul(both, factors, transpose_a=True)[:, :, 0]
    return tf.cast(scale[:, :, 0], tf.float32) * gradient + curved, some
