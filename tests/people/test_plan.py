"""A plan is read as it was written, and one that cannot be followed is refused."""

import dataclasses
import hashlib
import json

import pytest

from model_metamers.errors import InputError
from model_metamers.people import plan

_NETWORKS = (("a/conv1", "a/conv2"), ("b/pool1", "b/conv2"), ("c/one", "c/two", "c/three"))


def _plan(**changed) -> plan.Plan:
    exclusions = plan.Exclusions(least_catch=0.8, fastest_ms=150.0)
    contrasts = plan.usual_contrasts(_NETWORKS)
    powers = (plan.Power(contrasts[0].name, 16, 0.93, 200, "the curves of 2019"),)
    made = plan.Plan("1", 16, 10, exclusions=exclusions, contrasts=contrasts, powers=powers)
    return dataclasses.replace(made, **changed)


def test_a_plan_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "plan.json"
    digest = plan.write_plan(path, _plan())
    assert plan.read_plan(path) == _plan()
    assert digest == hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_usual_tests_are_those_of_each_network_and_of_pairs_with_as_many_layers():
    assert [(one.test, one.name) for one in plan.usual_contrasts(_NETWORKS)] == [
        ("layer", "layers of a"),
        ("observer_by_layer", "people and a"),
        ("layer", "layers of b"),
        ("observer_by_layer", "people and b"),
        ("layer", "layers of c"),
        ("observer_by_layer", "people and c"),
        ("network_by_layer", "a and b"),
    ]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"alpha": 0.0}, "alpha is 0.0"),
        ({"participants": 0}, "participants is 0"),
        ({"exclusions": plan.Exclusions(least_catch=1.5)}, "least_catch is 1.5"),
        ({"exclusions": plan.Exclusions(slowest_ms=-1.0)}, "slowest_ms is -1.0"),
        ({"contrasts": (plan.Contrast("x", "t", (("a", "b"),)),)}, "test is 't'"),
        ({"contrasts": (plan.Contrast("x", "layer", (("a", "b"), ("c", "d"))),)}, "has 2 rows"),
        ({"contrasts": (plan.Contrast("x", "network_by_layer", (("a", "b"),)),)}, "has 1 rows"),
        ({"contrasts": (plan.Contrast("x", "layer", (("a",),)),)}, "at least two conditions"),
        ({"contrasts": (plan.Contrast("x", "layer", (("a", "a"),)),)}, "a stands twice"),
        ({"contrasts": (plan.Contrast("x", "layer", (("a", "b"),)),) * 2}, "the same name"),
    ],
)
def test_a_plan_that_cannot_be_followed_is_refused(tmp_path, changed, told):
    path = tmp_path / "plan.json"
    plan.write_plan(path, _plan(**changed))
    with pytest.raises(InputError, match=told):
        plan.read_plan(path)


def test_a_condition_that_the_study_lacks_is_named():
    with pytest.raises(InputError, match="no condition c/three"):
        plan.check(_plan(), {"natural", *_NETWORKS[0], *_NETWORKS[1], "c/one", "c/two"})


@pytest.mark.parametrize("text", ["", "[]", '{"format": "1"}', json.dumps({"format": 1})])
def test_what_is_no_plan_is_refused_in_one_line(tmp_path, text):
    path = tmp_path / "plan.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"plan\.json: no readable plan") as caught:
        plan.read_plan(path)
    assert "\n" not in str(caught.value)


def test_changes_of_a_plan_leave_the_rest(tmp_path):
    path = tmp_path / "changes.json"
    path.write_text('{"alpha": 0.01, "exclusions": {"least_catch": null, "unfocused": true}}')
    changed = plan.read_changes(path, _plan())
    exclusions = plan.Exclusions(fastest_ms=150.0, unfocused=True)
    assert changed == _plan(alpha=0.01, exclusions=exclusions)
    plan.write_plan(path, changed)
    assert plan.read_changes(path, _plan()) == changed


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"alfa": 0.01}', "'alfa' cannot be changed in a plan; expected some of alpha"),
        ('{"powers": []}', "'powers' cannot be changed"),
        ('{"exclusions": {"least_sleep": 8}}', "'least_sleep' cannot be changed"),
        ('{"exclusions": 3}', "no readable changes of a plan"),
        ('{"alpha": "small"}', "no readable changes of a plan"),
        ('{"alpha": 2}', "alpha is 2"),
        ("[1]", "no readable changes of a plan"),
    ],
)
def test_changes_that_a_plan_cannot_have_are_refused(tmp_path, text, told):
    path = tmp_path / "changes.json"
    path.write_text(text)
    with pytest.raises(InputError, match=told) as caught:
        plan.read_changes(path, _plan())
    assert "\n" not in str(caught.value)
