"""The sample rate and length of the clips in a data set of sounds."""

from __future__ import annotations

from dataclasses import dataclass

from model_metamers.errors import InputError


@dataclass(frozen=True)
class ClipFormat:
    """Sample rate and length, which all clips of a data set share; the lab's by default (docs/sources.md 1d).

    Attributes:
      sample_rate: in Hz.
      num_samples: length of a clip in samples.

    Raises:
      InputError: either is below 1.
    """

    sample_rate: int = 20000
    num_samples: int = 40000

    def __post_init__(self):
        if self.sample_rate < 1 or self.num_samples < 1:
            raise InputError(
                f"clips of {self.num_samples} samples at {self.sample_rate} Hz; expected 1 or more"
            )

    @property
    def seconds(self) -> float:
        return self.num_samples / self.sample_rate


PAPER_FORMAT = ClipFormat()  # section 3.3 of the paper: two seconds at 20 kHz


def from_seconds(sample_rate: int, seconds: float) -> ClipFormat:
    """The format of clips whose length is given in seconds.

    Raises:
      InputError: the length is no whole number of samples.
    """
    samples = sample_rate * seconds
    if abs(samples - round(samples)) > 1e-6:
        raise InputError(
            f"{seconds:g} s at {sample_rate} Hz are {samples:g} samples; expected a whole number of them"
        )
    return ClipFormat(sample_rate, round(samples))
