"""Who and what does not count, by the rules of a plan; every rule is counted."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from model_metamers.people.answers import Answer, Session
from model_metamers.people.plan import Exclusions
from model_metamers.people.recorded import Recorded
from model_metamers.people.study import Timing
from model_metamers.recognition.judgement import NATURAL

_UNFOCUSED = {"blur", "hidden", "left_full_screen"}
_ENDED = {
    "open": "did not come to the end",
    "given_up": "did not come to the end",
    "failed_headphones": "failed the headphone check",
    "failed_demonstration": "failed the demonstration",
}
_SIMULATED = "simulated observers, beside people"
_OTHER_SESSION = "another session of the same person"

_Key = tuple[int, int]  # number of a person and of the person's session


@dataclasses.dataclass(frozen=True)
class Ruled:
    """An answer of the main part, and why it does not count.

    Attributes:
      answer: to a metamer or a natural signal.
      reason: the rule; empty where it counts.
    """

    answer: Answer
    reason: str


@dataclasses.dataclass(frozen=True)
class Excluded:
    """What a rule left out.

    Attributes:
      rule: in words.
      people: whom it left out.
      trials: of the main part, of these people or by themselves.
    """

    rule: str
    people: int
    trials: int


def rule(recorded: Recorded, rules: Exclusions) -> tuple[list[Ruled], list[Excluded]]:
    """Every answer of the main part with the first rule that leaves it out, and the rules' counts.

    People are left out first, then trials of those who stay. Simulated observers are left out where
    there are people. Where a person has several sessions, the finished one counts, or else the longest.
    Natural signals in the place of metamers that did not pass do not count.
    """
    whom = _people(recorded, rules)
    of_trials = _trial_rules(recorded, rules)
    ruled = []
    for answer in recorded.answers:
        if answer.part == "main":
            reason = whom[_key(answer)] or next((name for name, meant in of_trials if meant(answer)), "")
            ruled.append(Ruled(answer, reason))
    trials = Counter(one.reason for one in ruled)
    people = _counted_people(recorded.sessions, whom)
    names = dict.fromkeys([*_person_rules(rules), *whom.values(), *(name for name, _ in of_trials)])
    return ruled, [Excluded(name, people[name], trials[name]) for name in names if name]


def _key(one: Answer | Session) -> _Key:
    return one.person, one.session


def _people(recorded: Recorded, rules: Exclusions) -> dict[_Key, str]:
    """Why each session's answers do not count; empty where they do."""
    both = len({session.simulated for session in recorded.sessions}) > 1
    by_session: dict[_Key, list[Answer]] = {_key(session): [] for session in recorded.sessions}
    for answer in recorded.answers:
        by_session[_key(answer)].append(answer)
    chosen = _chosen_sessions(recorded.sessions, by_session)
    return {
        _key(session): _why_not(session, by_session[_key(session)], rules, both)
        if _key(session) in chosen
        else _OTHER_SESSION
        for session in recorded.sessions
    }


def _chosen_sessions(sessions: Sequence[Session], answers: dict[_Key, list[Answer]]) -> set[_Key]:
    """Of each person the finished session, or else the one with the most answers."""
    best: dict[int, Session] = {}
    for one in sessions:
        other = best.get(one.person)
        if other is None or _merit(one, answers) > _merit(other, answers):
            best[one.person] = one
    return {_key(session) for session in best.values()}


def _merit(session: Session, answers: dict[_Key, list[Answer]]) -> tuple[bool, int]:
    return session.ended == "finished", len(answers[_key(session)])


def _why_not(session: Session, answers: Sequence[Answer], rules: Exclusions, both: bool) -> str:
    """The first rule by which a person does not count."""
    if both and session.simulated:
        return _SIMULATED
    if rules.unfinished and session.ended != "finished":
        return _ENDED[session.ended]
    main = [answer for answer in answers if answer.part == "main"]
    shares = (
        (_CATCH, rules.least_catch, [a.correct for a in answers if a.part == "catch"]),
        (_NATURAL, rules.least_natural, [a.correct for a in main if a.condition == NATURAL]),
        (_ANSWERED, rules.least_answered, [bool(a.answer) for a in main]),
    )
    for name, least, held in shares:
        if least is not None and (not held or sum(held) / len(held) < least):
            return name.format(least)
    return ""


_CATCH = "right in fewer than {:.0%} of the catch trials"
_NATURAL = "right about fewer than {:.0%} of the natural signals"
_ANSWERED = "answered fewer than {:.0%} of the main trials"


def _person_rules(rules: Exclusions) -> list[str]:
    """The rules on people that are in force, in words."""
    names = list(dict.fromkeys(_ENDED.values())) if rules.unfinished else []
    given = ((_CATCH, rules.least_catch), (_NATURAL, rules.least_natural), (_ANSWERED, rules.least_answered))
    return [*names, *(name.format(least) for name, least in given if least is not None)]


def _trial_rules(recorded: Recorded, rules: Exclusions) -> list[tuple[str, Callable[[Answer], bool]]]:
    """The rules on trials that are in force, in words and as functions."""
    found: list[tuple[str, Callable[[Answer], bool]]] = []
    shown, timing = recorded.shown, recorded.study.timing
    if any(one.instead_of for one in shown.values()):
        name = "natural signals in the place of metamers that did not pass"
        found.append((name, lambda answer: bool(shown[answer.file].instead_of)))
    if rules.unanswered:
        found.append(("no answer was given in time", lambda answer: not answer.answer))
    if (fastest := rules.fastest_ms) is not None:
        found.append((f"answered within {fastest:g} ms", lambda a: a.rt_ms is not None and a.rt_ms < fastest))
    if (slowest := rules.slowest_ms) is not None:
        found.append((f"answered after {slowest:g} ms", lambda a: a.rt_ms is not None and a.rt_ms > slowest))
    if rules.unfocused:
        name = "the page was hidden, had lost the focus or left the full screen"
        found.append((name, lambda answer: bool(_UNFOCUSED & set(answer.events.split()))))
    if (frames := rules.most_frames_off) is not None and timing is not None:
        name = f"the picture was shown for more than {frames:g} frames longer or shorter than asked"
        found.append((name, lambda answer: _frames_off(answer, timing) > frames + 1e-6))
    return found


def _frames_off(answer: Answer, timing: Timing) -> float:
    """By how many frames a picture's time differs from the one asked; 0 where it is not known."""
    if answer.image_ms is None or not answer.frame_ms:
        return 0.0
    return abs(answer.image_ms - timing.image_ms) / answer.frame_ms


def _counted_people(sessions: Iterable[Session], whom: dict[_Key, str]) -> Counter[str]:
    """How many people each rule left out; of several sessions of a person, only the chosen one tells."""
    return Counter(whom[_key(one)] for one in sessions if whom[_key(one)] not in ("", _OTHER_SESSION))
