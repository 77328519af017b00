"""Rho and classes measured again: the same bits, or in words what a record says otherwise."""

import dataclasses
import functools
import math

import pytest

import model_metamers as mm
from model_metamers import InputError, runs
from model_metamers.criteria import verdict_on
from model_metamers.runs import inclusion
from model_metamers.runs.folder import find_metamers
from model_metamers.runs.measured_anew import TOLERANCE, measure_anew
from model_metamers.runs.record import read_record, write_record
from tests.conftest import make_tiny_vgg

KINDS = ("image", "sound", "cochleagram")


def make_run(request, kind: str, out) -> runs.Run:
    network = request.getfixturevalue("tiny_vgg" if kind == "image" else "tiny_word_cnn")
    signals = request.getfixturevalue("small_images" if kind == "image" else "small_sounds")
    layers = ("fc7",) if kind == "image" else ("conv_2",)
    stimuli = {"one": signals[0], "two": signals[1]}
    run = runs.Run(network, layers, stimuli, {"three": signals[2]}, out, mm.SynthesisConfig(iterations=2))
    return runs.over_cochleagrams(run) if kind == "cochleagram" else run


@pytest.fixture
def run(request, tmp_path) -> runs.Run:
    made = make_run(request, getattr(request, "param", "image"), tmp_path)
    runs.execute([made], progress=False)
    return made


def check(run: runs.Run):
    null = runs.measure_null(run, progress=False)
    measure = functools.partial(measure_anew, network=run.network)
    return inclusion.check_folders(find_metamers(run.out), [null], measure)


@pytest.mark.parametrize("run", KINDS, indirect=True)
def test_what_was_not_changed_is_the_same_to_the_last_bit(run):
    checked, problems = check(run)
    assert not problems and [one.same_bits for one in checked] == [True, True]
    as_recorded, _ = inclusion.check_folders(find_metamers(run.out), [runs.measure_null(run, progress=False)])
    assert [one.row() for one in checked] == [one.row() for one in as_recorded]


def changed_floats(record, **changes):
    measured = dataclasses.replace(record.floats.measurement, **changes)
    return dataclasses.replace(record, floats=dataclasses.replace(record.floats, measurement=measured))


def changed_file(record, **changes):
    measured = dataclasses.replace(record.file.measurement, **changes)
    return dataclasses.replace(record, file=dataclasses.replace(record.file, measurement=measured))


CHANGES = [
    (changed_floats, {"spearman": {"fc7": 0.9876}}, r"rho at fc7 is .*, its record says 0\.9876"),
    (changed_file, {"spearman": {"fc7": 0.9876}}, r"rho of the file at fc7 is .*, its record says 0\.9876"),
    (changed_floats, {"spearman": {"fc7": 0.5, "conv1_2": 2 * TOLERANCE}}, "rho at conv1_2"),
    (changed_floats, {"signal_class": "a lie", "signal_label": 3}, "class of the signal is .* says a lie"),
    (changed_floats, {"target_class": "a lie", "target_label": 3}, "class of the target is .* says a lie"),
    (changed_file, {"signal_class": "a lie"}, "class of the signal of the file is .* says a lie"),
]


@pytest.mark.parametrize(("change", "values", "message"), CHANGES)
def test_a_record_that_says_otherwise_is_named_and_what_is_measured_counts(run, change, values, message):
    """The record is written anew, with a digest that fits: only the network can tell."""
    place = run.folder.metamer("fc7", "one")
    before = read_record(place.path)
    write_record(place, change(before, **values))
    checked, problems = check(run)
    assert len(checked) == 2 and len(problems) == 1
    with pytest.raises(InputError, match=message):
        raise problems[0]
    assert str(place.path) in str(problems[0]) and "\n" not in str(problems[0])
    null = runs.measure_null(run, progress=False)
    assert checked[0].verdict == verdict_on(before.floats.measurement, "fc7", null)
    assert [one.same_bits for one in checked] == [False, True]


def test_a_difference_below_the_tolerance_is_no_problem(run):
    place = run.folder.metamer("fc7", "one")
    record = read_record(place.path)
    rho = {layer: value + TOLERANCE / 2 for layer, value in record.floats.measurement.spearman.items()}
    write_record(place, changed_floats(record, spearman=rho))
    checked, problems = check(run)
    assert not problems and [one.same_bits for one in checked] == [False, True]


def test_a_match_that_is_another_is_named_and_older_records_have_none(run):
    places = [run.folder.metamer("fc7", name) for name in ("one", "two")]
    records = [read_record(place.path) for place in places]
    match = records[0].floats.measurement.match
    write_record(places[0], changed_floats(records[0], match=dataclasses.replace(match, pearson=0.5)))
    older = changed_file(changed_floats(records[1], match=None), match=None)
    write_record(places[1], older)
    assert "match" not in places[1].record.read_text() and "match" in places[0].record.read_text()
    checked, (problem,) = check(run)
    assert "pearson is " in str(problem) and "its record says 0.5" in str(problem)
    assert [one.same_bits for one in checked] == [False, True]
    assert checked[0].match == match

    as_recorded, problems = inclusion.check_folders(find_metamers(run.out), [runs.measure_null(run, False)])
    assert not problems and as_recorded[1].match is None
    rows = [one.row() for one in as_recorded]
    columns = ["target_zeros", "metamer_zeros", "relative_error", "pearson"]
    assert list(rows[0])[-4:] == list(rows[1])[-4:] == columns
    assert [rows[0][c] for c in columns] == [
        match.target_zeros,
        match.signal_zeros,
        match.relative_error,
        0.5,
    ]
    assert [rows[1][c] for c in columns] == [None] * 4
    (row,) = inclusion.table(as_recorded)
    assert row["pearson"] == 0.5 and row["relative_error"] == match.relative_error
    assert math.isnan(inclusion.table(as_recorded[1:])[0]["pearson"])


def test_other_weights_give_other_numbers(run):
    null = runs.measure_null(run, progress=False)
    measure = functools.partial(measure_anew, network=make_tiny_vgg(1))
    _, problems = inclusion.check_folders(find_metamers(run.out), [null], measure)
    assert len(problems) == 2 and all("measured anew, " in str(problem) for problem in problems)
