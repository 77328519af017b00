"""How a progress bar is shown: on a terminal as a bar; where nobody watches, as in a log, a line a minute."""

from __future__ import annotations

import io
import sys
from typing import Any

_SECONDS_BETWEEN = 60.0


_LINE = "{desc}: {n_fmt} of {total_fmt}, {elapsed} gone, {remaining} left"


def is_watched() -> bool:
    """Whether the standard error is a terminal, or this is a notebook."""
    return "ipykernel" in sys.modules or (sys.stderr is not None and sys.stderr.isatty())


def as_bar_or_lines(bar: str | None = None, line: str = _LINE) -> dict[str, Any]:
    """What tqdm is to be given besides what it counts.

    Args:
      bar: its `bar_format` on a terminal; None for tqdm's own.
      line: elsewhere.
    """
    if is_watched():
        return {"bar_format": bar, "dynamic_ncols": True}
    between = {"mininterval": _SECONDS_BETWEEN, "maxinterval": _SECONDS_BETWEEN}
    return {"bar_format": line, "file": Lines(), **between}


class Lines(io.TextIOBase):
    """Every state of a bar becomes a line of the standard error."""

    def write(self, text: str) -> int:
        if sys.stderr is not None and text.strip():
            sys.stderr.write(text.strip() + "\n")
        return len(text)

    def flush(self) -> None:
        if sys.stderr is not None:
            sys.stderr.flush()
