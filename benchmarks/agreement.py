"""How far contenders' numbers are apart."""

from __future__ import annotations

import numpy as np


def error_of_norm(found: np.ndarray, expected: np.ndarray) -> float:
    """Norm of the difference over the expected norm, in float64: its squares may leave float32."""
    found, expected = (np.asarray(array, np.float64) for array in (found, expected))
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))
