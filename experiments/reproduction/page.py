"""The page of a reproduction: each claim of the paper, and the results for it."""

from __future__ import annotations

import csv
import dataclasses
import math
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import jinja2

from model_metamers.criteria.null_file import read_null
from model_metamers.recognition.judgement import Judgement
from model_metamers.runs.folder import RunFolder
from model_metamers.storage.writing import write_json, write_text
from model_metamers.weights import manifest
from model_metamers_experiments.figures import figure_2
from model_metamers_experiments.reproduction import (
    answers,
    cast,
    claims,
    depth_claims,
    judging,
    rho_claims,
    steps,
    work,
)
from model_metamers_experiments.reproduction.cast import Part, Scale
from model_metamers_experiments.reproduction.contrasts import Finding, judge, together
from model_metamers_experiments.reproduction.statements import STATEMENTS

PAGE, CLAIMS = "report.html", "claims.json"
COLUMNS = ("claim", "verdict", "value", "interval", "p_holds", "compared")  # of the terminal's table


def findings(scale: Scale, out: Path, current: Collection[str]) -> dict[int, list[Finding]]:
    """The findings of every claim, by the claim's number.

    Args:
      scale: the scale, with the networks that have weights.
      out: folder of the reproduction.
      current: names of the steps that are planned and ended well; only their results are read.
    """
    parts = {part.role: part for part in scale.parts}

    def judged(name: str) -> list[Judgement]:
        return answers.read(out / name) if name in current else []

    images, by_word, by_other_seed, architectures = (
        [judged(f"{work.RECOGNITION}/{name}{ending}") for ending in judging.CRITERIA.values()]
        for name in judging.JUDGEMENTS
    )
    sounds = [one + other for one, other in zip(by_word, by_other_seed, strict=True)]
    by_guessing = _chances(out, current)
    of_words = by_guessing.get("sounds", {}).get("fine", 0.0)
    names = {role: parts[role].network for role in ("both_tasks", "backgrounds") if role in parts}
    aliased = parts["word_aliased"].network if "word_aliased" in parts else ""
    untrained, tasks = claims.transfer(*sounds, names, of_words)
    other_architecture, other_seed = depth_claims.other_architecture, depth_claims.other_seed
    compared = {
        1: rho_claims.matching(_correlations(scale, out, current)),
        2: rho_claims.relu_gradient(_relu_rows(scale, out, current)),
        3: depth_claims.falls_with_depth(*images, scale.decisions, other_architecture),
        4: depth_claims.falls_with_depth(*images, scale.decisions, other_seed),
        5: untrained,
        6: tasks,
        7: claims.reduced_aliasing(*architectures, aliased),
        8: claims.cochleagram(*sounds),
        9: claims.until_the_top(*sounds, of_words),
        10: claims.sooner_unrecognisable(*sounds, names),
        11: depth_claims.hardly_recognised(*images, by_guessing.get("images", {}), other_architecture),
    }
    return {number: judge(comparisons) for number, comparisons in compared.items()}


def _chances(out: Path, current: Collection[str]) -> dict[str, dict[str, float]]:
    """By name of the judgements, the share of right answers by guessing, by decision."""
    return {
        name: answers.chances(out / work.RECOGNITION / name)
        for name in judging.JUDGEMENTS
        if f"{work.RECOGNITION}/{name}" in current
    }


def _correlations(scale: Scale, out: Path, current: Collection[str]) -> dict[str, answers.Correlations]:
    """Rho by role, of the trained networks whose metamers were made."""
    by_role = {}
    for part in scale.parts:
        if part.layers != () and part.trained and f"{work.METAMERS}/{part.role}" in current:
            folder = RunFolder(out / work.METAMERS / part.role, part.network)
            one = answers.correlations(folder, cast.built(part).stages)
            if one:
                by_role[part.role] = one
    return by_role


def _relu_rows(scale: Scale, out: Path, current: Collection[str]) -> list[dict[str, Any]]:
    """The rows of Figure 2, with the rho of the files that people are shown."""
    folders = [out / work.RELU / role for role in scale.relu_layers if f"{work.RELU}/{role}" in current]
    return [
        {**row, "rho": answers.relu_rho(folder, row)}
        for folder in folders
        if (folder / figure_2.ROWS).exists()
        for row in figure_2.read_rows(folder / figure_2.ROWS)
    ]


def write(
    out: Path, scale: Scale, told: dict[int, list[Finding]], current: Collection[str], about: dict[str, Any]
) -> Path:
    """Writes `report.html` and `claims.json`.

    Args:
      out: folder of the reproduction.
      scale: the scale, with the networks that have weights.
      told: what `findings` returned.
      current: names of the steps whose results are shown; see `findings`.
      about: what else is on the page: "scale", "command", "sources", "missing", "failures", "costs".

    Returns:
      The page's path.
    """
    sections = [
        {
            "number": number,
            "statement": statement,
            "verdict": together(told[number], statement.every),
            "findings": [_row(finding) for finding in told[number]],
            "figures": _figures(out, statement.figures, current),
        }
        for number, statement in STATEMENTS.items()
    ]
    content = {
        str(number): {
            "paper": statement.paper,
            "rule": statement.rule,
            "verdict": together(told[number], statement.every),
            "findings": [dataclasses.asdict(f) | {"parts": dict(f.parts)} for f in told[number]],
        }
        for number, statement in STATEMENTS.items()
    }
    write_json(out / CLAIMS, content)
    template = jinja2.Environment(
        loader=jinja2.PackageLoader("model_metamers_experiments"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    ).get_template("reproduction.html")
    made = [_made(part, out, current) for part in scale.parts]
    further = _figures(out, ("figure_3",), current)
    write_text(out / PAGE, template.render(sections=sections, parts=made, further=further, **about))
    return out / PAGE


def _row(finding: Finding) -> dict[str, Any]:
    """A finding with its numbers as text; a dash stands for a number that is not defined."""
    decimals = _decimals(finding)
    return {
        "text": finding.text,
        "value": _number(finding.value, decimals),
        "interval": _interval(finding, decimals),
        "stimuli": finding.stimuli,
        "verdict": finding.verdict,
        "sentence": finding.sentence,
        "p_holds": _probability(finding.p_holds),
        "p_fails": _probability(finding.p_fails),
        "detectable": _number(finding.detectable, decimals),
        "of_all": _number(finding.of_all[0], decimals) if finding.of_all else "",
        "stimuli_of_all": finding.stimuli_of_all,
        "verdict_of_all": finding.verdict_of_all,
        "parts": ", ".join(f"{name} {_number(value, 3)}" for name, value in finding.parts),
    }


def _decimals(finding: Finding) -> int:
    """Rho near one differs by little."""
    return 5 if 0 < finding.sem < 0.001 else 3


def _number(value: float, decimals: int) -> str:
    return f"{value:.{decimals}f}" if math.isfinite(value) else "–"


def _interval(finding: Finding, decimals: int) -> str:
    if not math.isfinite(finding.value):
        return "–"
    low, high = finding.low, finding.high
    return f"{_number(low, decimals)} to {_number(high, decimals)}" if math.isfinite(low) else "none"


def _probability(p: float) -> str:
    return "–" if math.isnan(p) else "< 0.001" if p < 0.001 else f"{p:.3f}"


def _figures(out: Path, words: Sequence[str], current: Collection[str]) -> list[dict[str, str]]:
    """The pictures with one of these words in their names, of steps that are current."""
    drawn = [out / name for name in current if name.startswith(f"{work.FIGURES}/") and name.endswith(".png")]
    folders = [out / name for name in current if name.startswith((f"{work.VERDICTS}/", f"{work.RELU}/"))]
    pictures = sorted(drawn) + [path for folder in sorted(folders) for path in sorted(folder.glob("*.png"))]
    return [_picture(out, path) for path in pictures if any(word in path.name for word in words)]


def _picture(out: Path, path: Path) -> dict[str, str]:
    pdf = path.with_suffix(".pdf")
    return {
        "png": path.relative_to(out).as_posix(),
        "pdf": pdf.relative_to(out).as_posix() if pdf.exists() else "",
        "name": f"{path.parent.name}, {path.stem}".replace("_", " "),
    }


def _made(part: Part, out: Path, current: Collection[str]) -> dict[str, Any]:
    """A network's line: its scores, the pages of its metamers, and how many met the conditions."""
    roles = [role for role in work.runs_of(part) if f"{work.METAMERS}/{role}" in current]
    tables = {
        role: out / work.VERDICTS / role / "table.csv"
        for role in roles
        if f"{work.VERDICTS}/{role}" in current
    }
    return {
        "role": part.role.replace("_", " "),
        "network": part.network,
        "checkpoint": part.checkpoint or (part.builder or "as shipped or fetched"),
        "metrics": "" if part.checkpoint or part.builder else _metrics(part.network),
        "pages": [f"{work.METAMERS}/{role}/report.html" for role in roles],
        "left_out": steps.left_out(part),
        "null": _null_told(part, roles, out),
        "passed": {role.replace("_", " "): _passed(path) for role, path in tables.items()},
    }


def _null_told(part: Part, roles: Sequence[str], out: Path) -> str:
    """Of how many pairs a network's null distribution is, of what signals, and what was left out."""
    path = RunFolder(out / work.METAMERS / roles[0], work.runs_of(part)[roles[0]]).null if roles else None
    if path is None or not path.exists():
        return ""
    null = read_null(path)[0]
    pairs = max((rho.pairs for rho in null.layers.values()), default=0)
    of_training = (out / work.NULLS / part.role).exists()
    told = f"{pairs:,} pairs of {'training signals' if of_training else 'the matched and further signals'}"
    copies = len(null.copies)
    return told + (f", without {copies} {'pair' if copies == 1 else 'pairs'} of copies" if copies else "")


def _metrics(network: str) -> str:
    """Held-out scores of a network that ships."""
    entries = [entry for entry in manifest.read_manifest().values() if entry.get("network") == network]
    scores = entries[0]["metrics"] if entries else {}
    return ", ".join(f"{name.replace('_', ' ')} {value:.3f}" for name, value in scores.items())


def _passed(path: Path) -> list[dict[str, str]]:
    """For each layer, how many metamers were made, and how many of their files met the conditions."""
    with path.open(newline="", encoding="utf-8") as file:
        return [
            {
                "layer": r["layer"],
                "made": r["made"],
                "passed": r["included_as_file"],
                "rho": _number(float(r["rho_mean"]), 3),
                "null": _number(float(r.get("null_limit") or r["null_max"]), 3),
            }
            for r in csv.DictReader(file)
        ]


def rows(told: dict[int, list[Finding]]) -> list[list[str]]:
    """A table for the terminal."""
    table = []
    for number, of_claim in told.items():
        statement = STATEMENTS[number]
        verdict = together(of_claim, statement.every).upper()
        table.append([str(number), verdict, "", "", "", statement.paper])
        for finding in of_claim:
            row = _row(finding)
            table.append(["", finding.verdict, *(row[name] for name in COLUMNS[2:-1]), finding.text])
    return table
