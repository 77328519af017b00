"""DeepSpeech's mel-frequency cepstral coefficients, differentiable to the waveform.

There are two front ends (docs/sources.md 4b). DeepSpeech v0.4.1 called the package
python_speech_features; v0.5 used TensorFlow's operations AudioSpectrogram and Mfcc, which have no
gradient. Here both are computed by operations with a gradient, in which the slopes of the logarithms
are clipped, as the paper clips the slopes of its own front end (section 3.1).

The gradient of digital silence is zero in both. v0.4.1 takes the logarithm of powers |z|^2, which
are smooth at zero. v0.5 takes magnitudes; they are computed by `tf.abs`, whose gradient is zero
where z is zero, while that of a square root would be infinite. The arithmetic is float64, as in
both originals.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import numpy as np
import scipy.fft
import tensorflow as tf

from model_metamers import gradients
from model_metamers.errors import InputError
from model_metamers.frontends import log_mel

# python_speech_features replaces energies of zero by float64's epsilon.
_EPSILON = float(np.finfo(np.float64).eps)
# kFilterbankFloor and filterbank_channel_count of TensorFlow's Mfcc.
_RAW_OP_FLOOR, _RAW_OP_BANDS = 1e-12, 40


@dataclasses.dataclass(frozen=True)
class MfccConfig:
    """Settings of the coefficients; the defaults are those of DeepSpeech v0.4.1 (docs/sources.md 4b).

    Attributes:
      preset: "v0.4.1" (python_speech_features) or "v0.5" (AudioSpectrogram and Mfcc).
      sample_rate: sample rate of the waveform, Hz.
      window: length of a frame and of the FFT in samples, a power of two; 32 ms by default.
      hop: samples from one frame to the next; 20 ms by default.
      num_coefficients: at most the number of bands, which is 26 in v0.4.1 and 40 in v0.5.
      high_hz: where the last band ends; the first one begins at 0 Hz in v0.4.1, at 20 Hz in v0.5.
        docs/sources.md 4b has 8000. The tags v0.5.0 to v0.6.0 leave v0.5's operation at its default
        of 4000, and v0.7.0 sets 8000.
      slope_clip: upper bound of the logarithm's slope in the gradient. The paper gives none; 1 is
        the bound in its cochleagram.

    Raises:
      InputError: the preset is unknown, or a value does not fit it.
    """

    preset: str = "v0.4.1"
    sample_rate: int = 16000
    window: int = 512
    hop: int = 320
    num_coefficients: int = 26
    high_hz: float = 8000.0
    slope_clip: float = 1.0

    def __post_init__(self):
        if self.preset not in _PRESETS:
            raise InputError(f"preset={self.preset!r}: expected one of {', '.join(_PRESETS)}")
        if self.window & (self.window - 1):
            raise InputError(f"window={self.window}: expected a power of two")
        num_bands = _PSF_BANDS if self.preset == "v0.4.1" else _RAW_OP_BANDS
        if not 1 <= self.num_coefficients <= num_bands:
            raise InputError(f"num_coefficients={self.num_coefficients}: expected 1 to {num_bands}")

    def num_frames(self, num_samples: int) -> int:
        """Number of frames of a waveform; v0.4.1 pads an incomplete last one with zeros, v0.5 drops it.

        Raises:
          InputError: the preset is v0.5 and there is no whole frame.
        """
        if self.preset == "v0.4.1":
            return 1 + math.ceil(max(num_samples - self.window, 0) / self.hop)
        if num_samples < self.window:
            raise InputError(
                f"a waveform of {num_samples} samples is shorter than one frame of {self.window} samples"
            )
        return 1 + (num_samples - self.window) // self.hop


def mfcc(waveforms: tf.Tensor, config: MfccConfig | None = None) -> tf.Tensor:
    """Mel-frequency cepstral coefficients of waveforms.

    They are differentiable; in the gradient the slope of the logarithm is clipped.

    Args:
      waveforms: [batch, samples], float32 within about [-1, 1], at `config.sample_rate`.
      config: settings of the front end; those of DeepSpeech v0.4.1 when None.

    Returns:
      [batch, frames, num_coefficients], float32. Two seconds have 100 frames in v0.4.1 and 99 in
      v0.5.

    Raises:
      InputError: the shape is not [batch, samples], the waveforms are shorter than a frame (v0.5),
        or the bands do not fit the sample rate.
    """
    config = config or MfccConfig()
    waveforms = log_mel.check_waveforms(waveforms)
    config.num_frames(waveforms.shape[1])
    return tf.cast(_PRESETS[config.preset](waveforms, config), tf.float32)


# Arguments of python_speech_features.mfcc, as DeepSpeech v0.4.1 calls it.
_PSF_BANDS = 26
_PREEMPHASIS = 0.97
_LIFTER = 22
# v0.4.1 reads sound as 16-bit values; otherwise the log energy would be off by a constant.
_INT16_SCALE = 32768.0


def _psf_mfcc(waveforms: tf.Tensor, config: MfccConfig) -> tf.Tensor:
    """python_speech_features.mfcc with a Hamming window and the log energy as coefficient 0."""
    num_samples = waveforms.shape[1]
    samples = waveforms * _INT16_SCALE
    emphasised = samples[:, 1:] - _PREEMPHASIS * samples[:, :-1]
    padded_length = (config.num_frames(num_samples) - 1) * config.hop + config.window
    padding = [[0, 0], [0, padded_length - num_samples]]
    padded = tf.pad(tf.concat([samples[:, :1], emphasised], axis=1), padding)
    spectra = log_mel.windowed_spectra(padded, np.hamming(config.window), config.hop, config.window)
    power = (tf.math.real(spectra) ** 2 + tf.math.imag(spectra) ** 2) / config.window
    filters = psf_mel_filters(config.window, config.sample_rate, _PSF_BANDS, config.high_hz)
    bands = tf.matmul(power, tf.constant(filters))
    log_bands = gradients.clipped_log(bands, _EPSILON, config.slope_clip)
    energy = tf.reduce_sum(power, axis=-1, keepdims=True)
    log_energy = gradients.clipped_log(energy, _EPSILON, config.slope_clip)

    cosines = scipy.fft.dct(np.eye(_PSF_BANDS), type=2, norm="ortho")[:, : config.num_coefficients]
    lifter = 1 + _LIFTER / 2 * np.sin(np.pi * np.arange(config.num_coefficients) / _LIFTER)
    cepstra = tf.matmul(log_bands, tf.constant(cosines * lifter))
    return tf.concat([log_energy, cepstra[..., 1:]], axis=-1)


def psf_mel_filters(fft_size: int, sample_rate: float, num_bands: int, high_hz: float) -> np.ndarray:
    """Triangular filters of python_speech_features, float64 [fft_size // 2 + 1, num_bands].

    Unlike those of `log_mel.mel_filters`, their sides are straight in Hz, and their corners are
    rounded down to bins, for which the FFT is taken to be one sample longer than it is.

    Raises:
      InputError: `high_hz` is above half the sample rate.
    """
    if not 0 < high_hz <= sample_rate / 2:
        raise InputError(f"high_hz={high_hz:g}: expected at most half the sample rate, {sample_rate / 2:g}")
    edges_mel = np.linspace(0, 2595 * np.log10(1 + high_hz / 700), num_bands + 2)
    edges_hz = 700 * (10 ** (edges_mel / 2595) - 1)
    corners = np.floor((fft_size + 1) * edges_hz / sample_rate)
    bins = np.arange(fft_size // 2 + 1)[:, np.newaxis]
    lower, centre, upper = corners[:-2], corners[1:-1], corners[2:]
    rising = (bins - lower) / np.maximum(centre - lower, 1)
    falling = (upper - bins) / np.maximum(upper - centre, 1)
    return np.where(bins < lower, 0, np.where(bins < centre, rising, np.maximum(falling, 0)))


def _raw_op_mfcc(waveforms: tf.Tensor, config: MfccConfig) -> tf.Tensor:
    """TensorFlow's AudioSpectrogram (with squared magnitudes), then Mfcc."""
    num_bins, low_hz = config.window // 2 + 1, 20.0
    window = log_mel.periodic_hann(config.window)
    spectra = log_mel.windowed_spectra(waveforms, window, config.hop, config.window)
    filters = log_mel.mel_filters(num_bins, config.sample_rate, _RAW_OP_BANDS, low_hz, config.high_hz)
    # The operation ignores every bin lower than 1.5 bins above low_hz, which includes the one at 31 Hz.
    hz_per_bin = config.sample_rate / config.window
    filters[: int(1.5 + low_hz / hz_per_bin)] = 0
    bands = tf.matmul(tf.abs(spectra), tf.constant(filters))
    log_bands = gradients.clipped_log(bands, _RAW_OP_FLOOR, config.slope_clip)
    # Not orthonormal: coefficient 0 has the same factor as the others.
    angles = np.outer(np.arange(_RAW_OP_BANDS) + 0.5, np.arange(config.num_coefficients))
    cosines = np.sqrt(2 / _RAW_OP_BANDS) * np.cos(np.pi / _RAW_OP_BANDS * angles)
    return tf.matmul(log_bands, tf.constant(cosines))


_PRESETS: dict[str, Callable[[tf.Tensor, MfccConfig], tf.Tensor]] = {
    "v0.4.1": _psf_mfcc,
    "v0.5": _raw_op_mfcc,
}
