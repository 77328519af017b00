"""What people answered: the rows that the server exports and the analysis reads."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Answer:
    """One answer of one person; a row of `trials.csv`.

    Attributes:
      person: number, from 1, in the order of arrival; never a code.
      session: number of the person's session, from 1.
      list: number of the list in the study, from 0.
      position, part, file: of the trial.
      kind, condition, stimulus, truth: of the file, see `study.Shown`.
      answer: the choice; empty where none was given in time.
      correct: whether it is the truth.
      rt_ms: from the moment when an answer could be given; None without an answer.
      fixation_ms, image_ms, mask_ms: for how long each was on the screen; None for sounds.
      frame_ms: the screen's frame period; None for sounds.
      events: what happened during the trial, as the page told, parted by spaces: "blur", "focus", "hidden",
        "visible", "left_full_screen", "entered_full_screen", "dropped_frames:N", "reloaded".
      received: by the server, ISO 8601 in UTC.
      simulated: whether a simulated observer answered.
    """

    person: int
    session: int
    list: int
    position: int
    part: str
    file: str
    kind: str
    condition: str
    stimulus: str
    truth: str
    answer: str
    correct: bool
    rt_ms: float | None
    fixation_ms: float | None
    image_ms: float | None
    mask_ms: float | None
    frame_ms: float | None
    events: str
    received: str
    simulated: bool


@dataclasses.dataclass(frozen=True)
class Session:
    """One person's way through a list; a row of `sessions.csv`.

    Attributes:
      person, session, list: numbers, see `Answer`.
      started, finished: ISO 8601 in UTC; `finished` is empty where the session was left or withdrawn.
      ended: "finished", "failed_headphones", "failed_demonstration", "open" or "given_up" (its list went
        to somebody else).
      comments: that the person wrote at the end.
      simulated: whether a simulated observer took part.
    """

    person: int
    session: int
    list: int
    started: str
    finished: str
    ended: str
    comments: str
    simulated: bool
