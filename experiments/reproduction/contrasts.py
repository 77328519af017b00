"""Contrasts: differences between shares of right answers, each with its standard error.

One rule holds for all of them: more than two standard errors above zero, a contrast holds; if the upper
end of that interval lies below `MARGIN`, it does not; all else cannot be told.
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
      name: in words.
      weight: in the contrast, such as 1 and -1 for a difference.
      has: whether a judgement belongs to it.
      layers: matched layers, each as weighty as the others.
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
      value, sem: of the contrast, of metamers that meet the paper's conditions.
      stimuli: the fewest in any of its conditions, at any of their layers.
      verdict: one of the four.
      of_all: value and standard error over all metamers, whether they meet the conditions or not.
      parts: the means that are compared, by name.
    """

    text: str
    value: float
    sem: float
    stimuli: int
    verdict: str
    of_all: tuple[float, float] | None = None
    parts: tuple[tuple[str, float], ...] = ()


def together(findings: Sequence[Finding], every: bool = False) -> str:
    """The verdict of all contrasts that tell something.

    Args:
      findings: of a claim.
      every: whether the claim says all of them, so that one that cannot be told leaves it open.
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
    """A standard error of a share, not below what one that no stimulus showed could have."""
    return max(sem, 1 / (stimuli + 2))


def contrast(
    text: str,
    conditions: Sequence[Condition],
    counted: Sequence[Judgement],
    everything: Sequence[Judgement],
) -> Finding:
    """A weighted sum of shares of right answers, a condition's being the mean over its layers.

    Args:
      text: what is compared.
      conditions: with their layers.
      counted, everything: judgements of metamers that meet the paper's conditions, and of all.
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
    """Mean over layers of the share of right answers; NaN where a layer has none."""
    shares = [answers.share_correct(group) for group in of_layers]
    return float(np.mean(shares)) if shares else float("nan")
