"""The planned tests, made on tables of proportions correct."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np

from model_metamers.errors import InputError
from model_metamers.people.plan import Contrast, network_of
from model_metamers.people.statistics import anova
from model_metamers.people.statistics.anova import Effect
from model_metamers.recognition.judgement import NATURAL
from model_metamers.statistics.multiple import holm

# Of each kind of test, the effect that it was planned for.
MEANT = {"layer": "layer", "network_by_layer": "network x layer", "observer_by_layer": "observer x layer"}

Columns = Mapping[str, np.ndarray]  # [people] proportions correct by condition, NaN where there is none


@dataclasses.dataclass(frozen=True)
class Tested:
    """What came of a planned test.

    Attributes:
      contrast: that was planned.
      effects: all of the analysis of variance; none where it could not be made.
      p_holm: of the permutations, of the effect that was meant, adjusted for all planned tests (Holm);
        NaN where it could not be made or is not defined.
      significant: whether that is at most alpha.
      not_made: why it could not be made; empty where it was.
    """

    contrast: Contrast
    effects: tuple[Effect, ...]
    p_holm: float
    significant: bool
    not_made: str = ""

    @property
    def meant(self) -> Effect | None:
        """The effect that the test was planned for."""
        return meant(self.contrast, self.effects)


def meant(contrast: Contrast, effects: Sequence[Effect]) -> Effect | None:
    """The effect that a test was planned for; None where it was not made."""
    return next((effect for effect in effects if effect.name == MEANT[contrast.test]), None)


def make(
    contrasts: Sequence[Contrast],
    people: Columns,
    network: Columns | None,
    alpha: float,
    permutations: int = 10_000,
    seed: int = 0,
    numbers: Sequence[int] | None = None,
) -> list[Tested]:
    """All planned tests, with Holm's adjustment over those that were made.

    Args:
      contrasts: planned.
      people: proportions correct.
      network: of the generating networks on what each person saw; None where it is not known: tests of
        the observer are not made then.
      alpha: of all tests together.
      permutations, seed: of each.
      numbers: of the people, for messages; None for 1, 2, ...

    Raises:
      InputError: a person lacks answers to a condition, or there are fewer than two people.
    """
    every = [_effects(contrast, people, network, permutations, seed, numbers) for contrast in contrasts]
    chosen = [meant(contrast, effects) for contrast, effects in zip(contrasts, every, strict=True)]
    adjusted = holm([effect.p_permutation if effect else math.nan for effect in chosen])
    return [
        Tested(contrast, tuple(effects), p, p <= alpha, "" if effects else _NO_NETWORK)
        for contrast, effects, p in zip(contrasts, every, adjusted, strict=True)
    ]


_NO_NETWORK = "needs the networks' own recognition (--recognition)"


def _effects(
    contrast: Contrast,
    people: Columns,
    network: Columns | None,
    permutations: int,
    seed: int,
    numbers: Sequence[int] | None,
) -> list[Effect]:
    rows = [_stacked(people, row, "", numbers) for row in contrast.conditions]
    if contrast.test == "network_by_layer":
        return anova.network_by_layer_test(np.stack(rows, axis=1), permutations, seed)
    (row,) = rows
    if contrast.test == "layer":
        return anova.layer_test(row, permutations, seed)
    if network is None:
        return []
    own = _own(contrast, network)
    others = _stacked(own, contrast.conditions[0], "the network's answers to what was shown to ", numbers)
    return anova.observer_by_layer_test(row, others, permutations, seed)


def _own(contrast: Contrast, network: Columns) -> Columns:
    """The columns of a test's network, with its answers to natural signals, where they are told apart."""
    natural = f"{network_of(contrast.conditions[0][-1])}/{NATURAL}"
    return {**network, NATURAL: network[natural]} if natural in network else network


def _stacked(
    columns: Columns, conditions: Sequence[str], whose: str, numbers: Sequence[int] | None
) -> np.ndarray:
    """[people, conditions] of a table; InputError where a condition lacks, or a person's answers to one."""
    missing = next((name for name in conditions if name not in columns), None)
    if missing is not None:
        raise InputError(f"{whose}everybody: no answer to {missing} counts, and the plan's tests need them")
    values = np.stack([columns[name] for name in conditions], axis=1)
    rows, places = np.nonzero(np.isnan(values))
    if len(rows):
        person = numbers[rows[0]] if numbers else rows[0] + 1
        raise InputError(
            f"{whose}person {person}: no answer to {conditions[places[0]]} counts, and the plan's tests need "
            f"one to every condition; test others, or exclude otherwise, with --exploratory"
        )
    return values
