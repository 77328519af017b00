"""Which trials each person gets.

Three steps. How often each condition meets each category over all people: as equally as the stimuli that
there are allow. What of it each person gets: an equal share, rounded; that whole numbers do is a theorem on
edge colourings of bipartite graphs (de Werra 1971, "Balanced schedules", INFOR 9). Which stimulus: by an
assignment of least cost for each person, the cost being how often each was used so far.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import optimize

from model_metamers.errors import InputError
from model_metamers.people.design import Design, check_enough

# Costs of a stimulus, each beyond all that the next ones can add up to: that it is of another category than
# is due, that the pair of condition and stimulus was used before others of the condition, each earlier use.
_OTHER_GROUP, _PAIR_AGAIN, _USED = 1e10, 1e6, 1.0
_SWEEPS = 6


def draw_lists(design: Design, trials: int, people: int, random: np.random.Generator) -> np.ndarray:
    """Draws the main trials of each person, not yet in the order of the screen.

    Every person gets each condition equally often, and no picture or word twice. Categories are balanced
    within a person, within a condition, and over all, as far as there are stimuli. No pair of condition and
    stimulus comes twice before all of the condition came once: surely where in each category a condition's
    stimuli are as many as its trials over all people and a person's trials together; otherwise as seldom as
    is found. Stimuli are used equally often, to one or nearly so.

    Args:
      design: what can be shown.
      trials: of each condition for each person.
      people: number of lists.
      random: draws them.

    Returns:
      int [people, trials x conditions, 2]: numbers of the condition and of the stimulus.

    Raises:
      InputError: too few stimuli.
    """
    check_enough(design, trials)
    counts, groups, units = design.unit_counts(), design.groups(), design.units()
    there = np.zeros([len(counts), groups.max() + 1], int)
    np.add.at(there.T, groups, (counts.T > 0).astype(int))
    meetings = _meetings(there, np.bincount(groups), trials, people)
    shares = _shares(meetings, people, random)
    slots = [np.repeat(np.argwhere(share), share[share > 0], axis=0) for share in shares]
    met = _meet(slots, counts, groups, random)
    return _with_stimuli(slots, met, design.passing, units)


def _meet(
    slots: Sequence[np.ndarray], counts: np.ndarray, groups: np.ndarray, random: np.random.Generator
) -> list[np.ndarray]:
    """The unit of each trial of each person: person by person, and then each anew, given all others.

    Args:
      slots: of each person int [trials, 2]: condition and group that is due.
      counts: int [conditions, units]: stimuli of a unit that a condition has.
      groups: int [units].
      random: breaks ties.
    """
    uses = np.zeros(counts.shape, int)
    met: list[np.ndarray] = []
    for own in slots:
        met.append(_assign(own, counts, groups, uses, random))
        np.add.at(uses, (own[:, 0], met[-1]), 1)
    for _ in range(_SWEEPS):
        before = _unevenness(uses, counts)
        for person, own in enumerate(slots if before else ()):
            np.subtract.at(uses, (own[:, 0], met[person]), 1)
            met[person] = _assign(own, counts, groups, uses, random)
            np.add.at(uses, (own[:, 0], met[person]), 1)
        if not before > _unevenness(uses, counts):
            break
    return met


def _unevenness(uses: np.ndarray, counts: np.ndarray) -> float:
    """How far uses are from being once a pair, and equal between units; 0 where nothing can be better."""
    rounds = uses // np.maximum(counts, 1)
    left = uses - rounds * counts
    again = (counts * rounds * (rounds - 1) / 2 + left * rounds).sum()
    of_unit = uses.sum(axis=0)
    return float(_PAIR_AGAIN * again + (of_unit.max() - of_unit.min() > 1) * (of_unit**2).sum())


def _with_stimuli(
    slots: Sequence[np.ndarray], met: Sequence[np.ndarray], passing: np.ndarray, units: np.ndarray
) -> np.ndarray:
    """Condition and stimulus of each trial; of a word's several clips, the one that was used least."""
    uses = np.zeros(passing.shape, int)
    lists = []
    for own, of_person in zip(slots, met, strict=True):
        pairs = []
        for condition, unit in zip(own[:, 0], of_person, strict=True):
            may = np.flatnonzero(passing[condition] & (units == unit))
            best = may[np.lexsort((uses[:, may].sum(axis=0), uses[condition, may]))[0]]
            uses[condition, best] += 1
            pairs.append((condition, best))
        lists.append(pairs)
    return np.array(lists, int)


def _meetings(there: np.ndarray, sizes: np.ndarray, trials: int, people: int) -> np.ndarray:
    """How often each condition meets each group over all people.

    Args:
      there: int [conditions, groups]: units of a group that a condition has.
      sizes: int [groups]: units of each.
      trials: of each condition for each person.
      people: number of them.

    Returns:
      int [conditions, groups], each row's sum being trials x people.
    """
    met = np.zeros(there.shape, int)
    for condition in np.argsort(there.sum(axis=1), kind="stable"):  # those with the least choice first
        row, own = met[condition], there[condition]
        for _ in range(trials * people):
            total = met.sum(axis=0)
            may = (own > 0) & (row < people * own)
            roomy = may & (total < people * sizes)
            may = roomy if roomy.any() else may  # then some meet another group than is due
            rounds = np.where(may, row // np.maximum(own, 1), np.iinfo(int).max)
            best = np.lexsort((np.arange(len(row)), total, row, rounds))[0]
            row[best] += 1
    return met


def _shares(meetings: np.ndarray, people: int, random: np.random.Generator) -> list[np.ndarray]:
    """Parts all meetings into an equal share for each person, rounded up or down everywhere.

    Whatever is left is parted equally among the people who are left: that fractions do this is plain, so
    that some vertex of the linear program does it in whole numbers, its matrix being that of a bipartite
    graph.
    """
    left, shares = meetings.copy(), []
    conditions, groups = meetings.shape
    of_condition = np.kron(np.eye(conditions), np.ones(groups))
    of_group = np.kron(np.ones(conditions), np.eye(groups))
    for still in range(people, 0, -1):
        if groups == 1:
            share = left // still
        else:
            low, high = left // still, -(-left // still)
            most = -(-left.sum(axis=0) // still)
            least = left.sum(axis=0) // still
            solved = optimize.linprog(
                random.random(left.size),
                A_ub=np.concatenate([of_group, -of_group]),
                b_ub=np.concatenate([most, -least]),
                A_eq=of_condition,
                b_eq=left.sum(axis=1) // still,
                bounds=np.stack([low.ravel(), high.ravel()], axis=1),
                method="highs-ds",
            )
            share = np.rint(solved.x).astype(int).reshape(left.shape)
        shares.append(share)
        left = left - share
    return [shares[i] for i in random.permutation(people)]


def _assign(
    slots: np.ndarray,
    counts: np.ndarray,
    groups: np.ndarray,
    uses: np.ndarray,
    random: np.random.Generator,
) -> np.ndarray:
    """The unit of each of a person's trials, none of them twice.

    Args:
      slots: int [trials, 2]: condition and group that is due.
      counts: int [conditions, units]: stimuli of a unit that a condition has.
      groups: int [units].
      uses: int [conditions, units], by others.
      random: breaks ties.

    Raises:
      InputError: it cannot be done.
    """
    conditions, due = slots.T
    rounds, unit_uses = uses // np.maximum(counts, 1), uses.sum(axis=0)
    cost = _PAIR_AGAIN * rounds[conditions] + _USED * (unit_uses - unit_uses.min())
    cost += 0.5 * _USED * random.random(cost.shape)
    cost = cost + _OTHER_GROUP * (groups != due[:, np.newaxis])
    cost[counts[conditions] == 0] = np.inf
    try:
        rows, units = optimize.linear_sum_assignment(cost)
    except ValueError as error:
        raise InputError(
            "the metamers that pass are of too few different stimuli for a list without repeats; make more, "
            "or lower --trials_per_condition"
        ) from error
    return units[np.argsort(rows)]
