"""What is shown and played: masks, tones, and metamers as files that tell nothing of themselves."""

from __future__ import annotations

import hashlib
import io
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from model_metamers.errors import InputError

_MASK_MEAN, _MASK_SD = 127.5, 40.0  # grey values; some 0.1 % of a mask lie beyond 0 to 255
# The headphone check of Woods et al. 2017 (doi:10.3758/s13414-017-1361-2): 200 Hz, the soft tone by 6 dB.
_TONE_HZ, _TONE_S, _RAMP_S, _GAP_S = 200.0, 1.0, 0.1, 0.5
_TONE_RATE_HZ, _TONE_PEAK, _SOFT = 44_100, 0.25, 10 ** (-6 / 20)
# The places of the standard, the antiphase and the soft tone.
TONE_ORDERS = ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))


def names(key: bytes) -> Iterator[str]:
    """Names of 128 bits, 32 hexadecimal digits, without end; who does not know the key can tell none.

    Args:
      key: that they are drawn from.
    """
    number = 0
    while True:
        yield hashlib.sha256(key + number.to_bytes(8, "big")).hexdigest()[:32]
        number += 1


def generator(key: bytes, purpose: str) -> np.random.Generator:
    """Random numbers of a key, of their own for each purpose."""
    return np.random.default_rng(int.from_bytes(hashlib.sha256(key + purpose.encode()).digest(), "big"))


def noise_mask(side: int, random: np.random.Generator) -> np.ndarray:
    """Noise whose amplitude falls as 1 / spatial frequency, uint8 [side, side], grey.

    Args:
      side: of the picture, pixels.
      random: draws it.
    """
    y, x = np.fft.fftfreq(side)[:, np.newaxis], np.fft.rfftfreq(side)
    frequency = np.hypot(x, y)
    frequency[0, 0] = np.inf  # no mean
    noise = np.fft.irfft2(np.fft.rfft2(random.standard_normal([side, side])) / frequency, s=(side, side))
    return np.clip(np.rint(_MASK_MEAN + _MASK_SD * noise / noise.std()), 0, 255).astype(np.uint8)


def antiphase_tones(order: tuple[int, int, int]) -> np.ndarray:
    """Three tones, one of them soft, one in opposite phase at the ears; int16 [samples, 2] at 44.1 kHz.

    Over loudspeakers the two ears' parts of that one cancel, so that it is taken for the softest.

    Args:
      order: one of `TONE_ORDERS`: the place, 0 to 2, of the standard, the antiphase and the soft tone.
    """
    time = np.arange(round(_TONE_S * _TONE_RATE_HZ)) / _TONE_RATE_HZ
    ramp = np.clip(np.minimum(time, _TONE_S - time) / _RAMP_S, 0, 1)
    tone = _TONE_PEAK * np.sin(2 * np.pi * _TONE_HZ * time) * np.sin(np.pi / 2 * ramp) ** 2
    pairs = [np.stack([tone, tone]), np.stack([tone, -tone]), _SOFT * np.stack([tone, tone])]
    gap = np.zeros([2, round(_GAP_S * _TONE_RATE_HZ)])
    heard = [pairs[order.index(place)] for place in range(3)]
    waveform = np.concatenate([heard[0], gap, heard[1], gap, heard[2]], axis=1)
    return np.rint(waveform.T * 32767).astype(np.int16)


def tones_file(order: tuple[int, int, int]) -> bytes:
    """`antiphase_tones` as a WAV."""
    return _wav(antiphase_tones(order), _TONE_RATE_HZ)


def mask_file(side: int, random: np.random.Generator) -> bytes:
    """`noise_mask` as a PNG."""
    return _png(Image.fromarray(noise_mask(side, random)))


def signal_file(path: Path) -> bytes:
    """A PNG or 16-bit WAV of a run with the same pixels or samples, and nothing else.

    Raises:
      InputError: it cannot be read.
    """
    try:
        if path.suffix == ".png":
            with Image.open(path, formats=["PNG"]) as image:
                return _png(Image.fromarray(np.asarray(image.convert("RGB"))))
        with wave.open(str(path), "rb") as file:
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
            return _wav(samples.reshape(-1, file.getnchannels()), file.getframerate())
    except (OSError, wave.Error, EOFError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from error


def _png(image: Image.Image) -> bytes:
    content = io.BytesIO()
    image.save(content, "PNG")
    return content.getvalue()


def _wav(samples: np.ndarray, rate_hz: int) -> bytes:
    """Samples int16 [samples, channels] as a WAV with no more than the header it needs."""
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(samples.astype("<i2").tobytes())
    return content.getvalue()
