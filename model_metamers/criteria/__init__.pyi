from .nearness import Match, match
from .verdict import (
    Measurement,
    Verdict,
    check,
    check_null,
    class_text,
    is_null_of,
    measure,
    spearman,
    standardised_ranks,
    verdict_on,
)

__all__ = [
    "Match",
    "Measurement",
    "Verdict",
    "check",
    "check_null",
    "class_text",
    "is_null_of",
    "match",
    "measure",
    "spearman",
    "standardised_ranks",
    "verdict_on",
]
