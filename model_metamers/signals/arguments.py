"""Arguments as Python's own kinds, which JSON can hold, or refused in one line."""

from __future__ import annotations

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
    """Numbers of Python and NumPy as a Python float; True and False are none."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Real):
        raise InputError(f"{field}={value!r}: expected a number, got {type(value).__name__}")
    try:
        return float(value)
    except OverflowError:
        raise InputError(f"{field}: the number is too large") from None


def one_of(field: str, value: Any, choices: tuple[str, ...]) -> str:
    """One of the words there are, as a Python string."""
    if not isinstance(value, str) or value not in choices:
        raise InputError(f"{field}={value!r}: expected {' or '.join(map(repr, choices))}")
    return str(value)
