"""What is exported: all answers, numbers for people, and what other programs read."""

import csv
import json

import pytest

from model_metamers.errors import InputError
from model_metamers.people import model_vs_human
from model_metamers.people.answers import Answer, Session
from model_metamers.people.export import export
from tests.builders import serving, studies


def table(path, delimiter=","):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


@pytest.fixture
def exported(tmp_path, study, page, clock):
    """Two people and a simulated observer: one finished, one left after four trials."""
    with serving.browser(study, tmp_path / "data", page, clock, simulated_allowed=True) as browser:
        shown = study.read_answers()
        for code, simulated, trials in (("PIDONE", False, 12), ("PIDTWO", False, 7), ("BOT", True, 12)):
            session = browser.enter(code, simulated)
            right = [shown[trial["file"]].truth for trial in session["trials"]]
            right[5] = None  # the first main trial
            right[6] = "dog" if right[6] != "dog" else "cat"
            clock.pass_hours(0.01)
            for position in range(trials):
                rt_ms = None if right[position] is None else 500.0 + position
                more = {"rt_ms": rt_ms, "events": ["blur", "focus"] if position == 3 else []}
                assert browser.answer(session["token"], position, right[position], **more).status_code == 200
            if trials == 12:
                browser.post("finish", token=session["token"], comments='It said "dog",\nI think')
    with serving.desk(study, tmp_path / "data") as desk:
        export(desk.store, desk.loaded, tmp_path / "out")
    return tmp_path / "out"


def test_tables_hold_every_answer_and_every_session(exported, study):
    trials, sessions = table(exported / "trials.csv"), table(exported / "sessions.csv")
    assert list(trials[0]) == list(Answer.__dataclass_fields__)
    assert list(sessions[0]) == list(Session.__dataclass_fields__)
    assert [(row["person"], row["ended"], row["simulated"]) for row in sessions] == [
        ("1", "finished", "False"),
        ("2", "open", "False"),
        ("3", "finished", "True"),
    ]
    assert sessions[0]["comments"] == 'It said "dog",\nI think'
    assert sessions[1]["finished"] == "" and sessions[0]["finished"].startswith("2026-01-05T09:00:36")
    assert [len([row for row in trials if row["person"] == person]) for person in "123"] == [12, 7, 12]
    shown, lists = study.read_answers(), study.read_lists()
    for row in trials:
        trial = lists[int(row["list"])][int(row["position"])]
        told = shown[trial.file]
        assert (row["part"], row["file"], row["truth"]) == (trial.part, trial.file, told.truth)
        assert (row["condition"], row["stimulus"], row["kind"]) == (told.condition, told.stimulus, told.kind)
        assert row["correct"] == str(row["answer"] == told.truth)
        assert row["correct"] == str(row["position"] not in ("5", "6"))
        assert row["events"] == ("blur focus" if row["position"] == "3" else "")
    unanswered = [row for row in trials if row["position"] == "5"]
    assert all(row["answer"] == "" and row["rt_ms"] == "" for row in unanswered)


def test_no_export_holds_a_code_or_a_token(exported, tmp_path):
    everything = b"".join(path.read_bytes() for path in exported.rglob("*") if path.is_file())
    for secret in (b"PIDONE", b"PIDTWO", b"BOT", b"token"):
        assert secret not in everything
    about = json.loads((exported / "export.json").read_text())
    assert (about["people"], about["simulated_observers"]) == (2, 1)
    assert len(about["study_sha256"]) == len(about["plan_sha256"]) == 64


def test_model_vs_human_gets_a_file_a_person_and_simulated_ones_a_data_set_of_their_own(exported):
    raw = exported / "model-vs-human" / "raw-data"
    assert sorted(str(path.relative_to(raw)) for path in raw.rglob("*.csv")) == [
        "metamers-images-simulated/metamers-images-simulated_subject-03_session_1.csv",
        "metamers-images/metamers-images_subject-01_session_1.csv",
        "metamers-images/metamers-images_subject-02_session_1.csv",
    ]
    rows = table(raw / "metamers-images" / "metamers-images_subject-01_session_1.csv")
    assert list(rows[0]) == list(model_vs_human.COLUMNS)
    assert len(rows) == 6  # main trials only
    assert rows[0]["object_response"] == "na" and rows[0]["rt"] == "nan"
    assert rows[1]["rt"] == "0.506" and rows[1]["object_response"] != rows[1]["category"]
    assert all(row["object_response"] == row["category"] for row in rows[2:])
    assert all(row["imagename"].split("_")[-2] == "n02110185" for row in rows)


@pytest.mark.parametrize(
    "stimulus, expected",
    [
        ("n02110185_4159.JPEG", ["n02110185", "4159.JPEG"]),
        ("cat_n02110185_4159.JPEG", ["cat-n02110185-4159.JPEG"]),
        ("n02110185_a_b", ["n-02110185-a-b"]),
        ("dog_1.png", ["dog-1.png"]),
        ("dog", ["dog"]),
    ],
)
def test_a_picture_has_one_identity_whatever_stands_before_it(stimulus, expected):
    assert model_vs_human.image_id(stimulus).split("_") == expected


def test_bids_has_events_of_every_person_and_says_who_is_simulated(exported):
    for name, people, whose in (
        ("bids", ["sub-01", "sub-02"], ""),
        ("bids-simulated", ["sub-03"], "simulated"),
    ):
        rows = table(exported / name / "participants.tsv", "\t")
        assert [row["participant_id"] for row in rows] == people
        assert {row["simulated"] for row in rows} == {"true" if whose else "false"}
        assert whose in json.loads((exported / name / "dataset_description.json").read_text())["Name"]
    events = table(exported / "bids" / "sub-01" / "beh" / "sub-01_task-metamers_events.tsv", "\t")
    assert [float(row["onset"]) for row in events] == sorted(float(row["onset"]) for row in events)
    assert len(events) == 12
    first = next(row for row in events if row["response_time"] == "0.5")
    assert (first["onset"], first["duration"], first["part"]) == ("35.5", "0.5", "practice")
    assert {row["answer"] for row in events if row["response_time"] == "n/a"} == {"n/a"}
    described = json.loads(
        (exported / "bids" / "sub-01" / "beh" / "sub-01_task-metamers_events.json").read_text()
    )
    assert set(events[0]) - {"onset", "duration"} <= set(described)


def test_words_give_no_data_of_pictures(tmp_path, page, clock):
    words = studies.make_study(tmp_path / "words", task="words")
    with serving.browser(words, tmp_path / "heard", page, clock) as browser:
        browser.answer_all(browser.enter(), studies.right_answers(words, 0))
    with serving.desk(words, tmp_path / "heard") as desk:
        export(desk.store, desk.loaded, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        *("bids", "export.json", "sessions.csv", "trials.csv")
    ]


def test_an_empty_database_is_exported_too_and_nothing_is_overwritten(tmp_path, study):
    with serving.desk(study, tmp_path / "data") as desk:
        assert export(desk.store, desk.loaded, tmp_path / "out") == ([], [])
        assert table(tmp_path / "out" / "trials.csv") == []
        with pytest.raises(InputError, match="exists already"):
            export(desk.store, desk.loaded, tmp_path / "out")
