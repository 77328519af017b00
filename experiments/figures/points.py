"""The points of recognition curves as `recognize_metamers` left them, and who is who among them."""

from __future__ import annotations

import csv
import dataclasses
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from model_metamers import InputError
from model_metamers.recognition.presentations import NATURAL

FILE = "recognition.csv"
_NUMBERS = ("proportion", "sem", "chance")  # empty where not defined
_COUNTS = ("layer_index", "n", "passed", "total")
_UNTRAINED = "random:"


@dataclasses.dataclass(frozen=True, order=True)
class Who:
    """A network with its weights' digest."""

    name: str
    weights: str

    @property
    def architecture(self) -> str:
        """The name without the seed: of networks that differ in nothing else, the same."""
        return re.sub(r"_seed\d+$", "", self.name)

    @property
    def untrained(self) -> bool:
        return self.weights.startswith(_UNTRAINED)

    @property
    def short(self) -> str:
        """The beginning of the digest, by which a person may name the weights."""
        return self.weights.removeprefix("sha256:")[:8]

    def is_named(self, spec: str) -> bool:
        """Whether "NAME" or "NAME=WEIGHTS", the beginning of the digest, means this network."""
        name, _, weights = spec.partition("=")
        return self.name == name and (self.weights.startswith(weights) or self.short.startswith(weights))

    def is_other_seed_of(self, other: Who) -> bool:
        """Whether both are trained, of one architecture, and not the same."""
        return (
            self != other
            and self.architecture == other.architecture
            and not self.untrained
            and not other.untrained
        )


@dataclasses.dataclass(frozen=True)
class Point:
    """A row of `recognition.csv`; numbers that are not defined are NaN."""

    judge: Who
    generator: Who
    decision: str
    layer: str
    layer_index: int
    optimized: str
    settings: str
    proportion: float
    sem: float
    chance: float
    n: int
    passed: int
    total: int

    @property
    def of_signal(self) -> bool:
        """Whether the signal itself was searched, not its cochleagram."""
        return self.optimized != "cochleagram"


def read(paths: Sequence[str | Path]) -> list[Point]:
    """All points of results of recognize_metamers, in order.

    Args:
      paths: each a `recognition.csv` or the folder that holds one.

    Raises:
      InputError: missing, of another kind, empty, or two with the same point.
    """
    found: dict[tuple, tuple[Path, Point]] = {}
    for path in map(Path, paths):
        file = path / FILE if path.is_dir() else path
        for point in _read_file(file):
            key = (point.judge, point.generator, point.decision, point.layer, point.optimized, point.settings)
            if key in found:
                raise InputError(
                    f"{file} and {found[key][0]}: both tell how {point.judge.name} judges "
                    f"{point.layer} of {point.generator.name}; name one of them"
                )
            found[key] = file, point
    if not found:
        raise InputError(f"no {FILE} was given; recognize_metamers writes it")
    return [point for _, point in found.values()]


def _read_file(file: Path) -> list[Point]:
    try:
        with file.open(newline="", encoding="utf-8") as opened:
            rows = list(csv.DictReader(opened))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{file}: no readable {FILE} of recognize_metamers ({error})") from error
    if not rows:
        raise InputError(f"{file}: holds no points; expected {FILE} of recognize_metamers")
    try:
        return [_point(row) for row in rows]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{file}: not {FILE} of recognize_metamers, it lacks or misnames {error}") from error


def _point(row: Mapping[str, str]) -> Point:
    if None in row or None in row.values():
        raise ValueError("values: a row is not as long as the header")
    return Point(
        judge=Who(row["judge"], row["judge_weights"]),
        generator=Who(row["generator"], row["generator_weights"]),
        **{name: row[name] for name in ("decision", "layer", "optimized", "settings")},
        **{name: float(row[name] or "nan") for name in _NUMBERS},
        **{name: int(row[name]) for name in _COUNTS},
    )


def choose(known: Iterable[Who], specs: Sequence[str] | None, role: str) -> list[Who]:
    """Networks by name, in the order of the names; all of them, in order, without names.

    Args:
      known: that there are.
      specs: "NAME" or "NAME=WEIGHTS" each; None or none for all.
      role: "judge", say, for the message.

    Raises:
      InputError: a name that none of them bears.
    """
    known = list(dict.fromkeys(known))
    chosen = []
    for spec in specs or ():
        named = [who for who in known if who.is_named(spec)]
        if not named:
            had = ", ".join(f"{who.name}={who.short}" for who in known)
            raise InputError(f"no {role} {spec!r} in these results; there are {had or 'none'}")
        chosen += named
    return list(dict.fromkeys(chosen)) if specs else known


def decisions(points: Iterable[Point], asked: Sequence[str] | None = None) -> list[str]:
    """The decisions to draw, the judge's own classes last; InputError where one was not made."""
    there = list(dict.fromkeys(point.decision for point in points))
    missing = [name for name in asked or () if name not in there]
    if missing:
        raise InputError(f"no decision {missing[0]!r} in these results; there are {', '.join(there)}")
    return list(asked) if asked else sorted(there, key=lambda name: name == "fine")


def curve(points: Iterable[Point]) -> list[Point]:
    """One judge's points of one generator, natural first, then layers early to late.

    Raises:
      InputError: a layer stands twice, because its metamers were searched in two ways.
    """
    ordered = sorted(points, key=lambda point: (point.layer_index, point.layer))
    for one, other in itertools.pairwise(ordered):
        if one.layer == other.layer:
            raise InputError(
                f"{one.layer} of {one.generator.name} was searched in several ways ({one.settings}; "
                f"{other.settings}); judge metamers of one of them"
            )
    return ordered


def layers(points: Iterable[Point]) -> list[str]:
    """Layers of several curves, natural first, then early to late."""
    places = sorted({(point.layer_index, point.layer) for point in points})
    found = list(dict.fromkeys(layer for _, layer in places))
    return found if found and found[0] == NATURAL else [NATURAL, *found]


def labels(
    whos: Sequence[Who], names: Mapping[str, str] | None = None, own: Mapping[Who, str] | None = None
) -> dict[Who, str]:
    """What networks are called in a figure; where two would be called the same, with the digest.

    Args:
      whos: in a figure together.
      names: by "NAME" or "NAME=WEIGHTS"; the longest that means a network is taken.
      own: what they are called without such a name; else their own name.
    """
    texts = {}
    for who in whos:
        given = sorted((spec for spec in names or {} if who.is_named(spec)), key=len)
        plain = f"{who.name}, untrained" if who.untrained else who.name
        texts[who] = names[given[-1]] if given else (own or {}).get(who, plain)
    several = list(texts.values())
    return {w: f"{text} ({w.short})" if several.count(text) > 1 else text for w, text in texts.items()}
