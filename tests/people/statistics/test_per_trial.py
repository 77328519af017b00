"""Logistic regressions of simulated answers."""

import numpy as np
import pytest

from model_metamers.people import simulated
from model_metamers.people.plan import Contrast, usual_contrasts
from model_metamers.people.statistics import per_trial

_LAYERS = ("natural", "a/x", "a/y")


def _rows(accuracies, observer="people", people=12, trials=10, seed=0, sd=0.5):
    design = simulated.design_without_lists(list(accuracies), people, trials)
    right = simulated.right(design, simulated.Observers(accuracies, sd, 0.0), np.random.default_rng(seed))
    return [
        per_trial.Row(p, observer, design.conditions[c], f"s{t}", bool(right[p, t]))
        for p, conditions in enumerate(design.condition)
        for t, c in enumerate(conditions)
    ]


def test_estimates_are_log_odds():
    """Of marginal probabilities, as deviations from their mean."""
    accuracies = {"natural": 0.9, "a/x": 0.5, "a/y": 0.2}
    rows = _rows(accuracies, people=400, sd=0.8)
    found = per_trial.fit(Contrast("c", "layer", (_LAYERS,)), rows)
    logits = np.log([p / (1 - p) for p in accuracies.values()])
    estimates = [c.estimate for c in found.coefficients]
    np.testing.assert_allclose(estimates, [logits.mean(), *(logits - logits.mean())[:2]], atol=0.1)
    assert found.formula == "correct ~ C(layer, Sum)"


def test_f_holds_its_level_where_chi_squared_does_not():
    accuracies = {**dict.fromkeys(_LAYERS, 0.6), "a/z": 0.6, "a/w": 0.6}
    contrast = Contrast("c", "layer", (tuple(accuracies),))
    fits = [per_trial.fit(contrast, _rows(accuracies, people=10, seed=s)).terms[0] for s in range(12)]
    assert all((one.df1, one.df2) == (4, 6) for one in fits)
    # 9.49 is the chi squared that 5 % exceed; as F it is far from unusual.
    assert [one.p > 0.05 for one in fits].count(False) <= 3
    like = next(one for one in fits if one.wald > 5)
    assert like.f == pytest.approx(like.wald * 6 / (4 * 9))


def test_observers_and_networks():
    people = _rows({"natural": 0.9, "a/x": 0.7, "a/y": 0.2})
    network = _rows({"natural": 0.9, "a/x": 0.9, "a/y": 0.9}, "network", seed=1, sd=0.0)
    _, observer = usual_contrasts([_LAYERS[1:]])
    found = per_trial.fit(observer, [*people, *network])
    assert [one.name for one in found.terms] == ["observer", "layer", "observer x layer"]
    assert found.terms[2].p < 1e-3 and found.terms[2].df2 == 24 - 2
    several = [*people, *_rows({"b/x": 0.7, "b/y": 0.7}, seed=2)]
    contrast = Contrast("c", "network_by_layer", (("a/x", "a/y"), ("b/x", "b/y")))
    found = per_trial.fit(contrast, several)
    assert [one.name for one in found.terms] == ["network", "layer", "network x layer"]
    assert found.terms[2].p < 0.01
    assert found.lme4.startswith("glmer(correct ~ network * layer + (1 | cluster) + (1 | stimulus)")
    assert {row["layer"] for row in found.table} == {"x", "y"} and len(found.table) == 480


def test_layers_at_which_everybody_is_right_are_left_out():
    rows = _rows({"natural": 1.0, "a/x": 0.7, "a/y": 0.3})
    found = per_trial.fit(Contrast("c", "layer", (_LAYERS,)), rows)
    assert found.left_out == ("natural",) and found.terms[0].df1 == 1 and not found.not_made
    rows = _rows({"natural": 1.0, "a/x": 0.7, "a/y": 0.0})
    assert per_trial.fit(Contrast("c", "layer", (_LAYERS,)), rows).not_made.startswith(
        "fewer than two layers"
    )


def test_too_few_people_are_told():
    rows = _rows({"natural": 0.6, "a/x": 0.5, "a/y": 0.4}, people=2)
    found = per_trial.fit(Contrast("c", "layer", (_LAYERS,)), rows)
    assert found.not_made == "2 people are too few for a term of 2 coefficients" and found.terms == ()


def test_the_mixed_model_finds_the_effects():
    rows = _rows({"natural": 0.9, "a/x": 0.5, "a/y": 0.1}, people=6)
    found = per_trial.fit(Contrast("c", "layer", (_LAYERS,)), rows, mixed_model=True)
    values = {c.name: c.estimate for c in found.mixed}
    assert values["C(layer, Sum)[S.natural]"] == pytest.approx(np.log(9), abs=0.8)
    assert set(values) >= {"SD between person", "SD between stimulus"}
