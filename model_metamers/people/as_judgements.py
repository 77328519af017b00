"""People's answers as the judgements that networks' are, and the points of curves that they make."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from model_metamers.errors import InputError
from model_metamers.people.answers import Answer
from model_metamers.people.exclusions import Ruled
from model_metamers.people.statistics.intervals import sem
from model_metamers.people.study import Shown, Study
from model_metamers.recognition.judgement import NATURAL, Judgement, Who
from model_metamers.recognition.points import Point

# What decides a point of a curve beside its judge.
_POINT = ("generator", "layer", "layer_index", "optimized", "relu_gradient", "settings")


def decision(study: Study) -> str:
    """The decision that people make, in the words of networks': of 16 categories, or of a list of classes."""
    return "sixteen" if study.layout == "icons" else "classes"


def everybody(digest: str, simulated: bool, exploratory: bool) -> Who:
    """All people of a study as one judge, whose name is that of its curve.

    Args:
      digest: of the study.
      simulated: whether they are simulated observers.
      exploratory: whether other settings than the planned ones hold.
    """
    name = "simulated observers" if simulated else "people"
    return Who(f"{name}, exploratory" if exploratory else name, _weights(digest, simulated))


def _weights(digest: str, simulated: bool) -> str:
    return f"person:{digest[:12]}{':simulated' if simulated else ''}"


def is_simulated(judge: Who) -> bool:
    """Whether a judge is one or all of a study's simulated observers."""
    return judge.kind == "person" and judge.weights.endswith(":simulated")


def judgements(
    ruled: Iterable[Ruled], shown: Mapping[str, Shown], study: Study, digest: str
) -> list[Judgement]:
    """A judgement for each answer; of a natural signal, one for each network whose metamers are shown.

    Args:
      ruled: answers with the reason why one does not count.
      shown: by file.
      study, digest: that the answers are of.

    Raises:
      InputError: the study does not tell what a metamer is of.
    """
    networks = {(_network(one), one.optimized): one for one in shown.values() if one.kind == "metamer"}
    found = []
    for one in ruled:
        of = shown[one.answer.file]
        for metamer in networks.values() if of.kind == "natural" else (of,):
            found.append(_judgement(one.answer, one.reason, of, metamer, decision(study), digest))
    return found


def _network(one: Shown) -> Who:
    if one.generator is None or one.generator_weights is None:
        raise InputError(f"the study does not tell which network the metamer of {one.stimulus} is of")
    return Who(one.generator, one.generator_weights)


def _judgement(answer: Answer, reason: str, of: Shown, metamer: Shown, rule: str, digest: str) -> Judgement:
    natural = of.kind == "natural"
    return Judgement(
        generator=_network(metamer),
        layer=NATURAL if natural else of.layer or "",
        layer_index=-1 if natural or of.layer_index is None else of.layer_index,
        stimulus=of.stimulus,
        search_seed=None if natural else of.search_seed,
        optimized=metamer.optimized or "",
        relu_gradient="" if natural else of.relu_gradient or "",
        settings="" if natural else of.settings or "",
        included=True,
        truth=of.truth,
        truth_source=of.truth_source or "labels",
        judge=Who(f"person {answer.person}", _weights(digest, answer.simulated)),
        decision=rule,
        answer=answer.answer,
        correct=answer.correct,
        counted=not reason,
        reason=reason,
    )


def points(judged: Sequence[Judgement], judge: Who, chance: float) -> list[Point]:
    """Points of everybody's curves: the mean over people, and its standard error (ddof 1).

    Args:
      judged: of all people.
      judge: that stands for all of them.
      chance: of a right guess.
    """
    groups: dict[tuple, list[Judgement]] = {}
    for one in judged:
        if one.counted:
            groups.setdefault(tuple(getattr(one, name) for name in _POINT), []).append(one)
    return [_point(group, judge, chance) for group in groups.values()]


def _point(group: Sequence[Judgement], judge: Who, chance: float) -> Point:
    first = group[0]
    by_person: dict[Who, list[bool]] = {}
    for one in group:
        by_person.setdefault(one.judge, []).append(bool(one.correct))
    proportions = np.array([np.mean(right) for right in by_person.values()])
    signals = {(one.stimulus, one.search_seed) for one in group}
    return Point(
        judge=judge,
        decision=first.decision,
        **{name: getattr(first, name) for name in _POINT},
        proportion=float(proportions.mean()),
        n=len(group),
        stimuli=len({one.stimulus for one in group}),
        seeds=None if first.layer == NATURAL else len({one.search_seed for one in group}),
        passed=len(signals),
        total=len(signals),
        sem=sem(proportions),
        sem_with_seeds=math.nan,
        chance=chance,
    )
