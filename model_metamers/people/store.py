"""The database of answers: each one is on the disk before it is acknowledged.

SQLite, with a write-ahead log that is flushed at every commit; one process writes. What is deleted is
overwritten.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import hmac
import os
import secrets
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from model_metamers.errors import DamagedFileError, InputError, OtherSettingsError, StorageError
from model_metamers.people.stored import (
    ANSWER_COLUMNS,
    SCHEMA,
    SESSION_COLUMNS,
    StoredAnswer,
    StoredSession,
)
from model_metamers.storage.locks import hold
from model_metamers.storage.whole import explained, make_folder

FILE = "answers.sqlite"
_FORMAT = "1"
_OPEN = "open"
_TO_WIPE = "to_wipe"  # noted with a deletion, so that one whose server was killed is ended by the next
_OLDEST = (3, 37)  # of SQLite: the first with STRICT tables
_TIMEOUT_MS = 10_000
_PRAGMAS = ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "secure_delete = ON")
# How a transaction, and a part of one, begins, is kept and is undone.
_WHOLE = ("BEGIN IMMEDIATE", "COMMIT", ("ROLLBACK",))
_PART = ("SAVEPOINT part", "RELEASE part", ("ROLLBACK TO part", "RELEASE part"))


class Store:
    """Persons, sessions and answers; `writable` and `readable` open one."""

    def __init__(self, connection: sqlite3.Connection):
        self._connection = connection
        self._key = bytes.fromhex(self.setting("hmac_key"))
        self._to_wipe = bool(self.setting(_TO_WIPE))

    def setting(self, name: str) -> str:
        """What is noted of the database: "format", "study_sha256" or "hmac_key"."""
        row = self._connection.execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()
        return row[0] if row else ""

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """A transaction: all that the block changes is on the disk when it ends, or nothing.

        Within another one it is a part of that, which is undone by itself where it fails.
        """
        within = self._connection.in_transaction
        begin, keep, undo = _PART if within else _WHOLE
        self._connection.execute(begin)
        try:
            yield
            self._connection.execute(keep)
        except BaseException:
            if self._connection.in_transaction:  # SQLite itself undoes all where the disk is full
                for statement in undo:
                    self._connection.execute(statement)
            raise
        if self._to_wipe and not within:
            self.wipe()

    def add_person(self, code: str, source: str) -> int:
        """Notes a new person; returns their number."""
        row = (self._hmac(code), code, source)
        added = self._connection.execute(
            "INSERT INTO person (code_hmac, code, source) VALUES (?, ?, ?)", row
        ).lastrowid
        assert added is not None
        return added

    def add_session(self, person: int, list_number: int, now: str, simulated: bool) -> StoredSession:
        """Begins a session under a new token of 32 letters."""
        session = StoredSession(
            secrets.token_urlsafe(24), person, list_number, now, now, "", _OPEN, "", simulated
        )
        self._connection.execute(
            f"INSERT INTO session ({SESSION_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            dataclasses.astuple(session),
        )
        return session

    def add_answer(self, answer: StoredAnswer) -> None:
        """Notes an answer, and that the person was heard of."""
        self._connection.execute(
            f"INSERT INTO answer ({ANSWER_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            dataclasses.astuple(answer),
        )
        self.note_seen(answer.token, answer.received)

    def note_seen(self, token: str, now: str) -> None:
        """Notes that a session's person was heard of."""
        self._connection.execute("UPDATE session SET seen = ? WHERE token = ?", (now, token))

    def end(self, token: str, ended: str, now: str, comments: str = "") -> None:
        """Ends a session; `now` is empty where nobody finished it."""
        self._connection.execute(
            "UPDATE session SET ended = ?, finished = ?, comments = ? WHERE token = ?",
            (ended, now, comments, token),
        )

    def session(self, token: str) -> StoredSession | None:
        """The session of a token."""
        return self._session("token = ?", token)

    def session_of_code(self, code: str) -> StoredSession | None:
        """The session of the person with this code."""
        chosen = "person = (SELECT number FROM person WHERE code_hmac = ?)"
        return self._session(chosen, self._hmac(code))

    def sessions(self) -> list[StoredSession]:
        """All of them, in the order of arrival."""
        rows = self._connection.execute(f"SELECT {SESSION_COLUMNS} FROM session ORDER BY person")
        return [_stored_session(row) for row in rows]

    def answer(self, token: str, position: int) -> StoredAnswer | None:
        """One answer of a session."""
        row = self._connection.execute(
            f"SELECT {ANSWER_COLUMNS} FROM answer WHERE token = ? AND position = ?", (token, position)
        ).fetchone()
        return StoredAnswer(*row) if row else None

    def answers(self, token: str) -> list[StoredAnswer]:
        """A session's answers, by position."""
        rows = self._connection.execute(
            f"SELECT {ANSWER_COLUMNS} FROM answer WHERE token = ? ORDER BY position", (token,)
        )
        return [StoredAnswer(*row) for row in rows]

    def answered(self, token: str) -> int:
        """How many answers a session has; their positions are 0, 1, ..."""
        query = "SELECT coalesce(max(position) + 1, 0) FROM answer WHERE token = ?"
        return self._connection.execute(query, (token,)).fetchone()[0]

    def delete_person(self, number: int) -> None:
        """Deletes a person with all answers, and overwrites where they stood.

        While another process reads the database the log keeps them; it is emptied after a later write.
        """
        with self.writing():
            self._connection.execute("DELETE FROM person WHERE number = ?", (number,))
            self._connection.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (_TO_WIPE, "1"))
            self._to_wipe = True

    def number_of_code(self, code: str) -> int | None:
        """The person with this code."""
        query = "SELECT number FROM person WHERE code_hmac = ?"
        row = self._connection.execute(query, (self._hmac(code),)).fetchone()
        return row[0] if row else None

    def wipe(self) -> bool:
        """Writes the database anew and empties its log, if anybody was deleted.

        SQLite overwrites what it deletes, but not the copies that its pages hold of rows that were moved.

        Returns:
          Whether nothing of them is left; not while another process reads, or on a full disk.
        """
        if not self._to_wipe:
            return True
        try:
            self._connection.execute("PRAGMA busy_timeout = 0")
            self._connection.execute("VACUUM")
            if self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                return False
            self._connection.execute("DELETE FROM setting WHERE name = ?", (_TO_WIPE,))
        except sqlite3.OperationalError:
            return False
        finally:
            self._connection.execute(f"PRAGMA busy_timeout = {_TIMEOUT_MS}")
        self._to_wipe = False
        return True

    def _session(self, condition: str, value: str) -> StoredSession | None:
        query = f"SELECT {SESSION_COLUMNS} FROM session WHERE {condition}"
        row = self._connection.execute(query, (value,)).fetchone()
        return _stored_session(row) if row else None

    def _hmac(self, code: str) -> str:
        return hmac.new(self._key, code.encode(), hashlib.sha256).hexdigest()


def _stored_session(row: tuple) -> StoredSession:
    return StoredSession(*(*row[:-1], bool(row[-1])))


@contextlib.contextmanager
def writable(data: Path, study_sha256: str | None) -> Iterator[Store]:
    """The database of a folder, for the one process that writes to it.

    Args:
      data: folder; made, for its owner alone, with an empty database where there is none.
      study_sha256: digest of the study that is asked about; None for a database that must be there,
        whatever its study.

    Raises:
      InputError: of another study, damaged, none there, or another process writes to it.
      StorageError: it cannot be written.
    """
    if study_sha256 is None:
        _check_there(data)
    if not data.exists():
        make_folder(data)
        os.chmod(data, 0o700)
    with hold(data, "server"), _connected(data, make=study_sha256 is not None) as connection:
        with explained(data):
            os.chmod(data / FILE, 0o600)
        if study_sha256 is not None:
            _make(connection, study_sha256)
        store = _checked(connection, data, study_sha256)
        store.wipe()
        yield store


@contextlib.contextmanager
def readable(data: Path, study_sha256: str) -> Iterator[Store]:
    """As `writable`, for reading a database that is there, also while a server writes to it."""
    _check_there(data)
    with _connected(data, make=False) as connection:
        connection.execute("PRAGMA query_only = ON")
        connection.execute("BEGIN")  # so that all is read as of one moment
        yield _checked(connection, data, study_sha256)


def _check_there(data: Path) -> None:
    if not (data / FILE).is_file():
        raise InputError(f"{data}: no {FILE} of serve_human_experiment; choose the folder of its --data")


@contextlib.contextmanager
def _connected(data: Path, make: bool) -> Iterator[sqlite3.Connection]:
    path = data / FILE
    if sqlite3.sqlite_version_info < _OLDEST:
        oldest = ".".join(map(str, _OLDEST))
        raise InputError(f"SQLite {sqlite3.sqlite_version} is Python's here; {oldest} or later is needed")
    with explained(path):
        os.close(os.open(path, os.O_RDWR | (os.O_CREAT if make else 0), 0o600))
    connection = sqlite3.connect(
        path, isolation_level=None, check_same_thread=False, timeout=_TIMEOUT_MS / 1000
    )
    try:
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        yield connection
    except sqlite3.OperationalError as error:
        raise StorageError(
            f"{path}: cannot be used ({error}); see whether the disk is full, or may not be written to"
        ) from error
    except sqlite3.DatabaseError as error:
        raise DamagedFileError(f"{path}: no readable database ({error})") from error
    finally:
        connection.close()


def _make(connection: sqlite3.Connection, study_sha256: str) -> None:
    """Makes the tables where there are none, all or nothing."""
    if connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
        return
    key = secrets.token_hex(32)
    noted = (("format", _FORMAT), ("study_sha256", study_sha256), ("hmac_key", key))
    values = ", ".join(f"('{name}', '{value}')" for name, value in noted)
    connection.executescript(
        f"BEGIN IMMEDIATE; {SCHEMA} INSERT INTO setting (name, value) VALUES {values}; COMMIT;"
    )


def _checked(connection: sqlite3.Connection, data: Path, study_sha256: str | None) -> Store:
    if not connection.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'setting'").fetchone()[0]:
        raise DamagedFileError(f"{data / FILE}: is another program's database; choose another --data")
    store = Store(connection)
    if (there := store.setting("format")) != _FORMAT:
        raise InputError(f"{data}: a database of format {there!r}, expected {_FORMAT!r}")
    there = store.setting("study_sha256")
    if study_sha256 not in (None, there):
        raise OtherSettingsError(
            f"{data}: holds answers to another study (sha256 {there[:12]} there, {study_sha256[:12]} now); "
            "choose the study's own folder, or another --data"
        )
    return store
