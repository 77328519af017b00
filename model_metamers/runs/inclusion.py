"""Which of many metamers the paper's conditions include, and their table."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from model_metamers import criteria
from model_metamers.criteria.nearness import Match
from model_metamers.criteria.null import NullDistribution
from model_metamers.errors import InputError
from model_metamers.runs import results
from model_metamers.runs.intact import check_files, given_by
from model_metamers.runs.measured_anew import MeasuredAnew
from model_metamers.runs.record import Record, read_record

_NOT_IN_ROWS = ("verdict", "match", "identity", "other_null", "otherwise", "same_bits")
# The fields of a Match, where signals are metamers.
_MATCH_COLUMNS = ("target_zeros", "metamer_zeros", "relative_error", "pearson")

# Measures the metamer in a folder, whose record is given, by its network.
Measure = Callable[[Path, Record], MeasuredAnew]


@dataclasses.dataclass(frozen=True)
class Checked:
    """One metamer's verdict.

    Attributes:
      folder: of the metamer.
      network, weights, layer, stimulus: what it is; weights are told by their digest.
      target_class, metamer_class: as the network names them.
      file_passes: whether the file that a person is shown passes; None where it was not
        measured.
      verdict: on the float signal.
      identity: what tells it from all other metamers: network, weights, layer, target, settings and seed.
      match: how near the activations at the layer came; None in older records.
      other_null: whether its record holds the verdict of another null distribution.
      otherwise: in what its record says otherwise, where it was measured anew.
      same_bits: whether every number was that of the record, where it was measured anew.
    """

    folder: Path
    network: str
    weights: str
    layer: str
    stimulus: str
    target_class: str | None
    metamer_class: str | None
    file_passes: bool | None
    verdict: criteria.Verdict
    identity: tuple
    match: Match | None
    other_null: bool
    otherwise: tuple[str, ...] = ()
    same_bits: bool | None = None

    def row(self) -> dict[str, Any]:
        """Plain values, for CSV and JSON."""
        names = [f.name for f in dataclasses.fields(self) if f.name not in _NOT_IN_ROWS]
        values = {name: getattr(self, name) for name in names}
        verdict = dataclasses.asdict(self.verdict)
        reasons = "; ".join(self.verdict.reasons)
        return {
            **values,
            "folder": str(self.folder),
            **verdict,
            "reasons": reasons,
            "null_limit": self.verdict.limit,
            "verdict": self.verdict.word,
            **_columns(self.match),
        }


def check_folders(
    folders: Iterable[Path], nulls: Sequence[NullDistribution], measure: Measure | None = None
) -> tuple[list[Checked], list[InputError]]:
    """The verdict on every metamer that is whole and has its null distribution; each is counted once.

    Args:
      folders: of metamers.
      nulls: null distributions.
      measure: measures a metamer by its network; the numbers of its record are taken when None.

    Returns:
      The verdicts, and an error for each metamer that has none, or whose record says otherwise.
    """
    checked, problems = [], []
    first: dict[tuple, Path] = {}
    for folder in folders:
        try:
            one = check_folder(folder, nulls, measure)
        except InputError as error:
            problems.append(error)
            continue
        other = first.setdefault(one.identity, folder)
        if other != folder:
            problems.append(
                InputError(f"{folder} and {other}: the same metamer twice; only the latter is counted")
            )
            continue
        if one.otherwise:
            problems.append(InputError(f"{folder}: measured anew, {'; '.join(one.otherwise)}"))
        checked.append(one)
    return checked, problems


def check_folder(folder: Path, nulls: Sequence[NullDistribution], measure: Measure | None = None) -> Checked:
    """The verdict on one metamer, on its floats and on the file as it was measured.

    Raises:
      InputError: a missing, broken or foreign file, or no null distribution of its network,
        weights and layer.
    """
    record = read_record(folder)
    check_files(folder, record)
    metamer = results.load(folder)
    anew = measure(folder, record) if measure else None
    floats, file = (anew.floats, anew.file) if anew else (metamer.measurement, record.file.measurement)
    matching = [n for n in nulls if criteria.is_null_of(n, metamer.network, metamer.checkpoint)]
    if not matching:
        had = ", ".join(f"{n.network} ({n.checkpoint[:19]})" for n in nulls)
        raise InputError(
            f"{folder}: is of {metamer.network} ({metamer.checkpoint[:19]}), the null distributions of {had}"
        )
    null = next((n for n in matching if metamer.layer in n.layers), matching[0])
    try:
        verdict = criteria.verdict_on(floats, metamer.layer, null)
        file_passes = None
        if file is not None:
            file_passes = criteria.verdict_on(file, metamer.layer, null).passes
    except InputError as error:
        raise InputError(f"{folder}: {error}") from error
    return Checked(
        folder,
        metamer.network,
        metamer.checkpoint,
        metamer.layer,
        metamer.stimulus,
        floats.target_class,
        floats.signal_class,
        file_passes,
        verdict,
        identity=(
            *(metamer.network, metamer.checkpoint, metamer.layer, metamer.stimulus, record.target_sha256),
            *metamer.config.identity().items(),
        ),
        match=floats.match,
        other_null=record.floats.verdict is not None and not given_by(record, null),
        otherwise=anew.otherwise if anew else (),
        same_bits=anew.same_bits if anew else None,
    )


def table(checked: Sequence[Checked], layer_order: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Tables S4 and S5: a row for each network, its weights, and layer.

    Each tells how many metamers were made, gave the target's class, exceeded the null's
    limit, and met both conditions (also as rounded to the file), their rho, and medians of how near
    their activations came (NaN where records do not tell); beside the null's maximum the rule, and the
    limit by it.
    """
    groups: dict[tuple[str, str, str], list[Checked]] = {}
    for item in checked:
        groups.setdefault((item.network, item.weights, item.layer), []).append(item)
    order = {layer: place for place, layer in enumerate(layer_order)}
    rows = []
    for network, weights, layer in sorted(groups, key=lambda g: (g[:2], order.get(g[2], len(order)))):
        items = groups[network, weights, layer]
        rho = np.array([item.verdict.rho for item in items])
        rows.append(
            {
                "network": network,
                "weights": weights,
                "layer": layer,
                "made": len(items),
                "same_class": sum(item.verdict.same_class is not False for item in items),
                "above_null": sum(item.verdict.above_null for item in items),
                "included": sum(item.verdict.passes for item in items),
                "included_as_file": sum(bool(item.file_passes) for item in items),
                "rho_mean": float(np.nanmean(rho)) if np.isfinite(rho).any() else float("nan"),
                "rho_min": float(np.nanmin(rho)) if np.isfinite(rho).any() else float("nan"),
                "rho_max": float(np.nanmax(rho)) if np.isfinite(rho).any() else float("nan"),
                "null_max": items[0].verdict.null_max,
                "null_rule": items[0].verdict.null_rule,
                "null_limit": items[0].verdict.limit,
                "null_pairs": items[0].verdict.null_pairs,
                **_medians([item.match for item in items]),
            }
        )
    return rows


def _columns(match: Match | None) -> dict[str, float | None]:
    """A match in a table; empty where records do not tell."""
    if match is None:
        return dict.fromkeys(_MATCH_COLUMNS)
    return dict(zip(_MATCH_COLUMNS, dataclasses.astuple(match), strict=True))


def _medians(matches: Sequence[Match | None]) -> dict[str, float]:
    """Medians of those that are told and defined."""
    told = [dataclasses.astuple(match) for match in matches if match is not None]
    columns = np.array(told, np.float64).reshape(-1, len(_MATCH_COLUMNS)).T
    defined = [column[np.isfinite(column)] for column in columns]
    medians = (float(np.median(values)) if values.size else math.nan for values in defined)
    return dict(zip(_MATCH_COLUMNS, medians, strict=True))
