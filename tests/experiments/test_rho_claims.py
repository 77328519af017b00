"""What the first two claims, of rho, say of known values."""

import numpy as np
import pytest

from model_metamers_experiments import reproduction
from model_metamers_experiments.reproduction import contrasts
from model_metamers_experiments.reproduction.statements import AMONG_UNRELATED, STATEMENTS
from tests.builders.answers import correlations, even_null, judging

rho_claims = judging(reproduction.rho_claims)

HELD = {"a": {"a": 0.99, "b": 0.99, "c": 0.99}, "c": {"a": 0.0, "b": 0.1, "c": 0.99}}


def test_claim_of_matching():
    at, later, before = rho_claims.matching({"net": correlations("ac", "abc", HELD, stimuli=40)})
    assert (at.verdict, later.verdict, before.verdict) == (contrasts.HOLDS,) * 3
    assert at.value == later.value == 0.99 and before.value == pytest.approx(0.5, abs=0.001)
    assert (at.stimuli, later.stimuli, before.stimuli) == (40, 40, 40)  # not those times layers
    bad = {"a": {**HELD["a"], "b": 0.2}, "c": {**HELD["c"], "a": 0.45}}
    at, later, before = rho_claims.matching({"net": correlations("ac", "abc", bad, stimuli=40)})
    assert (at.verdict, later.verdict, before.verdict) == (contrasts.HOLDS, contrasts.FAILS, contrasts.FAILS)


@pytest.mark.parametrize(
    ("above", "of", "said"),
    [
        (16, 16, "holds"),
        (12, 16, "cannot be told here"),
        (0, 16, "does not hold"),
        (5, 5, "cannot be told here"),
    ],
)
def test_rho_is_near_one_where_the_median_is_shown_above_nine_tenths(above, of, said):
    """Three tests: for five of five it is 3 / 32."""
    rho = np.where(np.arange(of) < above, 0.91, 0.89)
    values = {"a": {"a": rho, "b": rho}, "b": {"a": np.zeros(of), "b": rho}}
    at, later, _ = rho_claims.matching({"net": correlations("ab", "ab", values, stimuli=of)})
    assert (at.verdict, later.verdict) == (said, said)
    assert "median rho above 0.9 at the matched layer" in STATEMENTS[1].rule


def test_chance_is_the_distribution_of_unrelated_pairs_not_its_maximum():
    """Three standard errors above the pairs' mean, far below their maximum: the old rule let it pass."""
    random = np.random.default_rng(0)
    late = 0.25 + 0.1 * random.normal(size=40)
    values = {"a": {"a": 0.99, "b": 0.99}, "b": {"a": late, "b": 0.99}}
    *_, before = rho_claims.matching({"net": correlations("ab", "ab", values, stimuli=40)})
    assert before.verdict == contrasts.FAILS and before.value == pytest.approx(0.75, abs=0.02)
    assert late.max() < 0.5 == dict(before.parts)["their maximum"]
    assert dict(before.parts)["of unrelated pairs"] == 0.0
    as_unrelated = even_null().place(random.uniform(-0.5, 0.5, 100_000))
    assert as_unrelated.mean() == pytest.approx(0.5, abs=0.01)


def test_exactly_at_the_margin_nothing_is_told():
    rho = np.full(40, AMONG_UNRELATED - 0.5)
    values = {"a": {"a": 0.99, "b": 0.99}, "b": {"a": rho, "b": 0.99}}
    *_, before = rho_claims.matching({"net": correlations("ab", "ab", values, stimuli=40)})
    assert before.verdict == contrasts.UNTOLD and before.low < AMONG_UNRELATED < before.high


def test_earliest_layer_is_the_earliest_measured_one():
    """Which may come before the earliest matched one."""
    values = {"b": {"a": 0.1, "b": 1.0, "c": 1.0}, "c": {"a": -0.4, "b": 0.9, "c": 1.0}}
    *_, before = rho_claims.matching({"net": correlations("bc", "abc", values)})
    assert before.text == "net: share of unrelated pairs that c's metamers exceed at a"
    assert before.value == pytest.approx(0.1, abs=0.001) and before.verdict == contrasts.HOLDS


def test_later_layers_are_those_after_the_matched_one():
    """Neither it nor those before; of all measured layers, matched or not."""
    values = {
        "a": {"a": 1.0, "b": 0.8, "c": 0.7, "d": 0.3},
        "c": {"a": 0.1, "b": 0.2, "c": 0.96, "d": 0.6},
        "d": {"a": 0.0, "b": 0.1, "c": 0.5, "d": 0.98},
    }
    at, later, _ = rho_claims.matching({"net": correlations("acd", "abcd", values)})
    assert at.value == pytest.approx((1.0 + 0.96 + 0.98) / 3)
    assert later.value == pytest.approx((0.8 + 0.7 + 0.3 + 0.6) / 4)
    _, later, _ = rho_claims.matching({"net": correlations("d", "abcd", {"d": values["d"]})})
    assert np.isnan(later.value) and later.verdict == contrasts.UNTOLD and later.stimuli == 0


def test_metamers_that_meet_the_conditions_are_told_beside():
    one = correlations("ac", "abc", HELD, stimuli=8)
    one.rho["a"]["a"][:4], one.passed["a"][:4] = 0.5, False
    at, *_ = rho_claims.matching({"net": one})
    parts = dict(at.parts)
    assert parts["mean"] < parts["mean of those that meet the conditions"] == pytest.approx(0.99)


def relu_rows(differences, layer="l"):
    return [
        {
            "network": "n",
            "depth": 1,
            "layer": layer,
            "stimulus": f"s{i:03d}",
            "gradient": gradient,
            "rho": rho,
        }
        for i, difference in enumerate(differences)
        for gradient, rho in (("linear", 0.5 + difference), ("plain", 0.5))
    ]


@pytest.mark.parametrize(
    ("better", "worse", "said"),
    [(5, 0, "holds"), (4, 0, "cannot be told here"), (0, 5, "does not hold"), (8, 4, "cannot be told here")],
)
def test_claim_of_the_relu_gradient(better, worse, said):
    differences = [0.01] * better + [-0.01] * worse + [0.0] * 3
    (found,) = rho_claims.relu_gradient(relu_rows(differences))
    assert found.verdict == said and found.stimuli == better + worse + 3
    assert found.value == pytest.approx(np.mean(differences))


def test_many_layers_need_more_to_hold():
    """Five better ones of five are 1 / 32, and nine layers make that 9 / 32."""
    one = relu_rows([0.01] * 5, "a")
    assert rho_claims.relu_gradient(one)[0].p_holds == 1 / 32
    nine = [row for layer in "abcdefghi" for row in relu_rows([0.01] * 5, layer)]
    found = rho_claims.relu_gradient(nine)
    assert {f.verdict for f in found} == {contrasts.UNTOLD} and found[0].p_holds == 9 / 32
    assert np.isnan(found[0].detectable)  # five stimuli could not have shown anything


def test_stimuli_without_both_gradients_are_left_out():
    rows = relu_rows([0.01] * 6)
    rows[0]["rho"] = None
    (found,) = rho_claims.relu_gradient(rows[:-1])
    assert found.stimuli == 4
