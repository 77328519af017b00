"""What a person does during a session: comes, answers, ends, withdraws; each is stored before the reply."""

from __future__ import annotations

import dataclasses
import datetime
from typing import Any

from model_metamers.people import grading
from model_metamers.people.assignment import Use, choose_list
from model_metamers.people.loaded_study import LoadedStudy
from model_metamers.people.messages import CODE, End, Entry, Given, Reported, plain
from model_metamers.people.store import Store
from model_metamers.people.stored import StoredAnswer, StoredSession

_BAD, _UNKNOWN, _FORBIDDEN, _CONFLICT = 400, 401, 403, 409


class Refused(Exception):
    """What was asked cannot be done; nothing was stored.

    Attributes:
      status: of HTTP, 4xx.
    """

    def __init__(self, status: int, text: str):
        super().__init__(text)
        self.status = status


@dataclasses.dataclass(frozen=True)
class Rules:
    """What the experimenter chose.

    Attributes:
      resume_within: for how long after the last answer a session keeps its list.
      completion_url: where a person goes after the last answer; None where they stay.
      simulated_allowed: whether simulated observers may take part.
    """

    resume_within: datetime.timedelta
    completion_url: str | None = None
    simulated_allowed: bool = False


@dataclasses.dataclass(frozen=True)
class Desk:
    """Where people take part in a study; each method is one request."""

    loaded: LoadedStudy
    store: Store
    rules: Rules

    def enter(self, entry: Entry, now: datetime.datetime) -> dict[str, Any]:
        """A new session, or the one that the code began; its trials and where it goes on.

        Raises:
          Refused: no code, simulated where that is not allowed, or a code of the other kind.
        """
        if not CODE.fullmatch(entry.code):
            raise Refused(_BAD, "the code in the address is not one: letters, digits and _ . @ -, at most 64")
        if entry.simulated and not self.rules.simulated_allowed:
            raise Refused(_FORBIDDEN, "simulated observers are not allowed here (--allow_simulated)")
        with self.store.writing():
            session = self.store.session_of_code(entry.code)
            if session is None:
                number = self._free_list(entry.simulated, now)
                person = self.store.add_person(entry.code, entry.source)
                session = self.store.add_session(person, number, stamp(now), entry.simulated)
            elif session.simulated != entry.simulated:
                raise Refused(_CONFLICT, "this code is taken, by a person or by a simulated observer")
            elif session.ended == "open":
                self.store.note_seen(session.token, stamp(now))
        trials = [dataclasses.asdict(trial) for trial in self.loaded.lists[session.list]]
        return {
            "token": session.token,
            "trials": trials,
            "position": self.store.answered(session.token),
            "ended": None if session.ended == "open" else session.ended,
        }

    def answer(self, given: Given, now: datetime.datetime) -> dict[str, Any]:
        """Stores an answer; a repeat of one is not stored twice and gets the same reply.

        Raises:
          Refused: no such session, an answer that is no choice, one out of order, another than that
            stored for its position, or the session has ended.
        """
        with self.store.writing():
            session = self._session(given.token)
            answered = self.store.answered(session.token)
            if given.position < answered:
                if _same(self.store.answer(session.token, given.position), given):
                    return self._reply(session, given)
                raise Refused(_CONFLICT, "another answer to this position is stored already")
            self._check_open(session)
            if given.position > answered or given.position >= len(self._trials(session)):
                raise Refused(_CONFLICT, f"position out of order; expected {answered}")
            part = self._trials(session)[given.position].part
            if not grading.check_choice(self.loaded.study, part, given.answer or ""):
                raise Refused(_BAD, "the answer is none of the choices")
            self.store.add_answer(stored(given.token, given, now))
            reply = self._reply(session, given)
            ended = reply["part_ended"]
            if ended and ended["passed"] is False:
                self.store.end(session.token, f"failed_{ended['part']}", stamp(now))
        return reply

    def finish(self, end: End, now: datetime.datetime) -> dict[str, Any]:
        """Ends a session after its last answer; a repeat changes nothing.

        Raises:
          Refused: no such session, answers are missing, or it has ended otherwise.
        """
        with self.store.writing():
            session = self._session(end.token)
            if session.ended != "finished":
                self._check_open(session)
                if self.store.answered(session.token) < len(self._trials(session)):
                    raise Refused(_CONFLICT, "answers are missing")
                self.store.end(session.token, "finished", stamp(now), plain(end.comments or ""))
        return {"completion_url": self.rules.completion_url}

    def withdraw(self, token: str) -> dict[str, Any]:
        """Deletes all that is stored of a session's person; Refused where there is no such session."""
        self.store.delete_person(self._session(token).person)
        return {}

    def _session(self, token: str) -> StoredSession:
        session = self.store.session(token)
        if session is None:
            raise Refused(_UNKNOWN, "no such session; load the page again")
        return session

    def _trials(self, session: StoredSession):
        return self.loaded.lists[session.list]

    def _check_open(self, session: StoredSession) -> None:
        if session.ended != "open":
            raise Refused(_CONFLICT, "this session has ended")

    def _free_list(self, simulated: bool, now: datetime.datetime) -> int:
        """The next person's list; those who left it open for too long give it up."""
        sessions = [one for one in self.store.sessions() if one.simulated == simulated]
        before = stamp(now - self.rules.resume_within)
        left = [one for one in sessions if one.ended == "open" and one.seen < before]
        uses = [
            Use(one.list, one.ended in ("open", "finished") and one not in left, one in left)
            for one in sessions
        ]
        chosen = choose_list(len(self.loaded.lists), uses)
        for one in left:
            if one.list == chosen:
                self.store.end(one.token, "given_up", "")
        return chosen

    def _reply(self, session: StoredSession, given: Given) -> dict[str, Any]:
        """What is told of a stored answer."""
        trials, position = self._trials(session), given.position
        trial = trials[position]
        reply: dict[str, Any] = {"position": position + 1, "correct": None, "truth": None, "part_ended": None}
        if trial.part == grading.WITH_FEEDBACK:
            shown = self.loaded.shown[trial.file]
            reply["correct"] = grading.is_right(shown.truth, given.answer or "")
            reply["truth"] = shown.truth
        if part := grading.part_that_ends(trials, position):
            ended = grading.part_ended(self.loaded.study, part, self._right(session, part))
            reply["part_ended"] = dataclasses.asdict(ended)
        return reply

    def _right(self, session: StoredSession, part: str) -> int:
        """How many answers of a part are right."""
        trials = self._trials(session)
        return sum(
            grading.is_right(self.loaded.shown[trials[one.position].file].truth, one.answer)
            for one in self.store.answers(session.token)
            if grading.stretch(trials[one.position].part) == part
        )


def stamp(now: datetime.datetime) -> str:
    """A time as it is stored; texts of two times sort as the times do."""
    return now.astimezone(datetime.timezone.utc).isoformat(timespec="milliseconds")


def stored(token: str, given: Reported, received: datetime.datetime) -> StoredAnswer:
    """An answer as it is stored for the session of a token."""
    return StoredAnswer(
        token,
        given.position,
        given.answer or "",
        given.rt_ms,
        given.fixation_ms,
        given.image_ms,
        given.mask_ms,
        given.frame_ms,
        " ".join(given.events),
        stamp(received),
    )


def _same(there: StoredAnswer | None, given: Given) -> bool:
    """Whether what was given is what is stored, but for when it came."""
    if there is None:
        return False
    again = dataclasses.replace(there, received="")
    return again == dataclasses.replace(stored(given.token, given, datetime.datetime.now()), received="")
