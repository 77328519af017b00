"""Simulated observers are as often right as they should be, and differ as much."""

import numpy as np
import pytest

from model_metamers.errors import InputError
from model_metamers.people import plan, simulated
from model_metamers.people.study import Shown, Trial

_ACCURACIES = {"natural": 0.89, "a/one": 0.5, "a/two": 0.08, "a/all": 1.0, "a/none": 0.0}


def test_means_are_the_accuracies_and_people_differ():
    design = simulated.design_without_lists(list(_ACCURACIES), 4000, 20)
    answers = simulated.right(design, simulated.Observers(_ACCURACIES), np.random.default_rng(0))
    columns = simulated.proportions(design, answers)
    assert {name: column.mean() for name, column in columns.items()} == pytest.approx(_ACCURACIES, abs=0.008)
    # Binomial variance alone is 0.25 / 20.
    assert columns["a/one"].var() > 1.4 * 0.25 / 20


def test_without_differences_the_variance_is_binomial():
    design = simulated.design_without_lists(list(_ACCURACIES), 4000, 20)
    alike = simulated.Observers(_ACCURACIES, people_sd=0.0, stimuli_sd=0.0)
    columns = simulated.proportions(design, simulated.right(design, alike, np.random.default_rng(0)))
    assert columns["a/one"].var() == pytest.approx(0.25 / 20, rel=0.07)


@pytest.mark.parametrize("sd", [0.0, 0.5, 3.0])
def test_intercepts_give_the_accuracies_back(sd):
    accuracies = np.array([0.02, 0.5, 0.97])
    logits = simulated.intercepts(accuracies, sd)
    drawn = np.random.default_rng(0).normal(0, sd, 400_000)[:, np.newaxis]
    np.testing.assert_allclose((1 / (1 + np.exp(-logits - drawn))).mean(axis=0), accuracies, atol=0.003)


def test_a_design_is_that_of_the_lists():
    files = {f"f{i}": Shown("metamer", "cat", f"a/{'one' if i < 2 else 'two'}", f"s{i}") for i in range(4)}
    files["c"] = Shown("catch", "cat", "", "s9")
    lists = [
        [Trial(0, "practice", "f0", None), Trial(1, "main", "f1", None), Trial(2, "main", "f3", None)],
        [Trial(0, "main", "f2", None), Trial(1, "catch", "c", None), Trial(2, "main", "f0", None)],
    ]
    design = simulated.design_of_lists(lists, files, 3)
    assert design.conditions == ("a/one", "a/two")
    assert design.condition.tolist() == [[0, 1], [1, 0], [0, 1]]
    assert design.stimulus.tolist() == [[1, 3], [2, 0], [1, 3]]


def test_power_grows_with_people_and_is_alpha_without_a_difference():
    contrasts = (plan.Contrast("fall", "layer", (("a/x", "a/y"),)),)
    made = plan.Plan("1", 16, 5, contrasts=contrasts)

    def share(people, accuracies):
        design = simulated.design_without_lists(("a/x", "a/y"), people, 5)
        observers = simulated.Observers(accuracies, 0.5, 0.0)
        return simulated.power(made, design, observers, experiments=80, permutations=100)[0].power

    fall, none = {"a/x": 0.788, "a/y": 0.541}, {"a/x": 0.7, "a/y": 0.7}
    assert 0.2 < share(8, fall) < share(16, fall) < share(32, fall)
    assert share(16, none) < 0.15


def test_power_of_the_observer_needs_the_network():
    made = plan.Plan("1", 8, 5, contrasts=plan.usual_contrasts([("a/x", "a/y")]))
    accuracies = {"natural": 0.9, "a/x": 0.8, "a/y": 0.2}
    design = simulated.design_without_lists(list(accuracies), 8, 5)
    people, network = (simulated.Observers(a) for a in (accuracies, dict.fromkeys(accuracies, 0.95)))
    found = simulated.power(made, design, people, experiments=5, permutations=50)
    assert [one.contrast for one in found] == ["layers of a"]
    found = simulated.power(made, design, people, network, experiments=5, permutations=50)
    assert [(one.contrast, one.power) for one in found] == [("layers of a", 1.0), ("people and a", 1.0)]
    assert found[0].assumed.startswith("accuracies from 0.20 to 0.90")


def test_wrong_accuracies_are_refused():
    with pytest.raises(InputError, match="no number from 0 to 1"):
        simulated.intercepts(np.array([1.2]), 1.0)
    design = simulated.design_without_lists(("a/x",), 2, 2)
    with pytest.raises(InputError, match="no accuracy is given for the condition a/x"):
        simulated.right(design, simulated.Observers({}), np.random.default_rng(0))
