"""Contrasts: differences between shares of right answers, with their standard errors.

The same rule decides all of them. A contrast holds where it is more than two standard errors above
zero. It does not hold where its value plus two standard errors lies below `MARGIN`. Otherwise this
cannot be told.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from model_metamers.recognition.judgement import Judgement
from model_metamers_experiments.reproduction import answers
from model_metamers_experiments.reproduction.statements import FEWEST, MARGIN

HOLDS, IN_PART, FAILS, UNTOLD = "holds", "holds in part", "does not hold", "cannot be told here"


@dataclasses.dataclass(frozen=True)
class Condition:
    """One side of a contrast.

    Attributes:
      name: what it is called.
      weight: its weight in the contrast, such as 1 and -1 for a difference.
      has: f(judgement) -> whether the judgement belongs to it.
      layers: matched layers, which have equal weights.
    """

    name: str
    weight: float
    has: Callable[[Judgement], bool]
    layers: Sequence[str] = ()

    def at_layers(self, judgements: Sequence[Judgement]) -> list[list[Judgement]]:
        """The judgements that belong to it, one list for each of its layers."""
        return [[one for one in judgements if one.layer == layer and self.has(one)] for layer in self.layers]


@dataclasses.dataclass(frozen=True)
class Finding:
    """What a contrast says.

    Attributes:
      text: what is compared.
      value, sem: the contrast and its standard error, over metamers that meet the paper's
        conditions.
      stimuli: the smallest number of stimuli in any condition at any of its layers.
      verdict: one of `HOLDS`, `IN_PART`, `FAILS`, `UNTOLD`.
      of_all: the contrast and its standard error over all metamers.
      parts: (name, value) of the means that are compared.
    """

    text: str
    value: float
    sem: float
    stimuli: int
    verdict: str
    of_all: tuple[float, float] | None = None
    parts: tuple[tuple[str, float], ...] = ()


def together(findings: Sequence[Finding], every: bool = False) -> str:
    """The verdict on a claim, from those of its findings that could be told.

    Args:
      findings: the findings of the claim.
      every: whether the claim needs all of them. Then it holds only in part if one cannot be told.
    """
    verdicts = {finding.verdict for finding in findings}
    told = verdicts - {UNTOLD}
    if not told:
        return UNTOLD
    if len(told) > 1 or (every and UNTOLD in verdicts and told == {HOLDS}):
        return IN_PART
    return told.pop()


def verdict(value: float, sem: float, stimuli: int) -> str:
    """Whether a contrast of shares is above zero."""
    if not np.isfinite([value, sem]).all():
        return UNTOLD
    sem = at_least(sem, stimuli)
    if value > 2 * sem:
        return HOLDS
    return FAILS if value + 2 * sem < MARGIN else UNTOLD


def at_least(sem: float, stimuli: int) -> float:
    """The standard error of a share, but at least 1 / (stimuli + 2).

    Where all stimuli give the same answer the estimated error is zero, which is too small.
    """
    return max(sem, 1 / (stimuli + 2))


def contrast(
    text: str,
    conditions: Sequence[Condition],
    counted: Sequence[Judgement],
    everything: Sequence[Judgement],
) -> Finding:
    """Compares conditions by a weighted sum of their shares of right answers.

    The share of a condition is the mean over its layers.

    Args:
      text: what is compared.
      conditions: the conditions, with their layers.
      counted: judgements of metamers that meet the paper's conditions.
      everything: judgements of all metamers.
    """
    weights = [condition.weight / len(condition.layers) for condition in conditions for _ in condition.layers]
    by_condition = [condition.at_layers(counted) for condition in conditions]
    groups = [group for of_layers in by_condition for group in of_layers]
    value, sem = answers.contrast(groups, weights)
    of_all = answers.contrast(
        [group for condition in conditions for group in condition.at_layers(everything)], weights
    )
    fewest = min(map(answers.stimuli, groups), default=0)
    said = verdict(value, sem, fewest) if fewest >= FEWEST else UNTOLD
    parts = tuple(
        (condition.name, _mean_share(of_layers))
        for condition, of_layers in zip(conditions, by_condition, strict=True)
    )
    return Finding(text, value, sem, fewest, said, of_all, parts)


def _mean_share(of_layers: Sequence[Sequence[Judgement]]) -> float:
    """The mean over layers of the share of right answers; NaN where a layer has no judgements."""
    shares = [answers.share_correct(group) for group in of_layers]
    return float(np.mean(shares)) if shares else float("nan")
