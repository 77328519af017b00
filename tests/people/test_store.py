"""The database: who may open it, what is undone, and that what is deleted is gone."""

import datetime
import os
import sqlite3
import stat
import subprocess
import sys

import pytest

from model_metamers.errors import DamagedFileError, InputError, InUseError, OtherSettingsError
from model_metamers.people import store, stored
from model_metamers.people.messages import Entry, Given
from tests.builders import serving, studies

NOW = serving.START
STUDY = "1" * 64


def put(answers, code="P01", said=("dog",), simulated=False):
    """A person's session with some answers."""
    with answers.writing():
        person = answers.add_person(code, "code")
        session = answers.add_session(person, 0, "2026-01-05T09:00:00.000+00:00", simulated)
        for position, answer in enumerate(said):
            row = (
                session.token,
                position,
                answer,
                5.5,
                None,
                None,
                None,
                None,
                "blur",
                "2026-01-05T09:00:01",
            )
            answers.add_answer(stored.StoredAnswer(*row))
    return session


def test_what_is_written_is_there_when_it_is_opened_again(tmp_path):
    with store.writable(tmp_path / "data", STUDY) as answers:
        session = put(answers, said=("dog", "cat"))
    with store.writable(tmp_path / "data", STUDY) as answers:
        again = answers.session(session.token)
        assert again.person == 1 and again.ended == "open" and again.simulated is False
        assert [one.answer for one in answers.answers(session.token)] == ["dog", "cat"]
        assert answers.answered(session.token) == 2
        assert answers.session_of_code("P01") == again and answers.session_of_code("P02") is None


def test_folder_and_files_are_their_owners_alone(tmp_path):
    before = os.umask(0)
    with store.writable(tmp_path / "data", STUDY) as answers:
        put(answers)
        modes = {
            path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "data").glob("answers*")
        }
        assert modes == dict.fromkeys(("answers.sqlite", "answers.sqlite-wal", "answers.sqlite-shm"), 0o600)
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    os.umask(before)


def test_what_fails_is_undone_and_what_stood_beside_it_is_kept(tmp_path):
    with store.writable(tmp_path / "data", STUDY) as answers:
        with pytest.raises(sqlite3.IntegrityError), answers.writing():
            put(answers, "P01")
            put(answers, "P01")
        assert answers.sessions() == []
        with answers.writing():
            put(answers, "P01")
            with pytest.raises(sqlite3.IntegrityError):
                put(answers, "P01")
            put(answers, "P02")
        assert [session.person for session in answers.sessions()] == [1, 2]


def test_tables_are_strict_and_a_position_stands_once(tmp_path):
    with store.writable(tmp_path / "data", STUDY) as answers:
        session = put(answers)
        row = (session.token, 0, "cat", 5.5, None, None, None, None, "", "")
        for wrong in (row, (session.token, 1, "cat", "soon", *row[4:]), ("nobody", *row[1:])):
            with pytest.raises(sqlite3.IntegrityError), answers.writing():
                answers.add_answer(stored.StoredAnswer(*wrong))
        assert [one.answer for one in answers.answers(session.token)] == ["dog"]


def test_a_database_of_another_study_is_refused(tmp_path):
    with store.writable(tmp_path / "data", STUDY):
        pass
    for open_it in (store.writable, store.readable):
        with (
            pytest.raises(OtherSettingsError, match=r"1111.*2222.* now"),
            open_it(tmp_path / "data", "2" * 64),
        ):
            pass


def test_a_second_writer_is_refused_and_a_reader_is_not(tmp_path):
    with store.writable(tmp_path / "data", STUDY) as answers:
        put(answers)
        child = (
            "import pathlib, sys; from model_metamers.people import store\n"
            f"with store.writable(pathlib.Path({str(tmp_path / 'data')!r}), {STUDY!r}): print('open')"
        )
        second = subprocess.run([sys.executable, "-c", child], capture_output=True, text=True)
        assert second.returncode == 1 and InUseError.__name__ in second.stderr and not second.stdout
        with store.readable(tmp_path / "data", STUDY) as reader:
            put(answers, "P02")
            assert len(reader.sessions()) == 1  # as of the moment when it was opened
            with pytest.raises(sqlite3.OperationalError):
                reader.add_person("P03", "code")


@pytest.mark.parametrize(
    "content", [b"no database at all, but a text of some length" * 100, b"SQLite format 3\0"]
)
def test_what_is_no_database_is_refused_in_one_line(tmp_path, content):
    (tmp_path / store.FILE).write_bytes(content)
    with pytest.raises(DamagedFileError) as error, store.writable(tmp_path, STUDY):
        pass
    assert "\n" not in str(error.value)


def test_another_programs_database_is_refused(tmp_path):
    connection = sqlite3.connect(tmp_path / store.FILE)
    connection.execute("CREATE TABLE mine (x)")
    connection.close()
    with pytest.raises(InputError) as error, store.writable(tmp_path, STUDY):
        pass
    assert str(tmp_path) in str(error.value)


def test_where_there_is_none_nothing_is_made_for_a_reader(tmp_path):
    for opened in (store.readable(tmp_path / "data", STUDY), store.writable(tmp_path / "data", None)):
        with pytest.raises(InputError, match=r"no answers\.sqlite"), opened:
            pass
    assert not (tmp_path / "data").exists()


def everywhere(folder):
    """All bytes of a folder's files."""
    return b"".join(path.read_bytes() for path in folder.iterdir())


@pytest.mark.parametrize("number", [0, 7, 19])
def test_who_is_deleted_leaves_no_byte(tmp_path, number):
    place = studies.make_study(tmp_path / "study", lists=4, practice=0, demonstration=0, main=30, catch=0)
    codes = [f"CODE-{index}-{'x' * index}-END" for index in range(20)]
    data = tmp_path / "data"
    with serving.desk(place, data) as desk:
        tokens = {}
        for code in codes:
            session = desk.enter(Entry(code, "prolific"), NOW)
            tokens[code] = session["token"]
        for position in range(30):
            with desk.store.writing():
                for code in codes:
                    given = Given(
                        token=tokens[code],
                        position=position,
                        answer="dog",
                        rt_ms=1.5,
                        events=[f"dropped_frames:{position}"],
                    )
                    desk.answer(given, NOW + datetime.timedelta(seconds=position))
        gone = codes[number]
        assert gone.encode() in everywhere(data) and tokens[gone].encode() in everywhere(data)
        desk.withdraw(tokens[gone])
        left = everywhere(data)
        assert gone.encode() not in left and tokens[gone].encode() not in left
        assert all(code.encode() in left for code in codes if code != gone)
        assert len(desk.store.sessions()) == 19
    assert gone.encode() not in everywhere(data)


def test_of_many_who_are_deleted_none_leaves_a_byte(tmp_path):
    """Rows of random tokens move between SQLite's pages, which keep copies of them."""
    with store.writable(tmp_path / "data", STUDY) as answers:
        answers._connection.execute("PRAGMA synchronous = OFF")  # 40 times the database is written anew
        with answers.writing():
            sessions = [put(answers, f"CODE-{number}-END", said=()) for number in range(60)]
            for position in range(40):
                for session in sessions:
                    row = (
                        session.token,
                        position,
                        "elephant",
                        5.5,
                        *[None] * 4,
                        "blur " * (position % 5),
                        "9:00",
                    )
                    answers.add_answer(stored.StoredAnswer(*row))
        for session in sessions[:40]:
            answers.delete_person(session.person)
            left = everywhere(tmp_path / "data")
            assert session.token.encode() not in left
            assert f"CODE-{session.person - 1}-END".encode() not in left
        assert all(session.token.encode() in left for session in sessions[40:])


def test_a_deletion_whose_server_was_killed_is_ended_by_the_next(tmp_path, monkeypatch):
    with store.writable(tmp_path / "data", STUDY) as answers:
        session = put(answers, "SECRET")
        monkeypatch.setattr(store.Store, "wipe", lambda self: False)
        answers.delete_person(session.person)
        assert b"SECRET" in everywhere(tmp_path / "data")
    monkeypatch.undo()
    with store.writable(tmp_path / "data", STUDY) as answers:
        assert b"SECRET" not in everywhere(tmp_path / "data") and answers.setting("to_wipe") == ""


def test_what_a_reader_kept_in_the_log_is_wiped_with_the_next_write(tmp_path):
    data = tmp_path / "data"
    with store.writable(data, STUDY) as answers:
        put(answers, "SECRET")
        put(answers, "P02")
        with store.readable(data, STUDY) as reader:
            assert len(reader.sessions()) == 2
            answers.delete_person(1)
            assert [one.person for one in answers.sessions()] == [2]
            assert b"SECRET" in everywhere(data)
        put(answers, "P03")
        assert b"SECRET" not in everywhere(data)


def test_a_number_is_never_given_twice(tmp_path):
    with store.writable(tmp_path / "data", STUDY) as answers:
        put(answers, "P01")
        answers.delete_person(put(answers, "P02").person)
        assert put(answers, "P03").person == 3
