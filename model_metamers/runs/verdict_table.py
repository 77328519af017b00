"""The table of a run for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from model_metamers import criteria
from model_metamers.criteria import null_rule
from model_metamers.errors import InputError
from model_metamers.runs.record import Record
from model_metamers.runs.run import Made


def verdict_rows(made: Sequence[Made]) -> list[list[str]]:
    """A table of a run for the terminal: a header and a row for every metamer.

    Where criteria ended searches, a last column tells at which iterations; where there were further
    starts, one tells which of them was kept.
    """
    records = [one.record for one in made if not isinstance(one.record, InputError)]
    rules = {record.floats.verdict.null_rule for record in records if record.floats.verdict}
    limit = "null max" if rules <= {null_rule.MAXIMUM} else f"null limit ({', '.join(sorted(rules))})"
    rows = [["layer", "stimulus", "rho", limit, "class", "target", "verdict", "as file"]]
    for layer, stimulus, record in made:
        if isinstance(record, InputError):
            rows.append([layer, stimulus, "", "", "", "", f"not made: {record}", ""])
            continue
        measurement, verdict = record.floats.measurement, record.floats.verdict
        rows.append(
            [
                layer,
                stimulus,
                f"{measurement.spearman[layer]:.4f}",
                f"{verdict.limit:.4f}" if verdict else "none",
                criteria.class_text(measurement.signal_class),
                criteria.class_text(measurement.target_class),
                _word(verdict),
                _word(record.file.verdict),
            ]
        )
    for heading, told in (("stopped at", _stopped_at), ("start kept", _start_kept)):
        column = ["" if isinstance(one.record, InputError) else told(one.record) for one in made]
        if any(column):
            rows = [[*row, last] for row, last in zip(rows, [heading, *column], strict=True)]
    return rows


def _stopped_at(record: Record) -> str:
    return str(record.stopped_at or "")


def _start_kept(record: Record) -> str:
    """Which start was kept, of how many; an empty text where there was one alone."""
    kept = [number for number, start in enumerate(record.starts, 1) if start.kept]
    return f"{kept[0]} of {len(record.starts)}" if len(record.starts) > 1 else ""


def _word(verdict: criteria.Verdict | None) -> str:
    if verdict is None:
        return "no null"
    return ": ".join([verdict.word, *["; ".join(verdict.reasons)] * (not verdict.passes)])
