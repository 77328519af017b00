"""The cochleagram in NumPy, for pictures: without a gradient and without TensorFlow."""

from __future__ import annotations

import numpy as np

from model_metamers.errors import InputError
from model_metamers.frontends import erb_filters
from model_metamers.signals.cochleagram_config import CochleagramConfig


def numpy_cochleagram(waveform: np.ndarray, config: CochleagramConfig) -> np.ndarray:
    """The cochleagram of one sound, as `cochleagram.cochleagram` computes it.

    Args:
      waveform: [samples] at `config.sample_rate`; the length must be even and a multiple of the stride.
      config: settings of the front end.

    Returns:
      float64 [filters, frames], >= 0; low frequencies first.

    Raises:
      InputError: the shape is not [samples], the length does not fit the stride, or the filters do
        not fit the sample rate or the length.

    Source: paper 3.2, docs/sources.md 1e.
    """
    import scipy.fft
    import scipy.signal

    if np.ndim(waveform) != 1:
        raise InputError(f"a waveform must be [samples], got shape {list(np.shape(waveform))}")
    num_samples = len(waveform)
    num_frames, stride = config.num_frames(num_samples), config.stride
    filters = erb_filters.cochleagram_filters(num_samples, config)
    # The one-sided spectrum is padded with zeros but not doubled, which gives half the analytic signal.
    envelopes = np.abs(scipy.fft.ifft(scipy.fft.rfft(np.float64(waveform)) * filters, num_samples))
    window = downsampling_window(stride, config.window_size)
    left = max(len(window) - stride, 0) // 2  # as TensorFlow pads for "SAME"
    right = max((num_frames - 1) * stride + len(window) - num_samples - left, 0)
    padded = np.pad(envelopes, [[0, 0], [left, right]])
    filtered = scipy.signal.oaconvolve(padded, window[np.newaxis, ::-1], "valid", axes=1)
    frames = filtered[:, : num_frames * stride : stride]
    return (np.maximum(frames, 0.0) * config.scale) ** config.exponent


def downsampling_window(stride: int, window_size: int = 1001) -> np.ndarray:
    """Lowpass filter for downsampling to the frame rate: a Kaiser-windowed sinc, float64 [window_size].

    Its centre is off by half a sample, as in the released code (docs/sources.md 1e, item 2).
    """
    import scipy.signal

    times = np.arange(-window_size / 2, window_size // 2)
    return scipy.signal.windows.kaiser(window_size, 5) * np.sinc(times / stride) / stride
