"""The saved results of a reproduction as arrays to compare: judgements, and rho."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from model_metamers.criteria.null import read_null
from model_metamers.recognition import judgement
from model_metamers.recognition.judgement import NATURAL, Judgement
from model_metamers.runs.folder import RunFolder
from model_metamers.runs.intact import check_files
from model_metamers.runs.record import read_record
from model_metamers.statistics import bootstrap


def read(folder: Path) -> list[Judgement]:
    """The judgements in a folder that count, of metamers and of natural signals.

    Args:
      folder: folder that recognize_metamers wrote; an empty list is returned where there is none.

    Raises:
      InputError: the table in it was not written by recognize_metamers.
    """
    path = folder / judgement.FILE
    return [one for one in judgement.read_judgements(path) if one.counted] if path.exists() else []


def of_metamers(judgements: Iterable[Judgement]) -> list[Judgement]:
    """The judgements of metamers, without those of natural signals."""
    return [one for one in judgements if one.layer != NATURAL]


def layers(judgements: Iterable[Judgement]) -> list[str]:
    """The matched layers, early to late."""
    places = {(one.layer_index, one.layer) for one in judgements if one.layer != NATURAL}
    return [layer for _, layer in sorted(places)]


def stimuli(judgements: Iterable[Judgement]) -> int:
    """The number of stimuli with judgements."""
    return len({one.stimulus for one in judgements})


def share_correct(judgements: Sequence[Judgement]) -> float:
    """The share of right answers, 0 to 1; NaN where there are no judgements."""
    return float(np.mean([one.correct for one in judgements])) if judgements else float("nan")


def contrast(conditions: Sequence[Sequence[Judgement]], weights: Sequence[float]) -> tuple[float, float]:
    """A weighted sum of the shares of right answers in several conditions, and its standard error.

    The standard error is over stimuli. Both are NaN where there are no judgements.
    """
    names = sorted({one.stimulus for judgements in conditions for one in judgements})
    if not names:
        return float("nan"), float("nan")
    return bootstrap.contrast([_matrix(judgements, names) for judgements in conditions], weights)


def _matrix(judgements: Sequence[Judgement], names: Sequence[str]) -> np.ndarray:
    """Right (1) and wrong (0) answers, [stimuli, judgements]; NaN where a stimulus has fewer."""
    by_stimulus: dict[str, list[float]] = {name: [] for name in names}
    for one in judgements:
        by_stimulus[one.stimulus].append(float(bool(one.correct)))
    width = max(1, *(len(values) for values in by_stimulus.values()))
    matrix = np.full([len(names), width], np.nan)
    for row, values in zip(matrix, by_stimulus.values(), strict=True):
        row[: len(values)] = values
    return matrix


@dataclasses.dataclass(frozen=True)
class Correlations:
    """Spearman's rho between a network's metamers (in floats) and their targets.

    Attributes:
      matched: layers that metamers were made for, early to late.
      measured: layers at which rho was measured, early to late.
      rho: by matched layer and measured layer, one value for each stimulus, in the same order for
        all layers; NaN where rho is not defined or there is no metamer.
      null_maximum, null_mean: largest and mean rho of unrelated signals, by measured layer.
    """

    matched: list[str]
    measured: list[str]
    rho: dict[str, dict[str, np.ndarray]]
    null_maximum: dict[str, float]
    null_mean: dict[str, float]


def correlations(folder: RunFolder, stages: Sequence[str]) -> Correlations | None:
    """Rho of the metamers in a folder that make_metamers wrote for one network.

    Args:
      folder: the folder of the run.
      stages: the network's stages, early to late.

    Returns:
      None where there are no metamers or there is no null distribution.

    Raises:
      InputError: a metamer whose files do not belong together, or a damaged null distribution.
    """
    null = read_null(folder.null)[0] if folder.null.exists() else None
    by_layer: dict[str, dict[str, dict[str, float]]] = {}
    for metamer in folder.metamers():
        record = read_record(metamer.path)
        check_files(metamer.path, record)
        by_layer.setdefault(record.layer, {})[record.stimulus] = record.floats.measurement.spearman
    if not by_layer or null is None:
        return None
    matched = [stage for stage in stages if stage in by_layer]
    measured = [stage for stage in stages if stage in null.layers]
    names = sorted({name for of_layer in by_layer.values() for name in of_layer})
    rho = {
        layer: {m: np.array([by_layer[layer].get(s, {}).get(m, np.nan) for s in names]) for m in measured}
        for layer in matched
    }
    return Correlations(
        matched,
        measured,
        rho,
        {m: null.at(m).maximum for m in measured},
        {m: null.at(m).mean for m in measured},
    )
