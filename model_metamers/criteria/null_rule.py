"""What a metamer's rho must exceed: the paper's rule, and others beside it that are declared deviations."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import numpy as np

from model_metamers.errors import InputError

if TYPE_CHECKING:
    from model_metamers.criteria.null import LayerNull

MAXIMUM, BETWEEN_CLASSES, CLASS_SHARE = "maximum", "between_classes", "class_share"
_EXPECTED = f"expected {MAXIMUM}, {BETWEEN_CLASSES}, or {CLASS_SHARE}:SHARE with a share between 0 and 1"


def check_rule(rule: str) -> str:
    """The rule, if it is one.

    Args:
      rule: "maximum": above all pairs, as the paper; "between_classes": above all pairs of different
        classes; "class_share:S": above the median maximum of pairs of which the share S is of one
        class (0.0013 = 1 / 794 in the paper's word task).

    Raises:
      InputError: it is none of these.
    """
    if rule not in (MAXIMUM, BETWEEN_CLASSES) and _share(rule) is None:
        raise InputError(f"null_rule={rule!r:.80}: {_EXPECTED}")
    return rule


def _share(rule: str) -> float | None:
    match = re.fullmatch(rf"{CLASS_SHARE}:([0-9.]+(?:e-?[0-9]+)?)", rule)
    try:
        share = float(match[1]) if match else math.nan
    except ValueError:
        return None
    return share if 0 < share < 1 else None


def needs_classes(rule: str) -> bool:
    """Whether a rule asks which pairs are of one class."""
    return rule != MAXIMUM


def limit(null: LayerNull, rule: str, layer: str) -> float:
    """What rho must exceed at a layer; NaN where no pair has a rho.

    Args:
      null: rho of unrelated pairs there.
      rule: see `check_rule`.
      layer: for the message.

    Raises:
      InputError: the rule asks for classes that were not known, or for fewer pairs than are kept.
    """
    if not needs_classes(rule):
        return null.maximum
    if not null.different_class_pairs:
        raise InputError(
            f"null_rule={rule}: the null distribution at {layer} tells no pairs of different classes; "
            f"measure it on labelled signals (--labels, class folders, labelled TFRecords), or take {MAXIMUM}"
        )
    share = _share(rule)
    return null.different_class_maximum if share is None else _median_maximum(null, share, layer)


def _median_maximum(null: LayerNull, share: float, layer: str) -> float:
    """The median of the maximum when pairs of one class are drawn so that they are this share.

    All pairs of the other kind are taken. Each of the first kind is drawn with the chance f; the k + 1st
    largest is exceeded with the chance 1 - (1 - f)^(k + 1), so that the median is the first of which
    this is at least a half.
    """
    one, two = null.same_class_pairs, null.different_class_pairs
    if not one:
        raise InputError(
            f"null_rule={CLASS_SHARE}:{share:g}: the null distribution at {layer} has no pairs of one class"
        )
    odds = share / (1 - share)
    of_one = _median_largest(null.same_class_largest, min(1.0, odds * two / one), one, layer, share)
    of_two = _median_largest(null.different_class_largest, min(1.0, one / odds / two), two, layer, share)
    return max(of_one, of_two)


def _median_largest(largest: np.ndarray, drawn: float, pairs: int, layer: str, share: float) -> float:
    """The median of the largest of those drawn with a chance each; of all, the largest are given."""
    place = 0 if drawn >= 1 else math.ceil(math.log(0.5) / math.log1p(-drawn)) - 1
    if place >= pairs:  # as likely as not that none is drawn
        return -1.0
    if place >= len(largest):
        raise InputError(
            f"null_rule={CLASS_SHARE}:{share:g}: at {layer} this takes the {place + 1}th largest rho of "
            f"{pairs}, and {len(largest)} are kept; take a larger share"
        )
    return float(largest[place])
