"""The pickle in a file of PyTorch: names, and tensors that look at numbers outside it.

It is read by `safe_pickle`; the list of names holds PyTorch's for tensors alone.
"""

from __future__ import annotations

import dataclasses
import math
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from model_metamers.weights import safe_pickle

_MOST_AXES = 8
_BFLOAT16 = "bfloat16"
# Types of the numbers by PyTorch's name of what holds them.
_STORAGES = {
    "DoubleStorage": "<f8",
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "BFloat16Storage": _BFLOAT16,
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "|i1",
    "ByteStorage": "|u1",
    "BoolStorage": "|b1",
}
_ADVICE = "Save the weights alone: torch.save(model.state_dict(), FILE)"
# Under these keys a training run keeps the weights, beside an optimiser's state and the like.
_WRAPPERS = ("state_dict", "model_state_dict", "model", "net")


@dataclasses.dataclass(frozen=True)
class Storage:
    """Numbers of one type that lie in a row."""

    __slots__ = ("code", "count", "key")  # so that no pickle can change what was checked
    key: str
    code: str
    count: int


@dataclasses.dataclass(frozen=True)
class Tensor:
    """A view of a storage."""

    __slots__ = ("offset", "shape", "storage", "strides")
    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def unpickled(data: bytes, path: Path, storages: dict[str, Storage]) -> Any:
    """Content of the pickle of names and tensors.

    Args:
      data: the pickle.
      path: of its file, for messages.
      storages: filled with those that it refers to, by key.

    Raises:
      InputError: damaged, or it asks for a name that is not PyTorch's for a tensor; nothing of it is run.
    """

    def outside(reference: Any) -> Storage:
        if not isinstance(reference, tuple) or len(reference) not in (5, 6) or reference[0] != "storage":
            raise pickle.UnpicklingError("a reference to something else than a tensor's numbers")
        _, code, key, _, count, *view = reference
        if not isinstance(code, str) or code not in _STORAGES.values() or not isinstance(key, str):
            raise pickle.UnpicklingError("numbers of a type that is not known")
        if not _is_count(count) or any(part is not None for part in view):
            raise pickle.UnpicklingError("a count of numbers that is none, or a view of a view")
        return storages.setdefault(key, Storage(key, code, count))

    def rebuild(*arguments: Any) -> Tensor:
        storage, offset, shape, strides = arguments[:4]
        return _checked(storage, offset, shape, strides)

    def parameter(*arguments: Any) -> Tensor:
        if not isinstance(arguments[0], Tensor):
            raise pickle.UnpicklingError("a parameter that is no tensor")
        return arguments[0]

    answers = {
        "collections.OrderedDict": type("_Ordered", (_Ordered,), {}),
        "torch._utils._rebuild_tensor": rebuild,
        "torch._utils._rebuild_tensor_v2": rebuild,
        "torch._utils._rebuild_parameter": parameter,
        **{f"torch.{name}": code for name, code in _STORAGES.items()},
    }
    return safe_pickle.load(data, f"torch file {path}", answers, outside=outside, advice=_ADVICE)


class _Ordered(dict):
    """An ordered dict; PyTorch begins with an empty one, and sets versions as its attributes."""

    def __init__(self) -> None:
        super().__init__()

    def __setstate__(self, state: Any) -> None:
        pass


def _checked(storage: Any, offset: Any, shape: Any, strides: Any) -> Tensor:
    """A tensor within its storage, no larger than it."""
    if not isinstance(storage, Storage) or not _is_count(offset):
        raise pickle.UnpicklingError("a tensor without numbers")
    for axes in (shape, strides):
        if not isinstance(axes, tuple) or len(axes) > _MOST_AXES or not all(map(_is_count, axes)):
            raise pickle.UnpicklingError("a tensor's axes")
    if len(shape) != len(strides):
        raise pickle.UnpicklingError("a tensor's axes")
    count = math.prod(shape)
    last = offset + sum((length - 1) * stride for length, stride in zip(shape, strides, strict=True))
    if count and (count > storage.count or last >= storage.count):
        raise pickle.UnpicklingError(f"a tensor {list(shape)} of {storage.count} numbers")
    return Tensor(storage, offset if count else 0, shape, strides)


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 48


def tensors_of(content: Any) -> dict[str, Tensor]:
    """The tensors by name of what a file holds."""
    if not isinstance(content, Mapping):
        raise pickle.UnpicklingError("no dict of tensors by name; save a model's state_dict()")
    for key in _WRAPPERS:
        if isinstance(content.get(key), Mapping):
            content = content[key]
            break
    return {name: v for name, v in content.items() if isinstance(name, str) and isinstance(v, Tensor)}


def size_of(storage: Storage) -> int:
    return storage.count * (2 if storage.code == _BFLOAT16 else np.dtype(storage.code).itemsize)


def numbers_of(storage: Storage, data: bytes) -> np.ndarray:
    if len(data) != size_of(storage):
        raise pickle.UnpicklingError(f"truncated: storage {storage.key} has {len(data)} bytes")
    if storage.code == _BFLOAT16:  # the upper half of a float32
        return (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32)
    numbers = np.frombuffer(data, storage.code)
    return numbers.astype(np.float32) if storage.code == "<f2" else numbers
