"""analyze_human_experiment as it is typed."""

import json

import pytest

from model_metamers.people.study import StudyFolder
from model_metamers.recognition.points import read_points
from tests.builders.answered import make_answered_study, simulate, write_export, write_own
from tests.builders.binaries import run
from tests.builders.holders import holding

_QUICK = ("--bootstrap=100",)


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A study, an export of its answers, and what its networks recognise."""
    folder = tmp_path_factory.mktemp("work")
    place = make_answered_study(folder / "study", permutations=50)
    write_export(folder / "export", *simulate(place))
    (folder / "seen").mkdir()
    write_own(folder / "seen" / "judgements.csv", place)
    return folder


def _analyze(work, *flags):
    return run("analyze_human_experiment", "--study=study", *_QUICK, *flags, cwd=work)


def test_from_an_export_to_results(work):
    done = _analyze(work, "--export=export", "--recognition=seen", "--out=results")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].split()[:3] == ["condition", "people", "trials"]
    assert done.stdout.splitlines()[-1] == "Written: results"
    found = json.loads((work / "results" / "results.json").read_text())
    assert found["study_sha256"] == StudyFolder(work / "study").digest()
    assert len(found["people"]) == 16 and len(found["tests"]) == 5 and not found["exploratory"]
    assert {point.judge.name for point in read_points([work / "results"])} == {
        *("people", "vgg_19_small", "resnet_v2_small")
    }


def test_other_settings_are_exploratory(work):
    (work / "changes.json").write_text('{"exclusions": {"least_natural": 0.95}, "contrasts": []}')
    done = _analyze(work, "--export=export", "--exploratory=changes.json", "--out=exploratory")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(
        "Exploratory: contrasts: 0 tests, planned 5 tests; exclusions: least_natural"
    )
    found = json.loads((work / "exploratory" / "results.json").read_text())
    (rule,) = [one for one in found["excluded"] if one["people"]]
    assert rule["rule"] == "right about fewer than 95% of the natural signals"
    assert rule["people"] == 16 - len(found["people"]) and rule["trials"] == 70 * rule["people"]


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ((), "expected one of --data and --export"),
        (("--export=export", "--data=data"), "expected one of --data and --export"),
        (("--export=nowhere",), "nowhere/trials.csv: no readable trials.csv of an export"),
        (("--data=nowhere",), "nowhere: no answers.sqlite of serve_human_experiment"),
        (("--export=export", "--study=nowhere"), "nowhere/study.json: no readable study"),
        (("--export=export", "--study=other"), "is no answer to a file of the study other"),
        (("--export=one",), "one person counts after the exclusions"),
        (("--export=export", "--recognition=nowhere"), "nowhere: no readable judgements.csv"),
        (("--export=export", "--exploratory=study/study.json"), "'title' cannot be changed in a plan"),
    ],
)
def test_what_cannot_be_analysed_is_refused_in_one_line_and_nothing_is_written(work, flags, told):
    if not (work / "other").exists():
        make_answered_study(work / "other", lists=2, trials=3)
        write_export(work / "one", *simulate(StudyFolder(work / "study"), people=1))
    done = _analyze(work, *flags, "--out=refused")
    assert done.returncode == 2
    last = done.stderr.splitlines()[-1]
    assert last.startswith("analyze_human_experiment: ") and told in last
    assert "Traceback" not in done.stderr
    assert not (work / "refused").exists()


def test_a_folder_that_is_written_to_is_refused(work):
    with holding(work / "held", "run"):
        done = _analyze(work, "--export=export", "--out=held")
    assert done.returncode == 2 and "is written to by process" in done.stderr
