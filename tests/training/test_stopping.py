"""When training ends before its last epoch."""

import pytest

from model_metamers import InputError
from model_metamers.training import stopping


@pytest.mark.parametrize(
    ("accuracies", "expected"),
    [
        ([0.5, 0.6, 0.6], None),
        ([0.5, 0.6, 0.6, 0.55], "did not improve in 2"),
        ([0.5, 0.6, 0.604, 0.605], "did not improve in 2"),  # less than min_delta is no improvement
        ([0.5, 0.6, 0.6, 0.62, 0.61], None),
    ],
)
def test_patience(accuracies, expected):
    rule = stopping.Stopping(watched="accuracy", patience=2, min_delta=0.01)
    reason = rule.reason([{"accuracy": a} for a in accuracies])
    assert reason is None if expected is None else expected in reason


def test_both_targets_must_be_reached():
    rule = stopping.Stopping(stopping.PAPER_TARGETS)
    assert rule.reason([{"word_accuracy": 0.6, "mean_auc": 0.8}]) is None
    assert "0.83" in rule.reason([{"word_accuracy": 0.6, "mean_auc": 0.83}])
    assert "0.57" in rule.reason([{"word_accuracy": 0.57, "mean_auc": 0.9}])  # paper 3.3
    for below in ({"word_accuracy": 0.5699, "mean_auc": 0.9}, {"word_accuracy": 0.6, "mean_auc": 0.8299}):
        assert rule.reason([below]) is None
    with pytest.raises(InputError, match="cannot stop at 'mean_auc'; measured are word_accuracy"):
        rule.reason([{"word_accuracy": 0.6}])


def test_a_metric_without_a_value_is_no_improvement():
    watching = stopping.Stopping({"accuracy": 0.9}, "accuracy", 2)
    assert watching.reason([{"accuracy": 0.5}, {"accuracy": None}]) is None
    assert "did not improve" in watching.reason([{"accuracy": x} for x in (0.5, None, float("nan"))])
