"""What a network is fed, told by a JSON file: for networks whose own file does not tell.

{"kind": "image", "shape": [224, 224, 3], "low": 0, "high": 1,
 "mean": 0.5, "std": 0.5, "classes": "classes.txt", "layers": ["conv_1", "conv_2"]}
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import os
import re
from pathlib import Path
from typing import Any, Literal

import msgspec

from model_metamers.errors import InputError
from model_metamers.signals.spec import SignalSpec
from model_metamers.storage.reading import one_line, read_json, read_lines

_EXAMPLES = {
    "image": '{"kind": "image", "shape": [224, 224, 3], "low": 0, "high": 1}',
    "sound": '{"kind": "sound", "shape": [16000], "low": -1, "high": 1, "sample_rate": 16000}',
}
EXAMPLE = _EXAMPLES["image"]
# What else people may call a field.
_ALSO_CALLED = {
    **dict.fromkeys(("size", "height", "width", "samples", "length", "num_samples", "input_shape"), "shape"),
    **dict.fromkeys(("rate", "sr", "fs", "samplerate", "sampling_rate"), "sample_rate"),
    **dict.fromkeys(("range", "value_range", "min", "minimum"), "low"),
    **dict.fromkeys(("max", "maximum"), "high"),
    **dict.fromkeys(("normalisation", "normalization", "normalise", "normalize"), "mean"),
    **dict.fromkeys(("variance", "scale", "sd"), "std"),
    **dict.fromkeys(("labels", "class_names", "classes_file"), "classes"),
    **dict.fromkeys(("level", "loudness"), "rms"),
    **dict.fromkeys(("type", "modality"), "kind"),
    **dict.fromkeys(("channel_order", "colours", "colors"), "channels"),
}
_NUMBERS = "a number, or a list of one for each channel"
_EXPECTED = {
    "kind": '"image" or "sound"',
    "shape": "a list of whole numbers, such as [224, 224, 3] or [16000]",
    "sample_rate": "a whole number",
    "name": "a text",
    "layers": "a list of names",
    "classes": "a list of names, or the name of a text file",
    "channels": '"rgb", "bgr" or "grey"',
    "mean": _NUMBERS,
    "std": _NUMBERS,
}


class _Fields(msgspec.Struct):
    """The fields that a file may hold; those without a default it must."""

    kind: Literal["image", "sound"]
    shape: list[int]
    low: float
    high: float
    sample_rate: int | None = None
    rms: float | None = None
    name: str | None = None
    layers: list[str] = []
    classes: str | list[str] | None = None
    learning_rate: float = 0.001
    channels: Literal["rgb", "bgr", "grey"] = "rgb"
    mean: float | list[float] = 0.0
    std: float | list[float] = 1.0


@dataclasses.dataclass(frozen=True)
class SignalDescription:
    """What a JSON file says of a network.

    Attributes:
      signal: what the network is fed, before normalisation.
      name: of the network; None where the file gives none.
      layers: its metamer layers, early to late; empty where the file names none.
      classes: names of its outputs; None where the file names none.
      learning_rate: of the metamer search.
      channels: what the model takes of an image: "rgb", "bgr" or "grey".
      mean, std: the model is given (signal - mean) / std: one number for all, or one for each channel in
        the model's order.
    """

    signal: SignalSpec
    name: str | None
    layers: tuple[str, ...]
    classes: tuple[str, ...] | None
    learning_rate: float
    channels: str
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @property
    def changes(self) -> bool:
        """Whether the model is given something else than the signal."""
        return (self.channels, self.mean, self.std) != ("rgb", (0.0,), (1.0,))


def read_description(path: str | os.PathLike) -> SignalDescription:
    """Reads a JSON file with these fields, of which `shape` and those around it are `SignalSpec`'s.

      kind            "image" or "sound"
      shape           [height, width, 3], or [samples]
      low, high       range of values of the signal, such as 0 and 1, or 0 and 255
      sample_rate     of a sound, Hz
      rms             of a sound: level that loaded files are brought to; without it, none
      mean, std       without them, 0 and 1: the model is given (signal - mean) / std
      channels        of an image: what the model takes, "rgb", "bgr" or "grey"; without it, "rgb"
      classes         names of the outputs: a list, or a text file beside this one with a name a line
      layers          metamer layers, early to late
      name            of the network
      learning_rate   of the metamer search; without it, 0.001

    Raises:
      InputError: no such file, no JSON, a field that lacks, is misnamed or holds what it cannot; the
        message names the field.

    Example:
      >>> import tempfile
      >>> path = Path(tempfile.mkdtemp()) / "signal.json"
      >>> _ = path.write_text('{"kind": "image", "shape": [8, 8, 3], "low": 0, "hihg": 1}')
      >>> read_description(path)
      Traceback (most recent call last):
      ...
      model_metamers.errors.InputError: ...signal.json: there is no field "hihg"; call it "high"
    """
    given = read_json(path, "description of a signal")
    if not isinstance(given, dict):
        raise InputError(f"{path}: expected fields, such as {EXAMPLE}")
    fields = _checked(given, path)
    try:
        signal = SignalSpec(
            fields.kind, tuple(fields.shape), fields.low, fields.high, fields.sample_rate, fields.rms
        )
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    if fields.kind == "image" and signal.shape[2] != 3:
        raise InputError(
            f'{path}: shape={fields.shape}: images are read as [height, width, 3]; "channels": "grey" gives '
            f"the model one channel"
        )
    _refuse_of_other_kind(fields, path)
    count = 3 if fields.kind == "image" and fields.channels != "grey" else 1
    return SignalDescription(
        signal=signal,
        name=fields.name,
        layers=tuple(fields.layers),
        classes=_class_names(fields.classes, Path(path)),
        learning_rate=fields.learning_rate,
        channels=fields.channels,
        mean=_numbers("mean", fields.mean, count, path),
        std=_numbers("std", fields.std, count, path),
    )


def _checked(given: dict[str, Any], path: str | os.PathLike) -> _Fields:
    """The fields by name, each of its type."""
    names = _Fields.__struct_fields__
    for field in given:
        if field not in names:
            raise InputError(f'{path}: there is no field "{one_line(field)}"; {_right_name(field, names)}')
    kind = "sound" if given.get("kind") == "sound" else "image"
    needed = ["kind", "shape", "low", "high", *(["sample_rate"] if kind == "sound" else [])]
    missing = [field for field in needed if given.get(field) is None]
    if missing:
        told = " and ".join(f'"{field}"' for field in missing)
        raise InputError(f"{path}: lacks the field {told}, as in {_EXAMPLES[kind]}")
    try:
        return msgspec.convert(given, _Fields)
    except msgspec.ValidationError as error:
        field = re.split(r"[\[`.]", str(error).rpartition(" - at `$.")[2])[0]
        expected, got = _EXPECTED.get(field, "a number"), one_line(repr(given[field]))
        raise InputError(f'{path}: field "{field}": expected {expected}, got {got}') from error


def _right_name(field: str, names: tuple[str, ...]) -> str:
    """Which field was meant, for a message."""
    near = difflib.get_close_matches(field.lower(), [*names, *_ALSO_CALLED], 1)
    right = _ALSO_CALLED.get(near[0], near[0]) if near else None
    return f'call it "{right}"' if right else f"there are {', '.join(names)}"


def _refuse_of_other_kind(fields: _Fields, path: str | os.PathLike) -> None:
    """Refuses fields that only the other kind of signal has."""
    other = {"image": ("sample_rate", "rms"), "sound": ()}[fields.kind]
    misplaced = [field for field in other if getattr(fields, field) is not None]
    if fields.kind == "sound" and fields.channels != "rgb":
        misplaced.append("channels")
    if misplaced:
        raise InputError(f'{path}: field "{misplaced[0]}": is not for a signal of kind "{fields.kind}"')
    if not 0 < fields.learning_rate < math.inf:
        raise InputError(f'{path}: field "learning_rate": expected a number above 0')


def _numbers(
    field: str, given: float | list[float], count: int, path: str | os.PathLike
) -> tuple[float, ...]:
    """One number, or one for each channel; those to divide by are above 0."""
    numbers = tuple(given) if isinstance(given, list) else (given,)
    if len(numbers) not in (1, count):
        expected = f"one number or {count}" if count > 1 else "one number"
        raise InputError(f'{path}: field "{field}": expected {expected}, got {len(numbers)}')
    if not all(math.isfinite(n) for n in numbers) or (field == "std" and min(numbers) <= 0):
        raise InputError(f'{path}: field "{field}": expected finite numbers{" above 0" * (field == "std")}')
    return numbers


def _class_names(given: str | list[str] | None, path: Path) -> tuple[str, ...] | None:
    """Names as they stand, or of a file beside the one that names it."""
    if isinstance(given, str):
        return tuple(read_lines(path.parent / given))
    return None if given is None else tuple(given)
