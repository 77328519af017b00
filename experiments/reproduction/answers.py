"""The saved results of a reproduction as arrays to compare: judgements, and rho."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from model_metamers.criteria.null import LayerNull
from model_metamers.criteria.null_file import read_null
from model_metamers.recognition import judgement, points
from model_metamers.recognition.judgement import NATURAL, Judgement
from model_metamers.runs.folder import RunFolder
from model_metamers.runs.intact import check_files
from model_metamers.runs.record import read_record


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


def shares(judgements: Iterable[Judgement]) -> dict[str, dict[str, float]]:
    """By layer and stimulus, the share of right answers, 0 to 1.

    It is the mean over everything else: the judges, the networks that metamers were made for, and the
    seeds of the searches.
    """
    right: dict[str, dict[str, list[bool]]] = {}
    for one in judgements:
        right.setdefault(one.layer, {}).setdefault(one.stimulus, []).append(bool(one.correct))
    return {
        layer: {stimulus: sum(held) / len(held) for stimulus, held in of_layer.items()}
        for layer, of_layer in right.items()
    }


def chances(folder: Path) -> dict[str, float]:
    """The share of right answers by guessing, by decision; of several judges, the highest.

    Args:
      folder: folder that recognize_metamers wrote; nothing is returned where there is none.
    """
    path = folder / points.FILE
    chance: dict[str, float] = {}
    for point in points.read_points([path]) if path.exists() else ():
        chance[point.decision] = max(point.chance, chance.get(point.decision, 0.0))
    return chance


@dataclasses.dataclass(frozen=True)
class Correlations:
    """Spearman's rho between a network's metamers, as people are shown them, and their targets.

    Attributes:
      matched: layers that metamers were made for, early to late.
      measured: layers at which rho was measured, early to late.
      rho: by matched layer and measured layer, one value for each stimulus, in the same order for
        all layers; NaN where rho is not defined or there is no metamer.
      null: rho of unrelated signals, by measured layer.
      passed: by matched layer, whether each stimulus's metamer meets the paper's conditions as a file.
    """

    matched: list[str]
    measured: list[str]
    rho: dict[str, dict[str, np.ndarray]]
    null: Mapping[str, LayerNull]
    passed: dict[str, np.ndarray]


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
    passed: dict[str, set[str]] = {}
    for metamer in folder.metamers():
        record = read_record(metamer.path)
        check_files(metamer.path, record)
        if record.file.measurement is None:  # an older run that was not judged since
            continue
        by_layer.setdefault(record.layer, {})[record.stimulus] = record.file.measurement.spearman
        if record.file.verdict and record.file.verdict.passes:
            passed.setdefault(record.layer, set()).add(record.stimulus)
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
        {m: null.at(m) for m in measured},
        {layer: np.array([s in passed.get(layer, ()) for s in names]) for layer in matched},
    )


def relu_rho(folder: Path, row: Mapping[str, Any]) -> float | None:
    """Rho at the matched layer of a metamer of Figure 2, as its file; None where it is not known.

    Args:
      folder: folder that compare_relu_gradients wrote.
      row: one of its rows.
    """
    run = RunFolder(folder / row["gradient"], row["network"])
    path = run.metamer(row["layer"], row["stimulus"]).path
    if not path.exists():
        return None
    record = read_record(path)
    check_files(path, record)
    measured = record.file.measurement
    rho = measured.spearman[record.layer] if measured else np.nan
    return rho if np.isfinite(rho) else None
