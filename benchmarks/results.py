"""What cases measured, as Markdown and JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from model_metamers.storage.writing import write_json, write_text


@dataclasses.dataclass(frozen=True)
class Table:
    """Rows of texts, and the numbers behind them.

    Attributes:
      title: in words.
      columns: their heads.
      rows: as many texts each.
      numbers: what JSON holds of the same, in full.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: Any


@dataclasses.dataclass(frozen=True)
class Result:
    """What a case found.

    Attributes:
      tables: for the page.
      notes: sentences below them: what was left out, how far the contenders' numbers are apart.
      pictures: f(path) by file name, each writing a PNG.
    """

    tables: tuple[Table, ...]
    notes: tuple[str, ...] = ()
    pictures: Mapping[str, bytes] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Done:
    """A case that was run.

    Attributes:
      name: of the case.
      result: None where it did not end well.
      failure: why it did not, in one line.
      seconds: that it took in all.
      peak_gib: the largest memory of its process, GiB.
      load: of the machine when it ended, in processes that want a core; NaN where it is not known.
    """

    name: str
    result: Result | None
    failure: str
    seconds: float
    peak_gib: float
    load: float


def write(folder: Path, machine: Mapping[str, str], command: str, done: Sequence[Done]) -> None:
    """Writes `benchmarks.md`, `benchmarks.json` and the pictures of all cases so far."""
    for case in done:
        for name, picture in (case.result.pictures if case.result else {}).items():
            (folder / name).write_bytes(picture)
    write_text(folder / "benchmarks.md", page(machine, command, done))
    write_json(folder / "benchmarks.json", _numbers(machine, command, done))


def page(machine: Mapping[str, str], command: str, done: Sequence[Done]) -> str:
    """The results as Markdown."""
    lines = ["# Benchmarks", "", f"`{command}`", "", *_table(("machine", ""), list(machine.items())), ""]
    for case in done:
        lines += [f"## {case.name}", "", *section(case)]
    return "\n".join(lines)


def section(case: Done) -> list[str]:
    """The lines of a case."""
    if case.result is None:
        return [f"Not measured: {case.failure}", ""]
    lines: list[str] = []
    for table in case.result.tables:
        lines += [f"{table.title}:", "", *_table(table.columns, table.rows), ""]
    lines += [f"![{name}]({name})\n" for name in case.result.pictures]
    lines += [f"- {note}" for note in case.result.notes]
    took = f"- Took {case.seconds:.0f} s, peak memory {case.peak_gib:.1f} GiB, load {case.load:.1f}."
    return [*lines, took, ""]


def _numbers(machine: Mapping[str, str], command: str, done: Sequence[Done]) -> dict[str, Any]:
    cases = {}
    for case in done:
        tables = case.result.tables if case.result else ()
        cases[case.name] = {
            "failure": case.failure,
            "seconds": case.seconds,
            "peak_gib": case.peak_gib,
            "load": case.load,
            "tables": {table.title: table.numbers for table in tables},
            "notes": list(case.result.notes) if case.result else [],
        }
    return {"machine": dict(machine), "command": command, "cases": cases}


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [columns, ["---"] * len(columns), *rows]
    return [f"| {' | '.join(line)} |" for line in lines]
