"""From metamers and their natural signals to what a study can show."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from model_metamers.errors import InputError
from model_metamers.people.design import Design
from model_metamers.people.plan import network_of
from model_metamers.people.study import Shown
from model_metamers.recognition.judgement import NATURAL, Who
from model_metamers.runs.folder import MetamerFolder
from model_metamers.storage.reading import one_line

if TYPE_CHECKING:
    from model_metamers.recognition.labels import Truth
    from model_metamers.recognition.presentations import Presentation

MISSING = ("another", "natural")
_KINDS = {"images": "image", "words": "sound"}


@dataclasses.dataclass(frozen=True)
class LeftOut:
    """A metamer that takes no part; a row of `left_out.csv`.

    Attributes:
      condition, stimulus, search_seed: which it is.
      folder: that it lies in.
      reason: why, in words.
    """

    condition: str
    stimulus: str
    search_seed: int | None
    folder: str
    reason: str


@dataclasses.dataclass(frozen=True)
class Stimulus:
    """What may be shown in a condition: a file, and what it is.

    Attributes:
      path: of the PNG or WAV.
      shown: what it is.
    """

    path: Path
    shown: Shown


@dataclasses.dataclass(frozen=True)
class Gathered:
    """What a study can show.

    Attributes:
      design: conditions, stimuli, and which there are.
      stimuli: by condition and stimulus, as numbers of the design.
      networks: of each network its conditions, early to late.
      left_out: metamers that take no part.
    """

    design: Design
    stimuli: Mapping[tuple[int, int], Stimulus]
    networks: tuple[tuple[str, ...], ...]
    left_out: tuple[LeftOut, ...]


def gather(
    found: Sequence[Presentation],
    truths: Sequence[Truth],
    answer_of: Callable[[str], str | None],
    task: str,
    missing: str = "another",
) -> Gathered:
    """Sorts metamers and natural signals into conditions.

    A condition is "natural", or a network's layer; the network is named with the beginning of its weights'
    digest where several have its name. Of metamers of several seeds the first that passes is shown.

    Args:
      found: see `recognition.presentations.find`.
      truths: of each.
      answer_of: the choice that a label stands for; None where it is none.
      task: "images" or "words".
      missing: what stands in the place of a metamer that does not pass: "another" natural signal's, or the
        "natural" signal itself.

    Raises:
      InputError: a label that is no choice, two kinds of metamers of one layer, or
        none of a layer that passes.
    """
    if missing not in MISSING:
        raise InputError(f"missing={missing!r}: expected one of {', '.join(MISSING)}")
    answers = _answers(found, truths, answer_of)
    heard = [one for one in found if one.spec.kind == _KINDS[task]]
    targets = {(one.generated_by, one.stimulus): one for one in heard if one.layer == NATURAL}
    naturals: dict[str, Presentation] = {}
    for one in targets.values():
        naturals.setdefault(one.stimulus, one)
    metamers = [one for one in found if one.layer != NATURAL]
    called = _condition_names(metamers)
    names = list(dict.fromkeys(called[one.point] for one in metamers if one.spec.kind == _KINDS[task]))
    rows = {name: place for place, name in enumerate((NATURAL, *names))}
    columns = {stimulus: place for place, stimulus in enumerate(naturals)}
    stimuli = {(0, columns[name]): _natural(one, answers[name]) for name, one in naturals.items()}
    left_out, failed = [], {}
    for one in sorted(metamers, key=lambda one: (not one.included, one.search_seed or 0)):
        name = called[one.point]
        key = rows.get(name, -1), columns.get(one.stimulus, -1)
        if one.spec.kind != _KINDS[task]:
            reason = "a cochleagram has nothing to be heard"
        elif not one.included:
            reason = one.reason
            failed[key] = one
        elif key in stimuli:
            reason = "that of another seed is shown"
        else:
            stimuli[key] = _metamer(one, name, answers[one.stimulus])
            continue
        left_out.append(LeftOut(name, one.stimulus, one.search_seed, str(one.folder), reason))
    if missing == "natural":
        _check_some_pass(rows, stimuli)
    for key, one in failed.items() if missing == "natural" else ():
        target = targets[one.generated_by, one.stimulus]
        stimuli.setdefault(key, _natural(target, answers[one.stimulus], called[one.point]))
    passing = np.zeros([len(rows), len(columns)], bool)
    for key in stimuli:
        passing[key] = True
    design = Design(tuple(rows), tuple(columns), tuple(answers[s] for s in columns), passing, task == "words")
    networks: dict[str, list[str]] = {}
    for name in names:
        networks.setdefault(network_of(name), []).append(name)
    return Gathered(design, stimuli, tuple(map(tuple, networks.values())), tuple(left_out))


def check_kind(found: Sequence[Presentation], task: str) -> None:
    """Raises InputError where metamers are not all of the task's kind, or none is."""
    kinds = {one.spec.kind for one in found if one.spec.kind != "cochleagram"}
    if kinds != {_KINDS[task]}:
        there = " and ".join(f"{kind}s" for kind in sorted(kinds)) or "cochleagrams, which nobody hears"
        raise InputError(f"these are metamers of {there}; the task {task!r} needs {_KINDS[task]}s alone")


def _answers(
    found: Sequence[Presentation], truths: Sequence[Truth], answer_of: Callable[[str], str | None]
) -> dict[str, str]:
    """The right answer to each stimulus."""
    answers, outside = {}, {}
    for one, truth in zip(found, truths, strict=True):
        answer = None if truth.label is None else answer_of(truth.label)
        if answer is None:
            outside[one.stimulus] = truth.label
        else:
            answers[one.stimulus] = answer
    if outside:
        stimulus, label = next(iter(outside.items()))
        told = one_line(f"{stimulus} ({label})")
        raise InputError(
            f"{len(outside)} stimuli have a label that is none of the choices, such as {told}; "
            f"name the choices with --choices, or leave these stimuli out"
        )
    return answers


def _condition_names(metamers: Sequence[Presentation]) -> dict[tuple, str]:
    """The condition's name for each point of metamers."""
    weights: dict[str, set[Who]] = {}
    for one in metamers:
        weights.setdefault(one.generator, set()).add(one.generated_by)
    names: dict[tuple, str] = {}
    points: dict[str, Presentation] = {}
    for one in metamers:
        several = len(weights[one.generator]) > 1
        network = f"{one.generator}={one.generated_by.short}" if several else one.generator
        name = f"{network}/{one.layer}" + ("" if one.spec.kind != "cochleagram" else " (cochleagram)")
        names[one.point] = name
        other = points.setdefault(name, one)
        if other.point != one.point:
            raise InputError(
                f"{other.folder} and {one.folder}: metamers of one layer that were made with other "
                f"settings; name folders that hold one kind"
            )
    return names


def _check_some_pass(rows: Mapping[str, int], stimuli: Mapping[tuple[int, int], Stimulus]) -> None:
    there = {row for row, _ in stimuli}
    none = [name for name, row in rows.items() if row not in there]
    if none:
        raise InputError(
            f"no metamer passes of {one_line(', '.join(none[:5]))}; leave these out of --metamers by naming "
            f"the folders of the other layers, or make more"
        )


def _natural(one: Presentation, answer: str, instead_of: str = "") -> Stimulus:
    return _stimulus(one, "natural", NATURAL, answer, instead_of)


def _metamer(one: Presentation, condition: str, answer: str) -> Stimulus:
    return _stimulus(one, "metamer", condition, answer)


def _stimulus(one: Presentation, kind: str, condition: str, answer: str, instead_of: str = "") -> Stimulus:
    shown = Shown(
        kind=kind,
        truth=answer,
        condition=condition,
        stimulus=one.stimulus,
        instead_of=instead_of,
        generator=one.generator,
        generator_weights=one.generator_weights,
        layer=one.layer,
        layer_index=one.layer_index,
        search_seed=one.search_seed,
        optimized=one.optimized,
        relu_gradient=one.relu_gradient,
        settings=one.settings,
        truth_source="labels",
    )
    return Stimulus(MetamerFolder(one.folder).shown(one.stem, one.spec.kind), shown)
