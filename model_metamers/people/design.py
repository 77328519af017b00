"""What a study can show: its conditions, its natural signals, and which metamers of these there are."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from model_metamers.errors import InputError
from model_metamers.storage.reading import one_line

# Of the demonstration's trials, those with natural signals (docs/sources.md 5: 5 of 12).
_NATURAL_SHARE = 5 / 12


@dataclasses.dataclass(frozen=True)
class Design:
    """What can be shown.

    Attributes:
      conditions: names; the first is "natural".
      stimuli: names of the natural signals.
      truths: the right answer to each.
      passing: bool [conditions, stimuli]: which may be shown; all of the natural ones.
      by_word: whether nobody meets a right answer twice, as with words; otherwise nobody meets a natural
        signal twice, and right answers are balanced, as with pictures.
    """

    conditions: tuple[str, ...]
    stimuli: tuple[str, ...]
    truths: tuple[str, ...]
    passing: np.ndarray
    by_word: bool

    @property
    def categories(self) -> tuple[str, ...]:
        """The right answers there are, in the alphabet's order."""
        return tuple(sorted(set(self.truths)))

    def units(self) -> np.ndarray:
        """Number of what a person meets at most once, int [stimuli]: of the word, or of the picture."""
        if not self.by_word:
            return np.arange(len(self.stimuli))
        places = {category: place for place, category in enumerate(self.categories)}
        return np.array([places[truth] for truth in self.truths], int)

    def groups(self) -> np.ndarray:
        """Number of the group that is balanced, int [units]: the picture's category; one for all words."""
        if self.by_word:
            return np.zeros(len(self.categories), int)
        places = {category: place for place, category in enumerate(self.categories)}
        return np.array([places[truth] for truth in self.truths], int)

    def without(self, left_out: Sequence[int]) -> Design:
        """The design without some of its natural signals, by their numbers."""
        kept = np.setdiff1d(np.arange(len(self.stimuli)), np.array(left_out, int))
        return dataclasses.replace(
            self,
            stimuli=tuple(self.stimuli[i] for i in kept),
            truths=tuple(self.truths[i] for i in kept),
            passing=self.passing[:, kept],
        )

    def unit_counts(self) -> np.ndarray:
        """How many stimuli of each unit may be shown in each condition, int [conditions, units]."""
        units = self.units()
        counts = np.zeros([len(self.conditions), units.max(initial=-1) + 1], int)
        np.add.at(counts.T, units, self.passing.T.astype(int))
        return counts


@dataclasses.dataclass(frozen=True)
class Aside:
    """What is shown beside the main trials; pairs of condition and stimulus, as numbers of the design.

    Attributes:
      practice, demonstration, catch: in the order of the screen, the demonstration from easy to hard.
      spared: stimuli of these that the main trials do without.
      shared: how many of the main trials' stimuli are shown here too.
    """

    practice: tuple[tuple[int, int], ...]
    demonstration: tuple[tuple[int, int], ...]
    catch: tuple[tuple[int, int], ...]
    spared: tuple[int, ...]
    shared: int


def check_enough(design: Design, trials: int) -> None:
    """Refuses a design that main trials cannot be drawn from.

    Args:
      design: of the study.
      trials: of each condition for each person.

    Raises:
      InputError: too few stimuli of a condition, or too few altogether; it says which and how many.
    """
    what = "words" if design.by_word else "natural signals"
    needed = trials * len(design.conditions)
    available = (design.unit_counts() > 0).sum(axis=1)
    few = [i for i in range(len(available)) if available[i] < trials]
    if few:
        there = len(design.groups())
        told = (f"{design.conditions[i]} ({available[i]} of {there})" for i in few[:5])
        listed = one_line(", ".join(told))
        more = f" and {len(few) - 5} more" if len(few) > 5 else ""
        raise InputError(
            f"too few metamers that pass for {trials} trials of a condition: {listed}{more}; make more, name "
            f"the other layers' folders in --metamers, or lower --trials_per_condition"
        )
    there = len(design.groups())
    if there < needed:
        raise InputError(
            f"{there} {what} for {needed} trials ({len(design.conditions)} conditions x {trials}), of which "
            f"a person meets each once; make metamers of more, or lower --trials_per_condition"
        )


def set_aside(
    design: Design,
    trials: int,
    practice: int,
    demonstration: int,
    catch: int,
    random: np.random.Generator,
    spare: bool = True,
) -> Aside:
    """Chooses what is shown in practice, demonstration and catch trials.

    Practice and catch trials are natural signals, as many of each category as can be. A demonstration
    has natural signals (5 of 12) and then metamers, of conditions in their order. The main trials do without
    these stimuli as long as enough are left for them; those with the fewest metamers are taken first.

    Args:
      design: of the study.
      trials: of each condition, which enough must be left for.
      practice, demonstration, catch: how many trials.
      random: draws where nothing else decides.
      spare: whether main trials do without what is shown here, as long as enough are left.
    """
    store = _Store(design, trials, random, spare)
    natural = min(demonstration, max(1, round(demonstration * _NATURAL_SHARE)) if demonstration else 0)
    later = np.arange(1, len(design.conditions))
    rows = (
        later[np.linspace(0, len(later) - 1, demonstration - natural).round().astype(int)]
        if len(later)
        else []
    )
    practised = [(0, store.take(0)) for _ in range(practice)]
    shown = [(0, store.take(0)) for _ in range(demonstration - len(rows))]
    shown += [(int(row), store.take(int(row))) for row in rows]
    caught = [(0, store.take(0)) for _ in range(catch)]
    used = {stimulus for _, stimulus in (*practised, *shown, *caught)}
    return Aside(
        practice=tuple(practised),
        demonstration=tuple(shown),
        catch=tuple(caught),
        spared=tuple(sorted(store.spared)),
        shared=len(used - store.spared),
    )


class _Store:
    """Stimuli that are handed out beside the main trials.

    First those that the main trials can spare and nobody has met; then those that were spared already and
    were handed out least often; then any.
    """

    def __init__(self, design: Design, trials: int, random: np.random.Generator, spare: bool):
        self.spared: set[int] = set()
        self._spare = spare
        self._design = design
        self._trials = trials
        self._places = np.array([design.categories.index(truth) for truth in design.truths], int)
        self._taken = np.zeros(len(design.stimuli), int)
        self._by_category = np.zeros(len(design.categories), int)
        self._left = np.ones(len(design.stimuli), bool)
        self._at_first = self._in_categories()
        self._dice = random.random(len(design.stimuli))
        self._category_dice = random.random(len(design.categories))

    def take(self, condition: int) -> int:
        """A stimulus of a condition, of the category that was taken least often."""
        may = self._design.passing[condition]
        fresh = may & self._left & (self._taken == 0) & (self._spare and self._can_be_spared())
        spared = may & ~self._left
        among = np.flatnonzero(fresh if fresh.any() else spared if spared.any() else may)
        category = self._places[among]
        keys = (
            self._dice[among],
            self._design.passing[:, among].sum(axis=0),
            self._category_dice[category],
            self._taken[among],
            self._by_category[category],
        )
        best = int(among[np.lexsort(keys)[0]])
        if fresh.any():
            self.spared.add(best)
            self._left[best] = False
        self._taken[best] += 1
        self._by_category[self._places[best]] += 1
        return best

    def _in_categories(self) -> np.ndarray:
        """How many are left, int [conditions, categories]."""
        counts = np.zeros([len(self._design.conditions), len(self._by_category)], int)
        np.add.at(counts.T, self._places, (self._design.passing & self._left).T.astype(int))
        return counts

    def _can_be_spared(self) -> np.ndarray:
        """Without which of the stimuli there are enough for the main trials, bool [stimuli]."""
        passing, own = self._design.passing, self._places
        conditions, trials, there = len(passing), self._trials, self._in_categories()
        if self._design.by_word:
            last = passing & (there[:, own] == 1)  # the last of its word that a condition has
            words = (there > 0).sum(axis=1)
            enough = words[:, np.newaxis] - last >= trials
            return enough.all(axis=0) & (words[0] - last[0] >= trials * conditions)
        groups = len(self._by_category)
        for_all, for_each = math.ceil(trials * conditions / groups), math.ceil(trials / groups)
        least = np.minimum(self._at_first, for_each)
        in_category = there[:, own] - passing >= least[:, own]
        altogether = there.sum(axis=1, keepdims=True) - passing >= trials
        more = self._left.sum() > trials * conditions
        return (in_category & altogether).all(axis=0) & (there[0, own] > for_all) & more
