"""What a page may send, held to types and bounds before anything is done with it."""

from __future__ import annotations

import re
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta

MOST_BYTES = 16 << 10
_T = TypeVar("_T", bound=msgspec.Struct)

# A code of another form is refused in words of its own, which the person is shown.
Code = Annotated[str, Meta(max_length=1000)]
CODE = re.compile(r"[A-Za-z0-9_.@-]{1,64}")
Token = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9_-]{32}\Z")]
Milliseconds = Annotated[float, Meta(ge=0, le=1e8)] | None
Event = Annotated[str, Meta(pattern=r"\A[a-z_]{1,32}(:[0-9]{1,9})?\Z")]
# What a person wrote is taken whatever it is; `plain` is what is kept of it.
Text = Annotated[str, Meta(max_length=4000)]


class Entry(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A person comes: their code, and where from."""

    code: Code
    source: Literal["prolific", "mturk", "code", "none"]
    simulated: bool = False


class Reported(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """An answer, as a page tells of it; times in milliseconds, None where there are none."""

    position: Annotated[int, Meta(ge=0, le=10**6)]
    answer: Annotated[str, Meta(max_length=100)] | None
    rt_ms: Milliseconds = None
    fixation_ms: Milliseconds = None
    image_ms: Milliseconds = None
    mask_ms: Milliseconds = None
    frame_ms: Milliseconds = None
    events: Annotated[list[Event], Meta(max_length=200)] = []


class Given(Reported, frozen=True, kw_only=True):
    """An answer that is sent to the server."""

    token: Token


class End(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A person has answered everything."""

    token: Token
    comments: Text | None = None


class Withdrawal(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A person wants their answers deleted."""

    token: Token


def read(body: bytes, kind: type[_T]) -> _T:
    """What a body says; ValueError, which may quote it, where it is not of this kind."""
    try:
        return msgspec.json.decode(body, type=kind)
    except RecursionError as error:
        raise ValueError("too deep") from error


def plain(text: str) -> str:
    """A text with spaces in the place of what tables of text cannot hold."""
    return re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", " ", text).strip()
