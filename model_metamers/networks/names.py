"""The name of a network that begins at its cochleagram; see `cochleagram_view`."""

from __future__ import annotations

_SUFFIX = "@cochleagram"


def view_name(name: str) -> str:
    """The name of the view of the network with this name."""
    return name + _SUFFIX


def viewed_name(name: str) -> str:
    """The name of the network behind a view; a network that is no view keeps its name."""
    return name.removesuffix(_SUFFIX)
