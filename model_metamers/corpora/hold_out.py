"""Choosing the part of a data set that is held out."""

from __future__ import annotations

import zlib

import numpy as np


def is_held_out(names: np.ndarray, share: float) -> np.ndarray:
    """Which speakers or recordings are held out, chosen by a digest of their names.

    The choice depends only on the name, so it is the same in every data set.

    Args:
      names: [names].
      share: share that is held out, 0 to 1; the actual share is near it.

    Returns:
      bool [names].

    Example:
      >>> is_held_out(np.array(["anna", "bert", "carl", "dora"]), 0.5).tolist()
      [True, False, True, False]
    """
    return np.array([zlib.crc32(str(name).encode()) % 1000 < share * 1000 for name in names])
