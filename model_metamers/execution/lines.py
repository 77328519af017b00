"""What a progress bar writes to where nobody watches, as in a log: a line now and then."""

from __future__ import annotations

import io
import sys

SECONDS_BETWEEN = 60.0


class Lines(io.TextIOBase):
    """Every state of a bar becomes a line of the standard error."""

    def write(self, text: str) -> int:
        if sys.stderr is not None and text.strip():
            sys.stderr.write(text.strip() + "\n")
        return len(text)

    def flush(self) -> None:
        if sys.stderr is not None:
            sys.stderr.flush()
