"""Which part of a data set is held out."""

from __future__ import annotations

import zlib

import numpy as np


def is_held_out(names: np.ndarray, share: float) -> np.ndarray:
    """Which speakers or recordings are held out, by a digest of the name, bool [names].

    The choice depends on nothing but the name, so it is the same in every data set.
    """
    return np.array([zlib.crc32(str(name).encode()) % 1000 < share * 1000 for name in names])
