"""What a network is fed."""

from __future__ import annotations

import dataclasses

import numpy as np

from model_metamers.errors import InputError
from model_metamers.signals.arguments import number, whole_number
from model_metamers.signals.cochleagram_config import CochleagramConfig


@dataclasses.dataclass(frozen=True)
class SignalSpec:
    """What a network is fed: an image, a sound, or a cochleagram (`cochleagram_view`).

    Attributes:
      kind: "image", "sound" or "cochleagram".
      shape: [height, width, 3], [samples] or [filters, frames, 1], without the batch.
      low, high: value range; the search keeps images and cochleagrams within it, while a
        sound may exceed it until it is written to a file.
      sample_rate: of a sound, Hz.
      rms: level that loaded sounds are brought to; None leaves it.
      frontend: that makes a cochleagram from a sound; None for the other kinds.

    Example:
      >>> photographs = SignalSpec("image", (224, 224, 3), low=0, high=1)
      >>> photographs.check(np.zeros([224, 224, 3])).shape
      (1, 224, 224, 3)
      >>> words = SignalSpec("sound", (40000,), low=-1, high=1, sample_rate=20000, rms=0.1)
      >>> words.rate_hz
      20000
    """

    kind: str
    shape: tuple[int, ...]
    low: float
    high: float
    sample_rate: int | None = None
    rms: float | None = None
    frontend: CochleagramConfig | None = None

    def __post_init__(self) -> None:
        self._keep_plain_numbers()
        if self.kind not in ("image", "sound", "cochleagram"):
            raise InputError(f"a signal's kind is 'image', 'sound' or 'cochleagram', got {self.kind!r}")
        if len(self.shape) != (1 if self.kind == "sound" else 3):
            raise InputError(f"{self.shape} is no shape of one {self.kind}")
        if not self.low < self.high:
            raise InputError(f"low={self.low} must be below high={self.high}")
        if self.kind == "sound" and (not self.sample_rate or self.sample_rate < 1):
            raise InputError("a sound needs its sample_rate in Hz")
        if self.kind == "cochleagram" and not self.frontend:
            raise InputError("a cochleagram needs its frontend")

    def _keep_plain_numbers(self) -> None:
        """NumPy's numbers become Python's, which a record can hold; whole ones stay whole."""
        try:
            shape = tuple(whole_number("shape", size) for size in self.shape)
        except TypeError:
            raise InputError(f"shape={self.shape!r}: expected such as (224, 224, 3) or (40000,)") from None
        if min(shape, default=0) < 1:
            raise InputError(f"shape={shape}: expected sizes of at least 1")
        plain: dict[str, object] = {"shape": shape}
        for field in ("low", "high", "rms"):
            value = getattr(self, field)
            if value is not None or field != "rms":
                as_float = number(field, value)
                plain[field] = value if type(value) is int else as_float
        if self.sample_rate is not None:
            plain["sample_rate"] = whole_number("sample_rate", self.sample_rate)
        for field, value in plain.items():
            object.__setattr__(self, field, value)

    @property
    def rate_hz(self) -> int:
        """Samples a second of a sound.

        Raises:
          InputError: an image or a cochleagram has none.
        """
        if self.sample_rate is None:
            raise InputError(f"a signal of kind {self.kind!r} has no sample rate")
        return self.sample_rate

    @property
    def bounded(self) -> bool:
        """Whether the search clips the signal, as paper 3.1 does images; cochleagrams cannot be negative."""
        return self.kind != "sound"

    def check(self, signals: np.ndarray, what: str = "signals") -> np.ndarray:
        """Returns a float32 batch, or says why it is none of this network's signals.

        Args:
          signals: one signal or a batch of them.
          what: the word for them in the message.

        Raises:
          InputError: no array of floating point, wrong shape, NaN, or outside the range.
        """
        signals = self._numbers(signals, what)
        if signals.ndim == len(self.shape):
            signals = signals[np.newaxis]
        expected = f"[batch, {', '.join(map(str, self.shape))}]"
        if signals.shape[1:] != tuple(self.shape) or signals.shape[0] == 0:
            raise InputError(f"{what}: expected shape {expected}, got {list(signals.shape)}")
        signals = signals.astype(np.float32)
        if not np.isfinite(signals).all():
            raise InputError(
                f"{what}: {np.size(signals) - np.isfinite(signals).sum()} values are NaN or infinite"
            )
        self._check_range(signals, what)
        return signals

    def _numbers(self, signals: object, what: str) -> np.ndarray:
        """Whatever was given as an array of floating point."""
        try:
            array = np.asarray(signals)
        except (ValueError, TypeError, RuntimeError) as error:
            raise InputError(f"{what}: no array of one shape ({error})") from error
        if array.dtype.kind not in "fiub":
            loader = f"; mm.load_{self.kind} reads files" if self.kind != "cochleagram" else ""
            raise InputError(
                f"{what}: expected an array of shape {list(self.shape)}, got {type(signals).__name__}{loader}"
            )
        if array.dtype.kind == "f":
            return array
        pixels = self.kind == "image" and array.dtype == np.uint8
        loader = "; mm.load_image takes pixels and PIL images as they are" if pixels else ""
        raise InputError(
            f"{what}: expected floating-point values in [{self.low:g}, {self.high:g}], got "
            f"{array.dtype}; convert them, do not merely cast (16-bit sound: divide by 32768; "
            f"8-bit images for a 0-1 network: divide by 255{loader})"
        )

    def _check_range(self, signals: np.ndarray, what: str) -> None:
        low, high = float(signals.min()), float(signals.max())
        span = self.high - self.low
        if self.kind == "image" and (low < self.low - 1e-3 * span or high > self.high + 1e-3 * span):
            raise InputError(
                f"{what}: values lie in [{low:g}, {high:g}], but this network takes "
                f"[{self.low:g}, {self.high:g}]; rescale them"
            )
        if self.kind == "image" and self.high > 2 and high <= 1.0 and low >= 0 and high > 0:
            raise InputError(
                f"{what}: values lie in [{low:g}, {high:g}] and look like a 0-1 image, but this "
                f"network takes [{self.low:g}, {self.high:g}]; multiply by {self.high:g}"
            )
        if self.kind == "cochleagram" and low < self.low:
            raise InputError(f"{what}: values reach {low:g}, but a cochleagram is never below {self.low:g}")
        if self.kind == "sound" and max(-low, high) > 8 * self.high:
            raise InputError(
                f"{what}: values reach {max(-low, high):g}; a sound is a float waveform around "
                f"[{self.low:g}, {self.high:g}] (16-bit values must be divided by 32768)"
            )
