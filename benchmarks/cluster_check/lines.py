"""What a check says."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Line:
    """One thing that is asked.

    Attributes:
      about: what was done.
      asked, found: in words and numbers.
      passed: whether what was found is what was asked.
    """

    about: str
    asked: str
    found: str
    passed: bool

    @property
    def verdict(self) -> str:
        return "passed" if self.passed else "NOT PASSED"
