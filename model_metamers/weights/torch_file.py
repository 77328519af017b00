"""PyTorch's files of weights, read without PyTorch and without running anything of them.

`torch.save` writes a pickle of names and tensors, and beside it the numbers: since PyTorch 1.6 both in
a zip archive, before that one after the other in one file. The pickle is read by `safe_pickle`, whose
list of names holds PyTorch's for tensors alone; every other name is refused.
"""

from __future__ import annotations

import dataclasses
import io
import math
import os
import pickle
import pickletools
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from model_metamers.errors import InputError
from model_metamers.storage.opening import check_file, open_file
from model_metamers.storage.reading import one_line
from model_metamers.weights import safe_pickle

_ENDINGS = (".pt", ".pth")
_ZIP = b"PK\x03\x04"
# The first two pickles of the old form: its mark, whole as it is in the file, and its version.
_MARK, _VERSION = pickle.dumps(0x1950A86A20F9469CFC6C, protocol=2), 1001
_MOST_PICKLE_BYTES = 4 << 20  # of the pickles of a file; those of large networks hold some 200 kB
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
class _Storage:
    """Numbers of one type that lie in a row."""

    __slots__ = ("code", "count", "key")  # so that no pickle can change what was checked
    key: str
    code: str
    count: int


@dataclasses.dataclass(frozen=True)
class _Tensor:
    """A view of a storage."""

    __slots__ = ("offset", "shape", "storage", "strides")
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class TorchFile:
    """The tensors of a file that `torch.save` wrote of a `state_dict`, by their names in it.

    The file may hold the weights alone, or a dict that has them under "state_dict", "model_state_dict",
    "model" or "net", as a training run saves it; plain numbers and texts beside tensors are passed over.

    Args:
      path: of the file.

    Attributes:
      shapes: by name, in the file's order and with PyTorch's axes.

    Raises:
      InputError: no such file, truncated or damaged, a name in its pickle that is not PyTorch's for a
        tensor (nothing of it is run), no tensors, or what was saved on a big-endian machine.
    """

    def __init__(self, path: str | os.PathLike):
        self.path = Path(path)
        with _explained(self.path):
            self._size = check_file(self.path)
            with open_file(self.path) as file:
                start = file.read(len(_ZIP))
            self._read: Callable[[_Storage], bytes]
            content = self._open_zip() if start == _ZIP else self._open_old()
            self._tensors = _tensors(content)
            if not self._tensors:
                raise pickle.UnpicklingError("it holds no tensors by name; save a model's state_dict()")
        self.shapes = {name: tensor.shape for name, tensor in self._tensors.items()}

    def value(self, name: str) -> np.ndarray:
        """A tensor's values; float16 and bfloat16 come as float32."""
        tensor = self._tensors[name]
        with _explained(self.path):
            numbers = _numbers(tensor.storage, self._read(tensor.storage))[tensor.offset :]
            steps = [stride * numbers.itemsize for stride in tensor.strides]
            return np.lib.stride_tricks.as_strided(numbers, tensor.shape, steps, writeable=False).copy()

    def _open_zip(self) -> Any:
        with zipfile.ZipFile(self.path) as archive:
            found = [
                name for name in archive.namelist() if name.count("/") == 1 and name.endswith("/data.pkl")
            ]
            if len(found) != 1:
                raise pickle.UnpicklingError("an archive without PyTorch's data.pkl")
            folder = found[0].removesuffix("data.pkl")
            order = f"{folder}byteorder"
            if order in archive.namelist() and _member(archive, order, 16) != b"little":
                raise pickle.UnpicklingError("saved on a big-endian machine")
            data = _member(archive, found[0], _MOST_PICKLE_BYTES)

        def read(storage: _Storage) -> bytes:
            with zipfile.ZipFile(self.path) as archive:
                return _member(archive, f"{folder}data/{storage.key}", _bytes(storage), exactly=True)

        storages: dict[str, _Storage] = {}
        content = _unpickled(data, self.path, storages)
        with zipfile.ZipFile(self.path) as archive:
            for storage in storages.values():
                if _bytes(storage) > self._size:
                    raise pickle.UnpicklingError(f"{self._size} bytes, fewer than its tensors need")
                _check_member(archive, f"{folder}data/{storage.key}", _bytes(storage))
        self._read = read
        return content

    def _open_old(self) -> Any:
        with open_file(self.path) as file:
            head = file.read(_MOST_PICKLE_BYTES)
        pickles = _pickles(head)
        mark = next(pickles)[0]
        version, system = (_plain(next(pickles)[0], self.path) for _ in range(2))
        if mark != _MARK or version != _VERSION or not isinstance(system, dict):
            raise pickle.UnpicklingError("no file of torch.save")
        if system.get("little_endian") is not True:
            raise pickle.UnpicklingError("saved on a big-endian machine")
        storages: dict[str, _Storage] = {}
        content = _unpickled(next(pickles)[0], self.path, storages)
        data, position = next(pickles)
        keys = _plain(data, self.path)
        if not isinstance(keys, list) or sorted(map(str, keys)) != sorted(storages):
            raise pickle.UnpicklingError("its list of storages is not that of its tensors")
        places = {}
        with open_file(self.path) as file:
            for key in keys:
                file.seek(position)
                if file.read(8) != storages[key].count.to_bytes(8, "little"):
                    raise pickle.UnpicklingError(f"truncated, or a storage {key} of another size than told")
                places[key] = position + 8
                position += 8 + _bytes(storages[key])
        if position != self._size:
            raise pickle.UnpicklingError(f"{self._size} bytes where its tensors need {position}")

        def read(storage: _Storage) -> bytes:
            with open_file(self.path) as file:
                file.seek(places[storage.key])
                return file.read(_bytes(storage))

        self._read = read
        return content


def is_torch_file(path: Path) -> bool:
    """Whether a path is a file that PyTorch wrote, or is called so."""
    if not path.is_file():
        return False
    if path.suffix in _ENDINGS:
        return True
    with _explained(path), open_file(path) as file:
        return file.read(len(_MARK)) == _MARK or _is_torch_zip(path)


def _is_torch_zip(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("/data.pkl") for name in archive.namelist())


def _unpickled(data: bytes, path: Path, storages: dict[str, _Storage]) -> Any:
    """Content of the pickle of names and tensors; `storages` is filled with those that it refers to."""

    def outside(reference: Any) -> _Storage:
        if not isinstance(reference, tuple) or len(reference) not in (5, 6) or reference[0] != "storage":
            raise pickle.UnpicklingError("a reference to something else than a tensor's numbers")
        _, code, key, _, count, *view = reference
        if not isinstance(code, str) or code not in _STORAGES.values() or not isinstance(key, str):
            raise pickle.UnpicklingError("numbers of a type that is not known")
        if not _is_count(count) or any(part is not None for part in view):
            raise pickle.UnpicklingError("a count of numbers that is none, or a view of a view")
        return storages.setdefault(key, _Storage(key, code, count))

    def rebuild(*arguments: Any) -> _Tensor:
        storage, offset, shape, strides = arguments[:4]
        return _checked(storage, offset, shape, strides)

    def parameter(*arguments: Any) -> _Tensor:
        if not isinstance(arguments[0], _Tensor):
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


def _checked(storage: Any, offset: Any, shape: Any, strides: Any) -> _Tensor:
    """A tensor within its storage, no larger than it."""
    if not isinstance(storage, _Storage) or not _is_count(offset):
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
    return _Tensor(storage, offset if count else 0, shape, strides)


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 48


def _tensors(content: Any) -> dict[str, _Tensor]:
    """The tensors by name of what a file holds."""
    if not isinstance(content, Mapping):
        raise pickle.UnpicklingError("no dict of tensors by name; save a model's state_dict()")
    for key in _WRAPPERS:
        if isinstance(content.get(key), Mapping):
            content = content[key]
            break
    return {name: v for name, v in content.items() if isinstance(name, str) and isinstance(v, _Tensor)}


def _plain(data: bytes, path: Path) -> Any:
    """A pickle that names nothing."""
    return safe_pickle.load(data, f"torch file {path}", {})


def _pickles(head: bytes) -> Iterator[tuple[bytes, int]]:
    """The pickles that a file begins with, each with where it ends."""
    stream, begin = io.BytesIO(head), 0
    while True:
        for _ in pickletools.genops(stream):
            pass
        yield head[begin : stream.tell()], stream.tell()
        begin = stream.tell()


def _bytes(storage: _Storage) -> int:
    return storage.count * (2 if storage.code == _BFLOAT16 else np.dtype(storage.code).itemsize)


def _numbers(storage: _Storage, data: bytes) -> np.ndarray:
    if len(data) != _bytes(storage):
        raise pickle.UnpicklingError(f"truncated: storage {storage.key} has {len(data)} bytes")
    if storage.code == _BFLOAT16:  # the upper half of a float32
        return (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32)
    numbers = np.frombuffer(data, storage.code)
    return numbers.astype(np.float32) if storage.code == "<f2" else numbers


def _check_member(archive: zipfile.ZipFile, name: str, size: int) -> zipfile.ZipInfo:
    info = archive.getinfo(name)
    if info.compress_type != zipfile.ZIP_STORED or info.file_size != size or info.compress_size != size:
        raise pickle.UnpicklingError(f"its {name} has {info.file_size} bytes, expected {size}, as they are")
    return info


def _member(archive: zipfile.ZipFile, name: str, most: int, exactly: bool = False) -> bytes:
    """A member of an archive, which PyTorch stores without compression."""
    size = most if exactly else archive.getinfo(name).file_size
    if size > most:
        raise pickle.UnpicklingError(f"its {name} has {size} bytes; at most {most} are read")
    return archive.read(_check_member(archive, name, size))


class _explained:
    """Turns what a damaged file makes its readers raise into an InputError of one line."""

    def __init__(self, path: Path):
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if error is None or isinstance(error, InputError):
            return
        if isinstance(error, OSError):
            raise InputError(
                f"torch file {self._path}: cannot be read ({error.strerror or error})"
            ) from error
        if isinstance(error, (*safe_pickle.DAMAGE, zipfile.BadZipFile, NotImplementedError)):
            reason = one_line(str(error) or type(error).__name__)
            raise InputError(
                f"torch file {self._path}: truncated, damaged or no file of torch.save ({reason})"
            ) from error
