"""Images from files, as a network takes them."""

from __future__ import annotations

import contextlib
import io
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
from PIL import Image, ImageOps

from model_metamers.errors import InputError
from model_metamers.signals.spec import SignalSpec
from model_metamers.storage.opening import check_file
from model_metamers.storage.reading import one_line

# Of what Pillow opens, the formats that hold photographs. Others need another program
# (EPS, WMF), hold measurements (FITS, HDF5), or are no pictures to it (PDF, MPEG).
_PHOTOGRAPHS = (
    *("AVIF", "BMP", "DIB", "GIF", "ICNS", "ICO", "JPEG", "JPEG2000"),
    *("PCX", "PNG", "PPM", "QOI", "SGI", "TGA", "TIFF", "WEBP"),
)
_ENDINGS = Image.registered_extensions()
FORMATS = tuple(name for name in _PHOTOGRAPHS if name in Image.OPEN)
# MPO, a JPEG with further pictures behind the first, is opened as JPEG.
EXTENSIONS = tuple(sorted(ending for ending, name in _ENDINGS.items() if name in (*FORMATS, "MPO")))

# Integer and float images have no agreed range that a network's could be scaled from.
_EIGHT_BIT_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr")
_SIXTEEN_BITS = re.compile(r";16[BLN]")  # in Pillow's names of what a file stores
_BACKGROUND = (255, 255, 255, 255)
_ORIENTATION = 0x0112  # EXIF's tag; 1 is upright
# What an image may have at most, so that it takes no more than some 500 MB: a small file can hold very
# many equal pixels. The decoders of WebP and JPEG 2000 take more than others.
MOST_BYTES = 256 << 20
_MOST_PIXELS, _MOST_OF = 61_000_000, {"WEBP": 32_000_000, "JPEG2000": 16_000_000}
_ROWS = 256  # laid over white at once


def load_image(path: str | os.PathLike | Image.Image | np.ndarray, signal: SignalSpec) -> np.ndarray:
    """An image as a network's target: square centre crop, bilinear resize, range.

    It is first turned as its EXIF data say, and laid over white where it is transparent, as
    viewers show it. Of several frames the first is taken. The crop and PIL's bilinear filter
    are those of the authors' notebook (docs/sources.md 2, 3).

    Args:
      path: a file of one of `EXTENSIONS`; a PIL image, or its pixels as uint8 [height, width],
        [height, width, 3] or [height, width, 4], serve as well.
      signal: what the network takes.

    Returns:
      float32 of shape `signal.shape`, in [signal.low, signal.high].

    Raises:
      InputError: no image, damaged, more than 8 bits a channel, more than 61 million pixels (32 million
        of WebP, 16 million of JPEG 2000), or a network of sounds.

    Example:
      >>> signal = SignalSpec("image", (32, 32, 3), low=0, high=1)
      >>> image = load_image(np.full([120, 160, 3], 255, np.uint8), signal)  # or "cat.jpg"
      >>> image.shape, float(image.max())
      ((32, 32, 3), 1.0)
    """
    if signal.kind != "image":
        raise InputError(f"this network takes a {signal.kind}, no image")
    if isinstance(path, np.ndarray):
        path = _from_pixels(path)
    if isinstance(path, Image.Image):
        with _one_line("the image"):
            return fit(_as_shown(path), signal)
    if not isinstance(path, (str, os.PathLike)):
        raise InputError(
            f"expected an image's path, a PIL image or its pixels as uint8, got {type(path).__name__}"
        )
    return fit(_read(path, str(path)), signal)


def decode_image(content: bytes, signal: SignalSpec, name: str) -> np.ndarray:
    """An encoded image as `load_image` gives a file; `name` is for the message."""
    return fit(_read(io.BytesIO(content), name), signal)


def conversions(path: str | os.PathLike) -> list[str]:
    """What `load_image` does to a readable file beyond cropping and resizing, in words."""
    done = []
    with _opened(path, str(path)) as image:
        if getattr(image, "is_animated", False) and image.format != "MPO":
            done.append("hold several frames, of which the first is taken")
        if image.has_transparency_data:
            done.append("have transparency, laid over white")
        if is_turned(image):
            done.append("turned as their EXIF data say")
    return done


def is_turned(image: Image.Image) -> bool:
    """Whether EXIF data say that an image is not shown as it is stored."""
    try:
        return image.getexif().get(_ORIENTATION, 1) in range(2, 9)
    except Exception:  # damaged EXIF data, which viewers pass over
        return False


def fit(image: Image.Image, signal: SignalSpec) -> np.ndarray:
    """An RGB image cropped to its central square, resized, in the network's range."""
    height, width = signal.shape[:2]
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    if image.width != image.height:
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


class Shown(NamedTuple):
    """An image as viewers show it.

    Attributes:
      pixels: RGB, upright, over white.
      format, mode: of the file, in Pillow's words.
      as_stored: whether the stored pixels are those shown: neither turned nor transparent.
    """

    pixels: Image.Image
    format: str
    mode: str
    as_stored: bool


def show(content: bytes, name: str) -> Shown:
    """An encoded image as viewers show it; InputError as `load_image`, with `name` in front."""
    with _opened(io.BytesIO(content), name) as image:
        as_stored = not is_turned(image) and not image.has_transparency_data
        return Shown(_as_shown(image), str(image.format), image.mode, as_stored)


def _read(file: str | os.PathLike | IO[bytes], name: str) -> Image.Image:
    with _opened(file, name) as image:
        return _as_shown(image)


@contextlib.contextmanager
def _opened(file: str | os.PathLike | IO[bytes], name: str) -> Iterator[Image.Image]:
    with _one_line(name):
        if isinstance(file, (str, os.PathLike)):
            check_file(file, MOST_BYTES)
        with Image.open(file, formats=FORMATS) as image:
            _check_size(image)
            yield image


@contextlib.contextmanager
def _one_line(name: str) -> Iterator[None]:
    """Makes an InputError of whatever a decoder raises: they agree on no kind of error."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{name}: {error}") from error
    except Exception as error:
        told = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        first = one_line(told) or type(error).__name__
        raise InputError(f"{name}: no readable image file ({first})") from error


def _as_shown(image: Image.Image) -> Image.Image:
    """A PIL image as RGB, upright, over white."""
    _check_depth(image)
    image.load()
    _check_size(image)  # the image within an icon can be another than its list tells
    if is_turned(image):
        with contextlib.suppress(Exception):  # damaged EXIF data, which viewers pass over
            image = ImageOps.exif_transpose(image)
    if not image.has_transparency_data:
        return image if image.mode == "RGB" else image.convert("RGB")
    shown = Image.new("RGB", image.size)
    for top in range(0, image.height, _ROWS):
        rows = image.crop((0, top, image.width, min(top + _ROWS, image.height))).convert("RGBA")
        white = Image.new("RGBA", rows.size, _BACKGROUND)
        shown.paste(Image.alpha_composite(white, rows).convert("RGB"), (0, top))
    return shown


def _check_size(image: Image.Image) -> None:
    most = _MOST_OF.get(image.format or "", _MOST_PIXELS)
    if image.width * image.height > most:
        raise InputError(f"{image.width} x {image.height} pixels; at most {most} are read, shrink it first")


def check_shape(content: bytes, height: int, width: int, name: str) -> None:
    """Refuses an encoded image of another size before it is decoded; InputError as `load_image`."""
    with _opened(io.BytesIO(content), name) as image:
        if (image.height, image.width) != (height, width):
            raise InputError(f"an image of {image.height}x{image.width}, no image of {height}x{width}")


def _check_depth(image: Image.Image) -> None:
    """Refuses more than 8 bits a channel, which Pillow in part cuts to 8 without a word."""
    if image.mode not in _EIGHT_BIT_MODES:
        raise InputError(f"pixels of mode {image.mode!r}; expected 8 bits a channel, convert it first")
    for part in getattr(image, "tile", ()):
        decoder, stored = part[0], part[3]
        largest = stored[1] if decoder.startswith("ppm") else 255
        if largest > 255 or _SIXTEEN_BITS.search(str(stored)):
            raise InputError("16 bits a channel; expected 8 bits a channel, convert it first")


def _from_pixels(pixels: np.ndarray) -> Image.Image:
    shape = list(pixels.shape)
    if pixels.dtype != np.uint8 or len(shape) not in (2, 3) or shape[2:] not in ([], [3], [4]) or 0 in shape:
        raise InputError(
            f"pixels of {pixels.dtype} {shape}: expected uint8 [height, width, 3]; floats in the network's "
            f"range and of its shape are a target as they are"
        )
    return Image.fromarray(pixels)
