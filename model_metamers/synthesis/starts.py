"""The noise a search begins from, from an explicit seed.

Draws come from NumPy's RandomState, whose stream never changes, so a seed means the
same noise everywhere, and the same that the authors' code drew for it.
"""

from __future__ import annotations

import numpy as np

from model_metamers.errors import InputError
from model_metamers.frontends.cochleagram import cochleagram
from model_metamers.signals.spec import SignalSpec

# Released code: pink noise of RMS 0.1 times 0.1, which is the paper's RMS (docs/sources.md 6).
_PINK_RMS = 0.01
_IMAGE_NOISE_WIDTH = 0.1  # of the range, docs/sources.md 6


def start(signal: SignalSpec, seed: int, preset: str = "released") -> np.ndarray:
    """The start for a network's signal: white noise for images, pink for sounds.

    A cochleagram begins as that of the pink noise, so that a seed means the same sound
    whether the sound or its cochleagram is optimised (inferred).

    Args:
      signal: what the network is fed.
      seed: of the noise; one seed is used for all layers (docs/sources.md 6).
      preset: "released": image noise lies above the centre, [0.5, 0.6] of the range;
        "paper": its mean is at the centre. Sounds are the same in both.

    Returns:
      float32 of shape `signal.shape`.

    Raises:
      InputError: unknown preset.
    """
    if preset not in ("released", "paper"):
        raise InputError(f"preset {preset!r}: expected 'released' or 'paper'")
    if signal.kind == "sound":
        return pink_noise(signal.shape[0], seed, rms=_PINK_RMS)
    if signal.frontend is not None:  # a cochleagram
        noise = pink_noise(signal.shape[1] * signal.frontend.stride, seed, rms=_PINK_RMS)
        return cochleagram(noise[np.newaxis], signal.frontend)[0].numpy()
    return white_noise_image(signal, seed, centered=preset == "paper")


def white_noise_image(signal: SignalSpec, seed: int, centered: bool = False) -> np.ndarray:
    """Uniform noise over a tenth of the range, float32 of shape `signal.shape`.

    Its mean is at the centre when `centered` (paper 3.1), else the noise begins at the
    centre and extends upward, as in the released code.
    """
    noise = np.random.RandomState(seed).random_sample(signal.shape) * _IMAGE_NOISE_WIDTH
    offset = 0.5 - (_IMAGE_NOISE_WIDTH / 2 if centered else 0.0)
    return (signal.low + (signal.high - signal.low) * (noise + offset)).astype(np.float32)


def pink_noise(num_samples: int, seed: int, rms: float = _PINK_RMS) -> np.ndarray:
    """Noise with amplitude falling as 1/sqrt(f), zero mean, float32 [num_samples].

    Complex Gaussian spectrum over sqrt(k + 1), k = 0 .. N//2 (docs/sources.md 6).
    """
    random = np.random.RandomState(seed)
    bins = num_samples // 2 + 1 + num_samples % 2
    spectrum = random.standard_normal(bins) + 1j * random.standard_normal(bins)
    noise = np.fft.irfft(spectrum / np.sqrt(np.arange(bins) + 1.0))[:num_samples]
    # RMS before the mean is taken off, as released.
    noise *= rms / np.sqrt(np.mean(noise**2))
    return (noise - noise.mean()).astype(np.float32)
