"""Choosing what a figure shows: which networks, under which names, and which decisions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from model_metamers.errors import InputError
from model_metamers.recognition.judgement import Who
from model_metamers.recognition.points import Point


def networks(there: Iterable[Who], specs: Sequence[str] | None, role: str) -> list[Who]:
    """The networks in the results that have one of the given names, in the order of the names.

    Args:
      there: the networks in the results.
      specs: "NAME" or "NAME=WEIGHTS" each; None or empty for all networks, in their order.
      role: what they are called in the message, such as "judge".

    Raises:
      InputError: no network has one of the names.
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
    """The decisions to draw: those asked for, or all, with that among the judge's own classes last.

    Raises:
      InputError: a decision that is asked for is not in the results.
    """
    there = list(dict.fromkeys(point.decision for point in points))
    missing = [name for name in asked or () if name not in there]
    if missing:
        raise InputError(f"no decision {missing[0]!r} in these results; there are {', '.join(there)}")
    return list(asked) if asked else sorted(there, key=lambda name: name == "fine")


def labels(
    whos: Sequence[Who], names: Mapping[str, str] | None = None, own: Mapping[Who, str] | None = None
) -> dict[Who, str]:
    """What the networks are called in a figure; the same name twice gets the weights' digest added.

    Args:
      whos: the networks of the figure.
      names: texts by "NAME" or "NAME=WEIGHTS"; where several fit a network, the longest counts.
      own: texts for networks without one in `names`; those in neither have their own name.
    """
    texts, known = {}, names or {}
    for who in whos:
        given = sorted((spec for spec in known if who.is_named(spec)), key=len)
        plain = f"{who.name}, untrained" if who.untrained else who.name
        texts[who] = known[given[-1]] if given else (own or {}).get(who, plain)
    several = list(texts.values())
    return {w: f"{text} ({w.short})" if several.count(text) > 1 else text for w, text in texts.items()}
