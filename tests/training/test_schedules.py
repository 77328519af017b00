"""Learning rates by step."""

import pytest
import tensorflow as tf

from model_metamers import InputError
from model_metamers.training import schedules


def test_constant():
    rate = schedules.constant(0.3)
    assert rate(0) == rate(10**6) == 0.3


def test_warmup_cosine_rises_to_the_peak_and_ends_at_zero():
    rate = schedules.warmup_cosine(2.0, 100, warmup_steps=10)
    assert [rate(0), rate(4), rate(9)] == pytest.approx([0.2, 1.0, 2.0])
    assert rate(10) == 2.0 and rate(55) == pytest.approx(1.0)
    assert rate(100) == pytest.approx(0.0, abs=1e-12) and rate(10**6) == rate(100)


def test_warmup_cosine_without_warmup_begins_at_the_peak():
    assert schedules.warmup_cosine(2.0, 100)(0) == 2.0


def test_warmup_may_last_the_whole_training():
    assert schedules.warmup_cosine(1.0, 10, 10)(9) == 1.0


@pytest.mark.parametrize("step", [0, 6, 7, 13, 14, 700])
def test_staircase_is_tensorflows_exponential_decay(step):
    decay = tf.compat.v1.train.exponential_decay(0.045, step, 7, 0.94, staircase=True)
    assert schedules.staircase(0.045, 0.94, 7)(step) == pytest.approx(float(decay()), rel=1e-5)


def test_staircase_stops_at_the_floor():
    rate = schedules.staircase(1.0, 0.1, 5, floor=0.02)
    assert [rate(4), rate(5), rate(10), rate(500)] == pytest.approx([1.0, 0.1, 0.02, 0.02])


def test_piecewise_changes_on_the_boundary():
    rate = schedules.piecewise([1.0, 0.1, 0.01], [10, 20])
    assert [rate(s) for s in (0, 9, 10, 19, 20, 999)] == [1.0, 1.0, 0.1, 0.1, 0.01, 0.01]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: schedules.constant(0.0), "learning rate 0.0"),
        (lambda: schedules.constant(float("nan")), "learning rate nan"),
        (lambda: schedules.warmup_cosine(1.0, 10, 11), "warm-up of 11 steps"),
        (lambda: schedules.staircase(0.1, 1.5, 10), "factor 1.5"),
        (lambda: schedules.staircase(0.1, 0.5, 0), "every 0 steps"),
        (lambda: schedules.staircase(0.1, 0.5, 10, floor=0.2), "floor 0.2"),
        (lambda: schedules.piecewise([1.0, 0.1], [5, 6]), "2 learning rates with 2 boundaries"),
        (lambda: schedules.piecewise([1.0, 0.1, 0.01], [6, 6]), "ascend"),
    ],
)
def test_what_cannot_be_is_refused(make, words):
    with pytest.raises(InputError, match=words):
        make()
