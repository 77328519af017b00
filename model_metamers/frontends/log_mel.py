"""VGGish's log-mel spectrogram, differentiable to the waveform.

Source: docs/sources.md 4c. It gives the same numbers as the NumPy code released with VGGish
(mel_features, vggish_params). In the gradient the slope of the logarithm is clipped, as the paper
clips the slopes of its own front end (section 3.1).

The magnitude is `tf.abs` of the complex spectrum, whose gradient is z/|z|, and zero where z is
zero. With sqrt(re^2 + im^2) the slope of the root would be infinite at zero, and one silent frame
would turn the whole gradient into NaN.

The arithmetic is float64, as in the released code: rounding in a float32 FFT is visible in quiet
bands beside loud ones, after the logarithm. This costs a few milliseconds a step.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import tensorflow as tf

from model_metamers import gradients
from model_metamers.errors import InputError

# HTK's mel scale: 1127 ln(1 + f/700).
_MEL_BREAK_HZ, _MEL_Q = 700.0, 1127.0


@dataclasses.dataclass(frozen=True)
class LogMelConfig:
    """Settings of a log-mel spectrogram; the defaults are VGGish's (docs/sources.md 4c).

    Attributes:
      sample_rate: sample rate of the waveform, Hz.
      window: length of a frame in samples; 25 ms by default.
      hop: samples from one frame to the next; 10 ms by default.
      fft_size: length to which frames are padded with zeros.
      num_bands: number of mel bands.
      low_hz, high_hz: lower edge of the first band and upper edge of the last one.
      offset: added to the bands before the logarithm.
      example_frames: number of frames in an example; examples do not overlap.
      slope_clip: upper bound of the logarithm's slope in the gradient. The paper gives none; 1 is
        the bound in its cochleagram. Without a bound the slope reaches 1 / offset.
    """

    sample_rate: int = 16000
    window: int = 400
    hop: int = 160
    fft_size: int = 512
    num_bands: int = 64
    low_hz: float = 125.0
    high_hz: float = 7500.0
    offset: float = 0.01
    example_frames: int = 96
    slope_clip: float = 1.0

    def num_frames(self, num_samples: int) -> int:
        """Number of whole frames in `num_samples` samples, without padding.

        Raises:
          InputError: there is none.
        """
        if num_samples < self.window:
            raise InputError(
                f"a waveform of {num_samples} samples is shorter than one frame of {self.window} samples"
            )
        return 1 + (num_samples - self.window) // self.hop

    def num_examples(self, num_samples: int) -> int:
        """Number of whole examples in `num_samples` samples; frames that are left over are dropped.

        Raises:
          InputError: there is none.
        """
        examples = self.num_frames(num_samples) // self.example_frames
        if not examples:
            needed = self.window + (self.example_frames - 1) * self.hop
            raise InputError(
                f"a waveform of {num_samples} samples is shorter than one example of "
                f"{self.example_frames} frames, {needed} samples"
            )
        return examples


def log_mel(waveforms: tf.Tensor, config: LogMelConfig | None = None) -> tf.Tensor:
    """Log-mel spectrograms of waveforms.

    They are differentiable; in the gradient the slope of the logarithm is clipped.

    Args:
      waveforms: [batch, samples], float32 within about [-1, 1], at `config.sample_rate`.
      config: settings of the front end; VGGish's when None.

    Returns:
      [batch, frames, bands], float32, at least log(offset); low frequencies first.

    Raises:
      InputError: the shape is not [batch, samples], the waveforms are shorter than a frame, or the
        bands do not fit the sample rate.
    """
    config = config or LogMelConfig()
    waveforms = check_waveforms(waveforms)
    config.num_frames(waveforms.shape[1])
    spectra = windowed_spectra(waveforms, periodic_hann(config.window), config.hop, config.fft_size)
    filters = mel_filters(
        config.fft_size // 2 + 1, config.sample_rate, config.num_bands, config.low_hz, config.high_hz
    )
    bands = tf.matmul(tf.abs(spectra), tf.constant(filters))
    log_bands = gradients.clipped_log(bands + config.offset, config.offset, config.slope_clip)
    return tf.cast(log_bands, tf.float32)


def log_mel_examples(waveforms: tf.Tensor, config: LogMelConfig | None = None) -> tf.Tensor:
    """Log-mel spectrograms cut into VGGish's examples.

    Two seconds have 198 frames, which are two examples of 96; the last 6 frames are dropped.

    Args:
      waveforms, config: as in `log_mel`.

    Returns:
      [batch, examples, example_frames, bands], float32.

    Raises:
      InputError: as in `log_mel`, or the waveforms are shorter than one example.
    """
    config = config or LogMelConfig()
    waveforms = tf.convert_to_tensor(waveforms, tf.float32)
    spectrograms = log_mel(waveforms, config)
    examples = config.num_examples(waveforms.shape[1])
    kept = spectrograms[:, : examples * config.example_frames]
    return tf.reshape(kept, [-1, examples, config.example_frames, config.num_bands])


def check_waveforms(waveforms: tf.Tensor) -> tf.Tensor:
    """The waveforms as float64; raises InputError where they are not [batch, samples]."""
    waveforms = tf.convert_to_tensor(waveforms, tf.float32)
    if waveforms.shape.rank != 2 or waveforms.shape[1] is None:
        raise InputError(f"waveforms must be [batch, samples], got shape {waveforms.shape}")
    return tf.cast(waveforms, tf.float64)


def windowed_spectra(waveforms: tf.Tensor, window: np.ndarray, hop: int, fft_size: int) -> tf.Tensor:
    """Spectra of all whole frames in waveforms.

    Args:
      waveforms: [batch, samples], float64, with at least one frame.
      window: [frame length], with which frames are multiplied.
      hop: samples from one frame to the next.
      fft_size: length of the FFT, at least that of a frame.

    Returns:
      [batch, frames, fft_size // 2 + 1], complex128.
    """
    frames = _frames(waveforms, len(window), hop) * tf.constant(window)
    return tf.signal.rfft(frames, [fft_size])


def _frames(waveforms: tf.Tensor, length: int, hop: int) -> tf.Tensor:
    """Overlapping frames [batch, frames, length].

    They are put together from slices of short blocks, whose size divides both length and hop. The
    gradient of slices is a sum in a fixed order, so every run gives the same bits.
    """
    block = math.gcd(length, hop)
    num_frames = 1 + (waveforms.shape[1] - length) // hop
    stride, per_frame = hop // block, length // block
    num_blocks = (num_frames - 1) * stride + per_frame
    blocks = tf.reshape(waveforms[:, : num_blocks * block], [-1, num_blocks, block])
    last = (num_frames - 1) * stride + 1
    return tf.concat([blocks[:, i : i + last : stride] for i in range(per_frame)], axis=-1)


def periodic_hann(length: int) -> np.ndarray:
    """Periodic Hann window, with a zero at its beginning only; float64 [length]."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)


def hz_to_mel(frequencies_hz: np.ndarray | float) -> np.ndarray:
    """The mels of frequencies in Hz, on HTK's scale."""
    return _MEL_Q * np.log1p(np.asarray(frequencies_hz) / _MEL_BREAK_HZ)


def mel_filters(
    num_bins: int, sample_rate: float, num_bands: int, low_hz: float, high_hz: float
) -> np.ndarray:
    """Triangular filters with a peak of 1 whose sides are straight on the mel scale.

    Args:
      num_bins: number of bins of a spectrum from 0 Hz to half the sample rate. The bin at 0 Hz gets
        no weight.
      sample_rate: Hz.
      num_bands: number of triangles, each from its lower to its upper neighbour's peak.
      low_hz, high_hz: where the first triangle begins and the last one ends.

    Returns:
      float64 [num_bins, num_bands].

    Raises:
      InputError: the range is empty or ends above half the sample rate.
    """
    if not 0 <= low_hz < high_hz <= sample_rate / 2:
        raise InputError(
            f"mel bands from {low_hz:g} to {high_hz:g} Hz: expected a range from 0 Hz to half the "
            f"sample rate, {sample_rate / 2:g} Hz"
        )
    mels = hz_to_mel(np.linspace(0, sample_rate / 2, num_bins))[:, np.newaxis]
    edges = np.linspace(hz_to_mel(low_hz), hz_to_mel(high_hz), num_bands + 2)
    lower, centre, upper = edges[:-2], edges[1:-1], edges[2:]
    rising, falling = (mels - lower) / (centre - lower), (upper - mels) / (upper - centre)
    filters = np.maximum(0, np.minimum(rising, falling))
    filters[0] = 0
    return filters
