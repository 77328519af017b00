"""Whether this process was told to end; whoever works on a unit asks, and saves what it has."""

from __future__ import annotations

import threading

_told = threading.Event()


def tell() -> None:
    """From here on, work is to be saved and left."""
    _told.set()


def told() -> bool:
    """Whether work is to be saved and left."""
    return _told.is_set()


def forget() -> None:
    """Work may begin again, as in a process that outlives what it was told for."""
    _told.clear()
