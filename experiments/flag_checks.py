"""What the flags of every binary are held to, before anything is loaded for work."""

import math
from collections.abc import Iterable
from typing import Any

from absl import flags

import model_metamers as mm
from model_metamers.runs.folder import check_printable

_LARGEST = 2**53  # beyond it a float does not hold every whole number
_LARGEST_SEED = 2**32 - 1  # as NumPy's RandomState takes


def check(given: Iterable[flags.Flag]) -> None:
    """Refuses what no flag can mean.

    Args:
      given: flags, parsed.

    Raises:
      InputError: a number that is none, or beyond what any can be, an empty text, an empty list or
        entry, an entry that stands twice; a text that `flags.txt` could not repeat, since it holds a
        line break or another control character, or white space at an end.
    """
    for flag in given:
        if flag.value is None or flag.using_default_value:
            continue
        if isinstance(flag.value, list):
            _check_list(flag, flag.value)
        else:
            _check_value(flag.name, flag.value, flag.default)


def _check_list(flag: flags.Flag, values: list[Any]) -> None:
    if not values and flag.default != []:
        raise mm.InputError(f"--{flag.name}= is empty; name at least one, or leave the flag out")
    for place, value in enumerate(values):
        _check_value(flag.name, value, None)
        # Those given one by one stand beside others of their place, and may be alike.
        if value in values[:place] and not isinstance(flag, flags.MultiFlag):
            raise mm.InputError(f"--{flag.name}: {value} stands twice; name it once")


def _check_value(name: str, value: Any, default: Any) -> None:
    if isinstance(value, str):
        if not value.strip() and default != "":
            raise mm.InputError(f"--{name}: an empty value; give one, or leave the flag out")
        check_printable(value, f"--{name}")
        if value != value.strip():
            raise mm.InputError(f"--{name}={value!r}: white space at an end, which flags.txt cannot repeat")
    elif isinstance(value, float) and not math.isfinite(value):
        raise mm.InputError(f"--{name}={value}: expected a number")
    elif isinstance(value, int) and not isinstance(value, bool):
        low, high = (0, _LARGEST_SEED) if name == "seed" else (0, _LARGEST)
        if not low <= value <= high:
            raise mm.InputError(f"--{name}={value}: expected {low:,} to {high:,}")
