"""Which list the next person gets."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable


@dataclasses.dataclass(frozen=True)
class Use:
    """How a list was used by one session.

    Attributes:
      list: number, from 0.
      counts: whether the session gave, or may yet give, all answers.
      left: whether it was left open for so long that its list may go to somebody else.
    """

    list: int
    counts: bool
    left: bool


def choose_list(lists: int, uses: Iterable[Use]) -> int:
    """The list that fewest people have; of those, one that nobody left open; of those, the first.

    Args:
      lists: how many there are.
      uses: by the sessions so far.

    Example:
      >>> choose_list(3, [Use(0, True, False), Use(1, False, True)])
      2
      >>> choose_list(2, [Use(0, True, False), Use(1, False, True)])
      1
    """
    uses = list(uses)
    taken = Counter(use.list for use in uses if use.counts)
    left = Counter(use.list for use in uses if use.left)
    return min(range(lists), key=lambda number: (taken[number], left[number], number))
