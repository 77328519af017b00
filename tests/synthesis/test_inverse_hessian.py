"""What is remembered of the curvature, beside the textbook's recursion over the numbers that are kept."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

import model_metamers as mm
from model_metamers.synthesis.inverse_hessian import own, times_inverse_hessian, with_step
from model_metamers.synthesis.search import Search

VECTORS, N = 5, 400


@dataclasses.dataclass
class Remembered:
    """The memory of a batch, with the pairs that it should hold."""

    memory: tf.Tensor
    products: tf.Tensor
    count: tf.Tensor
    pairs: list[list[tuple[np.ndarray, np.ndarray]]]

    @classmethod
    def none(cls, batch: int, n: int = N) -> "Remembered":
        return cls(
            tf.zeros([batch, 2, VECTORS, n]),
            tf.zeros([batch, 2 * VECTORS, 2 * VECTORS]),
            tf.zeros([batch], tf.int32),
            [[] for _ in range(batch)],
        )

    def then(self, random, where, scale=1.0) -> "Remembered":
        """With one step more, along which the function bends upwards."""
        batch, n = len(where), self.memory.shape[3]
        step = (random.normal(size=[batch, n]) * scale).astype(np.float32)
        change = (step * np.geomspace(1, 10, n) + 0.3 * scale * random.normal(size=[batch, n])).astype(
            np.float32
        )
        memory, products, count, _ = with_step(
            self.memory, self.products, self.count, step, change, tf.constant(where), tf.zeros_like(step)
        )
        pairs = [
            [*old, (s, y)][-VECTORS:] if kept else old
            for old, s, y, kept in zip(self.pairs, step, change, where, strict=True)
        ]
        return Remembered(memory, products, count, pairs)

    def forgotten(self, where) -> "Remembered":
        count = tf.where(where, 0, self.count)
        pairs = [[] if gone else old for old, gone in zip(self.pairs, where, strict=True)]
        return Remembered(self.memory, self.products, count, pairs)

    def times(self, gradient, left_out) -> tuple[np.ndarray, np.ndarray]:
        """Ours, and the recursion's."""
        if left_out is not None:
            gradient = np.where(left_out, np.float32(0), gradient)
        nowhere = tf.zeros([len(gradient)], tf.bool)
        *_, along = with_step(
            own(self.memory), self.products, self.count, gradient, gradient, nowhere, tf.constant(gradient)
        )
        ours, some = times_inverse_hessian(self.memory, self.products, self.count, gradient, along, left_out)
        kept = np.ones(gradient.shape, bool) if left_out is None else ~left_out
        theirs = [two_loops(pairs, g, k) for pairs, g, k in zip(self.pairs, gradient, kept, strict=True)]
        np.testing.assert_array_equal(
            some, [bool(pairs) and k.any() for pairs, k in zip(self.pairs, kept, strict=True)]
        )
        return ours.numpy(), np.stack(theirs)


def two_loops(pairs, gradient, kept) -> np.ndarray:
    """Nocedal & Wright's algorithm 7.4 over the numbers kept."""
    pairs = [(s.astype(float) * kept, y.astype(float) * kept) for s, y in pairs]
    pairs = [(s, y) for s, y in pairs if s @ y > 1e-6 * np.linalg.norm(s) * np.linalg.norm(y)]
    q, shares = gradient * kept.astype(float), []
    for s, y in reversed(pairs):
        shares.append(s @ q / (s @ y))
        q = q - shares[-1] * y
    if pairs:
        s, y = pairs[-1]
        q = q * (s @ y) / (y @ y)
    for (s, y), share in zip(pairs, reversed(shares), strict=True):
        q = q + s * (share - y @ q / (s @ y))
    return q


def apart(ours, theirs) -> np.ndarray:
    """By signal, as a share of its largest number."""
    return np.abs(ours - theirs).max(axis=1) / np.maximum(np.abs(theirs).max(axis=1), 1e-30)


@pytest.mark.parametrize("steps", [0, 1, VECTORS - 1, VECTORS, 2 * VECTORS + 2])
def test_product_is_that_of_the_recursion_whatever_share_is_left_out(steps):
    random = np.random.default_rng(steps)
    shares = [0.0, 0.0026, 0.04, 0.06, 0.5, 0.95, 1.0]
    left_out = np.stack([random.permutation(N) < round(share * N) for share in shares])
    remembered = Remembered.none(len(shares))
    for _ in range(steps):
        remembered = remembered.then(random, random.random(len(shares)) < 0.8)
    gradient = random.normal(size=left_out.shape).astype(np.float32)
    ours, theirs = remembered.times(gradient, left_out)
    assert apart(ours, theirs).max() < 1e-5
    assert not ours[left_out].any()
    ours, theirs = remembered.times(gradient, None)
    assert apart(ours, theirs).max() < 1e-5


def test_what_was_forgotten_takes_no_part_and_what_comes_after_does():
    random = np.random.default_rng(0)
    remembered = Remembered.none(3)
    for _ in range(VECTORS + 2):
        remembered = remembered.then(random, [True] * 3)
    remembered = remembered.forgotten(np.array([True, False, True]))
    left_out = random.random([3, N]) < 0.02
    gradient = random.normal(size=[3, N]).astype(np.float32)
    assert apart(*remembered.times(gradient, left_out)).max() < 1e-5
    for _ in range(2):
        remembered = remembered.then(random, [True, True, False])
    assert apart(*remembered.times(gradient, left_out)).max() < 1e-5


@pytest.mark.parametrize("much", [1.0, 30.0, 1e4])
def test_precise_where_the_few_numbers_left_out_are_nearly_all_of_the_memory(much):
    random = np.random.default_rng(1)
    left_out = np.stack([np.arange(N) < 8, np.arange(N) >= N - 8])
    scale = np.where(left_out, much, 1.0)
    remembered = Remembered.none(2)
    for _ in range(VECTORS):
        remembered = remembered.then(random, [True] * 2, scale)
    gradient = random.normal(size=[2, N]).astype(np.float32)
    assert apart(*remembered.times(gradient, left_out)).max() < 1e-5


def test_products_are_those_of_the_memory_after_any_steps():
    random = np.random.default_rng(2)
    remembered = Remembered.none(4)
    for i in range(3 * VECTORS):
        remembered = remembered.then(random, random.random(4) < 0.6)
        if i % 4 == 3:
            remembered = remembered.forgotten(random.random(4) < 0.3)
    rows = remembered.memory.numpy().reshape(4, 2 * VECTORS, N).astype(float)
    np.testing.assert_allclose(remembered.products, rows @ rows.transpose(0, 2, 1), rtol=1e-4, atol=1e-2)
    np.testing.assert_array_equal(remembered.products, tf.transpose(remembered.products, [0, 2, 1]))


@pytest.mark.parametrize("step", [-1.0, 0.0, np.nan, np.inf])
def test_a_step_that_tells_of_no_curvature_changes_nothing(step):
    random = np.random.default_rng(3)
    remembered = Remembered.none(2).then(random, [True] * 2)
    before = remembered.memory.numpy(), remembered.products.numpy()
    given = tf.fill([2, N], np.float32(step))
    memory, products, count, _ = with_step(
        remembered.memory, remembered.products, remembered.count, given, tf.ones([2, N]), [True] * 2, given
    )
    np.testing.assert_array_equal(memory, before[0])
    np.testing.assert_array_equal(products, before[1])
    np.testing.assert_array_equal(count, [1, 1])


def test_neighbours_change_no_bit():
    """Whatever share of theirs is left out."""
    random = np.random.default_rng(4)
    remembered = Remembered.none(1)
    for _ in range(VECTORS):
        remembered = remembered.then(random, [True])
    gradient = random.normal(size=[1, N]).astype(np.float32)
    left_out = random.random([1, N]) < 0.02

    def beside(share):
        twice = [tf.concat([part, part], axis=0) for part in (remembered.memory, remembered.products)]
        other = np.concatenate([left_out, random.random([1, N]) < share])
        masked = np.where(other, np.float32(0), np.concatenate([gradient, gradient]))
        along = tf.ones([2, 2 * VECTORS])
        return times_inverse_hessian(*twice, tf.tile(remembered.count, [2]), masked, along, other)[0][0]

    for share in (0.02, 0.3, 1.0):
        np.testing.assert_array_equal(beside(0.0), beside(share))


def config() -> mm.SynthesisConfig:
    return mm.SynthesisConfig(iterations=30, save_every=10, optimizer="lbfgs")


def test_a_state_that_was_saved_without_products_goes_on(tiny_vgg, small_images):
    search, saved = Search(tiny_vgg, "conv1_2", config()), {}
    unbroken, _ = search.run(
        small_images, save=lambda state: saved.__setitem__(state.step, state), progress=False
    )
    optimizer = {name: array for name, array in saved[20].optimizer.items() if name != "products"}
    resumed, finished = search.run(
        small_images, state=dataclasses.replace(saved[20], optimizer=optimizer), progress=False
    )
    assert finished
    np.testing.assert_allclose(resumed.losses, unbroken.losses, rtol=2e-3)
    rows = resumed.optimizer["memory"].reshape(len(small_images), 40, -1)
    expected = rows @ rows.transpose(0, 2, 1)
    np.testing.assert_allclose(resumed.optimizer["products"], expected, atol=1e-5 * expected.max())


def test_a_state_to_go_on_from_is_not_written_to(tiny_vgg, small_images):
    search, saved = Search(tiny_vgg, "conv1_2", config()), {}
    search.run(small_images, save=lambda state: saved.__setitem__(state.step, state), progress=False)
    before = {name: array.copy() for name, array in saved[10].arrays.items()}
    search.run(small_images, state=saved[10], progress=False)
    for name, array in saved[10].arrays.items():
        np.testing.assert_array_equal(array, before[name])


def test_a_memory_of_another_form_is_refused_as_another_search(tiny_vgg, small_images):
    search = Search(tiny_vgg, "conv1_2", config())
    state, _ = search.run(small_images, progress=False)
    for memory in (np.zeros([2, 3], np.float32), np.zeros([2, 2, 4, 5], np.float32)):
        optimizer = {name: array for name, array in state.optimizer.items() if name != "products"}
        other = dataclasses.replace(state, step=10, optimizer={**optimizer, "memory": memory})
        with pytest.raises(mm.InputError, match="another search"):
            search.run(small_images, state=other, progress=False)
