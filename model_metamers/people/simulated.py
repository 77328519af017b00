"""Simulated observers: how often they are right by condition, and how much people and stimuli differ.

A right answer has the probability expit(a + person + stimulus), with normal differences in logits, and a
so chosen that the mean over people and stimuli is the condition's accuracy.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from scipy import special
from tqdm.auto import tqdm

from model_metamers.errors import InputError
from model_metamers.execution.lines import as_bar_or_lines
from model_metamers.people.answers import Answer, Session
from model_metamers.people.plan import Plan, Power
from model_metamers.people.statistics import planned
from model_metamers.people.study import Shown, Study, Timing, Trial

_NODES = 64  # of the integral over people and stimuli
_STEPS = 60  # bisections of logits, which lie within 2 _WIDEST of one another
_WIDEST = 60.0


@dataclasses.dataclass(frozen=True)
class Observers:
    """Whom to simulate.

    Attributes:
      accuracies: mean proportion correct by condition, each from 0 to 1.
      people_sd: standard deviation between people, in logits.
      stimuli_sd: between stimuli, in logits; a hard stimulus is hard in every condition.
    """

    accuracies: Mapping[str, float]
    people_sd: float = 0.5
    stimuli_sd: float = 0.8


@dataclasses.dataclass(frozen=True)
class Design:
    """Which person sees what.

    Attributes:
      conditions: their names.
      condition: of each trial, its place among them, int [people, trials].
      stimulus: of each trial, a number, int [people, trials].
    """

    conditions: tuple[str, ...]
    condition: np.ndarray
    stimulus: np.ndarray


def intercepts(accuracies: np.ndarray, sd: float) -> np.ndarray:
    """Logits whose probabilities, averaged over a normal with this SD, are the accuracies.

    Args:
      accuracies: [any] from 0 to 1.
      sd: of people and stimuli together, in logits, at least 0.

    Returns:
      float64 of the same shape; infinite for 0 and 1.

    Raises:
      InputError: an accuracy is no proportion, or the SD is negative.
    """
    accuracies = np.asarray(accuracies, np.float64)
    if not ((accuracies >= 0) & (accuracies <= 1)).all():
        raise InputError("an accuracy is no number from 0 to 1")
    if not sd >= 0:
        raise InputError(f"the standard deviation is {sd}, expected at least 0")
    nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
    weights = weights / weights.sum()
    low, high = np.full_like(accuracies, -_WIDEST), np.full_like(accuracies, _WIDEST)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        below = special.expit(middle[..., np.newaxis] + sd * nodes) @ weights < accuracies
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    ends = np.where(accuracies == 1, np.inf, (low + high) / 2)
    return np.where(accuracies == 0, -np.inf, ends)


def design_of_lists(lists: Sequence[Sequence[Trial]], shown: Mapping[str, Shown], people: int) -> Design:
    """The main trials of a study's lists, which go round where there are more people.

    Raises:
      InputError: the lists are of different lengths, or there is none.
    """
    main = [[shown[trial.file] for trial in trials if trial.part == "main"] for trials in lists]
    if len({len(trials) for trials in main}) != 1 or not main[0]:
        raise InputError("the lists have no main trials, or not all as many")
    names = tuple(sorted({one.condition for trials in main for one in trials}))
    stimuli = {name: i for i, name in enumerate(sorted({one.stimulus for one in shown.values()}))}
    condition = np.array([[names.index(one.condition) for one in trials] for trials in main])
    stimulus = np.array([[stimuli[one.stimulus] for one in trials] for trials in main])
    rows = np.arange(people) % len(main)
    return Design(names, condition[rows], stimulus[rows])


def design_without_lists(conditions: Sequence[str], people: int, trials: int) -> Design:
    """So many trials a condition, each with a stimulus of its own."""
    condition = np.tile(np.repeat(np.arange(len(conditions)), trials), (people, 1))
    return Design(tuple(conditions), condition, np.arange(condition.size).reshape(condition.shape))


def right(design: Design, observers: Observers, random: np.random.Generator) -> np.ndarray:
    """Whether each answer is right, bool [people, trials].

    Raises:
      InputError: a condition has no accuracy.
    """
    missing = [name for name in design.conditions if name not in observers.accuracies]
    if missing:
        raise InputError(f"no accuracy is given for the condition {missing[0]}")
    accuracies = np.array([observers.accuracies[name] for name in design.conditions])
    logits = intercepts(accuracies, float(np.hypot(observers.people_sd, observers.stimuli_sd)))
    people = random.normal(0.0, observers.people_sd, size=(len(design.condition), 1))
    stimuli = random.normal(0.0, observers.stimuli_sd, size=int(design.stimulus.max()) + 1)
    probability = special.expit(logits[design.condition] + people + stimuli[design.stimulus])
    return random.random(design.condition.shape) < probability


def proportions(design: Design, answers: np.ndarray) -> dict[str, np.ndarray]:
    """Each person's proportion of right answers by condition, [people]; NaN without trials."""
    columns = {}
    for place, name in enumerate(design.conditions):
        there = design.condition == place
        trials = there.sum(axis=1)
        columns[name] = np.where(trials > 0, (answers & there).sum(axis=1) / np.maximum(trials, 1), np.nan)
    return columns


def power(
    plan: Plan,
    design: Design,
    observers: Observers,
    networks: Observers | None = None,
    experiments: int = 200,
    permutations: int = 1000,
    seed: int = 0,
    assumed: str = "",
    progress: bool = False,
) -> tuple[Power, ...]:
    """How often each planned test is significant in simulated experiments, Holm's adjustment included.

    Args:
      plan: whose contrasts and alpha hold.
      design: of an experiment.
      observers: people, as assumed.
      networks: the generating networks' recognition, as assumed; None leaves tests of the observer out.
      experiments: to simulate.
      permutations: of each test; 1000 are precise enough here.
      seed: of the draws.
      assumed: of what, in words; empty for the accuracies' range and the SDs.
      progress: whether to show a bar.

    Raises:
      InputError: a test cannot be made of this design.
    """
    random = np.random.default_rng(seed)
    significant = np.zeros(len(plan.contrasts), int)
    made = [c for c in plan.contrasts if networks is not None or c.test != "observer_by_layer"]
    for experiment in tqdm(
        range(experiments), desc="power of the tests", disable=not progress, leave=None, **as_bar_or_lines()
    ):
        people = proportions(design, right(design, observers, random))
        network = None if networks is None else proportions(design, right(design, networks, random))
        tested = planned.make(plan.contrasts, people, network, plan.alpha, permutations, experiment)
        significant += [one.significant for one in tested]
    return tuple(
        Power(
            contrast.name,
            len(design.condition),
            float(count / experiments),
            experiments,
            assumed or _told(observers),
        )
        for contrast, count in zip(plan.contrasts, significant, strict=True)
        if contrast in made
    )


def _told(observers: Observers) -> str:
    low, high = (f(observers.accuracies.values()) for f in (min, max))
    return (
        f"accuracies from {low:.2f} to {high:.2f}, standard deviations of {observers.people_sd:g} logits "
        f"between people and {observers.stimuli_sd:g} between stimuli"
    )


def answers(
    study: Study,
    lists: Sequence[Sequence[Trial]],
    shown: Mapping[str, Shown],
    observers: Observers,
    people: int,
    seed: int = 0,
) -> tuple[list[Answer], list[Session]]:
    """An experiment as its export tells it: all trials but of the main part are answered rightly.

    Wrong answers are any other choice, each as likely.

    Args:
      study, lists, shown: of the study's folder; lists go round where there are more people.
      observers: who take part.
      people: how many.
      seed: of everything that is drawn.

    Raises:
      InputError: a condition has no accuracy.
    """
    random = np.random.default_rng(seed)
    is_right = right(design_of_lists(lists, shown, people), observers, random)
    given, sessions = [], []
    for person in range(people):
        number = person % len(lists)
        sessions.append(Session(person + 1, 1, number, _WHEN, _WHEN, "finished", "", True))
        of_main = iter(is_right[person])
        for trial in lists[number]:
            one = shown[trial.file]
            others = [choice for choice in study.choices if choice != one.truth]
            rightly = trial.part != "main" or bool(next(of_main))
            said = one.truth if rightly else others[random.integers(len(others))]
            given.append(_answer(person + 1, number, trial, one, said, study.timing, random))
    return given, sessions


_WHEN = "2019-12-08T00:00:00.000Z"
_FRAME_MS = 1000 / 60


def times(timing: Timing | None, random: np.random.Generator) -> dict[str, float | None]:
    """A reaction time that is drawn, and a picture's phases as long as asked; by name of `Answer`."""
    rt_ms = float(random.lognormal(6.5, 0.3))
    if timing is None:
        nothing = dict.fromkeys(("fixation_ms", "image_ms", "mask_ms", "frame_ms"))
        return {"rt_ms": round(rt_ms, 1), **nothing}
    in_time = rt_ms if timing.answer_ms is None else min(rt_ms, timing.answer_ms)
    return {
        "rt_ms": round(in_time, 1),
        "fixation_ms": timing.fixation_ms,
        "image_ms": timing.image_ms,
        "mask_ms": timing.mask_ms,
        "frame_ms": _FRAME_MS,
    }


def _answer(
    person: int,
    number: int,
    trial: Trial,
    one: Shown,
    said: str,
    timing: Timing | None,
    random: np.random.Generator,
) -> Answer:
    return Answer(
        person=person,
        session=1,
        list=number,
        position=trial.position,
        part=trial.part,
        file=trial.file,
        kind=one.kind,
        condition=one.condition,
        stimulus=one.stimulus,
        truth=one.truth,
        answer=said,
        correct=said == one.truth,
        **times(timing, random),
        events="",
        received=_WHEN,
        simulated=True,
    )
