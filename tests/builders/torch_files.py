"""Files as PyTorch's `torch.save` writes them, without PyTorch: its zip form, and the one before."""

from __future__ import annotations

import collections
import io
import pickle
import sys
import types
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

_NAMES = {"f4": "FloatStorage", "f8": "DoubleStorage", "f2": "HalfStorage", "i8": "LongStorage"}


class Reference:
    """A tensor, or any other thing, as what a pickle calls it by: a function's name and its arguments."""

    def __init__(self, function: Any, *arguments: Any):
        self.call = (function, arguments)

    def __reduce__(self) -> tuple:
        return self.call


class Storage:
    """Numbers of a type, by a key."""

    def __init__(self, key: str, kind: str, data: bytes, count: int | None = None):
        self.key, self.kind, self.data = key, kind, data
        self.count = len(data) // int(kind[1]) if count is None else count


class TorchModules:
    """While it lasts, `torch` can be imported as far as a pickler looks: names of functions and types."""

    def __init__(self) -> None:
        torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
        for name in _NAMES.values():
            setattr(torch, name, type(name, (), {"__module__": "torch"}))
        for name in ("_rebuild_tensor_v2", "_rebuild_parameter"):
            exec(f"def {name}(*arguments): raise AssertionError('called')", utils.__dict__)
            getattr(utils, name).__module__ = "torch._utils"
        self.torch, self.utils = torch, utils

    def patched(self) -> Any:
        return mock.patch.dict(sys.modules, {"torch": self.torch, "torch._utils": self.utils})


class _Pickler(pickle._Pickler):
    """Writes a storage as a reference to something outside, as PyTorch's pickler does."""

    def __init__(self, file: io.BytesIO, torch: types.ModuleType, old: bool):
        super().__init__(file, protocol=2)
        self._torch, self._old = torch, old
        self.storages: dict[str, Storage] = {}

    def persistent_id(self, thing: Any) -> Any:
        if not isinstance(thing, Storage):
            return None
        self.storages[thing.key] = thing
        kind = getattr(self._torch, _NAMES[thing.kind])
        return ("storage", kind, thing.key, "cpu", thing.count, *([None] if self._old else []))


def tensor(modules: TorchModules, value: np.ndarray, key: str) -> Reference:
    """A tensor of its own storage, in C order."""
    value = np.array(value, order="C")
    storage = Storage(key, value.dtype.str[1:], value.tobytes())
    return view(modules, storage, 0, value.shape, [step // value.itemsize for step in value.strides])


def view(modules: TorchModules, storage: Storage, offset: int, shape: Any, strides: Any) -> Reference:
    """A tensor that looks at a part of a storage."""
    hooks: dict = collections.OrderedDict()
    return Reference(
        modules.utils._rebuild_tensor_v2, storage, offset, tuple(shape), tuple(strides), False, hooks
    )


def write_state(path: Path, values: Mapping[str, np.ndarray], old: bool = False) -> Path:
    """A file of a `state_dict` with these tensors."""
    modules = TorchModules()
    content = collections.OrderedDict(
        (name, tensor(modules, value, str(i))) for i, (name, value) in enumerate(values.items())
    )
    return write_torch(path, content, modules, old)


def write_torch(path: Path, content: Any, modules: TorchModules, old: bool = False) -> Path:
    """A file of anything."""
    stream = io.BytesIO()
    pickler = _Pickler(stream, modules.torch, old)
    with modules.patched():
        pickler.dump(content)
    storages = pickler.storages
    if not old:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", stream.getvalue())
            archive.writestr("archive/byteorder", "little")
            for key, storage in storages.items():
                archive.writestr(f"archive/data/{key}", storage.data)
            archive.writestr("archive/version", "3\n")
        return path
    sizes = {"short": 2, "int": 4, "long": 4}
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": sizes}
    parts = [0x1950A86A20F9469CFC6C, 1001, system]
    head = b"".join(pickle.dumps(part, protocol=2) for part in parts)
    keys = pickle.dumps(sorted(storages), protocol=2)
    data = b"".join(
        storages[key].count.to_bytes(8, "little", signed=storages[key].count < 0) + storages[key].data
        for key in sorted(storages)
    )
    path.write_bytes(head + stream.getvalue() + keys + data)
    return path
