"""What a static study gave as files becomes sessions of a database, as if a server had stored it.

A file holds lines of JSON: a session, its answers, and its end; then perhaps the next session. It is what a
person saved at the end of the page, or the results that JATOS exports, of one run or of many.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from model_metamers.errors import InputError
from model_metamers.people import grading
from model_metamers.people.loaded_study import LoadedStudy
from model_metamers.people.messages import CODE, Code, Reported, Text, plain
from model_metamers.people.store import Store, StoredSession
from model_metamers.people.taking_part import stamp, stored
from model_metamers.storage.reading import read_text

_MOST_BYTES = 1 << 30  # ten thousand people's
_Moment = Annotated[datetime.datetime, Meta(tz=True)]


class Begun(msgspec.Struct, tag_field="kind", tag="session", forbid_unknown_fields=True, frozen=True):
    """A session's first line."""

    code: Code
    source: Literal["prolific", "mturk", "code", "none"]
    list: Annotated[int, Meta(ge=0)]
    started: _Moment
    plan_sha256: str


class Answered(Reported, tag_field="kind", tag="answer", frozen=True, kw_only=True):
    """One answer."""

    part: str
    file: str
    received: _Moment


class Ended(msgspec.Struct, tag_field="kind", tag="end", forbid_unknown_fields=True, frozen=True):
    """A session's last line."""

    comments: Text
    finished: _Moment


_Line = Begun | Answered | Ended


def take_in(store: Store, loaded: LoadedStudy, paths: Sequence[Path]) -> tuple[int, int]:
    """Stores what files hold, all of it or nothing; what is stored already stays as it is.

    Args:
      store: open for writing.
      loaded: the study that was exported.
      paths: of the files.

    Returns:
      How many sessions and how many answers are new.

    Raises:
      InputError: a file cannot be read, is of another kind or of another study, or tells of another
        answer than the one stored.
    """
    sessions = answers = 0
    with store.writing():
        for path in paths:
            for where, lines in _sessions(path):
                session, new = _begin(store, loaded, where, lines[0])
                sessions += new
                answers += _store_answers(store, loaded, where, session, lines[1:])
    return sessions, answers


def _sessions(path: Path) -> Iterable[tuple[str, list]]:
    """Each session's lines, and where it begins."""
    found: list[tuple[str, list]] = []
    for number, text in enumerate(read_text(path, _MOST_BYTES).split("\n"), 1):
        if not text.strip():
            continue
        where = f"{path}, line {number}"
        try:
            line = msgspec.json.decode(text, type=_Line)
        except (ValueError, RecursionError) as error:
            raise InputError(
                f"{where}: no line of a static study's answers; give files as they came"
            ) from error
        if isinstance(line, Begun):
            found.append((where, [line]))
        elif not found:
            raise InputError(f"{where}: an answer before any session; the beginning of the file is missing")
        else:
            found[-1][1].append(line)
    if not found:
        raise InputError(f"{path}: holds no session of a static study")
    return found


def _begin(store: Store, loaded: LoadedStudy, where: str, begun: Begun) -> tuple[StoredSession, bool]:
    if begun.plan_sha256 != loaded.study.plan_sha256 or begun.list >= len(loaded.lists):
        raise InputError(f"{where}: is of another study; give the --study that was exported")
    if not CODE.fullmatch(begun.code):
        raise InputError(f"{where}: the person's code is none: letters, digits and _ . @ -, at most 64")
    there = store.session_of_code(begun.code)
    if there is None:
        person = store.add_person(begun.code, begun.source)
        return store.add_session(person, begun.list, stamp(begun.started), False), True
    if (there.list, there.started) != (begun.list, stamp(begun.started)):
        raise InputError(f"{where}: the same code began another session before; a person takes part once")
    return there, False


def _store_answers(
    store: Store, loaded: LoadedStudy, where: str, session: StoredSession, lines: Sequence[Answered | Ended]
) -> int:
    """Of two answers to a trial the first counts: a page that was left while it saved asks again."""
    trials, new = loaded.lists[session.list], 0
    for line in lines:
        if isinstance(line, Ended):
            _end(store, loaded, session, line)
            continue
        answered = store.answered(session.token)
        if line.position < answered:
            continue
        if line.position > answered or line.position >= len(trials):
            raise InputError(f"{where}: the answer to trial {answered} is missing, or of another study")
        trial = trials[line.position]
        if line.file != trial.file or not grading.check_choice(loaded.study, trial.part, line.answer or ""):
            raise InputError(f"{where}: trial {line.position} is of another study")
        store.add_answer(stored(session.token, line, line.received))
        new += 1
    return new


def _end(store: Store, loaded: LoadedStudy, session: StoredSession, line: Ended) -> None:
    if session.ended == "open":
        store.end(
            session.token, how_it_ended(store, loaded, session), stamp(line.finished), plain(line.comments)
        )


def how_it_ended(store: Store, loaded: LoadedStudy, session: StoredSession) -> str:
    """ "finished", "failed_..." for the part that was not passed, or "open" where answers are missing."""
    trials, answers = loaded.lists[session.list], store.answers(session.token)
    right: dict[str, int] = {}
    for given in answers:
        part = grading.stretch(trials[given.position].part)
        truth = loaded.shown[trials[given.position].file].truth
        right[part] = right.get(part, 0) + grading.is_right(truth, given.answer)
        ends = grading.part_that_ends(trials, given.position)
        if ends and grading.part_ended(loaded.study, ends, right[part]).passed is False:
            return f"failed_{ends}"
    return "finished" if len(answers) == len(trials) else "open"
