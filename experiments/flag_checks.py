"""What the flags of every binary are held to, before anything is loaded for work."""

import math
from collections.abc import Iterable
from typing import Any

from absl import flags

import model_metamers as mm
from model_metamers.criteria import null_rule
from model_metamers.runs.folder import check_printable

_SEEDS = (0, 2**32 - 1)  # as NumPy's RandomState takes
_COUNTS = (0, 10**9)
_POSITIVE = 1e-12  # the least of what must be more than nothing
_AMOUNTS = (0.0, 1e6)
# A flag's own bounds hold beside these.
_RANGES: dict[str, tuple[float, float]] = {
    "seed": _SEEDS,
    "iterations": (1, 10**7),
    "save_every": (1, 10**9),
    "starts": (1, 1000),
    "learning_rate": (_POSITIVE, 1e6),
    "learning_rate_decay": (_POSITIVE, 1.0),
    "batch_size": (1, 10**6),
    "pairs": (1, 10**9),
    "block_size": (2, 10**5),
    "memory_gb": (0.01, 1e6),
    "record_rate": (1, 10**7),
    "sample_rate": (1, 10**7),
    "seconds": (_POSITIVE, 86_400.0),
    "shards": (1, 10_000),
    "bootstrap": (2, 10**7),
    "epochs": (1, 10**6),
    "jobs": (1, 10_000),
    "snr_low_db": (-200.0, 200.0),
    "snr_high_db": (-200.0, 200.0),
    "max_stretch": (0.0, 4.0),
    "evaluations_per_epoch": (0.001, 1e6),
    "saves_per_epoch": (0.001, 1e6),
}


class NumberOrAuto(flags.ArgumentParser):
    """A whole number from 1, or "auto", which leaves the choice to the program."""

    syntactic_help = "a whole number from 1, or auto"

    def parse(self, argument: int | str) -> int | str:
        if argument == "auto":
            return argument
        try:
            return flags.IntegerParser(lower_bound=1).parse(argument)
        except (TypeError, ValueError) as error:
            raise ValueError(f"expected {self.syntactic_help}") from error


class NullRule(flags.ArgumentParser):
    """A rule of what a metamer's rho must exceed, as `null_rule.check_rule` knows it."""

    syntactic_help = "maximum, between_classes, or class_share:SHARE"
    MEANING = (
        "maximum: all pairs of unrelated signals, as in the paper. between_classes: all pairs of two "
        "classes. class_share:SHARE: the median maximum of pairs of which SHARE are of one class, such as "
        "0.0013, that of the paper's 794 words. The last two deviate from the paper, and need signals of "
        "known classes."
    )

    def parse(self, argument: str) -> str:
        try:
            return null_rule.check_rule(argument)
        except mm.InputError as error:
            raise ValueError(str(error)) from error


def check(given: Iterable[flags.Flag]) -> None:
    """Refuses what no flag can mean.

    Args:
      given: flags, parsed.

    Raises:
      InputError: a number that is none, or out of its range, an empty text, an empty list or entry,
        an entry that stands twice; a text that `flags.txt` could not repeat, since it holds a line
        break or another control character, or white space at an end.
    """
    for flag in given:
        if flag.value is None or flag.using_default_value:
            continue
        if isinstance(flag.value, list):
            _check_list(flag, flag.value)
        else:
            _check_value(flag.name, flag.value, may_be_empty=flag.default == "")


def _check_list(flag: flags.Flag, values: list[Any]) -> None:
    default = flag.default or []
    if not values and flag.default != []:
        raise mm.InputError(f"--{flag.name}= is empty; name at least one, or leave the flag out")
    for place, value in enumerate(values):
        _check_value(flag.name, value, may_be_empty="" in default)
        # Those given one by one stand beside others of their place, and may be alike.
        if value in values[:place] and not isinstance(flag, flags.MultiFlag):
            raise mm.InputError(f"--{flag.name}: {value} stands twice; name it once")


def _check_value(name: str, value: Any, may_be_empty: bool) -> None:
    if isinstance(value, str):
        if not value.strip() and not (may_be_empty and not value):
            raise mm.InputError(f"--{name}: an empty value; give one, or leave the flag out")
        check_printable(value, f"--{name}")
        if value != value.strip():
            raise mm.InputError(f"--{name}={value!r}: white space at an end, which flags.txt cannot repeat")
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        low, high = _RANGES.get(name, _COUNTS if isinstance(value, int) else _AMOUNTS)
        if math.isnan(value) or not low <= value <= high:
            raise mm.InputError(f"--{name}={value}: expected a number from {low:,} to {high:,}")
