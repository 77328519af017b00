"""Damage done to files: what disks, transfers and hands do to them, drawn by hypothesis."""

import random
import re
import struct

from hypothesis import strategies as st

from tests.builders.reshaping import Reshape, field

# Numbers that a reader may take for a size, a count or a time.
_BINARY = [
    *(struct.pack("<I", n) for n in (0, 1, 2**31 - 1, 2**31, 2**32 - 1)),
    *(struct.pack(">I", n) for n in (1, 2**31 - 1, 2**32 - 1)),
    *(struct.pack("<Q", n) for n in (10**12, 2**63 - 1, 2**64 - 1)),
    *(struct.pack("<d", x) for x in (float("nan"), float("inf"), -1.0, 1e300)),
    bytes(16),
    b"\xff" * 16,
]
_TEXT = [
    *(b"nan", b"inf", b"-inf", b"1e999", b"-1", b"0", b"1e308", b"99999999999999999999", b"9" * 5000),
    *(b"null", b"true", b"[]", b"{}", b'""', b'"text"', b"1.5", b"[[]]", b'{"a": 1}', b'"\\ud800"'),
    *(
        b"",
        b"\0",
        b"\r",
        b"\n\n",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"\xe2\x80\xa8",
        b'"',
        b",",
        b"\t",
        b"<",
        b"&",
    ),
    b"a" * 200_000,
]
# Numbers, strings and words: what stands in a text, one thing after the other.
_THING = re.compile(rb'-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|"[^"]*"|\w+|[^\s\w]')

_BLIND = ("flip", "cut", "insert", "write", "remove", "repeat", "swap", "swap", "double", "field")
_KINDS = (*_BLIND, *["reshape"] * len(_BLIND))
Change = tuple[str, float, int]
changes = st.lists(
    st.tuples(st.sampled_from(_KINDS), st.floats(0, 1, exclude_max=True), st.integers(0, 10**6)),
    min_size=1,
    max_size=3,
)


def draw_changes(chance: random.Random) -> list[Change]:
    """What `changes` draws, without hypothesis, thousands a second."""
    many = range(chance.randint(1, 3))
    return [(chance.choice(_KINDS), chance.random(), chance.randrange(10**6)) for _ in many]


def damaged(content: bytes, drawn: list[Change], reshape: Reshape = field) -> bytes:
    """A file's bytes after each of the drawn changes; what has a meaning is changed before what has none."""
    for kind, where, number in sorted(drawn, key=lambda change: change[0] != "reshape"):
        if kind == "reshape":
            content = _reshaped(content, number, reshape)
        else:
            content = _change(content, kind, int(where * max(1, len(content))), number)
    return content


def _reshaped(content: bytes, number: int, reshape: Reshape) -> bytes:
    """A file that another change left in no shape is changed blindly."""
    chance = random.Random(number)
    try:
        return reshape(content, chance)
    except Exception:
        return field(content, chance)


def _change(content: bytes, kind: str, place: int, number: int) -> bytes:
    before, after = content[:place], content[place:]
    if kind == "flip":
        return before + bytes(byte ^ (1 << number % 8) for byte in after[:1]) + after[1:]
    if kind == "cut":
        return before
    if kind == "double":
        return content + content
    if kind == "field":
        return field(content, random.Random(number))
    if kind == "insert":
        return before + (_BINARY + _TEXT)[number % len(_BINARY + _TEXT)] + after
    if kind == "write":
        new = _BINARY[number % len(_BINARY)]
        return before + new + after[len(new) :]
    if kind == "remove":
        return before + after[1 + number % 64 :]
    if kind == "repeat":
        return before + after[: 1 + number % 500] + after
    things = [thing.span() for thing in _THING.finditer(content[:100_000])]
    if not things:
        return content
    first, end = things[place * len(things) // max(1, len(content))]
    return content[:first] + _TEXT[number % len(_TEXT)] + content[end:]
