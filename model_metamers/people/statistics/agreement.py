"""What people answer to each item, what they confuse, and how alike halves of them are."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np

from model_metamers.people.answers import Answer
from model_metamers.people.statistics.intervals import wilson


@dataclasses.dataclass(frozen=True)
class Reliability:
    """How alike two halves of the people are, over many random halvings.

    Attributes:
      of: what is compared, in words.
      units: how many conditions or items are compared; those that both halves answered to.
      halvings: that tell anything.
      correlation: mean Pearson correlation of the halves' proportions correct; NaN where it is not defined.
      spearman_brown: what it would be of halves as large as all people, 2 r / (1 + r).
    """

    of: str
    units: float
    halvings: int
    correlation: float
    spearman_brown: float


def split_half(of: str, values: np.ndarray, halvings: int = 1000, seed: int = 0) -> Reliability:
    """Correlation of the proportions correct of random halves of the people.

    Args:
      of: what the columns are, in words.
      values: [people, units] proportions correct, NaN where a person has no answer.
      halvings, seed: of the draws.
    """
    random, found, units = np.random.default_rng(seed), [], []
    people = len(values)
    present = np.isfinite(values)
    sums = np.where(present, values, 0.0)
    for _ in range(halvings if people > 1 else 0):
        first = np.zeros(people, bool)
        first[random.permutation(people)[: people // 2]] = True
        counts = [present[half].sum(axis=0) for half in (first, ~first)]
        both = (counts[0] > 0) & (counts[1] > 0)
        one, other = (
            sums[half].sum(axis=0)[both] / count[both]
            for half, count in zip((first, ~first), counts, strict=True)
        )
        if len(one) > 2 and one.std() > 1e-12 and other.std() > 1e-12:
            found.append(float(np.corrcoef(one, other)[0, 1]))
            units.append(len(one))
    r = float(np.mean(found)) if found else math.nan
    longer = 2 * r / (1 + r) if r > -1 else math.nan
    return Reliability(of, float(np.mean(units)) if units else 0.0, len(found), r, longer)


def by_item(answers: Iterable[Answer]) -> tuple[list[str], np.ndarray]:
    """The files that were judged, and whether each person was right, [people, files]; NaN where unseen."""
    answers = list(answers)
    files = list(dict.fromkeys(answer.file for answer in answers))
    people = list(dict.fromkeys(answer.person for answer in answers))
    row, column = ({name: i for i, name in enumerate(names)} for names in (people, files))
    values = np.full([len(people), len(files)], np.nan)
    for answer in answers:
        values[row[answer.person], column[answer.file]] = answer.correct
    return files, values


def item_rows(answers: Iterable[Answer]) -> list[dict[str, Any]]:
    """A row for each file: how many people were right, with Wilson's interval."""
    groups: dict[str, list[Answer]] = {}
    for answer in answers:
        groups.setdefault(answer.file, []).append(answer)
    rows = []
    for file, held in groups.items():
        first, right = held[0], sum(answer.correct for answer in held)
        low, high = wilson(right, len(held))
        row = {"condition": first.condition, "stimulus": first.stimulus, "truth": first.truth, "file": file}
        rows.append(
            row | {"n": len(held), "right": right, "proportion": right / len(held), "low": low, "high": high}
        )
    return sorted(rows, key=lambda row: (row["condition"], row["stimulus"]))


def confusion_rows(answers: Iterable[Answer]) -> list[dict[str, Any]]:
    """A row for each condition, truth and answer that was given; an empty answer is none in time."""
    counts = Counter((answer.condition, answer.truth, answer.answer) for answer in answers)
    return [
        {"condition": condition, "truth": truth, "answer": answer, "n": n}
        for (condition, truth, answer), n in sorted(counts.items())
    ]
