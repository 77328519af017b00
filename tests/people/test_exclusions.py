"""Each rule leaves out what it says, is counted, and nothing else changes."""

import dataclasses

import pytest

from model_metamers.people import exclusions
from model_metamers.people.plan import Exclusions
from model_metamers.people.recorded import Recorded
from tests.builders.answered import make_recorded

_NONE = Exclusions(unfinished=False)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory) -> Recorded:
    folder = tmp_path_factory.mktemp("people") / "study"
    return make_recorded(folder, people=4, lists=4, trials=5, stimuli=160)


def _edited(recorded, where, **changes) -> Recorded:
    """With the answers for which `where` holds changed."""
    answers = [dataclasses.replace(a, **changes) if where(a) else a for a in recorded.answers]
    return dataclasses.replace(recorded, answers=answers)


def _ended(recorded, person, ended) -> Recorded:
    sessions = [dataclasses.replace(s, ended=ended) if s.person == person else s for s in recorded.sessions]
    return dataclasses.replace(recorded, sessions=sessions)


def _left(recorded, rules) -> tuple[dict[str, tuple[int, int]], set[int]]:
    """By rule the people and trials that it left out, and who stays."""
    ruled, excluded = exclusions.rule(recorded, rules)
    assert len(ruled) == sum(answer.part == "main" for answer in recorded.answers)
    counted = {one.rule: (one.people, one.trials) for one in excluded}
    assert sum(trials for _, trials in counted.values()) == sum(bool(one.reason) for one in ruled)
    return counted, {one.answer.person for one in ruled if not one.reason}


_TRIALS = 35  # of the main part, a person


def test_without_rules_everything_counts(recorded):
    counted, people = _left(recorded, _NONE)
    assert counted == {} and people == {1, 2, 3, 4}


def test_rules_that_leave_nothing_out_are_counted_too(recorded):
    rules = Exclusions(least_catch=0.5, fastest_ms=1.0, unanswered=True)
    counted, people = _left(recorded, rules)
    assert len(counted) == 6 and set(counted.values()) == {(0, 0)} and len(people) == 4


@pytest.mark.parametrize(
    ("ended", "rule"),
    [
        ("open", "did not come to the end"),
        ("given_up", "did not come to the end"),
        ("failed_demonstration", "failed the demonstration"),
        ("failed_headphones", "failed the headphone check"),
    ],
)
def test_who_did_not_finish_is_left_out_by_how_it_ended(recorded, ended, rule):
    changed = _ended(recorded, 2, ended)
    counted, people = _left(changed, Exclusions())
    assert counted[rule] == (1, _TRIALS) and people == {1, 3, 4}
    assert _left(changed, _NONE)[1] == {1, 2, 3, 4}


def test_thresholds_on_people(recorded):
    def of_three(part):
        return lambda answer: answer.person == 3 and part(answer)

    wrong = {"answer": "nothing", "correct": False}
    catch = _edited(recorded, of_three(lambda a: a.part == "catch"), **wrong)
    natural = _edited(recorded, of_three(lambda a: a.condition == "natural"), **wrong)
    silent = _edited(recorded, of_three(lambda a: a.part == "main"), answer="", correct=False)
    for changed, rules in (
        (catch, {"least_catch": 0.8}),
        (natural, {"least_natural": 0.3}),
        (silent, {"least_answered": 0.5}),
    ):
        counted, people = _left(changed, Exclusions(unfinished=False, **rules))
        assert list(counted.values()) == [(1, _TRIALS)] and people == {1, 2, 4}


@pytest.mark.parametrize(
    ("changes", "rules"),
    [
        ({"rt_ms": 90.0}, {"fastest_ms": 100.0}),
        ({"rt_ms": 9000.0}, {"slowest_ms": 5000.0}),
        ({"events": "reloaded blur focus"}, {"unfocused": True}),
        ({"events": "left_full_screen"}, {"unfocused": True}),
        ({"image_ms": 240.0}, {"most_frames_off": 2.0}),
        ({"answer": "", "correct": False, "rt_ms": None}, {"unanswered": True}),
    ],
)
def test_rules_on_trials(recorded, changes, rules):
    main = next(a.position for a in recorded.answers if a.part == "main")
    changed = _edited(recorded, lambda a: a.position == main, **changes)
    counted, people = _left(changed, Exclusions(unfinished=False, **rules))
    assert list(counted.values()) == [(0, 4)] and people == {1, 2, 3, 4}
    assert _left(recorded, Exclusions(unfinished=False, **rules))[0].popitem()[1] == (0, 0)


def test_one_frame_off_is_within_one_frame(recorded):
    changed = _edited(recorded, lambda a: a.part == "main", image_ms=200.0 + 1000 / 60)
    assert list(_left(changed, Exclusions(unfinished=False, most_frames_off=1.0))[0].values()) == [(0, 0)]


def test_what_leaves_a_person_out_is_not_counted_again_by_trial(recorded):
    changed = _edited(_ended(recorded, 1, "open"), lambda a: a.person == 1, rt_ms=1.0)
    counted, _ = _left(changed, Exclusions(fastest_ms=100.0))
    assert counted["did not come to the end"] == (1, _TRIALS)
    assert counted["answered within 100 ms"] == (0, 0)


def test_simulated_observers_do_not_count_beside_people(recorded):
    def simulated(one):
        return dataclasses.replace(one, simulated=one.person == 4)

    changed = dataclasses.replace(
        recorded,
        answers=list(map(simulated, recorded.answers)),
        sessions=list(map(simulated, recorded.sessions)),
    )
    counted, people = _left(changed, _NONE)
    assert counted == {"simulated observers, beside people": (1, _TRIALS)} and people == {1, 2, 3}


def test_of_several_sessions_of_a_person_the_finished_one_counts(recorded):
    def second(one):
        return dataclasses.replace(one, person=1, session=2) if one.person == 2 else one

    changed = dataclasses.replace(
        recorded,
        answers=list(map(second, recorded.answers)),
        sessions=[
            dataclasses.replace(s, ended="given_up") if (s.person, s.session) == (1, 1) else s
            for s in map(second, recorded.sessions)
        ],
    )
    ruled, excluded = exclusions.rule(changed, Exclusions())
    counted = {(one.answer.person, one.answer.session) for one in ruled if not one.reason}
    assert counted == {(1, 2), (3, 1), (4, 1)}
    assert {one.rule: one.people for one in excluded if one.trials} == {
        "another session of the same person": 0
    }


def test_natural_signals_in_the_place_of_metamers_do_not_count(recorded):
    file = next(a.file for a in recorded.answers if a.condition == "natural")
    shown = {**recorded.shown, file: dataclasses.replace(recorded.shown[file], instead_of="vgg_19_small/fc8")}
    counted, _ = _left(dataclasses.replace(recorded, shown=shown), _NONE)
    assert list(counted.values()) == [(0, 1)]
