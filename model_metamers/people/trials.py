"""The trials of each list in the order of the screen, before their files have names."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from model_metamers.people.design import Aside
from model_metamers.people.materials import TONE_ORDERS


class Due(NamedTuple):
    """One trial.

    Attributes:
      part: one of `study.PARTS`.
      what: condition and stimulus, as numbers of the design; of the headphone check, -1 and the number of the
        order of tones.
    """

    part: str
    what: tuple[int, int]


def in_order(
    lists: np.ndarray, aside: Aside, headphones: int, random: np.random.Generator
) -> list[list[Due]]:
    """Each list's trials.

    Practice and main trials come in an order of their own for each person; a catch trial somewhere in each of
    as many equal stretches as there are. Orders of tones are drawn with replacement.

    Args:
      lists: int [people, trials, 2], see `lists.draw_lists`.
      aside: what is shown beside them.
      headphones: trials of that check.
      random: draws the orders.
    """
    return [_one(main, aside, headphones, random) for main in lists]


def _one(main: np.ndarray, aside: Aside, headphones: int, random: np.random.Generator) -> list[Due]:
    tones = random.integers(len(TONE_ORDERS), size=headphones)
    trials = [Due("headphones", (-1, int(order))) for order in tones]
    trials += _shuffled("practice", aside.practice, random)
    trials += [Due("demonstration", pair) for pair in aside.demonstration]
    rows = _shuffled("main", [(int(c), int(s)) for c, s in main], random)
    caught = _shuffled("catch", aside.catch, random)
    edges = np.linspace(0, len(rows), len(caught) + 1).round().astype(int)
    places = [int(random.integers(low, high + 1)) for low, high in itertools.pairwise(edges)]
    for place, trial in sorted(zip(places, caught, strict=True), key=lambda pair: -pair[0]):
        rows.insert(place, trial)
    return trials + rows


def _shuffled(part: str, pairs: Sequence[tuple[int, int]], random: np.random.Generator) -> list[Due]:
    return [Due(part, pairs[i]) for i in random.permutation(len(pairs))]
