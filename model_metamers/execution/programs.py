"""Command lines of programs, made from Python values."""

from __future__ import annotations

import csv
import io
import os
import sys
from collections.abc import Mapping, Sequence

from model_metamers.errors import InputError


class Repeated(tuple):
    """Values of a flag that is repeated once for each of them."""


One = str | int | float | os.PathLike
Value = One | Sequence[One] | None


def command(program: str, arguments: Mapping[str, Value]) -> list[str]:
    """The command that runs a program with this Python.

    Args:
      program: a module that `python -m` runs.
      arguments: see `flags`.

    Raises:
      InputError: see `flags`.
    """
    return [sys.executable, "-m", program, *flags(arguments)]


def flags(arguments: Mapping[str, Value]) -> list[str]:
    """Arguments as absl's flags, in order.

    Args:
      arguments: values by name of the flag. A text, path or number becomes `--name=value`, True
        `--name` and False `--noname`. A list or tuple becomes one flag of comma-separated values,
        which are quoted where they hold a comma; a `Repeated` becomes one flag for each value.
        None is left out.

    Raises:
      InputError: a value in a list begins or ends with white space, which absl would strip.
      TypeError: a value is of another type.

    Example:
      >>> flags({"iterations": 30, "layers": ["conv1", "fc7"], "resume": False})
      ['--iterations=30', '--layers=conv1,fc7', '--noresume']
    """
    return [flag for name, value in arguments.items() for flag in _flags(name, value)]


def _flags(name: str, value: Value) -> list[str]:
    if value is None:
        return []
    if isinstance(value, bool):
        return [f"--{name}" if value else f"--no{name}"]
    if isinstance(value, Repeated):
        return [f"--{name}={_text(name, one)}" for one in value]
    if isinstance(value, (str, int, float, os.PathLike)):
        return [f"--{name}={_text(name, value)}"]
    if isinstance(value, (list, tuple)):
        return [f"--{name}={_comma_separated(name, value)}"]
    raise TypeError(f"--{name}: {value!r} is no text, number, path or list of them")


def _comma_separated(name: str, values: Sequence[One]) -> str:
    texts = [_text(name, value) for value in values]
    stripped = [text for text in texts if text != text.strip()]
    if stripped:
        raise InputError(
            f"--{name}: {stripped[0]!r} begins or ends with white space, which a list of values cannot "
            f"hold; rename it"
        )
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(texts)  # a name with one of the two is quoted
    return line.getvalue().removesuffix("\r\n")


def _text(name: str, value: One) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int, float, os.PathLike)):
        raise TypeError(f"--{name}: {value!r} is no text, number or path")
    return os.fspath(value) if isinstance(value, os.PathLike) else str(value)
