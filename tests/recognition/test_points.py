"""Points of recognition curves, from judgements whose numbers are known, and as a file."""

import csv

import numpy as np
import pytest

from model_metamers import InputError
from model_metamers.recognition import points
from model_metamers.recognition.judgement import Judgement, Who
from model_metamers.recognition.points import Point, read_points, write_points
from tests.builders.judgements import OTHER, SEED1, VGG, make_judgement, write_results

SEEDS = 3


def judgements(correct: np.ndarray, included: np.ndarray, **about) -> list[Judgement]:
    """One for each stimulus and seed of arrays [stimuli, seeds]; NaN where nobody can tell."""
    return [
        make_judgement(
            stimulus=f"s{stimulus}",
            search_seed=seed,
            included=bool(included[stimulus, seed]),
            correct=None if np.isnan(right) else bool(right),
            counted=bool(included[stimulus, seed]) and not np.isnan(right),
            **about,
        )
        for (stimulus, seed), right in np.ndenumerate(correct)
    ]


def point(rows: list[Judgement]) -> Point:
    (only,) = points.of_judgements(rows, {(VGG, "fine"): 0.125}, resamples=20_000)
    return only


def test_a_point_is_of_those_that_count_alone():
    """Twelve are made, nine pass, and of two of these nobody can tell: three of seven are right."""
    correct = np.array([[1, 0, 0], [1, 1, np.nan], [0, np.nan, 0], [1, 1, 1]], float)
    included = np.array([[1, 1, 1], [1, 1, 1], [1, 1, 1], [0, 0, 0]])
    found = point(judgements(correct, included))
    assert found.proportion == pytest.approx(3 / 7) and found.chance == 0.125
    assert [getattr(found, name) for name in ("n", "passed", "total", "stimuli", "seeds")] == [7, 9, 12, 3, 3]


def test_a_point_where_none_counts_has_no_proportion():
    found = point(judgements(np.ones([4, 2]), np.zeros([4, 2])))
    assert [getattr(found, name) for name in ("proportion", "sem", "sem_with_seeds")] == pytest.approx(
        [np.nan] * 3, nan_ok=True
    )
    assert [getattr(found, name) for name in ("n", "passed", "total")] == [0, 0, 8]


@pytest.mark.parametrize("spread", [0.0, 0.15])
def test_errors_of_a_point_are_over_stimuli_and_not_over_searches(spread):
    """Searches of one stimulus are alike: the seeds are no further stimuli."""
    random = np.random.default_rng(0)
    alike = random.random([40, 1]) < 0.6
    correct = np.where(random.random([40, SEEDS]) < spread, ~alike, alike).astype(float)
    found = point(judgements(correct, np.ones([40, SEEDS])))
    over_stimuli = correct.mean(axis=1).std() / np.sqrt(40)
    assert found.sem == pytest.approx(over_stimuli, rel=0.02)
    as_if_all_were_stimuli = correct.std() / np.sqrt(40 * SEEDS)
    assert over_stimuli > 1.2 * as_if_all_were_stimuli
    assert found.sem_with_seeds >= 0.98 * found.sem


def test_searches_of_several_trainings_are_seeds_of_their_own():
    """Rows of two networks' weights may be put together; every pair of weights and seed is a column."""
    correct = np.array([[1.0, 0.0], [0.0, 1.0]])
    both = [
        row
        for weights in ("2", "3")
        for row in judgements(
            correct if weights == "2" else 1 - correct, np.ones([2, 2]), generator=Who("g", weights)
        )
    ]
    np.testing.assert_array_equal(points.correct_by_stimulus(both), [[1, 0, 0, 1], [0, 1, 1, 0]])
    np.testing.assert_array_equal(points.correct_by_stimulus(both[:3]), [[1, 0], [0, np.nan]])


def test_natural_signals_have_no_seeds():
    found = point(judgements(np.array([[1.0], [0.0], [1.0]]), np.ones([3, 1]), layer="natural"))
    assert found.seeds is None and np.isnan(found.sem_with_seeds)
    assert found.proportion == pytest.approx(2 / 3) and found.stimuli == 3


def test_points_read_back(tmp_path):
    file = write_results(tmp_path / "recognition.csv", [(SEED1, VGG), (OTHER, VGG)], failing=12, unknown=3)
    again = read_points([tmp_path])
    assert [point.generator for point in again] == [VGG] * 8
    assert {point.judge for point in again} == {SEED1, OTHER}
    undefined = [point for point in again if np.isnan(point.proportion)]
    assert [(p.layer, p.n, p.passed, p.total) for p in undefined] == [("conv_10", 0, 0, 12)] * 2
    assert [p.seeds for p in again if p.layer == "natural"] == [None] * 2
    write_points(tmp_path / "again.csv", again)
    assert (tmp_path / "again.csv").read_bytes() == file.read_bytes()


def test_people_are_judges_too(tmp_path):
    person = Who("p01", "person:2024")
    write_results(tmp_path / "recognition.csv", [(person, VGG)])
    (judge,) = {point.judge for point in read_points([tmp_path])}
    assert (judge, judge.kind) == (person, "person")


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("n", "many", "line 3: n is 'many', expected a whole number of at least 0"),
        ("n", "", "line 3: n is '', expected a whole number"),
        ("passed", "-1", "line 3: passed is '-1'"),
        ("layer_index", "1.5", "line 3: layer_index is '1.5', expected a whole number"),
        ("proportion", "1.2", "line 3: proportion is '1.2', expected a number from 0 to 1, or nothing"),
        ("sem", "inf", "line 3: sem is 'inf', expected a number, or nothing"),
        ("optimized", "sound", "line 3: optimized is 'sound', expected one of image, waveform, cochleagram"),
    ],
)
def test_other_values_are_refused(tmp_path, column, value, message):
    file = write_results(tmp_path / "recognition.csv", [(SEED1, VGG)])
    rows = list(csv.reader(file.open(newline="")))
    rows[2][rows[0].index(column)] = value
    with file.open("w", newline="") as opened:
        csv.writer(opened).writerows(rows)
    with pytest.raises(InputError) as refused:
        read_points([file])
    assert f"{file}, {message}" in str(refused.value) and "\n" not in str(refused.value)


def test_other_files_are_refused(tmp_path):
    file = write_results(tmp_path / "recognition.csv", [(SEED1, VGG), (OTHER, VGG)])
    cases = {
        "nowhere.csv": (None, "no readable recognition.csv of recognize_metamers"),
        "verdicts.csv": (b"network,layer\nvgg,conv\n", "verdicts.csv, line 1: has no column 'judge'"),
        "twice.csv": (b"judge,judge\n", "line 1: has more than one column 'judge'"),
        "half.csv": (file.read_bytes()[:-40], "half.csv, line 9: has "),
        "quoted.csv": (file.read_bytes() + b'"vgg', "quoted.csv, line 10: no readable"),
        "empty.csv": (b"", "empty.csv: is empty"),
        "header.csv": (file.read_bytes().splitlines()[0], "header.csv: holds no points"),
        "latin.csv": (file.read_bytes().replace(b"vgg", b"vgg\xe9"), "latin.csv: no readable"),
    }
    for name, (content, message) in cases.items():
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError) as refused:
            read_points([tmp_path / name])
        assert message in str(refused.value) and "\n" not in str(refused.value), name
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match=r"folder/recognition\.csv: no readable"):
        read_points([tmp_path / "folder"])
    with pytest.raises(InputError, match="both tell how"):
        read_points([file, tmp_path])
    with pytest.raises(InputError, match=r"no recognition\.csv was given"):
        read_points([])


def test_files_that_a_spreadsheet_saved_are_read(tmp_path):
    file = write_results(tmp_path / "recognition.csv", [(SEED1, VGG)])
    again = tmp_path / "again.csv"
    again.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n") + b"\r\n")
    assert repr(read_points([again])) == repr(read_points([file]))
