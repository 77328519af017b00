"""Simulated observers: as right as they should be, the same every time, and marked."""

import pytest

from model_metamers.errors import InputError
from model_metamers.people import loaded_study, observers
from tests.builders import serving, studies


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("studies") / "long"
    names = ("natural", "vgg/conv1", "vgg/conv2")
    place = studies.make_study(
        folder, lists=2, practice=3, demonstration=3, main=300, catch=4, conditions=names
    )
    return loaded_study.load(place.path)


def rights(loaded, observer):
    """For each condition of the main trials, whether each answer is right; for the rest under its part."""
    told = {}
    trials = loaded.lists[0]
    for trial, answer in zip(trials, observer.answers(trials), strict=True):
        shown = loaded.shown[trial.file]
        key = shown.condition if trial.part == "main" else trial.part
        told.setdefault(key, []).append(answer["answer"] == shown.truth)
    return told


def test_they_are_right_as_often_as_was_asked_and_always_elsewhere(loaded):
    accuracy = {"natural": 0.9, "vgg/conv1": 0.5, "vgg/conv2": 0.0}
    people = [rights(loaded, observers.Observer(loaded, accuracy, 3, number)) for number in range(10)]
    for condition, expected in accuracy.items():
        answers = [right for person in people for right in person[condition]]
        assert len(answers) == 1000
        assert sum(answers) / 1000 == pytest.approx(expected, abs=0.06)  # 3.8 standard errors
    for part in ("practice", "demonstration", "catch"):
        assert all(right for person in people for right in person[part])


def test_the_same_number_answers_alike_and_another_does_not(loaded):
    accuracy = dict.fromkeys(("natural", "vgg/conv1", "vgg/conv2"), 0.5)

    def answers(seed, number):
        return observers.Observer(loaded, accuracy, seed, number).answers(loaded.lists[0])

    assert answers(1, 2) == answers(1, 2)
    assert answers(1, 2) != answers(1, 3) != answers(2, 2)


def test_answers_are_in_time_and_pictures_shown_as_asked(loaded):
    answers = observers.Observer(
        loaded, dict.fromkeys(("natural", "vgg/conv1", "vgg/conv2"), 0.5), 0, 0
    ).answers(loaded.lists[0])
    assert all(0 < answer["rt_ms"] <= 1500 and answer["image_ms"] == 200 for answer in answers)


@pytest.mark.parametrize(
    "given, told",
    [
        ({"natural": 0.5, "vgg/conv1": 0.5}, "'vgg/conv2'"),
        ({}, "3 conditions"),
        (1.5, "1.5"),
        (-0.1, "-0.1"),
        (float("nan"), "nan"),
        ({"natural": 0.5, "vgg/conv1": 2, "vgg/conv2": 0.5}, "'vgg/conv1'"),
    ],
)
def test_accuracies_that_cannot_be_are_refused(loaded, given, told):
    with pytest.raises(InputError, match=told):
        observers.accuracies(loaded, given)


def test_one_number_is_for_all_and_more_conditions_are_passed_over(loaded):
    assert set(observers.accuracies(loaded, 0.25).values()) == {0.25}
    given = {"natural": 0.5, "vgg/conv1": 0.5, "vgg/conv2": 0.5, "other": 7}
    assert "other" not in observers.accuracies(loaded, given)


def test_nobody_there_is_told_in_one_line(loaded):
    observer = observers.Observer(loaded, observers.accuracies(loaded, 0.5), 0, 1)
    with pytest.raises(InputError, match="no server") as error:
        observers.take_part("http://127.0.0.1:9", observer, "")
    assert "\n" not in str(error.value)


def test_the_program_takes_part_through_a_server_and_goes_on_where_it_was(study, page, tmp_path):
    with serving.running(study, tmp_path / "data", page, "--allow_simulated") as url:
        loaded = loaded_study.load(study.path)
        observer = observers.Observer(loaded, observers.accuracies(loaded, 0.5), 0, 1)
        stopped = iter(range(5))
        with pytest.raises(StopIteration):
            observers.take_part(url, observer, "", lambda: next(stopped))
        assert observers.take_part(url, observer, "Done") == "finished"
        assert observers.take_part(url, observer, "Done") == "finished"
        other = studies.make_study(tmp_path / "other")
        stranger = observers.Observer(loaded_study.load(other.path), observer.accuracy, 0, 2)
        with pytest.raises(InputError, match="another study"):
            observers.take_part(url, stranger, "")
