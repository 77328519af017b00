"""The quasi-Newton search: against SciPy's, and as a search for metamers."""

import dataclasses
import functools

import numpy as np
import pytest
import scipy.optimize
import tensorflow as tf

import model_metamers as mm
from model_metamers import runs
from model_metamers.synthesis import lbfgs
from model_metamers.synthesis.line_search import LbfgsState, advanced
from model_metamers.synthesis.matching import loss_and_gradient, potential_and_gradient
from model_metamers.synthesis.search import Search
from tests.builders.logarithm import RATE, Logarithm, targets

UNBOUNDED = (-np.inf, np.inf)


def config(**changes) -> mm.SynthesisConfig:
    return dataclasses.replace(
        mm.SynthesisConfig(iterations=30, save_every=10, log_every=1, optimizer="lbfgs"), **changes
    )


def rosenbrock(x: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(100 * (x[:, 1:] - x[:, :-1] ** 2) ** 2 + (1 - x[:, :-1]) ** 2, axis=1)


def quadratic(x: tf.Tensor) -> tf.Tensor:
    """Curved a thousand times as much in one direction as in another."""
    curvatures = tf.constant(np.geomspace(1, 1000, x.shape[1]), x.dtype)
    return 0.5 * tf.reduce_sum(curvatures * (x - 0.7) ** 2, axis=1)


def value_and_gradient(function, x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = function(x)
    return value, tape.gradient(value, x)


@functools.cache
def compiled(function, bounds):
    @tf.function(autograph=False)
    def search(evaluations, *values):
        def body(i, *values):
            state = LbfgsState(*values)
            value, gradient = value_and_gradient(function, state.trial)
            return i + 1, *advanced(state, value, value, gradient, *bounds, 1e-3)

        return tf.while_loop(lambda i, *_: i < evaluations, body, (tf.constant(0), *values))[1:]

    return search


def minimum(function, starts, bounds, evaluations):
    """The state after some evaluations."""
    values = map(tf.constant, lbfgs.fresh(starts, vectors=10).values())
    return LbfgsState(*compiled(function, bounds)(tf.constant(evaluations), *values))


@pytest.mark.parametrize("bounds", [UNBOUNDED, (-2.0, 0.5), (0.2, 0.9)])
@pytest.mark.parametrize("function", [rosenbrock, quadratic])
def test_minimum_is_that_of_scipy(function, bounds):
    starts = np.stack([np.full(10, 0.3), np.linspace(-1, 2, 10), np.full(10, 0.8)]).clip(*bounds)
    ours = minimum(function, starts.astype(np.float32), bounds, 250)

    def as_scipy_wants(x):
        value, gradient = value_and_gradient(function, tf.constant(x[None]))
        return float(value[0]), gradient[0].numpy()

    for i, start in enumerate(starts):
        options = {"maxfun": 2000, "maxiter": 2000, "ftol": 0, "gtol": 1e-10}
        theirs = scipy.optimize.minimize(
            as_scipy_wants, start, jac=True, method="L-BFGS-B", bounds=[bounds] * 10, options=options
        )
        assert float(ours.loss[i]) == pytest.approx(theirs.fun, rel=1e-4, abs=1e-5)
        np.testing.assert_allclose(ours.best[i], theirs.x, atol=5e-3)


def test_evaluations_are_not_many_more_than_scipys():
    start = np.full([1, 10], -1.0, np.float32)
    theirs = scipy.optimize.minimize(
        lambda x: tuple(part[0].numpy() for part in value_and_gradient(rosenbrock, tf.constant(x[None]))),
        start[0].astype(float),
        jac=True,
        method="L-BFGS-B",
    )
    assert minimum(rosenbrock, start, UNBOUNDED, int(1.5 * theirs.nfev)).loss[0] < 1e-4


@pytest.mark.parametrize("bounds", [(0.0, 1.0), (0.0, 255.0), (-1.0, 1.0)])
def test_no_number_moves_by_more_than_a_tenth_of_the_range_at_once(bounds):
    low, high = bounds
    x = np.linspace(low, high, 10, dtype=np.float32)[None]
    state = LbfgsState(**{name: tf.constant(array) for name, array in lbfgs.fresh(x, vectors=10).items()})
    moves = []
    for _ in range(30):
        value, gradient = value_and_gradient(lambda v: quadratic((v - low) / (high - low)), state.trial)
        state = advanced(state, value, value, gradient, low, high, 1e-3)
        moves.append(float(tf.reduce_max(tf.abs(state.trial - state.current))) / (high - low))
    assert max(moves) == pytest.approx(0.1, rel=1e-4)


def test_without_bounds_a_move_is_not_limited():
    def flat(x):
        return 1e-4 * quadratic(x)

    far = minimum(flat, np.full([1, 10], 50.0, np.float32), UNBOUNDED, 100)
    np.testing.assert_allclose(far.best, 0.7, atol=0.05)


def test_a_signal_that_is_done_changes_nothing_of_its_neighbours():
    starts = np.stack([np.full(10, 0.7), np.linspace(-1, 2, 10)]).astype(np.float32)
    together = minimum(quadratic, starts, UNBOUNDED, 40)
    assert together.loss[0] == 0.0 and together.loss[1] > 0.0
    alone = minimum(quadratic, np.stack([starts[1], starts[1]]), UNBOUNDED, 40)
    for mine, its in zip(together, alone, strict=True):
        np.testing.assert_array_equal(mine[1], its[1])


def test_where_the_gradient_is_not_the_values_adam_goes_on_and_it_is_counted():
    def wrong(x):
        """Rises where its gradient says that it falls: no line search can lower it."""
        square = tf.reduce_sum(x**2, axis=1)
        return square - tf.stop_gradient(3 * square)

    state = minimum(wrong, np.ones([1, 4], np.float32), (-2.0, 2.0), 60)
    assert int(state.restarts[0]) > 0


@pytest.mark.parametrize("ceiling", [None, 6.0])
def test_the_potentials_slope_is_the_linear_gradient(ceiling):
    before = tf.constant(np.linspace(-9, 9, 37, dtype=np.float32)[None])
    wanted = tf.constant(np.abs(np.sin(np.arange(37, dtype=np.float32)))[None] * 5)

    class OneReLU:
        name = "one"

        def forward(self, signals):
            return {"relu": mm.Stage(signals, relu=True, ceiling=ceiling)}

    loss, gradient = loss_and_gradient(OneReLU(), "relu", "linear", before, wanted)
    ours, potential, its = potential_and_gradient(OneReLU(), "relu", "linear", before, wanted)
    np.testing.assert_allclose(ours, loss)
    np.testing.assert_allclose(its, gradient)
    nearby = potential_and_gradient(OneReLU(), "relu", "linear", before + 1e-3, wanted)[1]
    assert float(nearby[0] - potential[0]) == pytest.approx(float(tf.reduce_sum(gradient)) * 1e-3, abs=0.01)
    assert np.all(potential.numpy() >= loss.numpy() - 1e-4)


@pytest.mark.parametrize("gradient", ["linear", "plain"])
def test_comes_nearer_than_adam_in_as_many_evaluations(tiny_vgg, small_images, gradient):
    wanted = config(iterations=150, relu_gradient=gradient)
    ours = mm.synthesize(tiny_vgg, "conv2_2", small_images, wanted, progress=False)
    wanted = dataclasses.replace(wanted, optimizer="adam")
    adams = mm.synthesize(tiny_vgg, "conv2_2", small_images, wanted, progress=False)
    for one, other in zip(ours, adams, strict=True):
        assert one.loss[-1] < 0.7 * other.loss[-1]
        assert one.signal.min() >= 0.0 and one.signal.max() <= 1.0
        assert np.all(np.diff(one.loss[:-1]) <= 0)  # the last one is computed apart


def test_sounds_are_searched_too(tiny_word_cnn, small_sounds):
    metamer = mm.synthesize(tiny_word_cnn, "conv_2", small_sounds[0], config(iterations=60), progress=False)
    assert metamer.loss[-1] < 0.2 * metamer.loss[0]


@pytest.mark.parametrize("moment", [10, 20])
def test_stopping_and_continuing_gives_the_same_bits(tiny_word_cnn, small_sounds, moment):
    search = Search(tiny_word_cnn, "conv_2", config())
    saved = {}
    unbroken, _ = search.run(
        small_sounds[:2], save=lambda state: saved.__setitem__(state.step, state), progress=False
    )
    resumed, _ = search.run(small_sounds[:2], state=saved[moment], progress=False)
    for name, array in unbroken.arrays.items():
        np.testing.assert_array_equal(array, resumed.arrays[name])


def test_a_batch_is_as_single_searches(tiny_vgg, small_images):
    together = mm.synthesize(tiny_vgg, "conv1_2", small_images, config(iterations=15), progress=False)
    for metamer, image in zip(together, small_images, strict=True):
        alone = mm.synthesize(tiny_vgg, "conv1_2", image, config(iterations=15), progress=False)
        np.testing.assert_allclose(metamer.loss, alone.loss, rtol=2e-3)


def test_a_state_of_the_other_optimizer_is_refused(tiny_vgg, small_images):
    state, _ = Search(tiny_vgg, "conv1_2", config(optimizer="adam")).run(small_images, progress=False)
    with pytest.raises(mm.InputError, match="another search"):
        Search(tiny_vgg, "conv1_2", config()).run(small_images, state=state, progress=False)


@pytest.mark.parametrize("place", [0, 2, 3])
def test_a_target_without_finite_activations_is_left_out_and_the_others_keep_their_bits(place):
    search = Search(Logarithm(), "log", config())
    given = targets(4)
    whole, _ = search.run(given, progress=False)
    given[place] = 1.0  # beyond the limit: its logarithm is no number
    broken, finished = search.run(given, progress=False)
    assert finished and broken.diverged == {place: 0} and not whole.diverged
    for name in ("signals", *broken.optimizer):
        one, other = (np.delete(state.arrays[name], place, axis=0) for state in (broken, whole))
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(*(np.delete(state.losses, place, axis=1) for state in (broken, whole)))


def test_a_target_that_adam_overshoots_is_neared_by_shorter_steps():
    given = targets(4, diverging=1)
    adams, _ = Search(Logarithm(), "log", config(optimizer="adam", learning_rate=RATE)).run(
        given, progress=False
    )
    ours, _ = Search(Logarithm(), "log", config(iterations=100)).run(given, progress=False)
    assert list(adams.diverged) == [1] and not ours.diverged
    assert np.isfinite(ours.losses).all() and np.all(ours.losses[-1] < 0.5 * ours.losses[0])


def test_a_run_says_how_it_searched_and_keeps_its_folder_for_such_searches(tiny_vgg, small_images, tmp_path):
    def run(**changes):
        stimuli = {"a": small_images[0], "b": small_images[1]}
        return runs.Run(tiny_vgg, ("conv1_2",), stimuli, {}, tmp_path, config(**changes))

    made = runs.execute([run()], progress=False).made
    assert all(one.record.config.optimizer == "lbfgs" and one.record.restarts is not None for one in made)
    with pytest.raises(mm.InputError, match="optimizer=lbfgs there"):
        runs.execute([run(optimizer="adam")], progress=False)
