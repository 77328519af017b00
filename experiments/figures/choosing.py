"""What a figure shows of the results: which networks, under which names, and which decisions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from model_metamers.errors import InputError
from model_metamers.recognition.judgement import Who
from model_metamers.recognition.points import Point


def networks(there: Iterable[Who], specs: Sequence[str] | None, role: str) -> list[Who]:
    """Networks by name, in the order of the names; all of them, in order, without names.

    Args:
      there: those in the results.
      specs: "NAME" or "NAME=WEIGHTS" each; None or none for all.
      role: "judge", say, for the message.

    Raises:
      InputError: a name that none of them bears.
    """
    there = list(dict.fromkeys(there))
    chosen = []
    for spec in specs or ():
        named = [who for who in there if who.is_named(spec)]
        if not named:
            had = ", ".join(f"{who.name}={who.short}" for who in there)
            raise InputError(f"no {role} {spec!r} in these results; there are {had or 'none'}")
        chosen += named
    return list(dict.fromkeys(chosen)) if specs else there


def decisions(points: Iterable[Point], asked: Sequence[str] | None = None) -> list[str]:
    """The decisions to draw, the judge's own classes last; InputError where one was not made."""
    there = list(dict.fromkeys(point.decision for point in points))
    missing = [name for name in asked or () if name not in there]
    if missing:
        raise InputError(f"no decision {missing[0]!r} in these results; there are {', '.join(there)}")
    return list(asked) if asked else sorted(there, key=lambda name: name == "fine")


def labels(
    whos: Sequence[Who], names: Mapping[str, str] | None = None, own: Mapping[Who, str] | None = None
) -> dict[Who, str]:
    """What networks are called in a figure; where two would be called the same, with the digest.

    Args:
      whos: in a figure together.
      names: by "NAME" or "NAME=WEIGHTS"; the longest that means a network is taken.
      own: what they are called without such a name; else their own name.
    """
    texts, known = {}, names or {}
    for who in whos:
        given = sorted((spec for spec in known if who.is_named(spec)), key=len)
        plain = f"{who.name}, untrained" if who.untrained else who.name
        texts[who] = known[given[-1]] if given else (own or {}).get(who, plain)
    several = list(texts.values())
    return {w: f"{text} ({w.short})" if several.count(text) > 1 else text for w, text in texts.items()}
