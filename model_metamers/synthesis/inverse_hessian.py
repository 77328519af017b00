"""What L-BFGS knows of a function's curvature: the latest steps, with the changes of the gradient.

Sources: Nocedal & Wright, Numerical Optimization (2006), section 7.2; Byrd, Nocedal & Schnabel,
Mathematical Programming 63 (1994), theorem 2.2, whose compact form takes few passes over the memory.
"""

from __future__ import annotations

import tensorflow as tf

# The least cosine between a step and the change of the gradient that tells of a curvature.
_LEAST_COSINE = 1e-6
# Up to this share of the numbers it takes less time to gather those left out than to go through all.
_FEW = 0.05
# A share of a row's square that is no difference of nearly equal numbers.
_MUCH = 0.5


def own(memory: tf.Tensor) -> tf.Tensor:
    """A copy of the memory, for `with_step` to write to."""
    return tf.raw_ops.DeepCopy(x=memory)


def with_step(
    memory: tf.Tensor,
    products: tf.Tensor,
    count: tf.Tensor,
    step: tf.Tensor,
    change: tf.Tensor,
    where: tf.Tensor,
    gradient: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
    """The memory with one more step of each signal, in the place of the oldest.

    The memory is most of what a search of large signals reads and writes. So it is read once for all
    products, and the new rows are written into the memory given, which nobody else may hold (`own`).

    Args:
      memory: [batch, 2, vectors, n], the steps and the changes of the gradient.
      products: [batch, 2 vectors, 2 vectors] of every two of them.
      count: [batch] of the steps that were written to it; 0 forgets them.
      step, change: [batch, n].
      where: [batch], whose steps are to be remembered, if they tell of a curvature.
      gradient: [batch, n], whose products are wanted as well.

    Returns:
      Memory, products and count, and the memory's products [batch, 2 vectors] with `gradient`.
    """
    batch, _, vectors, n = memory.shape
    product = tf.reduce_sum(step * change, axis=1)
    keep = where & (product > _LEAST_COSINE * tf.norm(step, axis=1) * tf.norm(change, axis=1))
    place = count % vectors
    latest = tf.stack([step, change], axis=1)
    there = tf.gather(memory, place, axis=2, batch_dims=1)
    latest = tf.where(keep[:, tf.newaxis, tf.newaxis], latest, there)
    rows = (2 * tf.range(batch)[:, tf.newaxis] + tf.range(2)) * vectors + place[:, tf.newaxis]
    # `tf.tensor_scatter_nd_update` copies all of it.
    memory = tf.raw_ops.InplaceUpdate(
        x=tf.reshape(memory, [-1, n]), i=tf.reshape(rows, [-1]), v=tf.reshape(latest, [-1, n])
    )
    memory = tf.reshape(memory, [batch, 2, vectors, n])
    both = tf.reshape(memory, [-1, 2 * vectors, n])
    # Three products with a vector each take less time than one with a matrix of three columns.
    of_step, of_change, along = (tf.linalg.matvec(both, x) for x in (step, change, gradient))
    for row, column in ((place, of_step), (place + vectors, of_change)):
        here = tf.one_hot(tf.where(keep, row, -1), 2 * vectors, on_value=True, off_value=False)
        products = tf.where(here[:, :, tf.newaxis], column[:, tf.newaxis], products)
        products = tf.where(here[:, tf.newaxis], column[:, :, tf.newaxis], products)
    return memory, products, count + tf.cast(keep, tf.int32), along


def times_inverse_hessian(
    memory: tf.Tensor,
    products: tf.Tensor,
    count: tf.Tensor,
    gradient: tf.Tensor,
    along: tf.Tensor,
    left_out: tf.Tensor | None,
) -> tuple[tf.Tensor, tf.Tensor]:
    """The gradient times L-BFGS's matrix.

    Args:
      memory, products, count: see `with_step`.
      gradient: [batch, n], zero where numbers are left out.
      along: [batch, 2 vectors], the memory's products with it.
      left_out: [batch, n], numbers that take no part; None where all do.

    Returns:
      The product [batch, n], zero where numbers are left out, and [batch] whether a step was remembered.
    """
    vectors, n = memory.shape[2], memory.shape[3]
    both = tf.reshape(memory, [-1, 2 * vectors, n])
    if left_out is not None:
        products = _without(both, products, left_out)
    # Oldest first; what was not written yet comes before.
    places = (count[:, tf.newaxis] + tf.range(vectors)) % vectors
    order = tf.concat([places, places + vectors], axis=1)
    gram = tf.cast(products, tf.float64)
    gram = tf.gather(tf.gather(gram, order, axis=1, batch_dims=1), order, axis=2, batch_dims=1)
    along = tf.gather(tf.cast(along, tf.float64), order, axis=1, batch_dims=1)[:, :, tf.newaxis]

    curvatures = tf.linalg.diag_part(gram[:, :vectors, vectors:])
    sizes = tf.sqrt(tf.linalg.diag_part(gram))
    least = _LEAST_COSINE * sizes[:, :vectors] * sizes[:, vectors:]
    known = (places < count[:, tf.newaxis]) & (curvatures > least)
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
    curved = tf.linalg.matvec(both, factors[:, :, 0], transpose_a=True)
    curved = curved if left_out is None else tf.where(left_out, 0.0, curved)
    return tf.cast(scale[:, :, 0], tf.float32) * gradient + curved, some


def _without(both: tf.Tensor, products: tf.Tensor, left_out: tf.Tensor) -> tf.Tensor:
    """The products of every two rows of `both` [batch, rows, n] without the numbers left out.

    Few are left out as a rule: theirs are taken off. What is left of a row may be little beside that, and
    hardly more than rounding; then, as for many, the products are computed anew.
    """

    def of_one(signal):
        both, products, left_out = signal

        def anew():
            kept = tf.where(left_out, 0.0, both)
            return tf.matmul(kept, kept, transpose_b=True)

        def taken_off():
            some = tf.gather(both, tf.where(left_out)[:, 0], axis=1)
            rest = products - tf.matmul(some, some, transpose_b=True)
            much = tf.linalg.diag_part(rest) >= _MUCH * tf.linalg.diag_part(products)
            return tf.cond(tf.reduce_all(much), lambda: rest, anew)

        share = tf.reduce_mean(tf.cast(left_out, tf.float32))
        return tf.cond(share <= _FEW, taken_off, anew)

    return tf.cond(
        tf.reduce_any(left_out),
        lambda: tf.map_fn(of_one, (both, products, left_out), fn_output_signature=products.dtype),
        lambda: products,
    )
