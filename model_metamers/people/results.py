"""The files of an analysis: tables, the curves' points, everything as JSON, and a page.

| file | holds |
|---|---|
| `results.json` | all but the tables of single answers, with the digests of study and plan |
| `results.html` | the page |
| `conditions.csv` | `statistics.summary.Condition` |
| `participants.csv` | each person's proportion correct by condition |
| `tests.csv` | the effects of the planned tests |
| `exclusions.csv` | what each rule left out |
| `items.csv`, `confusions.csv` | by file; by condition, truth and answer |
| `counted_trials.csv` | the answers that count, for other programs |
| `per_trial_1.csv`, ... | those of each planned test, with the network's, as the page's models take them |
| `judgements.csv`, `recognition.csv` | as of recognize_metamers: people's and the networks' own |
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from model_metamers.people.analysis import Analysis
from model_metamers.people.plan import layer_of, network_of
from model_metamers.people.statistics import agreement
from model_metamers.people.statistics.planned import MEANT
from model_metamers.recognition import judgement, points
from model_metamers.recognition.judgement import NATURAL
from model_metamers.storage.writing import plain_values, write_json, write_table, write_text

PAGE = "results.html"
_TEMPLATE = "human_results.html"


def write(out: Path, analysis: Analysis) -> None:
    """Writes all files to a folder that is there; StorageError where one cannot be written."""
    _write_rows(out / "conditions.csv", map(dataclasses.asdict, analysis.conditions))
    _write_rows(out / "participants.csv", participant_rows(analysis))
    _write_rows(out / "tests.csv", test_rows(analysis))
    _write_rows(out / "exclusions.csv", map(dataclasses.asdict, analysis.excluded))
    _write_rows(out / "items.csv", agreement.item_rows(analysis.answers))
    _write_rows(out / "confusions.csv", agreement.confusion_rows(analysis.answers))
    _write_rows(out / "counted_trials.csv", trial_rows(analysis))
    for one in analysis.per_trial:
        _write_rows(out / one.file, one.table)
    judgement.write_judgements(out / judgement.FILE, analysis.judgements)
    points.write_points(out / points.FILE, analysis.points)
    write_json(out / "results.json", as_mapping(analysis))
    write_text(out / PAGE, page(analysis))


def as_mapping(analysis: Analysis) -> dict[str, Any]:
    """What `results.json` holds, as plain values."""
    recorded = analysis.recorded
    return {
        "study": recorded.study.title,
        "study_sha256": recorded.digest,
        "plan_sha256": recorded.plan_sha256,
        "simulated": analysis.simulated,
        "exploratory": list(analysis.exploratory),
        "people": list(analysis.people),
        "trials": len(analysis.answers),
        "chance": analysis.chance,
        "alpha": analysis.plan.alpha,
        "settings": dataclasses.asdict(analysis.settings),
        "exclusions": dataclasses.asdict(analysis.plan.exclusions),
        "excluded": [dataclasses.asdict(one) for one in analysis.excluded],
        "conditions": [dataclasses.asdict(one) for one in analysis.conditions],
        "tests": [dataclasses.asdict(one) for one in analysis.tests],
        "per_trial": [_without_table(dataclasses.asdict(one)) for one in analysis.per_trial],
        "reliability": [dataclasses.asdict(one) for one in analysis.reliability],
        "power": [dataclasses.asdict(one) for one in analysis.plan.powers],
    }


def page(analysis: Analysis) -> str:
    """The page, as HTML."""
    template = jinja2.Environment(
        loader=jinja2.PackageLoader("model_metamers"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    ).get_template(_TEMPLATE)
    return template.render(
        found=plain_values(as_mapping(analysis)),
        task=analysis.recorded.study.task,
        protocol=analysis.recorded.study.protocol,
        meant=MEANT,
        planned=analysis.plan,
        powers={one.contrast: one for one in analysis.plan.powers},
    )


def participant_rows(analysis: Analysis) -> list[dict[str, Any]]:
    """A row for each person and condition that the person answered to."""
    return [
        {"person": person, "condition": condition, "proportion": float(value)}
        for condition, values in analysis.columns.items()
        for person, value in zip(analysis.people, values, strict=True)
        if not np.isnan(value)
    ]


def test_rows(analysis: Analysis) -> list[dict[str, Any]]:
    """A row for each effect of a planned test; `meant` tells the one that it was planned for."""
    rows = []
    for tested in analysis.tests:
        for effect in tested.effects:
            values = dataclasses.asdict(effect)
            meant = effect.name == MEANT[tested.contrast.test]
            decision = {
                "p_holm": tested.p_holm if meant else None,
                "significant": tested.significant and meant,
            }
            name = {
                "contrast": tested.contrast.name,
                "test": tested.contrast.test,
                "effect": values.pop("name"),
            }
            rows.append({**name, "meant": meant, **values, **decision})
    return rows


def trial_rows(analysis: Analysis) -> list[dict[str, Any]]:
    """A row for each answer that counts, with network and layer by themselves."""
    rows = []
    for one in analysis.answers:
        network = "" if one.condition == NATURAL else network_of(one.condition)
        about = {"person": one.person, "condition": one.condition}
        about |= {"network": network, "layer": layer_of(one.condition)}
        what = {"stimulus": one.stimulus, "truth": one.truth, "answer": one.answer}
        rows.append({**about, **what, "correct": int(one.correct), "rt_ms": one.rt_ms})
    return rows


def terminal_rows(analysis: Analysis) -> list[list[str]]:
    """A table for the terminal: a header and a row for each condition."""
    rows = [["condition", "people", "trials", "correct", "SEM", "95 %", "p chance", "network"]]
    for one in analysis.conditions:
        between = f"{one.low:.3f} to {one.high:.3f}"
        numbers = [f"{one.proportion:.3f}", f"{one.sem:.3f}", between, f"{one.p_chance_holm:.2g}"]
        network = "" if np.isnan(one.network) else f"{one.network:.3f}"
        rows.append([one.name, str(one.people), str(one.trials), *numbers, network])
    return rows


def _without_table(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name != "table"}


def _write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """As CSV; what is not defined stays empty. Without rows, an empty table."""
    every: Sequence[dict[str, Any]] = [plain_values(dict(row)) for row in rows]
    columns = list(every[0]) if every else []
    write_table(path, [columns, *(list(row.values()) for row in every)])
