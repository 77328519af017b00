"""What was planned before anybody took part: who and what is left out, which tests, at what level."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import msgspec

from model_metamers.errors import InputError
from model_metamers.recognition.judgement import NATURAL
from model_metamers.storage.digests import file_digest
from model_metamers.storage.reading import one_line, read_json
from model_metamers.storage.writing import write_json

FORMAT = "1"
TESTS = ("layer", "network_by_layer", "observer_by_layer")


@dataclasses.dataclass(frozen=True)
class Exclusions:
    """Who and what does not count; None, or False, where a rule is not used.

    Attributes:
      unfinished: people who did not come to the end.
      least_catch: share of right answers to catch trials that a person needs.
      least_natural: share of right answers to natural signals that a person needs.
      least_answered: share of main trials that a person must have answered.
      fastest_ms: trials answered faster.
      slowest_ms: trials answered later.
      unfocused: trials during which the page was hidden or lost the focus, or the full screen was left.
      most_frames_off: trials whose picture was shown longer or shorter than asked by more frames.
      unanswered: trials without an answer; they count as wrong where False.
    """

    unfinished: bool = True
    least_catch: float | None = None
    least_natural: float | None = None
    least_answered: float | None = None
    fastest_ms: float | None = None
    slowest_ms: float | None = None
    unfocused: bool = False
    most_frames_off: float | None = None
    unanswered: bool = False


@dataclasses.dataclass(frozen=True)
class Contrast:
    """A test that was planned.

    Attributes:
      name: of the test, in words.
      test: one of `TESTS`. "layer": whether people's recognition changes over the conditions of one
        network. "network_by_layer": whether it changes otherwise for one network than for another.
        "observer_by_layer": whether people's differs from that of the generating network.
      conditions: [networks][layers] as `study.Shown.condition`; the second test has two rows or more,
        whose layers are matched in their order; the others have one.
    """

    name: str
    test: str
    conditions: tuple[tuple[str, ...], ...]


@dataclasses.dataclass(frozen=True)
class Power:
    """How probable it is that a test is significant, by simulation.

    Attributes:
      contrast: name of the test.
      participants: that take part.
      power: share of simulated experiments in which it was.
      experiments: simulated.
      assumed: of what, in words.
    """

    contrast: str
    participants: int
    power: float
    experiments: int
    assumed: str


@dataclasses.dataclass(frozen=True)
class Plan:
    """What `plan.json` holds.

    Attributes:
      format: of the file.
      participants: that are to take part.
      trials_per_condition: of each.
      alpha: level of the tests, for all of them together (Holm).
      permutations: of each test.
      exclusions: who and what does not count.
      contrasts: the tests.
      powers: of the tests.
    """

    format: str
    participants: int
    trials_per_condition: int
    alpha: float = 0.05
    permutations: int = 10_000
    exclusions: Exclusions = Exclusions()
    contrasts: tuple[Contrast, ...] = ()
    powers: tuple[Power, ...] = ()


def read_plan(path: Path) -> Plan:
    """The plan of a study.

    Raises:
      InputError: no plan, a damaged one, one of another format, or one that cannot be followed.
    """
    plan: Plan = read_json(path, "plan of prepare_human_experiment", Plan)
    if plan.format != FORMAT:
        raise InputError(f"{path}: is of format {one_line(plan.format)!r}, expected {FORMAT!r}")
    try:
        check(plan)
    except InputError as error:
        raise InputError(f"{path}: {one_line(str(error))}") from error
    return plan


def read_changes(path: Path, plan: Plan) -> Plan:
    """A plan with some things otherwise, such as `{"alpha": 0.01, "exclusions": {"least_catch": 0.9}}`.

    Args:
      path: JSON file of an object that names what differs; a whole plan will do.
      plan: that holds for the rest.

    Raises:
      InputError: no such file, something that a plan does not have, or a plan that cannot be followed.
    """
    what = "changes of a plan"
    given = read_json(path, what, dict[str, Any])
    values = msgspec.json.decode(msgspec.json.encode(plan))
    rules = given.get("exclusions", {})
    fixed = [name for name in _FIXED if name in given and given[name] != values[name]]
    unknown = [*fixed, *(name for name in given if name not in values)]
    unknown += [name for name in rules if name not in values["exclusions"]] if isinstance(rules, dict) else []
    if unknown:
        known = ", ".join([*(name for name in values if name not in _FIXED), *values["exclusions"]])
        raise InputError(
            f"{path}: {one_line(unknown[0])!r} cannot be changed in a plan; expected some of {known}"
        )
    if isinstance(rules, dict):
        given = {**given, "exclusions": {**values["exclusions"], **rules}}
    try:
        changed = msgspec.convert({**values, **given}, Plan)
    except msgspec.ValidationError as error:
        raise InputError(f"{path}: no readable {what} ({one_line(str(error))})") from error
    try:
        check(changed)
    except InputError as error:
        raise InputError(f"{path}: {one_line(str(error))}") from error
    return changed


# What no other settings of an analysis change.
_FIXED = ("format", "participants", "trials_per_condition", "powers")


def write_plan(path: Path, plan: Plan) -> str:
    """Writes a plan and returns the sha256 of the file, hex; StorageError where it cannot be written."""
    write_json(path, dataclasses.asdict(plan))
    return file_digest(path)


def check(plan: Plan, conditions: Collection[str] | None = None) -> None:
    """Raises InputError where a plan cannot be followed.

    Args:
      plan: to be checked.
      conditions: of the study; None where they are not known.
    """
    if not 0 < plan.alpha < 1:
        raise InputError(f"alpha is {plan.alpha}, expected a number between 0 and 1")
    for name in ("participants", "trials_per_condition", "permutations"):
        if not 1 <= getattr(plan, name) <= _MOST_COUNTED:
            raise InputError(
                f"{name} is {getattr(plan, name)}, expected a whole number from 1 to {_MOST_COUNTED:,}"
            )
    for rule, most in _MOST.items():
        value = getattr(plan.exclusions, rule)
        if value is not None and not 0 <= value <= most:
            raise InputError(f"exclusions: {rule} is {value}, expected a number from 0 to {most:g}, or null")
    names = [contrast.name for contrast in plan.contrasts]
    if len(set(names)) < len(names):
        raise InputError("two contrasts bear the same name; every one needs its own")
    for contrast in plan.contrasts:
        _check_contrast(contrast, conditions)


_MOST_COUNTED = 10_000_000
_MOST = {
    "least_catch": 1.0,
    "least_natural": 1.0,
    "least_answered": 1.0,
    "fastest_ms": 1e9,
    "slowest_ms": 1e9,
    "most_frames_off": 1e9,
}


def _check_contrast(contrast: Contrast, conditions: Collection[str] | None) -> None:
    told = f"contrast {one_line(contrast.name)[:60]!r}"
    if contrast.test not in TESTS:
        raise InputError(
            f"{told}: test is {one_line(contrast.test)[:60]!r}, expected one of {', '.join(TESTS)}"
        )
    rows = contrast.conditions
    least = 2 if contrast.test == "network_by_layer" else 1
    if len(rows) < least or (least == 1 and len(rows) > 1):
        raise InputError(
            f"{told}: has {len(rows)} rows of conditions, expected {'one' if least == 1 else 'two'}"
        )
    if len({len(row) for row in rows}) > 1 or len(rows[0]) < 2:
        raise InputError(f"{told}: expected at least two conditions a row, the same number in every row")
    every = list(itertools.chain.from_iterable(rows))
    twice = next((name for name in every if every.count(name) > 1), None)
    if twice:
        raise InputError(f"{told}: the condition {one_line(twice)} stands twice")
    unknown = next((name for name in every if conditions is not None and name not in conditions), None)
    if unknown:
        raise InputError(f"{told}: the study has no condition {one_line(unknown)}")


def usual_contrasts(networks: Sequence[Sequence[str]]) -> tuple[Contrast, ...]:
    """The successor's tests: of each network the effects of layer and of observer, then pairs of networks.

    Two networks are compared where they have as many layers.

    Args:
      networks: of each its conditions, "NETWORK/LAYER", early to late.
    """
    contrasts = []
    for conditions in networks:
        name = network_of(conditions[0])
        rows = ((NATURAL, *conditions),)
        contrasts.append(Contrast(f"layers of {name}", "layer", rows))
        contrasts.append(Contrast(f"people and {name}", "observer_by_layer", rows))
    for one, other in itertools.combinations(networks, 2):
        if len(one) == len(other) > 1:
            name = f"{network_of(one[0])} and {network_of(other[0])}"
            contrasts.append(Contrast(name, "network_by_layer", (tuple(one), tuple(other))))
    return tuple(contrasts)


def network_of(condition: str) -> str:
    """The network of "NETWORK/LAYER"; "natural" of the natural signals."""
    return condition.partition("/")[0]


def layer_of(condition: str) -> str:
    """The layer of "NETWORK/LAYER"; "natural" of the natural signals."""
    return NATURAL if condition == NATURAL else condition.partition("/")[2]
