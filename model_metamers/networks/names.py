"""How a network and its view from the cochleagram on are named; see `cochleagram_view`."""

from __future__ import annotations

_SUFFIX = "@cochleagram"


def view_name(name: str) -> str:
    """Name of a network's view."""
    return name + _SUFFIX


def viewed_name(name: str) -> str:
    """Name of the network that a view is of; any other network's own name."""
    return name.removesuffix(_SUFFIX)
