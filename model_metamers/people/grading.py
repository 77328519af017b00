"""What may be answered, what is right, and when a part ends."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from model_metamers.people.study import Study, Trial

HEADPHONE_CHOICES = ("1", "2", "3")
WITH_FEEDBACK = "practice"


@dataclasses.dataclass(frozen=True)
class PartEnded:
    """What a person is told at the end of a part.

    Attributes:
      part: that ended; "main" for main and catch trials together.
      right: how many were, of a part with a pass mark; else None.
      passed: whether that is enough to go on; None without a mark.
    """

    part: str
    right: int | None
    passed: bool | None


def stretch(part: str) -> str:
    """The part that a trial counts towards: catch trials stand among the main ones."""
    return "main" if part == "catch" else part


def check_choice(study: Study, part: str, answer: str) -> bool:
    """Whether an answer is one that a trial of this part takes.

    No answer, the empty text, is one only where the time for it is limited.
    """
    if part == "headphones":
        return answer in HEADPHONE_CHOICES
    if answer:
        return answer in study.choices
    return study.timing is not None and study.timing.answer_ms is not None


def is_right(truth: str, answer: str) -> bool:
    """Whether an answer is the truth; none is not."""
    return bool(answer) and answer == truth


def part_that_ends(trials: Sequence[Trial], position: int) -> str | None:
    """The part whose last trial stands at this position; None where none ends."""
    part = stretch(trials[position].part)
    following = trials[position + 1 :]
    return None if following and stretch(following[0].part) == part else part


def part_ended(study: Study, part: str, right: int) -> PartEnded:
    """What comes of a part with so many right answers."""
    mark = study.pass_marks.get(part)
    return PartEnded(part, None, None) if mark is None else PartEnded(part, right, right >= mark)
