"""What is read is what was exported, and what is not of the study is refused in one line."""

import dataclasses

import pytest

from model_metamers.errors import InputError
from model_metamers.people import analysis, recorded
from model_metamers.people.export import export
from model_metamers.people.plan import read_plan, write_plan
from tests.builders import serving
from tests.builders.answered import make_answered_study, simulate, write_export


@pytest.fixture(scope="module")
def answered(tmp_path_factory):
    place = make_answered_study(tmp_path_factory.mktemp("people") / "study", lists=2, trials=3, stimuli=100)
    return place, *simulate(place, people=3)


def test_an_export_is_read_as_it_was_written(answered, tmp_path):
    place, answers, sessions = answered
    answers = [dataclasses.replace(answers[0], answer="", correct=False, rt_ms=None), *answers[1:]]
    export = write_export(tmp_path / "export", answers, sessions)
    assert recorded.read_export(export, place.digest()) == (answers, sessions)
    found = recorded.recorded(place, answers, sessions)
    assert found.plan == read_plan(place.plan) and found.plan_sha256 == place.read_study().plan_sha256


def _changed(answers, **changes):
    return [*answers[:-1], dataclasses.replace(answers[-1], **changes)]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"file": "unknown"}, "is no answer to a file of the study"),
        ({"condition": "natural"}, "is no answer to a file of the study"),
        ({"truth": "nothing"}, "is no answer to a file of the study"),
        ({"answer": "nothing", "correct": True}, "is no answer to a file of the study"),
        ({"person": 77}, "no such session"),
        ({"position": 0}, "is there twice"),
    ],
)
def test_answers_to_another_study_are_refused(answered, changes, told):
    place, answers, sessions = answered
    one = dataclasses.replace(answers[-1], condition="vgg_19_small/fc8")
    answers = [*answers[:-1], one] if changes == {"condition": "natural"} else answers
    with pytest.raises(InputError, match=told) as caught:
        recorded.recorded(place, _changed(answers, **changes), sessions)
    assert "\n" not in str(caught.value)


def test_no_answers_are_refused(answered):
    place, _, sessions = answered
    with pytest.raises(InputError, match="nobody has answered yet"):
        recorded.recorded(place, [], sessions)


def test_a_plan_that_was_changed_afterwards_is_refused(tmp_path):
    place = make_answered_study(tmp_path / "study", lists=1, trials=1)
    write_plan(place.plan, dataclasses.replace(read_plan(place.plan), alpha=0.01))
    with pytest.raises(InputError, match="was changed after the study was made"):
        recorded.recorded(place, *simulate(place, people=2))


def test_an_export_of_another_study_is_refused(answered, tmp_path):
    place, answers, sessions = answered
    export = write_export(tmp_path / "export", answers, sessions)
    (export / "export.json").write_text('{"study_sha256": "another"}')
    with pytest.raises(InputError, match="is the export of another study"):
        recorded.read_export(export, place.digest())


@pytest.mark.parametrize(
    ("name", "old", "new", "told"),
    [
        ("trials.csv", ",main,", ",middle,", r"trials.csv, line \d+: part is 'middle', expected one of"),
        ("trials.csv", "True\n", "perhaps\n", r"trials.csv, line 2: simulated is 'perhaps'|expected True"),
        ("trials.csv", "rt_ms", "time", "no column 'rt_ms'"),
        ("sessions.csv", "finished,", "gone,", "sessions.csv"),
    ],
)
def test_a_damaged_export_is_refused_with_its_line(answered, tmp_path, name, old, new, told):
    place, answers, sessions = answered
    simulated = [dataclasses.replace(one, simulated=True) for one in answers]
    path = write_export(tmp_path / "export", simulated, sessions) / name
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(InputError, match=told):
        recorded.read_export(path.parent, place.digest())


def test_a_database_tells_what_its_export_does(tmp_path, page, clock):
    place = make_answered_study(tmp_path / "study", lists=2, trials=2, stimuli=60)
    shown = place.read_answers()
    with serving.browser(place, tmp_path / "data", page, clock) as browser:
        for code in ("one", "two"):
            session = browser.enter(code)
            answers = [shown[trial["file"]].truth for trial in session["trials"]]
            browser.answer_all(session, [*answers[:-1], None])
            browser.post("finish", token=session["token"], comments="")
    with serving.desk(place, tmp_path / "data") as desk:
        export(desk.store, desk.loaded, tmp_path / "export")
    exported = recorded.read_export(tmp_path / "export", place.digest())
    assert exported == recorded.read_data(tmp_path / "data", place)
    found = recorded.recorded(place, *exported)
    assert [answer.correct for answer in found.answers].count(False) == 2
    assert {session.ended for session in found.sessions} == {"finished"}
    conditions = analysis.analyse(found, None, None, analysis.Settings(per_trial=False)).conditions
    assert sum(one.trials for one in conditions) == 2 * 14
