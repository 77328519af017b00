"""Half-cosine filters equally spaced on the ERB scale (Glasberg & Moore, 1990)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from model_metamers.errors import InputError
from model_metamers.signals.cochleagram_config import CochleagramConfig

# ERB-rate of Glasberg & Moore (1990), as in McDermott & Simoncelli (2011).
_ERB_Q = 9.265
_ERB_MIN_BANDWIDTH = 24.7


def hz_to_erb(frequencies_hz: npt.ArrayLike) -> np.ndarray:
    """The ERB-rate of frequencies in Hz."""
    return _ERB_Q * np.log1p(np.asarray(frequencies_hz) / (_ERB_Q * _ERB_MIN_BANDWIDTH))


def erb_to_hz(erb: npt.ArrayLike) -> np.ndarray:
    """The frequencies in Hz of ERB-rates; the inverse of `hz_to_erb`."""
    return _ERB_Q * _ERB_MIN_BANDWIDTH * np.expm1(np.asarray(erb) / _ERB_Q)


def num_erb_filters(num_bands: int, sample_factor: int) -> int:
    """Number of filters in a bank: bandpass filters, and `sample_factor` more at either end.

    `num_bands` = n bands, oversampled `sample_factor` = s times, give s (n + 1) - 1 bandpass
    filters, s lowpass and s highpass filters (docs/sources.md 1e).

    Example:
      >>> num_erb_filters(40, 4), num_erb_filters(50, 4)
      (171, 211)
    """
    return sample_factor * (num_bands + 1) - 1 + 2 * sample_factor


def num_erb_bands(num_filters: int, sample_factor: int) -> int:
    """Number of bands that give so many filters; the inverse of `num_erb_filters`.

    Raises:
      InputError: no whole number of bands gives `num_filters`.
    """
    num_bands, rest = divmod(num_filters + 1 - 3 * sample_factor, sample_factor)
    if rest or num_bands < 1:
        raise InputError(
            f"num_filters={num_filters} with sample_factor={sample_factor}: expected "
            f"{sample_factor}*(n+1)-1+2*{sample_factor} for a whole n >= 1, such as "
            f"{num_erb_filters(40, sample_factor)} (n=40)"
        )
    return num_bands


def cochleagram_filters(num_samples: int, config: CochleagramConfig) -> np.ndarray:
    """The filters of a cochleagram of sounds of one length, [filters, num_samples // 2 + 1], float64.

    Raises:
      InputError: as `erb_cosine_filters`.
    """
    return erb_cosine_filters(
        num_samples,
        config.sample_rate,
        config.num_filters,
        config.low_hz,
        config.high_hz,
        config.sample_factor,
    )[0]


def erb_cosine_filters(
    num_samples: int,
    sample_rate: float,
    num_filters: int = 171,
    low_hz: float = 20.0,
    high_hz: float = 8000.0,
    sample_factor: int = 4,
) -> tuple[np.ndarray, np.ndarray]:
    """Magnitude responses of the filters at the frequencies of a signal's real FFT.

    The squared responses of all filters sum to 1 at every frequency.

    Args:
      num_samples: length of the signal in samples, an even number.
      sample_rate: sample rate of the signal, Hz.
      num_filters: number of bandpass, lowpass and highpass filters together.
      low_hz, high_hz: range of the bandpass filters; high_hz <= sample_rate / 2.
      sample_factor: how much they overlap: 4 has four filters where 1 has one.

    Returns:
      Filters [num_filters, num_samples // 2 + 1], float64, from low to high frequencies, and
      their centre frequencies in Hz [num_filters].

    Raises:
      InputError: the length is odd, the range is not within 0 Hz to half the sample rate, the
        number of filters is impossible, or filters fall between the frequencies of the FFT.

    Source: docs/sources.md 1e (the filters the released networks were trained with).
    """
    if num_samples % 2 or num_samples < 2:
        raise InputError(f"num_samples must be even and positive, got {num_samples}")
    if not 0 <= low_hz < high_hz <= sample_rate / 2:
        raise InputError(
            f"the filters' range {low_hz}-{high_hz} Hz must lie within 0-{sample_rate / 2:g} Hz, "
            f"half the sample rate of {sample_rate:g} Hz"
        )
    num_bandpass = sample_factor * (num_erb_bands(num_filters, sample_factor) + 1) - 1
    frequencies_hz = np.linspace(0.0, sample_rate / 2, num_samples // 2 + 1)
    centers, spacing = np.linspace(
        float(hz_to_erb(low_hz)), float(hz_to_erb(high_hz)), num_bandpass + 2, retstep=True
    )
    centers = centers[1:-1]

    half_width = sample_factor * spacing
    distance = (hz_to_erb(frequencies_hz) - centers[:, None]) / half_width
    bandpass = np.where(np.abs(distance) < 1, np.cos(distance * np.pi / 2), 0.0)

    # The i-th lowpass filter complements the i-th bandpass filter below that filter's peak; the
    # highpass filters do so above the last peaks. So the squares of all filters sum to one.
    lowest, highest = bandpass[:sample_factor], bandpass[-sample_factor:]
    below = frequencies_hz < erb_to_hz(centers[:sample_factor])[:, None]
    above = frequencies_hz > erb_to_hz(centers[-sample_factor:])[:, None]
    lowpass = np.where(below, np.sqrt(1 - lowest**2), 0.0)
    highpass = np.where(above, np.sqrt(1 - highest**2), 0.0)
    filters = np.concatenate([lowpass, bandpass, highpass]) / np.sqrt(sample_factor)
    num_empty = int(np.sum(filters.max(axis=1) == 0))
    if num_empty:
        raise InputError(
            f"{num_empty} of {num_filters} filters fall between the {sample_rate / num_samples:g} Hz steps "
            f"of {num_samples} samples; use a longer signal or fewer filters"
        )
    return filters, erb_centers_hz(num_filters, low_hz, high_hz, sample_factor)


def erb_centers_hz(num_filters: int, low_hz: float, high_hz: float, sample_factor: int) -> np.ndarray:
    """Centre frequencies of `erb_cosine_filters` in Hz [num_filters], from low to high."""
    num_bandpass = sample_factor * (num_erb_bands(num_filters, sample_factor) + 1) - 1
    centers, spacing = np.linspace(
        float(hz_to_erb(low_hz)), float(hz_to_erb(high_hz)), num_bandpass + 2, retstep=True
    )
    centers = centers[1:-1]
    shift = sample_factor * spacing
    centers_hz = erb_to_hz(
        np.concatenate([centers[:sample_factor] - shift, centers, centers[-sample_factor:] + shift])
    )
    return np.where(centers_hz < 0, 1.0, centers_hz)
