"""PyTorch's files of weights, read without PyTorch and without running anything of them.

`torch.save` writes a pickle of names and tensors, and beside it the numbers: since PyTorch 1.6 both in
a zip archive, before that one after the other in one file. The pickle is read by `safe_pickle`, whose
list of names holds PyTorch's for tensors alone; every other name is refused.
"""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import pickletools
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from model_metamers.errors import InputError
from model_metamers.storage.opening import check_file, open_file
from model_metamers.storage.reading import one_line
from model_metamers.weights import safe_pickle
from model_metamers.weights.torch_pickle import Storage, numbers_of, size_of, tensors_of, unpickled

_ENDINGS = (".pt", ".pth")
_ZIP = b"PK\x03\x04"
# The first two pickles of the old form: its mark, whole as it is in the file, and its version.
_MARK, _VERSION = pickle.dumps(0x1950A86A20F9469CFC6C, protocol=2), 1001
_MOST_PICKLE_BYTES = 4 << 20  # of the pickles of a file; those of large networks hold some 200 kB


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
            self._read: Callable[[Storage], bytes]
            content = self._open_zip() if start == _ZIP else self._open_old()
            self._tensors = tensors_of(content)
            if not self._tensors:
                raise pickle.UnpicklingError("it holds no tensors by name; save a model's state_dict()")
        self.shapes = {name: tensor.shape for name, tensor in self._tensors.items()}

    def value(self, name: str) -> np.ndarray:
        """A tensor's values; float16 and bfloat16 come as float32."""
        tensor = self._tensors[name]
        with _explained(self.path):
            numbers = numbers_of(tensor.storage, self._read(tensor.storage))[tensor.offset :]
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

        def read(storage: Storage) -> bytes:
            with zipfile.ZipFile(self.path) as archive:
                return _member(archive, f"{folder}data/{storage.key}", size_of(storage), exactly=True)

        storages: dict[str, Storage] = {}
        content = unpickled(data, self.path, storages)
        with zipfile.ZipFile(self.path) as archive:
            for storage in storages.values():
                if size_of(storage) > self._size:
                    raise pickle.UnpicklingError(f"{self._size} bytes, fewer than its tensors need")
                _check_member(archive, f"{folder}data/{storage.key}", size_of(storage))
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
        storages: dict[str, Storage] = {}
        content = unpickled(next(pickles)[0], self.path, storages)
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
                position += 8 + size_of(storages[key])
        if position != self._size:
            raise pickle.UnpicklingError(f"{self._size} bytes where its tensors need {position}")

        def read(storage: Storage) -> bytes:
            with open_file(self.path) as file:
                file.seek(places[storage.key])
                return file.read(size_of(storage))

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


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turns what a damaged file makes its readers raise into an InputError of one line."""
    try:
        yield
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"torch file {path}: cannot be read ({error.strerror or error})") from error
    except (*safe_pickle.DAMAGE, zipfile.BadZipFile, NotImplementedError) as error:
        reason = one_line(str(error) or type(error).__name__)
        raise InputError(
            f"torch file {path}: truncated, damaged or no file of torch.save ({reason})"
        ) from error
