"""A full disk: nobody is told that an answer is stored which is not, and they go on when there is room."""

import pytest

from model_metamers.errors import StorageError
from model_metamers.people import store
from tests.builders import disks, serving, studies


def test_answers_wait_until_there_is_room(tmp_path, page, clock):
    place = studies.make_study(tmp_path / "study", lists=1, practice=0, demonstration=0, main=60, catch=0)
    right = studies.right_answers(place, 0)
    with disks.small_disk(tmp_path / "disk", 240) as disk:
        with serving.browser(place, disk / "data", page, clock) as browser:
            session = browser.enter()
            acknowledged, failed = 0, None
            for position, answer in enumerate(right):
                reply = browser.answer(session["token"], position, answer)
                if reply.status_code != 200:
                    failed = reply
                    break
                acknowledged += 1
            assert failed is not None and failed.status_code == 503 and 3 < acknowledged < 60
            assert failed.json() == {"error": "this cannot be stored just now; try again"}
            assert browser.answer(session["token"], acknowledged, right[acknowledged]).status_code == 503
            assert browser.client.get("/api/study").status_code == 200
            disks.resize(disk, 20_000)
            assert browser.enter()["position"] == acknowledged
            browser.answer_all({**session, "position": acknowledged}, right)
            assert browser.post("finish", token=session["token"], comments="").status_code == 200
        with store.readable(disk / "data", place.digest()) as reader:
            assert [one.answer for one in reader.answers(session["token"])] == right


def test_a_database_that_does_not_fit_is_refused_in_one_line(tmp_path, page):
    place = studies.make_study(tmp_path / "study", lists=1)
    with disks.small_disk(tmp_path / "disk", 24) as disk:
        with pytest.raises(StorageError) as error, serving.desk(place, disk / "data"):
            pass
        assert "full" in str(error.value) and "\n" not in str(error.value)
        disks.resize(disk, 20_000)
        with serving.desk(place, disk / "data") as desk:
            assert desk.store.sessions() == []
