"""What the runs of a reproduction left, ready to be compared: judgements that count, and rho."""

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
    """The judgements that count, of metamers and of natural signals; none where nothing was judged.

    Raises:
      InputError: the table is not one of recognize_metamers.
    """
    path = folder / judgement.FILE
    return [one for one in judgement.read_judgements(path) if one.counted] if path.exists() else []


def of_metamers(judgements: Iterable[Judgement]) -> list[Judgement]:
    """Those of metamers, without those of natural signals."""
    return [one for one in judgements if one.layer != NATURAL]


def layers(judgements: Iterable[Judgement]) -> list[str]:
    """Matched layers, early to late."""
    places = {(one.layer_index, one.layer) for one in judgements if one.layer != NATURAL}
    return [layer for _, layer in sorted(places)]


def stimuli(judgements: Iterable[Judgement]) -> int:
    """How many stimuli there are judgements of."""
    return len({one.stimulus for one in judgements})


def share_correct(judgements: Sequence[Judgement]) -> float:
    """Of judgements that count, how many are right; NaN of none."""
    return float(np.mean([one.correct for one in judgements])) if judgements else float("nan")


def contrast(conditions: Sequence[Sequence[Judgement]], weights: Sequence[float]) -> tuple[float, float]:
    """Weighted sum of the shares of right answers, with the standard error over stimuli."""
    names = sorted({one.stimulus for judgements in conditions for one in judgements})
    if not names:
        return float("nan"), float("nan")
    return bootstrap.contrast([_matrix(judgements, names) for judgements in conditions], weights)


def _matrix(judgements: Sequence[Judgement], names: Sequence[str]) -> np.ndarray:
    """Right (1) and wrong (0), [stimuli, judgements]; NaN where a stimulus has fewer."""
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
