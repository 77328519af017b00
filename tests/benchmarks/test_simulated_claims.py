"""How often the claims err where there is nothing to be found, in fewer runs than the program has."""

import numpy as np
import pytest

from benchmarks import claim_cases
from benchmarks.references import two_standard_errors as old
from benchmarks.simulated_claims import rates
from model_metamers_experiments.reproduction import contrasts
from model_metamers_experiments.reproduction.statements import STATEMENTS

NOTHING = claim_cases.without_effect()


def test_every_claim_is_simulated():
    assert {case.claim for case in NOTHING} == set(STATEMENTS)


@pytest.mark.parametrize("case", NOTHING, ids=lambda case: f"{case.claim}: {case.truth}")
def test_claims_seldom_hold_where_there_is_nothing(case):
    """Of 30 runs at 5 % more than six hold once in 4000 times."""
    assert rates(case, 9, 30)[0] <= 6 / 30


@pytest.mark.slow
@pytest.mark.parametrize("case", NOTHING, ids=lambda case: f"{case.claim}: {case.truth}")
@pytest.mark.parametrize("stimuli", [5, 16])
def test_claims_hold_in_at_most_a_twentieth_where_there_is_nothing(case, stimuli):
    """Of 400 runs at 5 % more than 34 hold once in 1000 times."""
    assert rates(case, stimuli, 400)[0] <= 34 / 400


def test_a_large_difference_is_found():
    found = {case.claim: rates(case, 40, 10)[0] for case in claim_cases.with_effect(0.4)}
    assert found.keys() >= {1, 2, 3, 4, 5, 7, 8, 10} and min(found.values()) >= 0.8


def test_the_rule_before_erred_more():
    """With nine layers it held in a fifth of all runs."""
    (case,) = (case for case in NOTHING if case.claim == 2)
    new, _, before = rates(case, 9, 150)
    assert new < 0.1 < before


@pytest.mark.parametrize(
    ("value", "sem", "stimuli", "said"),
    [
        (0.4, 0.1, 40, contrasts.HOLDS),
        (0.15, 0.1, 40, contrasts.UNTOLD),
        (-0.3, 0.1, 40, contrasts.FAILS),
        (0.04, 0.01, 400, contrasts.HOLDS),
        (0.04, 0.01, 40, contrasts.FAILS),  # the same, of fewer stimuli
        (0.4, 0.1, 4, contrasts.UNTOLD),
    ],
)
def test_the_rule_before(value, sem, stimuli, said):
    spread = np.tile([1.0, -1.0], stimuli // 2)
    assert old.difference(value + sem * np.sqrt(stimuli) * spread) == said
