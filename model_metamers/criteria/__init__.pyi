from .verdict import (
    Measurement,
    Verdict,
    check,
    check_null,
    class_text,
    is_null_of,
    judge,
    measure,
    spearman,
    standardised_ranks,
)

__all__ = [
    "Measurement",
    "Verdict",
    "check",
    "check_null",
    "class_text",
    "is_null_of",
    "judge",
    "measure",
    "spearman",
    "standardised_ranks",
]
