"""Comparisons within stimuli, and what all comparisons of a claim say together.

A stimulus is the unit: its answers are averaged over the networks that judge and that metamers were made
for, over the seeds of the searches, and over layers, before anything is tested. A comparison takes only
stimuli that have answers on both of its sides, at the same layer (or, of two layers, at both).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence

import numpy as np

from model_metamers.recognition.judgement import Judgement
from model_metamers.statistics.finite import finite
from model_metamers.statistics.multiple import holm
from model_metamers_experiments.reproduction import answers
from model_metamers_experiments.reproduction.hypotheses import Hypothesis
from model_metamers_experiments.reproduction.statements import ALPHA

HOLDS, IN_PART, FAILS, UNTOLD = "holds", "holds in part", "does not hold", "cannot be told here"


@dataclasses.dataclass(frozen=True)
class Condition:
    """One side of a comparison.

    Attributes:
      name: what it is called.
      weight: its weight in the comparison, such as 1 and -1 for a difference.
      has: f(judgement) -> whether the judgement belongs to it.
      layers: matched layers; the first of one condition is compared with the first of the others, and so on.
    """

    name: str
    weight: float
    has: Callable[[Judgement], bool]
    layers: Sequence[str] = ()


@dataclasses.dataclass(frozen=True)
class Comparison:
    """What is to be tested.

    Attributes:
      text: what is compared.
      hypothesis: what is said of it.
      counted: [stimuli] values over metamers that meet the paper's conditions, NaN where there is none.
      everything: the same over all metamers; None where all of them count.
      parts: (name, value) of the means that are compared.
      untold: why nothing can be said of it; empty where it is tested.
    """

    text: str
    hypothesis: Hypothesis
    counted: np.ndarray
    everything: np.ndarray | None = None
    parts: tuple[tuple[str, float], ...] = ()
    untold: str = ""


@dataclasses.dataclass(frozen=True)
class Finding:
    """What a comparison says.

    Attributes:
      text: what is compared.
      value, sem: the mean (of rho near one, the median) over stimuli, and its standard error.
      stimuli: how many have values.
      verdict: one of `HOLDS`, `FAILS`, `UNTOLD`.
      of_all: value and standard error over all metamers.
      parts: (name, value) of the means that are compared.
      low, high: ends of its interval at 90 %, of this comparison alone.
      p_holds, p_fails: probabilities of the tests for it and against it, adjusted for all tests of the
        claim (Holm).
      detectable: the least true value by which it would hold here with a power of 80 %; NaN for none.
      sentence: what that means.
      stimuli_of_all: how many have values where all metamers count.
      verdict_of_all: the verdict then; empty where all of them count anyway.
    """

    text: str
    value: float
    sem: float
    stimuli: int
    verdict: str
    of_all: tuple[float, float] | None = None
    parts: tuple[tuple[str, float], ...] = ()
    low: float = math.nan
    high: float = math.nan
    p_holds: float = math.nan
    p_fails: float = math.nan
    detectable: float = math.nan
    sentence: str = ""
    stimuli_of_all: int = 0
    verdict_of_all: str = ""


def together(findings: Sequence[Finding], every: bool = False) -> str:
    """The verdict on a claim; see `combined`."""
    return combined([finding.verdict for finding in findings], every)


def combined(verdicts: Sequence[str], every: bool = False) -> str:
    """The verdict on a claim, from those of its comparisons that could be told.

    Args:
      verdicts: of the claim's comparisons.
      every: whether the claim needs all of them. Then it holds only in part if one cannot be told.
    """
    told = set(verdicts) - {UNTOLD}
    if not told:
        return UNTOLD
    if len(told) > 1 or (every and UNTOLD in verdicts and told == {HOLDS}):
        return IN_PART
    return told.pop()


def judge(comparisons: Sequence[Comparison]) -> list[Finding]:
    """Tests all comparisons of a claim, with Holm's adjustment over them."""
    counted = _tested([(one, one.counted) for one in comparisons])
    beside = [(one, one.counted if one.everything is None else one.everything) for one in comparisons]
    everything = _tested(beside)
    return [
        _finding(one, len([c for c in comparisons if not c.untold]), *both)
        for one, *both in zip(comparisons, counted, everything, strict=True)
    ]


def verdicts(comparisons: Sequence[Comparison]) -> list[str]:
    """The verdicts alone, as `judge` gives them."""
    return [said for *_, said in _tested([(one, one.counted) for one in comparisons])]


def _tested(pairs: Sequence[tuple[Comparison, np.ndarray]]) -> list[tuple[float, float, str]]:
    """Of each comparison with its values: both adjusted probabilities, and the verdict."""
    told = [
        (math.nan, math.nan)
        if one.untold or not len(finite(values))
        else one.hypothesis.probabilities(values)
        for one, values in pairs
    ]
    adjusted = zip(holm([p for p, _ in told]), holm([p for _, p in told]), strict=True)
    return [(holds, fails, _verdict(holds, fails)) for holds, fails in adjusted]


def _verdict(holds: float, fails: float) -> str:
    """What both probabilities say; a difference that is there but too small to count does not hold."""
    return FAILS if fails <= ALPHA else HOLDS if holds <= ALPHA else UNTOLD


def _finding(
    one: Comparison,
    tests: int,
    of_counted: tuple[float, float, str],
    of_everything: tuple[float, float, str],
) -> Finding:
    holds, fails, said = of_counted
    values, alone = finite(one.counted), one.everything is None
    value, low, high = one.hypothesis.estimate(values)
    every = values if one.everything is None else finite(one.everything)
    sentence = one.hypothesis.sentences()[(HOLDS, FAILS, UNTOLD).index(said)]
    return Finding(
        text=one.text,
        value=value,
        sem=_sem(values),
        stimuli=len(values),
        verdict=said,
        of_all=None if alone else (one.hypothesis.estimate(every)[0], _sem(every)),
        parts=one.parts,
        low=low,
        high=high,
        p_holds=holds,
        p_fails=fails,
        detectable=one.hypothesis.detectable(values, ALPHA / max(1, tests)),
        sentence=one.untold or (sentence if len(values) else "No stimulus has metamers on both sides."),
        stimuli_of_all=len(every),
        verdict_of_all="" if alone else of_everything[2],
    )


def contrast(
    text: str,
    hypothesis: Hypothesis,
    conditions: Sequence[Condition],
    counted: Sequence[Judgement],
    everything: Sequence[Judgement],
    add: float = 0.0,
    untold: str = "",
) -> Comparison:
    """Compares conditions by a weighted sum of their shares of right answers, stimulus by stimulus.

    Args:
      text: what is compared.
      hypothesis: what is said of the sum.
      conditions: the conditions, all with as many layers.
      counted: judgements of metamers that meet the paper's conditions, and of natural signals.
      everything: judgements of all metamers.
      add: is added to the sum.
      untold: see `Comparison`.
    """
    values, parts = _within_stimuli(conditions, counted)
    of_all, _ = _within_stimuli(conditions, everything)
    names = [condition.name for condition in conditions]
    return Comparison(
        text, hypothesis, values + add, of_all + add, tuple(zip(names, parts, strict=True)), untold
    )


def _within_stimuli(
    conditions: Sequence[Condition], judgements: Sequence[Judgement]
) -> tuple[np.ndarray, list[float]]:
    """Each stimulus's weighted sum, [stimuli], and the mean share of each condition over the same.

    The sum is the mean over those of the layers at which all conditions have answers to the stimulus.
    """
    tables = [answers.shares(one for one in judgements if condition.has(one)) for condition in conditions]
    places: dict[str, list[list[float]]] = {}
    for layers in zip(*(condition.layers for condition in conditions), strict=True):
        at_layers = [table.get(layer, {}) for table, layer in zip(tables, layers, strict=True)]
        for stimulus in sorted(set(at_layers[0]).intersection(*at_layers[1:])):
            places.setdefault(stimulus, []).append([shares[stimulus] for shares in at_layers])
    if not places:
        return np.empty(0), [math.nan] * len(conditions)
    means = np.array([np.mean(places[stimulus], axis=0) for stimulus in sorted(places)])
    return means @ np.array([condition.weight for condition in conditions]), means.mean(axis=0).tolist()


def _sem(values: np.ndarray) -> float:
    return float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.nan
