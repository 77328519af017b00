"""What rho must exceed: the paper's rule, and the two beside it."""

import dataclasses
import math

import numpy as np
import pytest

from model_metamers import InputError, NullDistribution
from model_metamers.criteria import null_rule, verdict
from model_metamers.criteria.null import BINS, LayerNull

SAME, DIFFERENT = np.linspace(0.9, -0.5, 400), np.linspace(0.6, -0.5, 3600)


def layer_null(same: np.ndarray = SAME, different: np.ndarray = DIFFERENT) -> LayerNull:
    rho = np.concatenate([same, different])
    return LayerNull(
        *(np.histogram(rho, BINS)[0], rho.min(), rho.max(), rho.mean(), 0, 1.0, math.nan, math.nan),
        *(math.nan, math.nan, len(same), len(different), same[:1000], different[:1000]),
    )


def null(**layers: LayerNull) -> NullDistribution:
    return NullDistribution("net", "random:0", layers or {"conv": layer_null()}, "blocks")


def drawn_median(share: float) -> float:
    """The median maximum where each pair is drawn by chance, so that this share is of one class."""
    random = np.random.RandomState(0)
    odds = share / (1 - share) * len(DIFFERENT) / len(SAME)
    maxima = []
    for _ in range(4000):
        of_one = SAME[random.rand(len(SAME)) < odds]
        of_two = DIFFERENT[random.rand(len(DIFFERENT)) < 1 / odds]
        maxima.append(max(of_one.max(initial=-1), of_two.max(initial=-1)))
    return float(np.median(maxima))


@pytest.mark.parametrize("share", [0.0013, 0.01, 0.05, 0.1, 0.3, 0.8])
def test_a_share_of_one_class_gives_the_median_maximum_of_draws(share):
    found = null_rule.limit(layer_null(), f"class_share:{share}", "conv")
    assert found == pytest.approx(drawn_median(share), abs=0.02)


def test_rules_give_their_limits_and_are_part_of_the_digest():
    own = null()
    limits = {rule: own.by_rule(rule).limit("conv") for rule in ("maximum", "between_classes")}
    assert limits == {"maximum": 0.9, "between_classes": 0.6}
    digests = {own.by_rule(r).digest for r in ("maximum", "between_classes", "class_share:0.0013")}
    assert len(digests) == 3 and own.digest in digests


@pytest.mark.parametrize(
    "rule", ["", "max", "class_share", "class_share:", "class_share:0", "class_share:1", "class_share:-1",
             "class_share:1.2.3", "class_share:nan", "between_classes:0.1"],
)  # fmt: skip
def test_other_rules_are_refused(rule):
    with pytest.raises(InputError, match="expected maximum, between_classes, or class_share:SHARE"):
        null_rule.check_rule(rule)


def test_a_rule_that_the_null_cannot_answer_is_refused():
    unknown = dataclasses.replace(layer_null(), same_class_pairs=0, different_class_pairs=0)
    with pytest.raises(InputError, match="at conv tells no pairs of different classes"):
        null(conv=unknown).by_rule("between_classes")
    one_each = layer_null(same=np.empty(0))
    assert null(conv=one_each).by_rule("between_classes").limit("conv") == 0.6
    with pytest.raises(InputError, match="at conv has no pairs of one class"):
        null(conv=one_each).by_rule("class_share:0.1")
    many = dataclasses.replace(layer_null(), same_class_pairs=10**6)
    with pytest.raises(InputError, match="take a larger share"):
        null(conv=many).by_rule("class_share:0.001")


def test_a_verdict_names_its_rule_and_its_limit():
    measured = verdict.Measurement({"conv": 0.7}, 1, 1, "a", "a")
    own = verdict.verdict_on(measured, "conv", null())
    assert (own.passes, own.null_rule, own.null_limit, own.limit) == (False, "maximum", None, 0.9)
    assert own.reasons == ("rho 0.7000 is 0.2000 below the null maximum 0.9000",)
    other = verdict.verdict_on(measured, "conv", null().by_rule("between_classes"))
    assert (other.passes, other.null_rule, other.null_max, other.limit) == (True, "between_classes", 0.9, 0.6)
    low = dataclasses.replace(measured, spearman={"conv": 0.5})
    told = verdict.verdict_on(low, "conv", null().by_rule("between_classes"))
    assert told.reasons == ("rho 0.5000 is 0.1000 below the null's limit by between_classes, 0.6000",)
