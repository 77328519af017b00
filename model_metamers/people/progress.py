"""The page that tells the experimenter how far everybody is; it holds numbers, never codes."""

from __future__ import annotations

import datetime
import html
from collections import Counter
from collections.abc import Iterable, Sequence

from model_metamers.people.store import StoredSession
from model_metamers.people.taking_part import Desk, stamp

_COLUMNS = ("person", "list", "answered", "of", "began", "last heard of", "ended", "simulated")


def progress_page(desk: Desk, now: datetime.datetime) -> bytes:
    """HTML of a table of sessions, and of how many ended in which way."""
    sessions = desk.store.sessions()
    ended = Counter((one.ended, one.simulated) for one in sessions)
    totals = [(how, "yes" if simulated else "no", n) for (how, simulated), n in sorted(ended.items())]
    rows = [_row(desk, one) for one in sessions]
    title = html.escape(desk.loaded.study.title)
    text = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}: progress</title>'
        f"<h1>{title}: progress</h1><p>{stamp(now)}; {len(sessions)} sessions.</p>"
        f"{_table(('ended', 'simulated', 'sessions'), totals)}{_table(_COLUMNS, rows)}</html>"
    )
    return text.encode()


def _row(desk: Desk, one: StoredSession) -> Sequence[object]:
    of = len(desk.loaded.lists[one.list])
    simulated = "yes" if one.simulated else "no"
    answered = desk.store.answered(one.token)
    return (one.person, one.list, answered, of, one.started, one.seen, one.ended, simulated)


def _table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    head = "".join(f'<th scope="col">{html.escape(column)}</th>' for column in columns)
    body = "".join(
        f"<tr>{''.join(f'<td>{html.escape(str(cell))}</td>' for cell in row)}</tr>\n" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
