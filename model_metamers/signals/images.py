"""Images from files, as a network takes them."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from model_metamers.errors import InputError
from model_metamers.signals.spec import SignalSpec

EXTENSIONS = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".gif")
# Integer and float images have no agreed range that a network's could be scaled from.
_EIGHT_BIT_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")


def load_image(path: str | os.PathLike, signal: SignalSpec) -> np.ndarray:
    """An image file as a network's target: square centre crop, bilinear resize, range.

    The crop and PIL's bilinear filter are those of the authors' notebook (docs/sources.md 2, 3).

    Returns:
      float32 of shape `signal.shape`, in [signal.low, signal.high].

    Raises:
      InputError: no image, damaged, or more than 8 bits a channel.
    """
    return fit(_open(path, str(path)), signal)


def decode_image(content: bytes, signal: SignalSpec, name: str) -> np.ndarray:
    """An encoded image as `load_image` gives a file; `name` is for the message."""
    return fit(_open(io.BytesIO(content), name), signal)


def fit(image: Image.Image, signal: SignalSpec) -> np.ndarray:
    """An RGB image cropped to its central square, resized, in the network's range."""
    height, width = signal.shape[:2]
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    image = image.crop((left, top, left + side, top + side))
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.BILINEAR)
    return from_uint8(np.asarray(image), signal)


def from_uint8(image: np.ndarray, signal: SignalSpec) -> np.ndarray:
    """8-bit pixels in a network's range, float32."""
    scaled = image.astype(np.float32) / np.float32(255.0)
    return np.float32(signal.low) + np.float32(signal.high - signal.low) * scaled


def to_uint8(image: np.ndarray, signal: SignalSpec) -> np.ndarray:
    """A network's image rounded to the 8-bit pixels that a person is shown."""
    scaled = (image.astype(np.float64) - signal.low) / (signal.high - signal.low)
    return np.clip(np.rint(scaled * 255.0), 0, 255).astype(np.uint8)


def write_image(path: Path, image: np.ndarray, signal: SignalSpec) -> None:
    """Writes a network's image as a PNG of 8 bits a channel."""
    Image.fromarray(to_uint8(image, signal)).save(path, "PNG")


def _open(file: str | os.PathLike | io.BytesIO, name: str) -> Image.Image:
    """The decoded file as RGB."""
    try:
        with Image.open(file) as image:
            if image.mode not in _EIGHT_BIT_MODES:
                raise InputError(
                    f"{name}: pixels of mode {image.mode!r}; expected 8 bits a channel, convert it first"
                )
            return image.convert("RGB")
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{name}: no readable image file ({error})") from error
