"""Cochleagrams to look at, of sounds of any sample rate and length."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from model_metamers.frontends.numpy_cochleagram import numpy_cochleagram
from model_metamers.signals.cochleagram_config import CochleagramConfig
from model_metamers.signals.resampling import resample

_PAPER = CochleagramConfig()
# With a lower top, filters would be narrower than the 1 Hz steps in the spectrum of one second.
_LOWEST_TOP_HZ = 1000.0


def picture_frontend(sample_rate: int) -> CochleagramConfig:
    """The paper's front end, with filters up to half the sample rate (but 1 to 8 kHz)."""
    high_hz = min(_PAPER.high_hz, max(_LOWEST_TOP_HZ, sample_rate / 2))
    return dataclasses.replace(_PAPER, high_hz=high_hz)


def sound_picture(waveform: np.ndarray, sample_rate: int, frontend: CochleagramConfig) -> np.ndarray:
    """The cochleagram of a sound whose sample rate and length need not fit the front end.

    The sound is resampled if needed. Silence is added after it, up to a whole number of frames and
    at least a second; the frames of that silence are cut off again.

    Args:
      waveform: [samples].
      sample_rate: sample rate of the waveform, Hz.
      frontend: settings of the cochleagram, such as those of `picture_frontend`.

    Returns:
      float64 [filters, frames], low frequencies first; the last frame may be partly silence.
    """
    rate, stride = frontend.sample_rate, frontend.stride
    sound = np.asarray(waveform, np.float32)
    if sample_rate != rate:
        resampled = resample(sound.astype(np.float64), sample_rate, rate)
        sound = resampled.astype(np.float32)
    num_frames = max(1, math.ceil(len(sound) / stride))
    fits = len(sound) % 2 == 0 and len(sound) % stride == 0
    if not fits or len(sound) < rate:
        whole = max(num_frames, math.ceil(rate / stride))
        sound = np.pad(sound, (0, (whole + whole * stride % 2) * stride - len(sound)))
    return numpy_cochleagram(sound, frontend)[:, :num_frames]
