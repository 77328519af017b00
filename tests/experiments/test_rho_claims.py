"""What the first two claims, of rho, say of known values."""

import numpy as np
import pytest

from model_metamers_experiments.reproduction import contrasts, rho_claims
from model_metamers_experiments.reproduction.answers import Correlations
from model_metamers_experiments.reproduction.statements import STATEMENTS


def correlations(matched, measured, values, maximum=0.5, mean=0.0) -> Correlations:
    """Rho by matched and measured layer; a number stands for 20 stimuli of that rho."""
    rho = {a: {b: np.broadcast_to(np.array(v, float), 20) for b, v in of.items()} for a, of in values.items()}
    bounds = (dict.fromkeys(measured, maximum), dict.fromkeys(measured, mean))
    return Correlations(list(matched), list(measured), rho, *bounds)


def test_claim_of_matching():
    def eight(*means):
        return {layer: np.full(8, mean) for layer, mean in zip("abc", means, strict=True)}

    rho = {"a": eight(0.99, 0.99, 0.99), "c": eight(0.1, 0.1, 0.99)}
    one = Correlations(["a", "c"], list("abc"), rho, dict.fromkeys("abc", 0.5), dict.fromkeys("abc", 0.0))
    assert [f.verdict for f in rho_claims.matching({"net": one})] == [contrasts.HOLDS] * 3
    assert [f.stimuli for f in rho_claims.matching({"net": one})] == [8] * 3  # not those times layers
    rho["c"]["a"][0] = 0.6  # one of eight above every unrelated pair is no proof
    assert rho_claims.matching({"net": one})[2].verdict == contrasts.UNTOLD
    rho["c"]["a"][:] = 0.6
    rho["a"]["b"][:] = 0.2
    assert [f.verdict for f in rho_claims.matching({"net": one})] == [
        contrasts.HOLDS,
        contrasts.FAILS,
        contrasts.FAILS,
    ]


@pytest.mark.parametrize(
    ("rho", "said"), [(0.8999, "does not hold"), (0.9001, "holds"), (0.75, "does not hold")]
)
def test_rho_is_near_one_from_nine_tenths_on(rho, said):
    others = {"a": {"a": rho, "b": rho}, "b": {"a": 0.0, "b": rho}}
    at, later, _ = rho_claims.matching({"net": correlations("ab", "ab", others)})
    assert (at.verdict, later.verdict) == (said, said) and at.value == pytest.approx(rho)
    assert "at least 0.9 at the matched layer" in STATEMENTS[1].rule


@pytest.mark.parametrize(
    ("above", "of", "said"),
    [
        (1, 20, "holds"),  # 5 %
        (1, 19, "cannot be told here"),  # more, but not by two standard errors
        (10, 200, "holds"),
        (11, 200, "cannot be told here"),
        (18, 200, "cannot be told here"),  # 0.09, less two standard errors of 0.0202
        (20, 200, "does not hold"),  # 0.10, less two of 0.0212
    ],
)
def test_at_most_a_twentieth_at_the_earliest_layer_is_chance(above, of, said):
    rho = np.where(np.arange(of) < above, 0.51, 0.5)  # as high as the highest unrelated pair is not above it
    ones = np.ones(of)
    one = Correlations(
        ["a", "b"],
        ["a", "b"],
        {"a": {"a": ones, "b": ones}, "b": {"a": rho, "b": ones}},
        {"a": 0.5, "b": 0.9},
        {"a": 0.2, "b": 0.3},
    )
    *_, before = rho_claims.matching({"net": one})
    assert before.value == pytest.approx(above / of) and before.verdict == said
    assert dict(before.parts) == {
        "mean rho of b's metamers at a": pytest.approx(rho.mean()),
        "of unrelated pairs": 0.2,
        "their maximum": 0.5,
    }
    assert "at most 5% lie above" in STATEMENTS[1].rule


def test_earliest_layer_is_the_earliest_measured_one():
    """Which may come before the earliest matched one."""
    values = {"b": {"a": 0.1, "b": 1.0, "c": 1.0}, "c": {"a": 0.2, "b": 0.9, "c": 1.0}}
    *_, before = rho_claims.matching({"net": correlations("bc", "abc", values)})
    assert before.text == "net: share of c's metamers above all unrelated pairs at a"
    assert before.value == 0.0 and before.verdict == contrasts.HOLDS


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
    last = {"d": values["d"]}
    _, later, _ = rho_claims.matching({"net": correlations("d", "abcd", last)})
    assert np.isnan(later.value) and later.verdict == contrasts.UNTOLD


@pytest.mark.parametrize(("count", "told"), [(4, False), (5, True)])
def test_five_stimuli_are_the_fewest_that_tell(count, told):
    ones = np.ones(count)
    rho = {"a": {"a": ones, "b": ones}, "b": {"a": 0 * ones, "b": ones}}
    one = Correlations(["a", "b"], ["a", "b"], rho, dict.fromkeys("ab", 0.5), dict.fromkeys("ab", 0.0))
    found = rho_claims.matching({"net": one})
    assert [f.verdict for f in found] == [contrasts.HOLDS if told else contrasts.UNTOLD] * 3
    about = {"network": "n", "depth": 1, "layer": "l"}
    rows = [
        {**about, "stimulus": f"s{i}", "gradient": gradient, "rho": rho}
        for gradient, rho in (("linear", 0.9), ("plain", 0.2))
        for i in range(count)
    ]
    assert rho_claims.relu_gradient(rows)[0].verdict == (contrasts.HOLDS if told else contrasts.UNTOLD)


def test_errors_of_rho_are_over_stimuli():
    values = np.random.default_rng(0).uniform(0.9, 1.0, 40)
    rho = {layer: {m: values for m in "ab"} for layer in "ab"}  # layers that add nothing
    one = Correlations(["a", "b"], list("ab"), rho, dict.fromkeys("ab", 0.5), dict.fromkeys("ab", 0.0))
    at, later, _ = rho_claims.matching({"net": one})
    closed = values.std() / np.sqrt(40)
    assert at.sem == pytest.approx(closed, rel=0.05) and later.sem == pytest.approx(closed, rel=0.05)


def test_claim_of_the_relu_gradient():
    def rows(linear, plain):
        about = {"network": "n", "depth": 1, "layer": "l"}
        return [
            {**about, "stimulus": f"s{i}", "gradient": gradient, "rho": rho + 0.01 * i}
            for gradient, rho in (("linear", linear), ("plain", plain))
            for i in range(8)
        ]

    (found,) = rho_claims.relu_gradient(rows(0.9, 0.8))
    assert found.verdict == contrasts.HOLDS and found.value == pytest.approx(0.1)
    assert rho_claims.relu_gradient(rows(0.8, 0.9))[0].verdict == contrasts.FAILS
    assert rho_claims.relu_gradient(rows(0.8, 0.8))[0].verdict == contrasts.UNTOLD


@pytest.mark.parametrize(("errors", "said"), [(1.9, "cannot be told here"), (2.1, "holds")])
def test_relu_gradient_must_differ_by_two_standard_errors(errors, said):
    differences = np.random.default_rng(0).normal(size=100)
    differences += errors * differences.std() / 10 - differences.mean()
    rows = [
        {"network": "n", "depth": 1, "layer": "l", "stimulus": f"s{i:03d}", "gradient": gradient, "rho": rho}
        for i, difference in enumerate(differences)
        for gradient, rho in (("linear", difference), ("plain", 0.0))
    ]
    (found,) = rho_claims.relu_gradient(rows)
    assert found.verdict == said and found.value == pytest.approx(differences.mean())
    for row in rows:
        row["gradient"] = {"linear": "plain", "plain": "linear"}[row["gradient"]]
    (found,) = rho_claims.relu_gradient(rows)
    assert found.verdict == ("does not hold" if said == "holds" else said)
    assert dict(found.parts) == {"linear": 0.0, "plain": pytest.approx(differences.mean())}
