"""What defines a cochleagram (paper 3.2, docs/sources.md 1e)."""

from __future__ import annotations

import dataclasses

from model_metamers.errors import InputError
from model_metamers.signals.arguments import number, whole_number


@dataclasses.dataclass(frozen=True)
class CochleagramConfig:
    """What defines a cochleagram; defaults are the paper's.

    Attributes:
      sample_rate: of the waveform, Hz.
      num_filters: of the filterbank with its ends; 171 in the paper, 211 in the
        released networks.
      low_hz, high_hz: range of the bandpass filters.
      sample_factor: overlap of the filters.
      envelope_rate: of the cochleagram's frames, Hz; must divide sample_rate.
      window_size: taps of the downsampling filter, odd.
      scale: factor before compression, from the released code.
      exponent: of the compression.
      slope_clip: bound on the compression's slope in the gradient.

    Example:
      >>> released = CochleagramConfig(num_filters=211)
      >>> released.sample_rate, released.envelope_rate
      (20000, 200)
    """

    sample_rate: int = 20000
    num_filters: int = 171
    low_hz: float = 20.0
    high_hz: float = 8000.0
    sample_factor: int = 4
    envelope_rate: int = 200
    window_size: int = 1001
    scale: float = 796.87416837456942
    exponent: float = 0.3
    slope_clip: float = 1.0

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            as_float = number(field.name, value)
            whole = field.type == "int"
            plain = whole_number(field.name, value) if whole else value if type(value) is int else as_float
            object.__setattr__(self, field.name, plain)

    @property
    def stride(self) -> int:
        """Samples per frame.

        Raises:
          InputError: envelope_rate does not divide sample_rate.
        """
        if self.sample_rate % self.envelope_rate:
            raise InputError(
                f"envelope_rate={self.envelope_rate} Hz must divide sample_rate={self.sample_rate} Hz"
            )
        return self.sample_rate // self.envelope_rate

    def num_frames(self, num_samples: int) -> int:
        """Frames of a waveform of `num_samples`.

        Raises:
          InputError: the length is odd or no multiple of the stride.
        """
        if num_samples % 2 or num_samples % self.stride:
            raise InputError(
                f"a waveform of {num_samples} samples has no whole number of frames: its length "
                f"must be even and a multiple of {self.stride} samples"
            )
        return num_samples // self.stride
