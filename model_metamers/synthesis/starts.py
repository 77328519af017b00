"""The noise that a search starts from, made from an explicit seed.

It is drawn from NumPy's RandomState, whose stream never changes. So a seed gives the same noise
everywhere, and the same as in the authors' code.
"""

from __future__ import annotations

import numpy as np

from model_metamers.errors import InputError
from model_metamers.frontends.cochleagram import cochleagram
from model_metamers.signals.spec import SignalSpec

# The released code multiplies pink noise of RMS 0.1 by 0.1, which gives the paper's RMS
# (docs/sources.md 6).
_PINK_RMS = 0.01
_IMAGE_NOISE_WIDTH = 0.1  # as a share of the range, docs/sources.md 6


def start(signal: SignalSpec, seed: int, preset: str = "released") -> np.ndarray:
    """The start for a network's signal: white noise for images, pink for sounds.

    A cochleagram starts as the cochleagram of the pink noise, so that a seed gives the same sound
    whether the sound or its cochleagram is optimised (inferred).

    Args:
      signal: what the network is fed.
      seed: seed of the noise; one seed is used for all layers (docs/sources.md 6).
      preset: "released" puts image noise above the centre, at 0.5 to 0.6 of the range; "paper"
        puts its mean at the centre. Sounds are the same in both.

    Returns:
      float32 of shape `signal.shape`.

    Raises:
      InputError: the preset is unknown.
    """
    if preset not in ("released", "paper"):
        raise InputError(f"preset {preset!r}: expected 'released' or 'paper'")
    if signal.kind == "sound":
        return pink_noise(signal.shape[0], seed, rms=_PINK_RMS)
    if signal.frontend is not None:  # a cochleagram
        noise = pink_noise(signal.shape[1] * signal.frontend.stride, seed, rms=_PINK_RMS)
        return cochleagram(noise[np.newaxis], signal.frontend)[0].numpy()
    return white_noise_image(signal, seed, centered=preset == "paper")


def further_seed(seed: int, number: int) -> int:
    """The seed of a further start of a search, `number` of them after the first.

    It is far from `seed` + 1, which other searches may begin from: they would find the same metamer.

    Args:
      seed: of the first start.
      number: 0 is the first start, whose seed stays.

    Returns:
      0 to 2^32 - 1, by NumPy's SeedSequence, the same everywhere.

    Example:
      >>> [further_seed(0, number) for number in range(3)]
      [0, 673228719, 3241444873]
    """
    if number == 0:
        return seed
    return int(np.random.SeedSequence(seed, spawn_key=(number,)).generate_state(1)[0])


def white_noise_image(signal: SignalSpec, seed: int, centered: bool = False) -> np.ndarray:
    """Uniform noise over a tenth of the range, float32 of shape `signal.shape`.

    With `centered` its mean is at the centre of the range (paper 3.1). Otherwise it extends upward
    from the centre, as in the released code.
    """
    noise = np.random.RandomState(seed).random_sample(signal.shape) * _IMAGE_NOISE_WIDTH
    offset = 0.5 - (_IMAGE_NOISE_WIDTH / 2 if centered else 0.0)
    return (signal.low + (signal.high - signal.low) * (noise + offset)).astype(np.float32)


def pink_noise(num_samples: int, seed: int, rms: float = _PINK_RMS) -> np.ndarray:
    """Noise whose amplitude falls as 1/sqrt(frequency), with zero mean; float32 [num_samples].

    A complex Gaussian spectrum is divided by sqrt(k + 1), k = 0 .. N//2 (docs/sources.md 6).

    Args:
      num_samples: its length.
      seed: seed of the noise.
      rms: RMS before the mean is subtracted.
    """
    random = np.random.RandomState(seed)
    bins = num_samples // 2 + 1 + num_samples % 2
    spectrum = random.standard_normal(bins) + 1j * random.standard_normal(bins)
    noise = np.fft.irfft(spectrum / np.sqrt(np.arange(bins) + 1.0))[:num_samples]
    # The RMS is set before the mean is subtracted, as in the released code.
    noise *= rms / np.sqrt(np.mean(noise**2))
    return (noise - noise.mean()).astype(np.float32)
