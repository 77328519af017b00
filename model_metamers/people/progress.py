"""The page that tells the experimenter how far everybody is; it holds numbers, never codes."""

from __future__ import annotations

import datetime
import html
from collections import Counter
from collections.abc import Iterable, Sequence

from model_metamers.people.stored import StoredSession
from model_metamers.people.taking_part import Desk, stamp

_COLUMNS = ("person", "list", "answered", "of", "began (UTC)", "last heard of (UTC)", "ended", "simulated")
STYLE = b"""body { font: 1rem/1.5 sans-serif; margin: 2rem; }
table { border-collapse: collapse; margin: 1.5rem 0; }
caption { font-weight: bold; text-align: left; }
th, td { border-bottom: 1px solid #bbb; padding: 0.2rem 0.8rem 0.2rem 0; text-align: left; }
"""


def progress_page(desk: Desk, now: datetime.datetime) -> bytes:
    """HTML of how many sessions ended in which way, and of each one; it loads itself anew every minute."""
    sessions = desk.store.sessions()
    ended = Counter((one.ended, one.simulated) for one in sessions)
    totals = [(how, _yes(simulated), count) for (how, simulated), count in sorted(ended.items())]
    title = f"Progress of \u201c{html.escape(desk.loaded.study.title)}\u201d"
    text = (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8"><meta http-equiv="refresh" content="60">'
        f'<meta name="viewport" content="width=device-width"><title>{title}</title>'
        f'<link rel="stylesheet" href="progress.css">\n'
        f"<h1>{title}</h1>\n<p>{len(sessions)} sessions, as of {_short(stamp(now))} UTC.</p>\n"
        f"{_table('Ends', ('ended', 'simulated', 'sessions'), totals)}"
        f"{_table('Sessions', _COLUMNS, [_row(desk, one) for one in sessions])}</html>\n"
    )
    return text.encode()


def _row(desk: Desk, one: StoredSession) -> Sequence[object]:
    answered, of = desk.store.answered(one.token), len(desk.loaded.lists[one.list])
    times = _short(one.started), _short(one.seen)
    return (one.person, one.list, answered, of, *times, one.ended, _yes(one.simulated))


def _short(time: str) -> str:
    """A stored time, to the second."""
    return time[:19].replace("T", " ")


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _table(caption: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    head = "".join(f'<th scope="col">{html.escape(column)}</th>' for column in columns)
    body = "".join(
        f"<tr>{''.join(f'<td>{html.escape(str(cell))}</td>' for cell in row)}</tr>\n" for row in rows
    )
    title = f"<caption>{html.escape(caption)}</caption>"
    return f"<table>{title}<thead><tr>{head}</tr></thead><tbody>\n{body}</tbody></table>\n"
