"""Items, confusions and halves of answers written by hand."""

import dataclasses

import numpy as np
import pytest

from model_metamers.people.answers import Answer
from model_metamers.people.statistics import agreement

_ANSWER = Answer(
    **{"person": 1, "session": 1, "list": 0, "position": 0, "part": "main", "file": "f", "kind": "metamer"},
    **{"condition": "a/x", "stimulus": "s", "truth": "cat", "answer": "cat", "correct": True, "rt_ms": 1.0},
    **dict.fromkeys(("fixation_ms", "image_ms", "mask_ms", "frame_ms")),
    **{"events": "", "received": "", "simulated": False},
)


def _answer(person, file, answer, condition="a/x"):
    changes = {"person": person, "file": file, "answer": answer, "correct": answer == "cat"}
    return dataclasses.replace(_ANSWER, condition=condition, stimulus=f"s_{file}", **changes)


_ANSWERS = [
    *(_answer(1, "f", "cat"), _answer(2, "f", "dog"), _answer(3, "f", "cat")),
    *(_answer(1, "g", ""), _answer(2, "g", "dog"), _answer(1, "h", "cat", "natural")),
]


def test_items():
    rows = agreement.item_rows(_ANSWERS)
    assert [(r["condition"], r["file"], r["n"], r["right"]) for r in rows] == [
        ("a/x", "f", 3, 2),
        ("a/x", "g", 2, 0),
        ("natural", "h", 1, 1),
    ]
    assert rows[0]["proportion"] == 2 / 3 and rows[0]["low"] < 2 / 3 < rows[0]["high"]
    files, values = agreement.by_item(_ANSWERS)
    assert files == ["f", "g", "h"]
    np.testing.assert_equal(values, [[1, 0, 1], [0, 0, np.nan], [1, np.nan, np.nan]])


def test_confusions():
    rows = agreement.confusion_rows(_ANSWERS)
    assert [tuple(row.values()) for row in rows] == [
        ("a/x", "cat", "", 1),
        ("a/x", "cat", "cat", 2),
        ("a/x", "cat", "dog", 2),
        ("natural", "cat", "cat", 1),
    ]


def test_halves_of_people_who_agree_are_alike_and_of_others_are_not():
    same = np.tile([0.1, 0.5, 0.9, 0.3], (8, 1))
    found = agreement.split_half("conditions", same, 50)
    assert (found.units, found.halvings) == (4, 50)
    assert (found.correlation, found.spearman_brown) == pytest.approx((1, 1))
    noise = np.random.default_rng(0).random((16, 400))
    assert abs(agreement.split_half("items", noise, 200).correlation) < 0.1


def test_spearman_brown_foretells_the_correlation_of_twice_as_many():
    random = np.random.default_rng(1)
    truth = random.normal(size=500)
    values = truth + random.normal(0, 3, (40, 500))
    found = agreement.split_half("items", values, 100)
    again = truth + random.normal(0, 3, (40, 500))
    assert found.spearman_brown == pytest.approx(np.corrcoef(values.mean(0), again.mean(0))[0, 1], abs=0.05)


def test_halves_that_share_nothing_tell_nothing():
    for values in (np.full([4, 5], 0.5), np.where(np.eye(4) > 0, 1.0, np.nan), np.zeros([1, 5])):
        found = agreement.split_half("items", values, 20)
        assert found.halvings == 0 and np.isnan([found.correlation, found.spearman_brown]).all()
