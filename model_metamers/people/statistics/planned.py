"""The planned tests, made on tables of proportions correct."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np

from model_metamers.errors import InputError
from model_metamers.people.plan import Contrast
from model_metamers.people.statistics import anova
from model_metamers.people.statistics.anova import Effect
from model_metamers.people.statistics.intervals import holm

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
) -> list[Tested]:
    """All planned tests, with Holm's adjustment over those that were made.

    Args:
      contrasts: planned.
      people: proportions correct.
      network: of the generating networks on what each person saw; None where it is not known: tests of
        the observer are not made then.
      alpha: of all tests together.
      permutations, seed: of each.

    Raises:
      InputError: a person lacks answers to a condition, or there are fewer than two people.
    """
    every = [_effects(contrast, people, network, permutations, seed) for contrast in contrasts]
    chosen = [meant(contrast, effects) for contrast, effects in zip(contrasts, every, strict=True)]
    adjusted = holm([effect.p_permutation if effect else math.nan for effect in chosen])
    return [
        Tested(contrast, tuple(effects), p, p <= alpha, "" if effects else _NO_NETWORK)
        for contrast, effects, p in zip(contrasts, every, adjusted, strict=True)
    ]


_NO_NETWORK = "needs the networks' own recognition (--recognition)"


def _effects(
    contrast: Contrast, people: Columns, network: Columns | None, permutations: int, seed: int
) -> list[Effect]:
    if contrast.test == "observer_by_layer":
        if network is None:
            return []
        (row,) = contrast.conditions
        own, others = stacked(people, row, "person"), stacked(network, row, "network's row")
        return anova.observer_by_layer_test(own, others, permutations, seed)
    if contrast.test == "layer":
        (row,) = contrast.conditions
        return anova.layer_test(stacked(people, row, "person"), permutations, seed)
    values = np.stack([stacked(people, row, "person") for row in contrast.conditions], axis=1)
    return anova.network_by_layer_test(values, permutations, seed)


def stacked(columns: Columns, conditions: Sequence[str], whose: str) -> np.ndarray:
    """[people, conditions] of a table.

    Raises:
      InputError: a condition lacks, or somebody has no answers to it.
    """
    missing = next((name for name in conditions if name not in columns), None)
    if missing is not None:
        raise InputError(f"nobody answered to the condition {missing}, which the plan's tests need")
    values = np.stack([columns[name] for name in conditions], axis=1)
    rows, places = np.nonzero(np.isnan(values))
    if len(rows):
        raise InputError(
            f"{whose} {rows[0] + 1} of {len(values)} has no answer that counts to {conditions[places[0]]}; "
            f"the plan's tests need one to every condition"
        )
    return values
