"""Trained networks as files, and the scores that are said of them."""

import numpy as np
import pytest
import sklearn.metrics

from model_metamers import InputError
from model_metamers.training import evaluation, export
from model_metamers.weights import manifest, restore
from tests.builders.small_training import (
    assert_same_weights,
)
from tests.conftest import make_tiny_word_cnn


def test_trained_networks_are_filed_with_their_numbers(tmp_path):
    network = make_tiny_word_cnn(seed=4)
    values = export.round_weights(network, "float16")
    prefix = export.write_network(tmp_path, network, values, {"seed": 4, "metrics": {"accuracy": 0.5}})
    entry = manifest.read_manifest(tmp_path)[prefix.name]
    assert entry["dtype"] == "float16" and entry["parameters"] == sum(v.size for v in values.values())
    other = make_tiny_word_cnn(seed=5)
    assert restore(other, prefix).complete
    assert_same_weights(other, network)


def test_weights_that_half_precision_cannot_hold_are_refused():
    network = make_tiny_word_cnn()
    network.weights["brain_network/conv_0/bias"].assign([1e6, 0.0, 0.0])
    with pytest.raises(InputError, match="conv_0/bias holds values beyond float16"):
        export.round_weights(network, "float16")


def test_area_under_the_curve():
    labels = np.array([[1, 0, 1], [1, 1, 1], [0, 0, 1], [0, 1, 1]])
    logits = np.array([[3.0, 0.0, 9], [2, 1, 9], [1, 2, 9], [0, 3, 9]])
    # Class 0 is ranked perfectly. Of class 1's four pairs three are in order. Class 2 is always there.
    assert evaluation.mean_auc(logits, labels) == pytest.approx((1.0 + 0.75) / 2)
    assert np.isnan(evaluation.mean_auc(logits, np.ones_like(labels)))
    assert evaluation.pooled_auc(labels + 0.0, labels) == 1.0


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_mean_area_is_the_mean_of_sklearns_and_not_the_pooled_one(seed):
    """Classes whose logits lie at other heights: each is ranked by itself."""
    random = np.random.RandomState(seed)
    labels = (random.rand(200, 6) < [0.05, 0.1, 0.2, 0.4, 0.6, 0.8]).astype(int)
    logits = random.randn(200, 6) + labels + 4 * random.randn(6)
    areas = [sklearn.metrics.roc_auc_score(labels[:, i], logits[:, i]) for i in range(6)]
    assert evaluation.mean_auc(logits, labels) == pytest.approx(sum(areas) / 6, abs=1e-12)
    assert evaluation.mean_auc(logits + np.arange(6), labels) == pytest.approx(sum(areas) / 6, abs=1e-12)
    pooled = sklearn.metrics.roc_auc_score(labels.ravel(), logits.ravel())
    assert evaluation.pooled_auc(logits, labels) == pytest.approx(pooled, abs=1e-12)
    assert abs(pooled - sum(areas) / 6) > 0.02


def test_confusions_are_written_with_the_names(tmp_path):
    counts = evaluation.confusions(np.eye(3)[[0, 1, 1, 2]], np.array([0, 0, 1, 2]))
    np.testing.assert_array_equal(counts, [[1, 1, 0], [0, 1, 0], [0, 0, 1]])
    evaluation.write_confusions(tmp_path / "c.csv", counts, ["a", "b", "c"])
    assert (tmp_path / "c.csv").read_text().splitlines()[:2] == ["label,a,b,c", "a,1,1,0"]
