"""Which signals of a null distribution are copies of one another: their pairs are not unrelated.

A pair is of copies where both signals are equal, or where they are near-copies:

- Sounds, where the largest normalised cross-correlation of the waveforms, at any lag and of either sign, is
  at least 0.97. So one may be shifted, louder, or turned over. Two takes of a word by one speaker reach 0.95.
- Images, where two correlations are high. That of 8 x 8 block means is at least 0.9, which tells the same
  composition. That of the details, on at most 32 x 32 block means without their local mean, is at least
  0.75 at the best shift of up to two blocks; it tells the same picture from another one of a like scene.
  So one may be brighter, of more contrast, stored anew, with a slight cast, or moved by a block; by more
  where the composition is smooth, and by none where it is a texture. Of cochleagrams, which all have a
  like build, details must correlate by 0.97; those of two words reach 0.89.

Both are this program's; the paper says nothing of copies. How the thresholds were chosen is in
docs/measurements.md. Among all pairs of 50,000 small images, what is compared takes less than a minute.
"""

from __future__ import annotations

import numpy as np

from model_metamers.storage.digests import array_digest

SOUND_CORRELATION = 0.97
COARSE_CORRELATION = 0.9
DETAIL_CORRELATION = 0.75
_LEAST = {"sound": SOUND_CORRELATION, "cochleagram": 0.97}  # of others DETAIL_CORRELATION
RULE = (
    f"equal; or sounds whose waveforms correlate by {SOUND_CORRELATION} at some lag; or images whose 8 x 8 "
    f"block means correlate by {COARSE_CORRELATION}, and details by {DETAIL_CORRELATION} at a shift within "
    f"two of 32 blocks"
)
_SPECTRA = 0.9  # of magnitudes, which no lag changes: no pair below came near 0.97 at its best lag
_COARSE, _FINE, _WINDOW, _SHIFT = 8, 32, 5, 2


class Compared:
    """Signals of one block that are compared: what is kept of each is small, but for a sound's waveform.

    Args:
      kind: of the signals, as `SignalSpec` has it.

    Example:
      >>> import numpy as np
      >>> sounds = np.random.RandomState(0).randn(3, 4000).astype(np.float32)
      >>> sounds[2] = 0.5 * np.roll(sounds[0], 40)
      >>> compared = Compared("sound")
      >>> compared.add(sounds)
      >>> places, likeness = compared.copies(np.array([[0, 1], [0, 2], [1, 2]]))
      >>> places.tolist(), np.round(likeness, 1).tolist()
      ([1], [1.0])
    """

    def __init__(self, kind: str) -> None:
        self._sounds, self._least = kind == "sound", _LEAST.get(kind, DETAIL_CORRELATION)
        self._contents: list[str] = []
        self._prints: list[np.ndarray] = []
        self._kept: list[np.ndarray] = []

    def add(self, signals: np.ndarray) -> None:
        """Takes signals [count, samples] or [count, height, width, channels]."""
        self._contents += map(array_digest, signals)
        if self._sounds:
            signals = _unit(signals)
            self._prints.append(_unit(_spectra(signals)))
            self._kept += list(signals)
        else:
            self._prints.append(_unit(_blocks(signals, _COARSE)))
            self._kept += list(_details(_blocks(signals, _FINE)))

    def copies(self, pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which pairs are of copies.

        Args:
          pairs: int64 [pairs, 2] of the signals, in the order in which they were added.

        Returns:
          Places in `pairs`, in order, and how alike each is: 1 where equal, else the correlation of
          waveforms or of details.
        """
        prints = np.concatenate(self._prints)
        table = prints @ prints.T
        alike = table[pairs[:, 0], pairs[:, 1]] >= (_SPECTRA if self._sounds else COARSE_CORRELATION)
        content = np.unique(self._contents, return_inverse=True)[1]
        equal = content[pairs[:, 0]] == content[pairs[:, 1]]
        places, likeness = [], []
        for place in np.flatnonzero(alike | equal):
            found = 1.0
            if not equal[place]:
                a, b = (self._kept[i] for i in pairs[place])
                found = _at_best_lag(a, b) if self._sounds else _at_best_shift(a, b)
            if found >= self._least:
                places.append(place)
                likeness.append(found)
        return np.array(places, np.int64), np.array(likeness)


def _unit(values: np.ndarray) -> np.ndarray:
    """Rows without their mean and of length 1, float32 [count, ...]; of zeros where they are constant."""
    rows = values.reshape(len(values), -1).astype(np.float32)
    rows = rows - rows.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)


def _spectra(sounds: np.ndarray) -> np.ndarray:
    """Magnitudes of the spectrum, float32 [count, frequencies]."""
    return np.abs(np.fft.rfft(sounds, _transform_size(sounds.shape[1]))).astype(np.float32)


def _transform_size(samples: int) -> int:
    """Of a Fourier transform in which no lag wraps around."""
    return 1 << (2 * samples - 1).bit_length()


def _blocks(images: np.ndarray, most: int) -> np.ndarray:
    """Means over at most `most` x `most` blocks, float32 [count, rows, columns, channels]."""
    means = images.astype(np.float32)
    for axis in (1, 2):
        size = means.shape[axis]
        if size <= most:
            continue
        begins = np.linspace(0, size, most, endpoint=False).astype(int)
        shape = [-1 if i == axis else 1 for i in range(means.ndim)]
        sizes = np.diff([*begins, size]).reshape(shape).astype(np.float32)
        means = (np.add.reduceat(means, begins, axis=axis) / sizes).astype(np.float32)
    return means


def _details(images: np.ndarray) -> np.ndarray:
    """Images without their local mean over 5 x 5, the margins repeated."""
    margin = _WINDOW // 2
    rows, columns = images.shape[1:3]
    padded = np.pad(images, ((0, 0), (margin, margin), (margin, margin), (0, 0)), mode="edge")
    local = np.zeros_like(images)
    for down in range(_WINDOW):
        for right in range(_WINDOW):
            local += padded[:, down : down + rows, right : right + columns]
    return images - local / np.float32(_WINDOW**2)


def _at_best_lag(a: np.ndarray, b: np.ndarray) -> float:
    """The largest correlation of two unit waveforms at any lag, of either sign."""
    size = _transform_size(len(a))
    lags = np.fft.irfft(np.fft.rfft(a, size) * np.conj(np.fft.rfft(b, size)), size)
    return min(1.0, float(np.abs(lags).max()))


def _at_best_shift(a: np.ndarray, b: np.ndarray) -> float:
    """The largest correlation of two pictures' details where they overlap, at shifts of up to two blocks."""
    shifts = range(-_SHIFT, _SHIFT + 1)
    return max(_overlap(a, b, down, right) for down in shifts for right in shifts)


def _overlap(a: np.ndarray, b: np.ndarray, down: int, right: int) -> float:
    rows, columns = a.shape[:2]
    if rows <= abs(down) or columns <= abs(right):
        return 0.0
    one = a[max(0, down) : rows + min(0, down), max(0, right) : columns + min(0, right)]
    other = b[max(0, -down) : rows + min(0, -down), max(0, -right) : columns + min(0, -right)]
    return float(np.vdot(*_unit(np.stack([one, other]))))
