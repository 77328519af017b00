"""Arguments as Python's own kinds, which JSON can hold, or refused in one line."""

from __future__ import annotations

import math
import numbers
from typing import Any

import numpy as np

from model_metamers.errors import InputError


def whole_number(field: str, value: Any) -> int:
    """Integers of any kind, and 1e4, as a Python int."""
    as_float = number(field, value)
    if not as_float.is_integer():
        raise InputError(f"{field}={value!r}: expected a whole number, such as 1000")
    return int(value)


def number(field: str, value: Any) -> float:
    """Numbers of Python and NumPy as a Python float; True, False and NaN are none."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Real):
        raise InputError(f"{field}={value!r}: expected a number, got {type(value).__name__}")
    try:
        as_float = float(value)
    except OverflowError:
        raise InputError(f"{field}: the number is too large") from None
    if math.isnan(as_float):
        raise InputError(f"{field}={value!r}: expected a number")
    return as_float


def check_range(field: str, value: float, low: float, high: float) -> None:
    """Refuses a number below `low` or above `high`."""
    if not low <= value <= high:
        raise InputError(f"{field}={value}: expected {low:,} to {high:,}")


def seed_number(field: str, value: Any) -> int:
    """A seed as NumPy's RandomState takes: 0 to 2^32 - 1."""
    seed = whole_number(field, value)
    if not 0 <= seed < 2**32:
        raise InputError(f"{field}={seed}: expected 0 to 2^32 - 1")
    return seed


def one_of(field: str, value: Any, choices: tuple[str, ...]) -> str:
    """One of the words there are, as a Python string."""
    if not isinstance(value, str) or value not in choices:
        raise InputError(f"{field}={value!r}: expected {' or '.join(map(repr, choices))}")
    return str(value)
