"""The metamers that are embedded in the authors' notebooks, as files of the user's hold them.

The sounds are there in full, 16 bits, each scaled to a peak of one, so that its level is lost. The pictures
are panels of a figure: of 224 pixels a side some 140 are left, the nearest ones.
"""

from __future__ import annotations

import base64
import binascii
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

import numpy as np
import soundfile

from model_metamers.errors import InputError
from model_metamers.signals import images, sounds
from model_metamers.storage.reading import read_json

_LAYER = re.compile(r"Generating metamer for .{1,200}? layer (\w{1,100})")
_SOUND = re.compile(r"data:audio/wav;base64,([A-Za-z0-9+/=\s]+)")
_LEAST_SIDE = 50  # of a panel, pixels
_DARK, _WHITE = 170, 750  # red, green and blue together: at most in a frame, at least outside it
_MOSTLY = 0.85  # of a frame's side: ticks and labels touch it
_TICK = 6  # pixels that a tick at the corner may lengthen the upper edge by, at most
_SQUARE = 3  # by how many pixels a picture's panel may miss being square


class _Output(TypedDict, total=False):
    """What of a cell's output is read."""

    text: str | list[str]
    data: dict[str, Any]


class _Cell(TypedDict, total=False):
    outputs: list[_Output]


class _Notebook(TypedDict):
    cells: list[_Cell]


class Embedded(NamedTuple):
    """What a notebook shows.

    Attributes:
      kind: "image" or "sound".
      target: the original: uint8 [side, side, 3], or float64 [samples].
      metamers: of the same form, by the authors' name of the layer.
      rate_hz: of sounds; 0 of images.
    """

    kind: str
    target: np.ndarray
    metamers: dict[str, np.ndarray]
    rate_hz: int


def read_notebook(path: Path) -> Embedded:
    """The original and the metamers in a notebook's saved outputs.

    A sound belongs to the layer that was printed last before it; the first is the original. Of a figure,
    square panels are pictures, in reading order: the original, then those of the layers as they were printed.

    Args:
      path: an `.ipynb` file, such as the authors' `Audio_Network_Metamers.ipynb`.

    Raises:
      InputError: no notebook, or one without such outputs.
    """
    notebook = read_json(path, "notebook (.ipynb)", _Notebook)
    layers: list[str] = []
    heard: list[tuple[str | None, bytes]] = []
    seen: list[np.ndarray] = []
    for output in (output for cell in notebook["cells"] for output in cell.get("outputs", [])):
        layers += _LAYER.findall(_joined(output.get("text", "")))
        data = output.get("data", {})
        for found in _SOUND.findall(_joined(data.get("text/html", ""))):
            heard.append((layers[-1] if layers else None, _decoded(found, path)))
        if "image/png" in data:
            picture = images.show(_decoded(_joined(data["image/png"]), path), f"{path}: an embedded figure")
            seen += panels(np.asarray(picture.pixels))
    if heard:
        return _sounds(heard, path)
    if len(seen) == 1 + len(layers) > 1:
        return Embedded("image", seen[0], dict(zip(layers, seen[1:], strict=True)), 0)
    raise InputError(
        f"{path}: shows {len(seen)} pictures and {len(heard)} sounds of {len(layers)} layers; expected a "
        f"notebook with saved outputs, the original and a metamer of each layer"
    )


def _joined(text: Any) -> str:
    """A text that notebooks hold whole or in parts."""
    if isinstance(text, str):
        return text
    return "".join(part for part in text if isinstance(part, str)) if isinstance(text, list) else ""


def _sounds(heard: Sequence[tuple[str | None, bytes]], path: Path) -> Embedded:
    before = [content for layer, content in heard if layer is None]
    after = {layer: content for layer, content in heard if layer is not None}
    if len(before) != 1 or not after:
        raise InputError(
            f"{path}: plays {len(before)} sounds before the first layer and {len(after)} after; expected the "
            f"original, then metamers"
        )
    target, rate_hz = _waveform(before[0], path)
    metamers = {layer: _waveform(content, path, rate_hz)[0] for layer, content in after.items()}
    wrong = [layer for layer, sound in metamers.items() if sound.shape != target.shape]
    if wrong:
        raise InputError(f"{path}: the metamer of {wrong[0]} is not as long as the original")
    return Embedded("sound", target, metamers, rate_hz)


def _decoded(text: str, path: Path) -> bytes:
    try:
        return base64.b64decode(text)
    except (binascii.Error, ValueError) as error:
        raise InputError(f"{path}: an output is no base64 ({error})") from error


def _waveform(content: bytes, path: Path, rate_hz: int | None = None) -> tuple[np.ndarray, int]:
    """A WAV file's sound, at its own rate without another, and the rate."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "sound.wav"
        file.write_bytes(content)
        try:
            sounds.duration_s(file)  # which refuses what is no sound
            rate = rate_hz or soundfile.info(file).samplerate
            return sounds.read_waveform(file, rate), rate
        except InputError as error:
            raise InputError(f"{path}: an embedded sound: {str(error).partition(': ')[2]}") from error


def panels(figure: np.ndarray) -> list[np.ndarray]:
    """The square panels of a figure on white in reading order, without their frames.

    Args:
      figure: uint8 [height, width, 3]; matplotlib's frames let a fifth of the picture through.

    Returns:
      uint8 [side, side, 3] each; a panel that misses being square by a pixel or two is made so.
    """
    total = np.pad(figure.astype(np.int32).sum(axis=2), 1, constant_values=3 * 255)
    dark, white = total <= _DARK, total >= _WHITE
    found = []
    for top in range(1, len(dark)):
        for first, right in _runs(dark[top] & white[top - 1]):
            corners = ((left, _bottom(dark, white, top, left, right)) for left in range(first, first + _TICK))
            left, bottom = next((corner for corner in corners if corner[1] is not None), (0, None))
            if bottom is not None:
                least = min(bottom - top, right - left) - 1
                found.append(figure[top : top + least, left : left + least])  # of the figure without its edge
    return found


def _runs(row: np.ndarray) -> list[tuple[int, int]]:
    """First and last column of each stretch of a row that is long enough for a panel's upper edge."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], row, [False]]).astype(np.int8)))
    return [(int(left), int(end) - 1) for left, end in edges.reshape(-1, 2) if end - left > _LEAST_SIDE]


def _bottom(dark: np.ndarray, white: np.ndarray, top: int, left: int, right: int) -> int | None:
    """The row of a square panel's lower edge; None where there is no such panel."""
    side = right - left
    for bottom in range(top + side - _SQUARE, min(top + side + _SQUARE + 1, len(dark) - 1)):
        edges = (
            (dark[bottom, left : right + 1], white[bottom + 1, left : right + 1]),
            (dark[top : bottom + 1, left], white[top : bottom + 1, left - 1]),
            (dark[top : bottom + 1, right], white[top : bottom + 1, right + 1]),
        )
        if all(inside.mean() >= _MOSTLY and outside.mean() >= _MOSTLY for inside, outside in edges):
            return bottom
    return None
