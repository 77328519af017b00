"""How well people do in each condition."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from model_metamers.people.answers import Answer
from model_metamers.people.plan import layer_of
from model_metamers.people.statistics import intervals
from model_metamers.people.statistics.planned import Columns
from model_metamers.recognition.judgement import NATURAL
from model_metamers.statistics.multiple import holm

_LEVEL = 0.95  # of intervals


@dataclasses.dataclass(frozen=True)
class Condition:
    """How well people do in a condition; numbers that are not defined are NaN.

    Attributes:
      name: natural, or "NETWORK/LAYER".
      people, trials, right: counts of those that count.
      proportion: mean over people of each one's proportion correct.
      sem: standard error of that over people (ddof 1).
      low, high: 95 % interval, Wilson's with the number of independent answers that the SEM implies.
      wilson_low, wilson_high: the same, as if all answers were independent.
      bootstrap_low, bootstrap_high: bootstrapped over people.
      beyond_guessing: (proportion - chance) / (1 - chance).
      p_chance: exact binomial probability of so many right answers by guessing.
      p_chance_holm: adjusted for all conditions (Holm).
      network: mean proportion correct of the generating network on the same; NaN where it is not known.
    """

    name: str
    people: int
    trials: int
    right: int
    proportion: float
    sem: float
    low: float
    high: float
    wilson_low: float
    wilson_high: float
    bootstrap_low: float
    bootstrap_high: float
    beyond_guessing: float
    p_chance: float
    p_chance_holm: float
    network: float


def conditions(
    answers: Sequence[Answer],
    columns: Columns,
    network: Columns | None,
    chance: float,
    resamples: int,
    seed: int,
) -> list[Condition]:
    """A row for each condition.

    Args:
      answers: that count.
      columns: each person's proportion correct by condition; NaN where there is no answer.
      network: the generating networks' on the same, see `own_recognition.columns`; None where not known.
      chance: of a right guess.
      resamples, seed: of the bootstrapped intervals.
    """
    held: dict[str, list[bool]] = {name: [] for name in columns}
    for answer in answers:
        held[answer.condition].append(answer.correct)
    p = [intervals.above_chance(sum(right), len(right), chance) for right in held.values()]
    adjusted = holm(p)
    rows = []
    for (name, right), p_chance, p_holm in zip(held.items(), p, adjusted, strict=True):
        proportions = columns[name][~np.isnan(columns[name])]
        low, high = intervals.wilson_over_people(proportions, len(right), _LEVEL)
        plain = intervals.wilson(sum(right), len(right), _LEVEL)
        drawn = intervals.bootstrap(proportions, _LEVEL, resamples, seed)
        mean = float(proportions.mean())
        rows.append(
            Condition(
                name=name,
                people=len(proportions),
                trials=len(right),
                right=sum(right),
                proportion=mean,
                sem=intervals.sem(proportions),
                low=low,
                high=high,
                wilson_low=plain[0],
                wilson_high=plain[1],
                bootstrap_low=drawn[0],
                bootstrap_high=drawn[1],
                beyond_guessing=intervals.beyond_guessing(mean, chance),
                p_chance=p_chance,
                p_chance_holm=p_holm,
                network=_network_mean(name, network),
            )
        )
    return rows


def _network_mean(condition: str, network: Columns | None) -> float:
    """Of natural signals, the mean over networks."""
    held = [
        np.nanmean(values)
        for name, values in (network or {}).items()
        if name == condition or (condition == NATURAL == layer_of(name))
    ]
    return float(np.mean(held)) if held else float("nan")
