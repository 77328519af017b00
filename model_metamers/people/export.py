"""What the server stored, as files that hold numbers of people and never their codes.

| file | holds |
|---|---|
| `trials.csv` | `answers.Answer`, a row each |
| `sessions.csv` | `answers.Session`, a row each |
| `export.json` | digests of study and plan, when it was written, how many took part |
| `model-vs-human/raw-data/` | answers to pictures as model-vs-human reads them |
| `bids/` | the same sessions in the Brain Imaging Data Structure |

Simulated observers go into folders of their own there, whose names end in "-simulated".
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Sequence
from pathlib import Path

from model_metamers.people import bids, grading, model_vs_human
from model_metamers.people.answers import Answer, Session
from model_metamers.people.loaded_study import LoadedStudy
from model_metamers.people.store import Store
from model_metamers.people.stored import StoredAnswer, StoredSession
from model_metamers.people.taking_part import stamp
from model_metamers.storage.whole import whole_folder
from model_metamers.storage.writing import write_json, write_table

TRIALS, SESSIONS, ABOUT = "trials.csv", "sessions.csv", "export.json"
_FIRST = 1  # a person has one session


def export(store: Store, loaded: LoadedStudy, out: Path) -> tuple[list[Session], list[Answer]]:
    """Writes a new folder, whole or not at all; returns what it holds.

    Raises:
      InputError: there is something at `out` already.
      StorageError: it cannot be written.
    """
    sessions, answers = rows(store, loaded)
    with whole_folder(out) as partial:
        write_table(partial / TRIALS, _table(Answer, answers))
        write_table(partial / SESSIONS, _table(Session, sessions))
        write_json(partial / ABOUT, _about(loaded, sessions))
        for simulated in sorted({session.simulated for session in sessions}):
            kind = "-simulated" if simulated else ""
            of_kind = [one for one in answers if one.simulated == simulated]
            if loaded.study.task == "images":
                folder = partial / "model-vs-human" / "raw-data" / f"metamers-images{kind}"
                model_vs_human.write(folder, of_kind)
            people = [one for one in sessions if one.simulated == simulated]
            bids.write(partial / f"bids{kind}", loaded.study, people, of_kind)
    return sessions, answers


def rows(store: Store, loaded: LoadedStudy) -> tuple[list[Session], list[Answer]]:
    """All sessions and all answers, in the order of arrival and of positions."""
    stored = store.sessions()
    answers = [_answer(loaded, one, given) for one in stored for given in store.answers(one.token)]
    return [_session(one) for one in stored], answers


def _session(one: StoredSession) -> Session:
    return Session(
        one.person, _FIRST, one.list, one.started, one.finished, one.ended, one.comments, one.simulated
    )


def _answer(loaded: LoadedStudy, one: StoredSession, given: StoredAnswer) -> Answer:
    trial = loaded.lists[one.list][given.position]
    shown = loaded.shown[trial.file]
    return Answer(
        person=one.person,
        session=_FIRST,
        list=one.list,
        position=given.position,
        part=trial.part,
        file=trial.file,
        kind=shown.kind,
        condition=shown.condition,
        stimulus=shown.stimulus,
        truth=shown.truth,
        answer=given.answer,
        correct=grading.is_right(shown.truth, given.answer),
        rt_ms=given.rt_ms,
        fixation_ms=given.fixation_ms,
        image_ms=given.image_ms,
        mask_ms=given.mask_ms,
        frame_ms=given.frame_ms,
        events=given.events,
        received=given.received,
        simulated=one.simulated,
    )


def _table(kind: type, values: Sequence[Answer] | Sequence[Session]) -> list[Sequence[object]]:
    columns = [field.name for field in dataclasses.fields(kind)]
    return [columns, *([getattr(value, column) for column in columns] for value in values)]


def _about(loaded: LoadedStudy, sessions: Sequence[Session]) -> dict[str, object]:
    return {
        "study_sha256": loaded.digest,
        "plan_sha256": loaded.study.plan_sha256,
        "written": stamp(datetime.datetime.now(datetime.timezone.utc)),
        "people": sum(not session.simulated for session in sessions),
        "simulated_observers": sum(session.simulated for session in sessions),
    }
