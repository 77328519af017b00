"""What the runs of a reproduction left, as arrays to compare: right answers, and rho."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from model_metamers import InputError
from model_metamers.criteria.null import read_null
from model_metamers.recognition.presentations import NATURAL
from model_metamers.runs import results
from model_metamers.runs.folder import RunFolder
from model_metamers.statistics import bootstrap
from model_metamers_experiments.figures.points import Who

_FILE = "judgements.csv"


@dataclasses.dataclass(frozen=True)
class Answer:
    """A judgement that counts; see `judgements.csv` of recognize_metamers."""

    judge: Who
    generator: Who
    layer: str
    layer_index: int
    stimulus: str
    optimized: str
    decision: str
    correct: bool


def read(folder: Path) -> list[Answer]:
    """The judgements that count, of metamers and of natural signals; none where nothing was judged.

    Raises:
      InputError: the table is not one of recognize_metamers.
    """
    path = folder / _FILE
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    try:
        return [_answer(row) for row in rows if row["counted"] == "True"]
    except (KeyError, ValueError) as error:
        raise InputError(f"{path}: no {_FILE} of recognize_metamers ({error})") from error


def _answer(row: dict[str, str]) -> Answer:
    return Answer(
        Who(row["judge"], row["judge_weights"]),
        Who(row["generator"], row["generator_weights"]),
        row["layer"],
        int(row["layer_index"]),
        row["stimulus"],
        row["optimized"],
        row["decision"],
        row["correct"] == "True",
    )


def layers(answers: Sequence[Answer]) -> list[str]:
    """Matched layers, early to late."""
    found = {(answer.layer_index, answer.layer) for answer in answers if answer.layer != NATURAL}
    return [layer for _, layer in sorted(found)]


def stimuli(answers: Sequence[Answer]) -> int:
    """How many stimuli there are answers of."""
    return len({answer.stimulus for answer in answers})


def contrast(conditions: Sequence[Sequence[Answer]], weights: Sequence[float]) -> tuple[float, float]:
    """Weighted sum of the shares of right answers, with the standard error over stimuli."""
    names = sorted({answer.stimulus for answers in conditions for answer in answers})
    if not names:
        return float("nan"), float("nan")
    return bootstrap.contrast([_matrix(answers, names) for answers in conditions], weights)


def _matrix(answers: Sequence[Answer], names: Sequence[str]) -> np.ndarray:
    """[stimuli, answers], NaN where a stimulus has fewer."""
    lists = {name: [] for name in names}
    for answer in answers:
        lists[answer.stimulus].append(float(answer.correct))
    width = max(1, *(len(values) for values in lists.values()))
    matrix = np.full([len(names), width], np.nan)
    for row, values in zip(matrix, lists.values(), strict=True):
        row[: len(values)] = values
    return matrix


def select(answers: Sequence[Answer], keep: Callable[[Answer], bool]) -> list[Answer]:
    """Those of metamers, not of natural signals, that are to be kept."""
    return [answer for answer in answers if answer.layer != NATURAL and keep(answer)]


@dataclasses.dataclass(frozen=True)
class Correlations:
    """Rho of a network's metamers.

    Attributes:
      matched: layers whose metamers were made, early to late.
      measured: layers at which rho was taken, early to late.
      rho: matched layer -> measured layer -> one value for each stimulus, in the same order for
        all layers; NaN where undefined, or where there is no metamer.
      null_maximum, null_mean: of rho of unrelated signals, by measured layer.
    """

    matched: list[str]
    measured: list[str]
    rho: dict[str, dict[str, np.ndarray]]
    null_maximum: dict[str, float]
    null_mean: dict[str, float]


def correlations(folder: RunFolder, stages: Sequence[str]) -> Correlations | None:
    """Of a folder of make_metamers with one network; None where it holds nothing.

    Args:
      folder: of it.
      stages: of the network, in order.
    """
    null = read_null(folder.null)[0] if folder.null.exists() else None
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for metamer in folder.metamers():
        record = results.load_record(metamer.path)
        found.setdefault(record["layer"], {})[record["stimulus"]] = record["float"]["spearman"]
    if not found or null is None:
        return None
    matched = [stage for stage in stages if stage in found]
    measured = [stage for stage in stages if stage in null.layers]
    names = sorted({name for of_layer in found.values() for name in of_layer})
    rho = {
        layer: {m: np.array([found[layer].get(s, {}).get(m) for s in names], np.float64) for m in measured}
        for layer in matched
    }
    return Correlations(
        matched,
        measured,
        rho,
        {m: null.at(m).maximum for m in measured},
        {m: null.at(m).mean for m in measured},
    )
