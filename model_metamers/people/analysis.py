"""From recorded answers to results: what counts, how well people do, and what was planned to be tested."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from model_metamers.errors import InputError
from model_metamers.people import as_judgements, exclusions, own_recognition
from model_metamers.people.answers import Answer
from model_metamers.people.exclusions import Excluded
from model_metamers.people.plan import Plan, check, network_of
from model_metamers.people.recorded import Recorded
from model_metamers.people.statistics import agreement, per_trial, planned, summary
from model_metamers.people.statistics.agreement import Reliability
from model_metamers.people.statistics.per_trial import PerTrial
from model_metamers.people.statistics.planned import Columns, Tested
from model_metamers.people.statistics.summary import Condition
from model_metamers.people.study import Study
from model_metamers.recognition import points
from model_metamers.recognition.judgement import NATURAL, Judgement
from model_metamers.recognition.points import Point


@dataclasses.dataclass(frozen=True)
class Settings:
    """How answers are analysed.

    Attributes:
      per_trial: whether the tests are made answer by answer, too.
      mixed_model: whether mixed models are fitted there.
      resamples: of bootstrapped intervals.
      halvings: of the split-half reliability.
      seed: of permutations, resamples and halvings.
    """

    per_trial: bool = True
    mixed_model: bool = False
    resamples: int = 10_000
    halvings: int = 1000
    seed: int = 0


@dataclasses.dataclass(frozen=True)
class Analysis:
    """All results.

    Attributes:
      recorded: what was analysed.
      settings: how.
      plan: by which; the study's own unless exploratory.
      exploratory: what differs from the study's plan, in words; empty where nothing does.
      simulated: whether the answers are of simulated observers.
      people: numbers of those who count.
      chance: of a right guess.
      excluded: what each rule left out.
      answers: that count.
      conditions: in the order natural, then as networks and layers come.
      columns: proportions correct of each of `people`, by condition.
      tests, per_trial: of the planned contrasts.
      reliability: of halves of the people.
      judgements: all of the main part, those that do not count, too.
      points: of curves: people's, and each generating network's own.
    """

    recorded: Recorded
    settings: Settings
    plan: Plan
    exploratory: tuple[str, ...]
    simulated: bool
    people: tuple[int, ...]
    chance: float
    excluded: Sequence[Excluded]
    answers: Sequence[Answer]
    conditions: Sequence[Condition]
    columns: Columns
    tests: Sequence[Tested]
    per_trial: Sequence[PerTrial]
    reliability: Sequence[Reliability]
    judgements: Sequence[Judgement]
    points: Sequence[Point]


def analyse(
    recorded: Recorded,
    other_plan: Plan | None = None,
    own: Sequence[Judgement] | None = None,
    settings: Settings | None = None,
) -> Analysis:
    """Analyses by the study's plan, or by another one, which makes the results exploratory.

    Args:
      recorded: answers, with their study.
      other_plan: that holds instead of the study's.
      own: the networks' judgements of what they generated, see `own_recognition.read_own`; None where
        they are not known.
      settings: None for the usual ones.

    Raises:
      InputError: fewer than two people count, one of them has no answer to a condition that a planned
        test needs, or a planned test names a condition that the study lacks.
    """
    how, plan = settings or Settings(), other_plan or recorded.plan
    check(plan, {one.condition for one in recorded.shown.values()})
    ruled, excluded = exclusions.rule(recorded, plan.exclusions)
    answers = [one.answer for one in ruled if not one.reason]
    people = tuple(sorted({answer.person for answer in answers}))
    if len(people) < 2:
        count = "nobody" if not people else "one person"
        raise InputError(
            f"{count} counts after the exclusions; an analysis needs the answers of two people or more"
        )
    columns = _columns(recorded, answers, people)
    network = None if own is None else _network_columns(recorded, answers, people, own)
    simulated = answers[0].simulated
    chance = 1 / len(recorded.study.choices)
    tests = planned.make(plan.contrasts, columns, network, plan.alpha, plan.permutations, how.seed, people)
    judged = as_judgements.judgements(ruled, recorded.shown, recorded.study, recorded.digest)
    exploratory = _differences(recorded.plan, plan)
    judge = as_judgements.everybody(recorded.digest, simulated, bool(exploratory))
    return Analysis(
        recorded=recorded,
        settings=how,
        plan=plan,
        exploratory=exploratory,
        simulated=simulated,
        people=people,
        chance=chance,
        excluded=excluded,
        answers=answers,
        conditions=summary.conditions(answers, columns, network, chance, how.resamples, how.seed),
        columns=columns,
        tests=tests,
        per_trial=_per_trial(recorded, plan, answers, own, how) if how.per_trial else [],
        reliability=_reliability(answers, columns, how),
        judgements=judged,
        points=_ordered(
            recorded,
            [
                *as_judgements.points(judged, judge, chance),
                *_own_points(own or (), recorded.study, chance, how),
            ],
        ),
    )


def _networks(recorded: Recorded) -> list[str]:
    """The networks' names in conditions, in the order of the plan's tests, then of the alphabet."""
    planned_ones = [network_of(row[-1]) for one in recorded.plan.contrasts for row in one.conditions]
    return list(dict.fromkeys([*planned_ones, *sorted(own_recognition.networks(recorded.shown))]))


def _ordered(recorded: Recorded, found: Sequence[Point]) -> list[Point]:
    """Points by judge, people first, then by network and depth."""
    named = own_recognition.networks(recorded.shown)
    networks = [named[name] for name in _networks(recorded)]
    return sorted(
        found, key=lambda p: (p.judge.kind != "person", networks.index(p.generator), p.layer_index, p.layer)
    )


def _columns(recorded: Recorded, answers: Sequence[Answer], people: Sequence[int]) -> dict[str, np.ndarray]:
    """Each person's proportion correct by condition, [people]; natural first, then layers early to late."""
    right: dict[str, dict[int, list[bool]]] = {}
    for answer in answers:
        right.setdefault(answer.condition, {}).setdefault(answer.person, []).append(answer.correct)
    depth = {one.condition: one.layer_index or 0 for one in recorded.shown.values()}
    networks = [NATURAL, *_networks(recorded)]
    ordered = sorted(right, key=lambda name: (networks.index(network_of(name)), depth[name], name))
    return {
        name: np.array([np.mean(right[name].get(person, [np.nan])) for person in people]) for name in ordered
    }


def _files(answers: Sequence[Answer], people: Sequence[int]) -> list[list[str]]:
    files: dict[int, list[str]] = {person: [] for person in people}
    for answer in answers:
        files[answer.person].append(answer.file)
    return list(files.values())


def _network_columns(
    recorded: Recorded, answers: Sequence[Answer], people: Sequence[int], own: Sequence[Judgement]
) -> dict[str, np.ndarray]:
    return own_recognition.columns(own, recorded.shown, _files(answers, people))


def _per_trial(
    recorded: Recorded, plan: Plan, answers: Sequence[Answer], own: Sequence[Judgement] | None, how: Settings
) -> list[PerTrial]:
    rows = [per_trial.Row(a.person, "people", a.condition, a.stimulus, a.correct) for a in answers]
    known, named = own_recognition.by_signal(own or ()), own_recognition.networks(recorded.shown)
    found = []
    for number, contrast in enumerate(plan.contrasts, 1):
        extra = []
        if contrast.test == "observer_by_layer":
            if own is None:
                continue
            network = network_of(contrast.conditions[0][-1])
            for a in answers:
                right = own_recognition.right(known, recorded.shown[a.file], network, named[network])
                if right is not None:
                    extra.append(per_trial.Row(a.person, "network", a.condition, a.stimulus, right))
        found.append(per_trial.fit(contrast, [*rows, *extra], how.mixed_model, f"per_trial_{number}.csv"))
    return found


def _reliability(answers: Sequence[Answer], columns: Columns, how: Settings) -> list[Reliability]:
    conditions = np.stack(list(columns.values()), axis=1)
    _, items = agreement.by_item(answers)
    return [
        agreement.split_half("conditions", conditions, how.halvings, how.seed),
        agreement.split_half("items", items, how.halvings, how.seed),
    ]


def _own_points(own: Sequence[Judgement], study: Study, chance: float, how: Settings) -> list[Point]:
    """The generating networks' points, of what is shown to people; chance is known of people's decision."""
    same = as_judgements.decision(study)
    chances = {(one.judge, one.decision): chance if one.decision == same else float("nan") for one in own}
    return points.of_judgements(own, chances, how.resamples, how.seed)


def _differences(planned_one: Plan, other: Plan) -> tuple[str, ...]:
    """What of a plan decides results and is not as the study's plan says."""
    names = ("alpha", "permutations", "contrasts")
    told = [
        f"{name}: {_told(getattr(other, name))}, planned {_told(getattr(planned_one, name))}"
        for name in names
        if getattr(other, name) != getattr(planned_one, name)
    ]
    for field in dataclasses.fields(other.exclusions):
        one, two = (getattr(plan.exclusions, field.name) for plan in (planned_one, other))
        if one != two:
            told.append(f"exclusions: {field.name} is {_told(two)}, planned {_told(one)}")
    return tuple(told)


def _told(value: Any) -> str:
    if value is None:
        return "no rule"
    return (
        f"{len(value)} tests"
        if isinstance(value, tuple)
        else f"{value:g}"
        if isinstance(value, float)
        else str(value)
    )
