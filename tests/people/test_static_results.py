"""Answers of a static study, taken into a database."""

import dataclasses
import json

import pytest

from model_metamers.errors import InputError
from model_metamers.people import loaded_study, static_results, store
from model_metamers.people.export import rows

NOW = "2026-01-05T09:00:00.000Z"


@pytest.fixture
def loaded(study):
    return loaded_study.load(study.path)


@pytest.fixture
def take(tmp_path, loaded):
    """Writes lines to a file and takes it in; gives what was new, the sessions and the answers."""

    def begin(*lines, name="answers.jsonl"):
        path = tmp_path / name
        path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
        with store.writable(tmp_path / "data", loaded.digest) as answers:
            return static_results.take_in(answers, loaded, [path]), *rows(answers, loaded)

    return begin


def begun(loaded, number=0, code="p1", **changes):
    plan = loaded.study.plan_sha256
    line = {"kind": "session", "code": code, "source": "code", "list": number, "started": NOW}
    return {**line, "plan_sha256": plan, **changes}


def answered(loaded, position, number=0, answer=None, **changes):
    trial = loaded.lists[number][position]
    given = loaded.shown[trial.file].truth if answer is None else answer
    line = {"kind": "answer", "part": trial.part, "file": trial.file, "position": position, "answer": given}
    return {**line, "rt_ms": 512.25, "events": ["blur", "focus"], "received": NOW, **changes}


END = {"kind": "end", "comments": "fine", "finished": "2026-01-05T09:30:00.000Z"}


def test_a_whole_session_is_as_a_server_would_have_stored_it(take, loaded):
    count = len(loaded.lists[1])
    lines = [answered(loaded, position, 1) for position in range(count)]
    new, sessions, answers = take(begun(loaded, 1), *lines, END)
    assert new == (1, count)
    (session,) = sessions
    assert (session.ended, session.comments, session.list, session.simulated) == (
        "finished",
        "fine",
        1,
        False,
    )
    assert session.finished == "2026-01-05T09:30:00.000+00:00"
    assert [one.position for one in answers] == list(range(count)) and all(one.correct for one in answers)
    assert (answers[0].rt_ms, answers[0].events, answers[0].image_ms) == (512.25, "blur focus", None)


def test_the_same_file_twice_changes_nothing_and_a_longer_one_adds(take, loaded):
    lines = [answered(loaded, position) for position in range(len(loaded.lists[0]))]
    take(begun(loaded), *lines[:3])
    new, *before = take(begun(loaded), *lines[:3])
    assert new == (0, 0) and before[0][0].ended == "open"
    new, sessions, answers = take(begun(loaded), *lines, END)
    assert new == (0, len(lines) - 3) and sessions[0].ended == "finished"
    assert [one.position for one in answers] == list(range(len(lines)))


def test_several_people_in_one_file_and_blank_lines(take, loaded):
    new, sessions, _ = take(
        begun(loaded), answered(loaded, 0), "", begun(loaded, 1, "p2"), answered(loaded, 0, 1), "  "
    )
    assert new == (2, 2) and [one.person for one in sessions] == [1, 2]


def test_of_two_answers_to_a_trial_the_first_counts(take, loaded):
    wrong = next(c for c in loaded.study.choices if c != answered(loaded, 0)["answer"])
    new, _, answers = take(begun(loaded), answered(loaded, 0, answer=wrong), answered(loaded, 0))
    assert new == (1, 1) and answers[0].answer == wrong


def test_a_part_that_was_not_passed_is_told_from_the_answers(take, loaded):
    last = max(trial.position for trial in loaded.lists[0] if trial.part == "demonstration")
    lines = [answered(loaded, position, answer="") for position in range(last + 1)]
    _, sessions, _ = take(begun(loaded), *lines, END)
    assert sessions[0].ended == "failed_demonstration"


@pytest.mark.parametrize(
    "spoil, told",
    [
        (lambda lines: lines[1:], "before any session"),
        (lambda lines: [], "holds no session"),
        (lambda lines: ["{"], "no line of a static study"),
        (lambda lines: [{**lines[0], "admin": True}], "no line of a static study"),
        (lambda lines: ["[" * 100_000], "no line of a static study"),
        (lambda lines: [{**lines[0], "code": "two words"}], "code is none"),
        (lambda lines: [lines[0], {**lines[1], "rt_ms": -1}], "no line of a static study"),
        (lambda lines: [{**lines[0], "plan_sha256": "0"}], "of another study"),
        (lambda lines: [{**lines[0], "list": 99}], "of another study"),
        (lambda lines: [lines[0], lines[2]], "trial 0 is missing"),
        (lambda lines: [lines[0], {**lines[1], "file": "x.png"}], "of another study"),
        (lambda lines: [lines[0], {**lines[1], "answer": "house"}], "of another study"),
        (lambda lines: [*lines, {**lines[0], "started": "2026-01-06T09:00:00Z"}], "another session before"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_stored(take, tmp_path, loaded, spoil, told):
    lines = [begun(loaded), answered(loaded, 0), answered(loaded, 1)]
    with pytest.raises(InputError, match=told) as caught:
        take(*spoil(lines))
    assert "\n" not in str(caught.value)
    with store.readable(tmp_path / "data", loaded.digest) as answers:
        assert rows(answers, loaded) == ([], [])


def test_an_answer_of_another_list_is_refused(take, loaded):
    other = answered(loaded, 0, 1)
    assert other["file"] != answered(loaded, 0)["file"]
    with pytest.raises(InputError, match="of another study"):
        take(begun(loaded), other)


def test_every_field_of_an_answer_is_kept(take, loaded):
    times = {"rt_ms": 1.5, "fixation_ms": 2.5, "image_ms": 3.5, "mask_ms": 4.5, "frame_ms": 5.5}
    _, _, answers = take(begun(loaded), answered(loaded, 0, **times))
    assert {name: dataclasses.asdict(answers[0])[name] for name in times} == times
