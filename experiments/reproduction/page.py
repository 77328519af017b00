"""The page of a reproduction: each claim of the paper, and what was found here."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2

from model_metamers.networks import catalog
from model_metamers_experiments.figures import figure_2
from model_metamers_experiments.reproduction import answers, claims, steps
from model_metamers_experiments.reproduction.cast import COCHLEAGRAM, Part, Scale
from model_metamers_experiments.reproduction.claims import Finding
from model_metamers_experiments.reproduction.statements import STATEMENTS

PAGE, CLAIMS = "report.html", "claims.json"


def findings(scale: Scale, out: Path) -> dict[int, list[Finding]]:
    """What the results below `out` say, by number of the claim."""
    parts = {part.role: part for part in scale.parts}
    images, sounds, architectures = (
        [answers.read(out / steps.RECOGNITION / f"{name}{ending}") for ending in steps.CRITERIA.values()]
        for name in steps.JUDGEMENTS
    )
    names = {role: parts[role].network for role in ("both_tasks", "backgrounds") if role in parts}
    aliased = parts["word_aliased"].network if "word_aliased" in parts else ""
    untrained, tasks = claims.transfer(*sounds, names)
    depths = {
        number: [
            finding
            for decision in scale.decisions
            for finding in claims.falls_with_depth(*images, decision, related)
        ]
        for number, related in ((3, claims.other_architecture), (4, claims.other_seed))
    }
    return {
        1: claims.matching(_correlations(scale, out)),
        2: claims.relu_gradient(_relu_rows(scale, out)),
        **depths,
        5: untrained,
        6: tasks,
        7: claims.reduced_aliasing(*architectures, aliased),
        8: claims.cochleagram(*sounds),
    }


def _correlations(scale: Scale, out: Path) -> dict[str, answers.Correlations]:
    """Of the trained networks whose metamers were made."""
    found = {}
    for part in scale.parts:
        if part.layers != () and not (part.checkpoint or "").startswith("random:"):
            folder = out / steps.METAMERS / part.role / part.network
            one = answers.correlations(folder, catalog.build_network(part.network).stages)
            if one:
                found[part.role] = one
    return found


def _relu_rows(scale: Scale, out: Path) -> list[dict[str, Any]]:
    paths = [out / steps.RELU / role / figure_2.ROWS for role in scale.relu_layers]
    return [row for path in paths if path.exists() for row in figure_2.read_rows(path)]


def write(out: Path, scale: Scale, told: dict[int, list[Finding]], about: dict[str, Any]) -> Path:
    """Writes `report.html` and `claims.json`.

    Args:
      out: folder of the reproduction.
      scale: with the parts whose weights are there.
      told: see `findings`.
      about: what the page tells besides: "scale", "command", "sources", "missing", "failures", "costs".

    Returns:
      The page's path.
    """
    sections = [
        {
            "number": number,
            "statement": statement,
            "verdict": claims.together(told[number]),
            "findings": [_row(finding) for finding in told[number]],
            "figures": _figures(out, statement.figures),
        }
        for number, statement in STATEMENTS.items()
    ]
    content = {
        str(s["number"]): {
            "paper": s["statement"].paper, "verdict": s["verdict"], "findings": s["findings"],
        }
        for s in sections
    }  # fmt: skip
    _write(out / CLAIMS, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    template = jinja2.Environment(
        loader=jinja2.PackageLoader("model_metamers_experiments"), autoescape=True, trim_blocks=True,
        lstrip_blocks=True,
    ).get_template("reproduction.html")  # fmt: skip
    made = [_made(part, out) for part in scale.parts]
    further = [_picture(out, path) for path in sorted((out / steps.FIGURES).glob("figure_3*.png"))]
    _write(out / PAGE, template.render(sections=sections, parts=made, further=further, **about))
    return out / PAGE


def _write(path: Path, text: str) -> None:
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)


def _row(finding: Finding) -> dict[str, Any]:
    """A finding with numbers as texts; those that are not defined as a dash."""
    return {
        "text": finding.text,
        "value": _number(finding.value, finding.sem),
        "stimuli": finding.stimuli,
        "verdict": finding.verdict,
        "of_all": _number(*finding.of_all) if finding.of_all else "",
        "parts": ", ".join(f"{name} {_number(value)}" for name, value in finding.parts),
    }


def _number(value: float, sem: float | None = None) -> str:
    if not math.isfinite(value):
        return "–"
    return f"{value:.3f}" + (f" ± {sem:.3f}" if sem is not None and math.isfinite(sem) else "")


def _figures(out: Path, beginnings: Sequence[str]) -> list[dict[str, str]]:
    """Pictures whose names begin or end as the claim says, wherever they lie."""
    places = (steps.FIGURES, steps.VERDICTS, f"{steps.RELU}/*")
    found = [path for place in places for path in sorted(out.glob(f"{place}/*.png"))]
    return [_picture(out, path) for path in found if any(beginning in path.name for beginning in beginnings)]


def _picture(out: Path, path: Path) -> dict[str, str]:
    pdf = path.with_suffix(".pdf")
    return {
        "png": path.relative_to(out).as_posix(),
        "pdf": pdf.relative_to(out).as_posix() if pdf.exists() else "",
        "name": path.stem.replace("_", " "),
    }


def _made(part: Part, out: Path) -> dict[str, Any]:
    """A network, and the pages of its metamers."""
    roles = [part.role, f"{part.role}_{COCHLEAGRAM}"]
    pages = [f"{steps.METAMERS}/{role}/report.html" for role in roles]
    return {
        "role": part.role.replace("_", " "),
        "network": part.network,
        "checkpoint": part.checkpoint or "as shipped or fetched",
        "pages": [page for page in pages if (out / page).exists()],
    }


def rows(told: dict[int, list[Finding]]) -> list[list[str]]:
    """A table for the terminal."""
    table = []
    for number, found in told.items():
        table.append([str(number), claims.together(found).upper(), "", "", STATEMENTS[number].paper])
        for finding in found:
            value, _, sem = _number(finding.value, finding.sem).partition(" ± ")
            table.append(["", finding.verdict, value, sem, finding.text])
    return table
