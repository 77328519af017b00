"""Points of recognition curves, from rows whose numbers are known."""

import numpy as np
import pytest

from model_metamers.recognition import judging

SEEDS = 3


def rows(correct: np.ndarray, included: np.ndarray, **about) -> list[dict]:
    """A row for each stimulus and seed of arrays [stimuli, seeds]; NaN where nobody can tell."""
    shared = {
        "judge": "j",
        "judge_weights": "1",
        "decision": "fine",
        "generator": "g",
        "generator_weights": "2",
        "layer": "conv",
        "layer_index": 1,
        "optimized": "image",
        "relu_gradient": "linear",
        "settings": "",
        **about,
    }
    return [
        {
            **shared,
            "stimulus": f"s{stimulus}",
            "search_seed": seed,
            "included": bool(included[stimulus, seed]),
            "correct": None if np.isnan(right) else bool(right),
            "counted": bool(included[stimulus, seed]) and not np.isnan(right),
        }
        for (stimulus, seed), right in np.ndenumerate(correct)
    ]


def point(found: list[dict]) -> dict:
    (only,) = judging.points(found, {("j", "1", "fine"): 0.125}, resamples=20_000)
    return only


def test_a_point_is_of_those_that_count_alone():
    """Twelve are made, nine pass, and of two of these nobody can tell: three of seven are right."""
    correct = np.array([[1, 0, 0], [1, 1, np.nan], [0, np.nan, 0], [1, 1, 1]], float)
    included = np.array([[1, 1, 1], [1, 1, 1], [1, 1, 1], [0, 0, 0]])
    found = point(rows(correct, included))
    assert found["proportion"] == pytest.approx(3 / 7) and found["chance"] == 0.125
    assert [found[name] for name in ("n", "passed", "total", "stimuli", "seeds")] == [7, 9, 12, 3, 3]


def test_a_point_where_none_counts_has_no_proportion():
    found = point(rows(np.ones([4, 2]), np.zeros([4, 2])))
    assert [found[name] for name in ("proportion", "sem", "sem_with_seeds")] == [None] * 3
    assert [found[name] for name in ("n", "passed", "total")] == [0, 0, 8]


@pytest.mark.parametrize("spread", [0.0, 0.15])
def test_errors_of_a_point_are_over_stimuli_and_not_over_searches(spread):
    """Searches of one stimulus are alike: the seeds are no further stimuli."""
    random = np.random.default_rng(0)
    alike = random.random([40, 1]) < 0.6
    correct = np.where(random.random([40, SEEDS]) < spread, ~alike, alike).astype(float)
    found = point(rows(correct, np.ones([40, SEEDS])))
    over_stimuli = correct.mean(axis=1).std() / np.sqrt(40)
    assert found["sem"] == pytest.approx(over_stimuli, rel=0.02)
    as_if_all_were_stimuli = correct.std() / np.sqrt(40 * SEEDS)
    assert over_stimuli > 1.2 * as_if_all_were_stimuli
    assert found["sem_with_seeds"] >= 0.98 * found["sem"]


def test_searches_of_several_trainings_are_seeds_of_their_own():
    """Rows of two networks' weights may be put together; every pair of weights and seed is a column."""
    correct = np.array([[1.0, 0.0], [0.0, 1.0]])
    both = [
        row
        for weights in ("2", "3")
        for row in rows(
            correct if weights == "2" else 1 - correct, np.ones([2, 2]), generator_weights=weights
        )
    ]
    np.testing.assert_array_equal(judging.table(both), [[1, 0, 0, 1], [0, 1, 1, 0]])
    np.testing.assert_array_equal(judging.table(both[:3]), [[1, 0], [0, np.nan]])


def test_natural_signals_have_no_seeds():
    found = point(rows(np.array([[1.0], [0.0], [1.0]]), np.ones([3, 1]), layer="natural", layer_index=-1))
    assert found["seeds"] is None and found["sem_with_seeds"] is None
    assert found["proportion"] == pytest.approx(2 / 3) and found["stimuli"] == 3
