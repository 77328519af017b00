"""Sessions in the Brain Imaging Data Structure (BIDS), as a behavioural data set."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from model_metamers.people.answers import Answer, Session
from model_metamers.people.study import Study
from model_metamers.storage.whole import make_folder
from model_metamers.storage.writing import write_json, write_text

_VERSION = "1.10.0"
_NOTHING = "n/a"
_TASK = "metamers"
# Columns beside those that BIDS names, and what they hold.
_OWN = {
    "part": "Part of the experiment: headphones, practice, demonstration, main or catch.",
    "condition": "natural, or NETWORK/LAYER that the metamer was made for; n/a for catch trials and tones.",
    "stimulus": "Name of the natural signal.",
    "file": "Random name of the file that was shown.",
    "truth": "The right answer.",
    "answer": "The answer given; n/a where none was given in time.",
    "correct": "Whether it is the right one.",
    "fixation_ms": "For how long the fixation mark was on the screen, in milliseconds.",
    "image_ms": "For how long the picture was on the screen, in milliseconds.",
    "mask_ms": "For how long the mask was on the screen, in milliseconds.",
    "frame_ms": "The screen's frame period, in milliseconds.",
    "events": "What happened during the trial, as the page told, parted by spaces.",
}
_COLUMNS = ("onset", "duration", "trial_type", "response_time", *_OWN)


def write(folder: Path, study: Study, sessions: Sequence[Session], answers: Iterable[Answer]) -> None:
    """Writes a data set; StorageError where that fails.

    Args:
      folder: of it; made.
      study: that people took part in.
      sessions: all of people, or all of simulated observers.
      answers: theirs, in order.
    """
    make_folder(folder)
    simulated = any(session.simulated for session in sessions)
    whose = " (simulated observers)" if simulated else ""
    write_json(folder / "dataset_description.json", _description(study, whose))
    write_text(folder / "README", f"{study.title}{whose}\n\nExported by model_metamers; see events.json.\n")
    people = [(subject(one.person), one.list, one.ended, _yes(one.simulated)) for one in sessions]
    _write_tsv(folder / "participants.tsv", ("participant_id", "list", "ended", "simulated"), people)
    write_json(folder / "participants.json", _PARTICIPANTS)
    started = {one.person: datetime.datetime.fromisoformat(one.started) for one in sessions}
    for person, own in itertools.groupby(answers, key=lambda one: one.person):
        place = make_folder(folder / subject(person) / "beh")
        events = sorted((_row(one, started[person]) for one in own), key=lambda row: row[0])
        stem = f"{subject(person)}_task-{_TASK}_events"
        _write_tsv(place / f"{stem}.tsv", _COLUMNS, events)
        write_json(place / f"{stem}.json", _events(study, whose))


def subject(person: int) -> str:
    """A person's label."""
    return f"sub-{person:02d}"


def _row(one: Answer, started: datetime.datetime) -> Sequence[Any]:
    """An answer; its onset is when it could be given, by the server's clock."""
    rt_s = (one.rt_ms or 0.0) / 1000
    onset = (datetime.datetime.fromisoformat(one.received) - started).total_seconds() - rt_s
    own = (getattr(one, column) for column in _OWN)
    response_time = None if one.rt_ms is None else round(rt_s, 6)
    return (round(onset, 3), round(rt_s, 6), one.kind, response_time, *own)


def _write_tsv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    lines = ["\t".join(columns), *("\t".join(map(_cell, row)) for row in rows)]
    write_text(path, "".join(f"{line}\n" for line in lines))


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return _yes(value)
    return _NOTHING if value in (None, "") else " ".join(str(value).split())


def _yes(value: bool) -> str:
    return "true" if value else "false"


def _description(study: Study, whose: str) -> Mapping[str, Any]:
    return {
        "Name": f"{study.title}{whose}",
        "BIDSVersion": _VERSION,
        "DatasetType": "raw",
        "GeneratedBy": [{"Name": "model_metamers"}],
    }


def _events(study: Study, whose: str) -> Mapping[str, Any]:
    return {
        "TaskName": _TASK,
        "TaskDescription": f"Recognition of {study.task}, metamers and natural signals{whose}.",
        "Instructions": study.texts.get("instructions", ""),
        "trial_type": {"Description": "metamer, natural, catch or tones."},
        "response_time": {"Description": "From the moment when an answer could be given.", "Units": "s"},
        **{
            column: {"Description": text, **({"Units": "ms"} if column.endswith("_ms") else {})}
            for column, text in _OWN.items()
        },
    }


_PARTICIPANTS = {
    "list": {"Description": "Number of the list of trials that the person was given."},
    "ended": {"Description": "How the session ended."},
    "simulated": {"Description": "Whether a simulated observer took part."},
}
