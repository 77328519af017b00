"""Points of recognition curves: how often a judge is right about the metamers of a layer."""

from __future__ import annotations

import dataclasses
import itertools
import math
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from model_metamers.errors import InputError
from model_metamers.recognition.columns import (
    COUNT,
    NUMBER,
    SHARE,
    TEXT,
    WHOLE,
    one_of,
    or_nothing,
    read_table,
)
from model_metamers.recognition.judgement import NATURAL, OPTIMIZED, Judgement, Who
from model_metamers.statistics import bootstrap
from model_metamers.storage.writing import write_table

FILE = "recognition.csv"


@dataclasses.dataclass(frozen=True)
class Point:
    """A point of a curve; numbers that are not defined are NaN.

    Attributes:
      judge, decision, generator, layer, layer_index, optimized, relu_gradient, settings: as of each
        of its judgements; see `Judgement`.
      proportion: of right answers among those that count.
      n: how many count.
      stimuli, seeds: of how many stimuli and seeds of the search they are; no seeds where the
        signals are natural.
      passed, total: of `total` metamers, how many met the paper's two conditions.
      sem, sem_with_seeds: bootstrapped standard error over stimuli, and over stimuli and seeds.
      chance: probability of a right guess.
    """

    judge: Who
    decision: str
    generator: Who
    layer: str
    layer_index: int
    optimized: str
    relu_gradient: str
    settings: str
    proportion: float
    n: int
    stimuli: int
    seeds: int | None
    passed: int
    total: int
    sem: float
    sem_with_seeds: float
    chance: float

    @property
    def of_signal(self) -> bool:
        """Whether the search varied the signal itself, not its cochleagram."""
        return self.optimized != "cochleagram"

    def cells(self) -> dict[str, Any]:
        """Plain values by column, in the order of the file; None where a number is not defined."""
        values = {**vars(self), **self.judge.cells("judge"), **self.generator.cells("generator")}
        return {column: _defined(values[column]) for column in COLUMNS}


_GROUP = {
    "judge": TEXT,
    "judge_weights": TEXT,
    "decision": TEXT,
    "generator": TEXT,
    "generator_weights": TEXT,
    "layer": TEXT,
    "layer_index": WHOLE,
    "optimized": one_of(*OPTIMIZED),
    "relu_gradient": TEXT,
    "settings": TEXT,
}
COLUMNS = {
    **_GROUP,
    "proportion": SHARE,
    "n": COUNT,
    "stimuli": COUNT,
    "seeds": or_nothing(COUNT),
    "passed": COUNT,
    "total": COUNT,
    "sem": NUMBER,
    "sem_with_seeds": NUMBER,
    "chance": SHARE,
}


def of_judgements(
    judgements: Iterable[Judgement],
    chance: Mapping[tuple[Who, str], float],
    resamples: int = 10000,
    seed: int = 0,
) -> list[Point]:
    """A point for each judge, decision, generator, layer and way of searching, in the order they come.

    Args:
      judgements: those that do not count, too: they are in `total`.
      chance: of a right guess, by judge and decision.
      resamples, seed: of the bootstrap; every point draws for itself.
    """
    groups: dict[tuple, list[Judgement]] = {}
    for judgement in judgements:
        cells = judgement.cells()
        groups.setdefault(tuple(cells[column] for column in _GROUP), []).append(judgement)
    return [
        _point(group, chance[group[0].judge, group[0].decision], resamples, _seed_of(key, seed))
        for key, group in groups.items()
    ]


def _seed_of(key: tuple, seed: int) -> int:
    """A seed of a point's own, so that it does not depend on which others there are."""
    return zlib.crc32(repr((seed, key)).encode())


def _point(group: Sequence[Judgement], chance: float, resamples: int, seed: int) -> Point:
    first, counted = group[0], [judgement for judgement in group if judgement.counted]
    correct = correct_by_stimulus(counted)
    return Point(
        judge=first.judge,
        decision=first.decision,
        generator=first.generator,
        layer=first.layer,
        layer_index=first.layer_index,
        optimized=first.optimized,
        relu_gradient=first.relu_gradient,
        settings=first.settings,
        proportion=sum(bool(judgement.correct) for judgement in counted) / len(counted)
        if counted
        else math.nan,
        n=len(counted),
        stimuli=correct.shape[0],
        seeds=None if first.layer == NATURAL else correct.shape[1],
        passed=sum(judgement.included for judgement in group),
        total=len(group),
        sem=bootstrap.standard_error(correct, resamples, seed),
        sem_with_seeds=bootstrap.standard_error(correct, resamples, seed, over_seeds=True),
        chance=chance,
    )


def correct_by_stimulus(judgements: Sequence[Judgement]) -> np.ndarray:
    """Right (1) and wrong (0) answers that count, float64 [stimuli, seeds], NaN where there is none.

    Judgements of several points may be given, such as of networks trained from several seeds: each pair
    of a network's weights and a search's seed is a seed then.
    """
    cells = {(one.stimulus, (one.generator.weights, one.search_seed)): one.correct for one in judgements}
    rows = {stimulus: row for row, stimulus in enumerate(dict.fromkeys(stimulus for stimulus, _ in cells))}
    columns = {seed: column for column, seed in enumerate(dict.fromkeys(seed for _, seed in cells))}
    correct = np.full([len(rows), len(columns)], np.nan)
    for (stimulus, seed), right in cells.items():
        correct[rows[stimulus], columns[seed]] = right
    return correct


def write_points(path: str | Path, points: Iterable[Point]) -> None:
    """Writes a CSV file, a row for each point; StorageError where it cannot be written."""
    write_table(path, [list(COLUMNS), *(list(point.cells().values()) for point in points)])


def read_points(paths: Sequence[str | Path]) -> list[Point]:
    """All points of results of recognize_metamers, in order.

    Args:
      paths: each a `recognition.csv` or the folder that holds one.

    Raises:
      InputError: one is missing, of another kind or empty; the message names file and line. Or two
        tell the same point.
    """
    files: dict[tuple, Path] = {}
    points = []
    for path in map(Path, paths):
        file = path / FILE if path.is_dir() else path
        for point in _read_file(file):
            key = (point.judge, point.generator, point.decision, point.layer, point.optimized, point.settings)
            if key in files:
                raise InputError(
                    f"{file} and {files[key]}: both tell how {point.judge.name} judges "
                    f"{point.layer} of {point.generator.name}; name one of them"
                )
            files[key] = file
            points.append(point)
    if not points:
        raise InputError(f"no {FILE} was given; recognize_metamers writes it")
    return points


def _read_file(file: Path) -> list[Point]:
    rows = read_table(file, COLUMNS, f"{FILE} of recognize_metamers")
    if not rows:
        raise InputError(f"{file}: holds no points; expected {FILE} of recognize_metamers")
    points = []
    for _, row in rows:
        who = {role: Who.from_cells(role, row) for role in ("judge", "generator")}
        values = {name: value for name, value in row.items() if not name.endswith("_weights")}
        points.append(Point(**{**values, **who}))
    return points


def curve(points: Iterable[Point]) -> list[Point]:
    """One judge's points of one generator, natural first, then layers early to late.

    Raises:
      InputError: a layer is there twice, because its metamers were searched in two ways.
    """
    ordered = sorted(points, key=_place)
    for one, other in itertools.pairwise(ordered):
        if one.layer == other.layer:
            raise InputError(
                f"{one.layer} of {one.generator.name} was searched in several ways ({one.settings}; "
                f"{other.settings}); judge metamers of one of them"
            )
    return ordered


def layers(points: Iterable[Point]) -> list[str]:
    """Layers of several curves, natural first, then early to late."""
    ordered = list(dict.fromkeys(point.layer for point in sorted(points, key=_place)))
    return ordered if ordered and ordered[0] == NATURAL else [NATURAL, *ordered]


def _place(point: Point) -> tuple[int, str]:
    """Where a point lies on the axis of layers; equal depths by name."""
    return point.layer_index, point.layer


def _defined(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value
