"""Analyses of studies whose answers are known."""

import dataclasses
import re

import numpy as np
import pytest

from model_metamers.errors import InputError
from model_metamers.people import analysis, as_judgements, own_recognition, plan, results
from model_metamers.people.study import StudyFolder
from model_metamers.recognition.judgement import read_judgements
from model_metamers.recognition.points import curve, read_points
from tests.builders.answered import ACCURACIES, make_recorded, write_own

_QUICK = analysis.Settings(resamples=200, halvings=20)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("people")


@pytest.fixture(scope="module")
def recorded(folder):
    return make_recorded(folder / "study")


@pytest.fixture(scope="module")
def own(folder, recorded):
    path = write_own(folder / "judgements.csv", StudyFolder(folder / "study"))
    return own_recognition.read_own(path, recorded.shown, "sixteen")


@pytest.fixture(scope="module")
def found(recorded, own):
    return analysis.analyse(recorded, None, own, _QUICK)


def _by_hand(recorded, condition) -> list[float]:
    """Each person's proportion correct, from the answers themselves."""
    return [
        np.mean([a.correct for a in recorded.answers if (a.person, a.condition) == (person, condition)])
        for person in range(1, 17)
    ]


def test_conditions_are_the_means_over_people(recorded, found):
    assert [one.name for one in found.conditions] == list(ACCURACIES)
    for one in found.conditions:
        values = _by_hand(recorded, one.name)
        assert (one.people, one.trials, one.right) == (16, 160, round(sum(values) * 10))
        assert one.proportion == pytest.approx(np.mean(values))
        assert one.sem == pytest.approx(np.std(values, ddof=1) / 4)
        assert one.low < one.proportion < one.high and one.wilson_low < one.proportion < one.wilson_high
        assert abs(one.proportion - ACCURACIES[one.name]) < 5 * one.sem
        assert one.beyond_guessing == pytest.approx((one.proportion - 1 / 16) / (15 / 16))
    assert found.chance == 1 / 16
    assert found.conditions[0].p_chance_holm < 1e-50 < 0.01 < found.conditions[3].p_chance_holm


def test_the_network_is_held_against_what_each_person_saw(recorded, own, found):
    right = {(j.generator.name, j.layer, j.stimulus): j.correct for j in own}
    for one in found.conditions[1:]:
        network, layer = one.name.split("/")
        seen = [a.stimulus for a in recorded.answers if a.condition == one.name]
        assert one.network == pytest.approx(np.mean([right[network, layer, stimulus] for stimulus in seen]))


def test_planned_tests_are_made_and_adjusted(found):
    names = [(one.contrast.name, one.contrast.test) for one in found.tests]
    assert names == [(c.name, c.test) for c in plan.usual_contrasts(_networks())]
    for one in found.tests:
        assert one.meant.p_permutation == 1 / 200
        assert one.p_holm == pytest.approx(5 / 200) and one.significant
    assert [one.meant.df1 for one in found.tests] == [3, 3, 3, 3, 2]


def _networks():
    return [list(ACCURACIES)[1:4], list(ACCURACIES)[4:]]


def test_without_the_networks_recognition_the_observers_tests_are_not_made(recorded):
    found = analysis.analyse(recorded, None, None, _QUICK)
    told = {one.contrast.test: one.not_made for one in found.tests}
    assert told["observer_by_layer"] == "needs the networks' own recognition (--recognition)"
    assert told["layer"] == told["network_by_layer"] == ""
    assert [one.p_holm for one in found.tests if one.effects] == pytest.approx([3 / 200] * 3)
    assert np.isnan([one.network for one in found.conditions]).all()


def test_judgements_and_points_are_those_of_networks(recorded, found, tmp_path):
    results.write(tmp_path, found)
    judgements = read_judgements(tmp_path / "judgements.csv")
    assert judgements == found.judgements
    # A natural signal counts for each of the two networks.
    assert len(judgements) == 16 * 10 * (6 + 2)
    people = [p for p in read_points([tmp_path]) if p.judge.name == "people"]
    for network, layers in zip(("vgg_19_small", "resnet_v2_small"), _networks(), strict=True):
        points = curve(p for p in people if p.generator.name == network)
        assert [p.layer for p in points] == ["natural", *(name.split("/")[1] for name in layers)]
        for point, name in zip(points, ["natural", *layers], strict=True):
            values = _by_hand(recorded, name)
            assert (point.proportion, point.sem) == pytest.approx(
                (np.mean(values), np.std(values, ddof=1) / 4)
            )
            assert (point.n, point.chance, point.decision) == (160, 1 / 16, "sixteen")
    networks = [p for p in read_points([tmp_path]) if p.judge == p.generator]
    assert len(networks) == 8 and all(0.9 < p.proportion <= 1 for p in networks)


def test_the_page_and_the_tables_tell_the_same(found, tmp_path):
    results.write(tmp_path, found)
    names = sorted(path.name for path in tmp_path.iterdir())
    tables = (
        "conditions",
        "confusions",
        "counted_trials",
        "exclusions",
        "items",
        "judgements",
        "participants",
    )
    more = ("recognition.csv", "results.html", "results.json", "tests.csv")
    assert names == [
        *(f"{name}.csv" for name in tables),
        *(f"per_trial_{i}.csv" for i in range(1, 6)),
        *more,
    ]
    page = (tmp_path / "results.html").read_text()
    for one in found.conditions:
        assert f"<td>{one.proportion:.3f}</td><td>{one.sem:.3f}</td>" in page
    for one in found.tests:
        assert f"<td>{one.meant.f:.4f}</td>" in page
    assert found.recorded.plan_sha256 in page and found.recorded.digest in page
    assert "glmer(correct ~ observer * layer + (1 | cluster) + (1 | stimulus)" in page
    assert "xploratory" not in page and "imulated" not in page and "None" not in page and "nan" not in page
    rows = (tmp_path / "participants.csv").read_text().splitlines()
    assert len(rows) == 1 + 16 * 7


def test_the_same_answers_give_the_same_bytes(recorded, own, found, tmp_path):
    for name, one in (("one", found), ("two", analysis.analyse(recorded, None, own, _QUICK))):
        (tmp_path / name).mkdir()
        results.write(tmp_path / name, one)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name


def test_simulated_observers_are_called_that_everywhere(recorded, tmp_path):
    simulated = dataclasses.replace(
        recorded,
        answers=[dataclasses.replace(one, simulated=True) for one in recorded.answers],
        sessions=[dataclasses.replace(one, simulated=True) for one in recorded.sessions],
    )
    found = analysis.analyse(simulated, None, None, _QUICK)
    results.write(tmp_path, found)
    assert "These are simulated observers, not people." in (tmp_path / "results.html").read_text()
    assert '"simulated": true' in (tmp_path / "results.json").read_text()
    points = read_points([tmp_path])
    assert {p.judge.name for p in points} == {"simulated observers"}
    assert all(as_judgements.is_simulated(p.judge) for p in points)


def test_other_settings_are_called_exploratory_everywhere(recorded, tmp_path):
    other = dataclasses.replace(recorded.plan, alpha=0.01, exclusions=plan.Exclusions(least_natural=0.5))
    found = analysis.analyse(recorded, other, None, _QUICK)
    results.write(tmp_path, found)
    page = (tmp_path / "results.html").read_text()
    assert "<li>alpha: 0.01, planned 0.05</li>" in page
    assert "<li>exclusions: least_natural is 0.5, planned no rule</li>" in page
    assert {p.judge.name for p in read_points([tmp_path])} == {"people, exploratory"}


def test_the_same_settings_are_not_exploratory(recorded):
    assert analysis.analyse(recorded, recorded.plan, None, _QUICK).exploratory == ()


def _only(recorded, keep):
    return dataclasses.replace(recorded, answers=[one for one in recorded.answers if keep(one)])


@pytest.mark.parametrize(
    ("keep", "told"),
    [
        (lambda a: a.person == 1, "one person counts after the exclusions"),
        (lambda a: a.part != "main", "nobody counts after the exclusions"),
        (
            lambda a: (a.person, a.condition) != (7, "vgg_19_small/fc8"),
            "person 7: no answer to vgg_19_small/fc8 counts",
        ),
        (lambda a: a.condition != "natural", "everybody: no answer to natural counts"),
    ],
)
def test_too_few_answers_are_refused_in_one_line(recorded, keep, told):
    with pytest.raises(InputError, match=re.escape(told)) as caught:
        analysis.analyse(_only(recorded, keep), None, None, _QUICK)
    assert "\n" not in str(caught.value)


def test_a_planned_test_of_a_condition_that_the_study_lacks_is_refused(recorded):
    contrast = plan.Contrast("x", "layer", (("natural", "vgg_19_small/conv9"),))
    with pytest.raises(InputError, match="the study has no condition vgg_19_small/conv9"):
        analysis.analyse(recorded, dataclasses.replace(recorded.plan, contrasts=(contrast,)), None, _QUICK)


def test_without_planned_tests_the_proportions_are_told(recorded):
    found = analysis.analyse(recorded, dataclasses.replace(recorded.plan, contrasts=()), None, _QUICK)
    assert len(found.conditions) == 7 and found.tests == []
    assert "None was planned." in results.page(found)


@pytest.mark.parametrize("decision", ["fine", "classes"])
def test_networks_that_did_not_judge_what_was_shown_are_refused(folder, recorded, tmp_path, decision):
    path = write_own(tmp_path / "judgements.csv", StudyFolder(folder / "study"), decision=decision)
    text = path.read_text()
    path.write_text(re.sub(r",True,([a-z]+),labels", r",True,fish,labels", text))
    with pytest.raises(InputError, match=f"holds no decision among the study's classes, only {decision}"):
        own_recognition.read_own(path, recorded.shown, "sixteen")
    path.write_text(text.replace("aaaa1111", "cccc").replace("bbbb2222", "dddd"))
    with pytest.raises(InputError, match="no network in it judged what the study shows of it"):
        own_recognition.read_own(tmp_path, recorded.shown, "sixteen")
