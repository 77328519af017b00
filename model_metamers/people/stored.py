"""The tables of a study's database, and their rows. Times are ISO 8601 in UTC."""

from __future__ import annotations

import dataclasses

SCHEMA = """
CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE person (
  number INTEGER PRIMARY KEY AUTOINCREMENT, code_hmac TEXT NOT NULL UNIQUE, code TEXT NOT NULL,
  source TEXT NOT NULL
) STRICT;
CREATE TABLE session (
  token TEXT PRIMARY KEY, person INTEGER NOT NULL REFERENCES person ON DELETE CASCADE,
  list INTEGER NOT NULL, started TEXT NOT NULL, seen TEXT NOT NULL, finished TEXT NOT NULL,
  ended TEXT NOT NULL, comments TEXT NOT NULL, simulated INTEGER NOT NULL
) STRICT;
CREATE INDEX session_of_person ON session (person);
CREATE TABLE answer (
  token TEXT NOT NULL REFERENCES session ON DELETE CASCADE, position INTEGER NOT NULL,
  answer TEXT NOT NULL, rt_ms REAL, fixation_ms REAL, image_ms REAL, mask_ms REAL, frame_ms REAL,
  events TEXT NOT NULL, received TEXT NOT NULL, PRIMARY KEY (token, position)
) STRICT, WITHOUT ROWID;
"""


@dataclasses.dataclass(frozen=True)
class StoredSession:
    """A row of `session`; `seen` is when the person was last heard of, `ended` as in `answers.Session`."""

    token: str
    person: int
    list: int
    started: str
    seen: str
    finished: str
    ended: str
    comments: str
    simulated: bool


@dataclasses.dataclass(frozen=True)
class StoredAnswer:
    """A row of `answer`; see `answers.Answer`."""

    token: str
    position: int
    answer: str
    rt_ms: float | None
    fixation_ms: float | None
    image_ms: float | None
    mask_ms: float | None
    frame_ms: float | None
    events: str
    received: str


SESSION_COLUMNS = ", ".join(field.name for field in dataclasses.fields(StoredSession))
ANSWER_COLUMNS = ", ".join(field.name for field in dataclasses.fields(StoredAnswer))
