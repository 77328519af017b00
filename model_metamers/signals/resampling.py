"""Sounds at another sample rate, by soxr."""

from __future__ import annotations

import numpy as np
import soxr

from model_metamers.errors import InputError

_LARGEST_RATIO = 1000  # of two rates; those of real sounds, 4 to 384 kHz, are within a hundred
_MOST_SAMPLES = 4 * 3600 * 48_000  # four hours, as `sounds` reads at most, at a usual rate


def resample(waveform: np.ndarray, old_rate: int, new_rate: int) -> np.ndarray:
    """A waveform at another rate, in Hz; the same array where the rates are.

    Args:
      waveform: float64 [samples].
      old_rate: of the waveform.
      new_rate: wanted.

    Raises:
      InputError: rates, of a file's header or a record, that no sound has: nothing is allocated for them.
    """
    if old_rate == new_rate:
        return waveform
    samples = len(waveform) * new_rate / old_rate
    if samples > _MOST_SAMPLES or not 1 / _LARGEST_RATIO <= new_rate / old_rate <= _LARGEST_RATIO:
        raise InputError(
            f"a sound of {len(waveform)} samples at {old_rate} Hz is wanted at {new_rate} Hz, which would be "
            f"{samples:.3g} samples; check the rates"
        )
    return soxr.resample(waveform, old_rate, new_rate, quality="VHQ")
