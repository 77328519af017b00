"""What people answered in a study, read from an export or a database and held against the study."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from model_metamers.errors import InputError
from model_metamers.people.answers import Answer, Session
from model_metamers.people.export import ABOUT, SESSIONS, TRIALS, rows
from model_metamers.people.loaded_study import load
from model_metamers.people.plan import Plan, read_plan
from model_metamers.people.store import readable
from model_metamers.people.study import PARTS, Shown, Study, StudyFolder
from model_metamers.recognition.columns import (
    COUNT,
    NUMBER,
    TEXT,
    YES_OR_NO,
    Column,
    one_of,
    or_nothing,
    read_table,
)
from model_metamers.storage.digests import file_digest
from model_metamers.storage.reading import read_json

ENDED = ("finished", "failed_headphones", "failed_demonstration", "open", "given_up")
_MS = or_nothing(NUMBER)
TRIAL_COLUMNS: dict[str, Column] = {
    "person": COUNT,
    "session": COUNT,
    "list": COUNT,
    "position": COUNT,
    "part": one_of(*PARTS),
    **dict.fromkeys(("file", "kind", "condition", "stimulus", "truth", "answer"), TEXT),
    "correct": YES_OR_NO,
    **dict.fromkeys(("rt_ms", "fixation_ms", "image_ms", "mask_ms", "frame_ms"), _MS),
    "events": TEXT,
    "received": TEXT,
    "simulated": YES_OR_NO,
}
SESSION_COLUMNS: dict[str, Column] = {
    "person": COUNT,
    "session": COUNT,
    "list": COUNT,
    "started": TEXT,
    "finished": TEXT,
    "ended": one_of(*ENDED),
    "comments": TEXT,
    "simulated": YES_OR_NO,
}


@dataclasses.dataclass(frozen=True)
class Recorded:
    """A study, its plan, and what was answered.

    Attributes:
      study, shown, plan: of the study's folder.
      plan_sha256: of the plan's file.
      digest: of the study.
      answers, sessions: all of them.
    """

    study: Study
    shown: Mapping[str, Shown]
    plan: Plan
    plan_sha256: str
    digest: str
    answers: Sequence[Answer]
    sessions: Sequence[Session]


def read_export(export: Path, digest: str) -> tuple[list[Answer], list[Session]]:
    """The answers and sessions of an export's folder.

    Args:
      export: the folder.
      digest: of the study; an `export.json` must bear the same.

    Raises:
      InputError: a file is missing, or no such table, the message names file and line; or it is the
        export of another study.
    """
    if (export / ABOUT).is_file():
        about = read_json(export / ABOUT, f"{ABOUT} of serve_human_experiment", dict[str, Any])
        if about.get("study_sha256") != digest:
            raise InputError(f"{export}: is the export of another study; name its own with --study")
    what = "of an export of serve_human_experiment"
    trials = read_table(export / TRIALS, TRIAL_COLUMNS, f"{TRIALS} {what}")
    sessions = read_table(export / SESSIONS, SESSION_COLUMNS, f"{SESSIONS} {what}")
    return [Answer(**row) for _, row in trials], [Session(**row) for _, row in sessions]


def read_data(data: Path, folder: StudyFolder) -> tuple[list[Answer], list[Session]]:
    """The answers and sessions of a server's database, also while it is served.

    Raises:
      InputError: no database, a damaged one, or of another study.
    """
    loaded = load(folder.path)
    with readable(data, loaded.digest) as store:
        sessions, answers = rows(store, loaded)
    return answers, sessions


def recorded(folder: StudyFolder, answers: Sequence[Answer], sessions: Sequence[Session]) -> Recorded:
    """What was answered, with the study and the plan that it is of.

    Raises:
      InputError: no study, its plan is another than it was made with, there are no answers, or they
        are those of another study.
    """
    study, shown = folder.read_study(), folder.read_answers()
    plan, digest = read_plan(folder.plan), file_digest(folder.plan)
    if digest != study.plan_sha256:
        raise InputError(
            f"{folder.plan}: was changed after the study was made; put it back; other settings are for "
            "--exploratory"
        )
    if not answers:
        raise InputError(f"nobody has answered yet in the study {folder.path}")
    there = {(session.person, session.session) for session in sessions}
    seen: set[tuple[int, int, int]] = set()
    for answer in answers:
        where = f"person {answer.person}, session {answer.session}, position {answer.position}"
        if not _is_of(answer, shown):
            raise InputError(
                f"{where}: is no answer to a file of the study {folder.path}; name its own study"
            )
        if (answer.person, answer.session) not in there:
            raise InputError(f"{where}: no such session in {SESSIONS}; export both again")
        place = (answer.person, answer.session, answer.position)
        if place in seen:
            raise InputError(f"{where}: is there twice; export the answers again")
        seen.add(place)
    return Recorded(study, shown, plan, digest, folder.digest(), answers, sessions)


def _is_of(answer: Answer, shown: Mapping[str, Shown]) -> bool:
    """Whether an answer tells of its file what the study does, and was rightly called correct."""
    one = shown.get(answer.file)
    return (
        one is not None
        and (answer.kind, answer.condition, answer.stimulus, answer.truth)
        == (one.kind, one.condition, one.stimulus, one.truth)
        and answer.correct == (answer.answer == one.truth)
    )
