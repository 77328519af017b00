"""CSV files whose columns have types: the values that were written, or one line that says what is wrong."""

from __future__ import annotations

import csv
import dataclasses
import io
import math
import os
from collections.abc import Callable, Mapping
from typing import Any

from model_metamers.errors import InputError
from model_metamers.storage.opening import open_file

_MOST_BYTES = 512 << 20  # of a file
Rows = list[tuple[int, list[str]]]  # the number of a row's first line in the file, and its cells


@dataclasses.dataclass(frozen=True)
class Column:
    """What the cells of a column hold.

    Attributes:
      expected: that, in words for the message.
      parse: from a cell to its value; raises ValueError for another one.
    """

    expected: str
    parse: Callable[[str], Any]


def one_of(*values: str) -> Column:
    """A column of one of several words."""

    def parse(cell: str) -> str:
        if cell not in values:
            raise ValueError(cell)
        return cell

    return Column(f"one of {', '.join(values)}", parse)


def or_nothing(column: Column) -> Column:
    """A column that may be empty, which is None."""
    return Column(f"{column.expected}, or nothing", lambda cell: column.parse(cell) if cell else None)


def _yes_or_no(cell: str) -> bool:
    if cell not in ("True", "False"):
        raise ValueError(cell)
    return cell == "True"


def _count(cell: str) -> int:
    if int(cell) < 0:
        raise ValueError(cell)
    return int(cell)


def _number(cell: str) -> float:
    value = float(cell) if cell else math.nan
    if cell and not math.isfinite(value):
        raise ValueError(cell)
    return value


def _share(cell: str) -> float:
    value = _number(cell)
    if not math.isnan(value) and not 0 <= value <= 1:
        raise ValueError(cell)
    return value


TEXT = Column("text", str)
YES_OR_NO = Column("True or False", _yes_or_no)
WHOLE = Column("a whole number", int)
COUNT = Column("a whole number of at least 0", _count)
NUMBER = Column("a number, or nothing", _number)  # nothing is NaN
SHARE = Column("a number from 0 to 1, or nothing", _share)


def read_table(
    path: str | os.PathLike, columns: Mapping[str, Column], what: str
) -> list[tuple[int, dict[str, Any]]]:
    """The rows of a CSV file with a header.

    Args:
      path: of the file, in UTF-8.
      columns: to be read, by name; others are passed over.
      what: the file should be, for the message.

    Returns:
      Of each row, the number of its line in the file, counted from 1, and its values by name.

    Raises:
      InputError: no readable CSV, a column missing or there twice, a row of another length than
        the header, or a cell with another type of value. The message names file and line.
    """
    rows = _read_cells(path, what)
    if not rows:
        raise InputError(f"{path}: is empty; expected {what}")
    (first, header), *rest = rows
    places = {name: place for place, name in enumerate(header)}
    for name in columns:
        if header.count(name) != 1:
            times = "no" if name not in places else "more than one"
            raise InputError(f"{path}, line {first}: has {times} column {name!r}; expected {what}")
    table = []
    for line, cells in rest:
        if len(cells) != len(header):
            raise InputError(
                f"{path}, line {line}: has {len(cells)} values, its header {len(header)}; expected {what}"
            )
        table.append((line, {n: _parsed(path, line, n, c, cells[places[n]]) for n, c in columns.items()}))
    return table


def _read_cells(path: str | os.PathLike, what: str) -> Rows:
    rows: Rows = []
    line = 1
    try:
        with (
            open_file(path, _MOST_BYTES) as content,
            io.TextIOWrapper(content, newline="", encoding="utf-8-sig") as file,
        ):
            reader = csv.reader(file, strict=True)
            for cells in reader:
                if cells:
                    rows.append((line, cells))
                line = reader.line_num + 1
    except csv.Error as error:
        raise InputError(f"{path}, line {line}: no readable {what} ({error})") from error
    except OSError as error:
        raise InputError(f"{path}: no readable {what} ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: no readable {what} ({error})") from error
    return rows


def _parsed(path: str | os.PathLike, line: int, name: str, column: Column, cell: str) -> Any:
    try:
        return column.parse(cell)
    except ValueError as error:
        shown = cell if len(cell) <= 40 else cell[:40] + "..."
        raise InputError(f"{path}, line {line}: {name} is {shown!r}, expected {column.expected}") from error
