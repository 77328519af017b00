"""Reading the authors' pickles without running what is in them.

A pickle is a program: it may call any function that can be imported. Here nothing of it
can. Each name it asks for is looked up in a short list and answered with a function or
class of this file; names of TensorFlow and of the lab's code are answered with stand-ins
that do nothing; every other name is refused.

An architecture pickle (`word_network_*.pckl`) is a dict of `instructions`,
`graph_architecture` (the layers as data) and `layer_list` (the same layers as
functools.partial objects; docs/sources.md 1a). The number of classes stands in the last partial
alone, from where it is taken.
"""

from __future__ import annotations

import io
import os
import pickle
import pickletools
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from model_metamers.errors import InputError
from model_metamers.networks.audio_architecture import normalized, shown

# The real files hold some 10 to 80 kB.
_MOST_BYTES = 1 << 20
# Code that `layer_list` names: TensorFlow's layers, and the lab's modules with its own.
_STAND_IN_MODULES = ("tensorflow", "audio_cnn_helpers", "functions_brain_network")
_TOPS = ("fc_top_classification", "multi_fc_top_classification")

# What a damaged pickle, or one that calls what cannot be called, makes the reader raise.
_DAMAGE = (
    pickle.UnpicklingError,
    EOFError,
    AttributeError,
    ImportError,
    LookupError,
    TypeError,
    ValueError,
    ArithmeticError,
    MemoryError,
    RecursionError,
)


def read_architecture(path: str | os.PathLike) -> list[dict[str, Any]]:
    """Layers of an architecture pickle, in the grammar of `audio_architecture`.

    Args:
      path: such as `word_network_reduced_aliasing.pckl`.

    Returns:
      List of `{"layer_type": str, "args": dict}`, plain data, checked, with defaults.

    Raises:
      InputError: not there, too large, damaged, no such pickle, a name in it that is
        not on the list (the message says which), or a layer outside the grammar.
    """
    path = Path(path)
    content = _unpickle(path)
    if not isinstance(content, Mapping) or "graph_architecture" not in content:
        raise InputError(
            f"architecture {path}: expected a dict with layer_list and graph_architecture, got "
            f"{shown(content)}"
        )
    try:
        return normalized(_with_classes(content["graph_architecture"], content.get("layer_list")))
    except InputError as error:
        raise InputError(f"architecture {path}: {error}") from None


def read_word_encodings(path: str | os.PathLike) -> tuple[str, ...]:
    """The words by class index of `metamer_word_encodings.pckl`: 794 in the released file.

    Raises:
      InputError: as `read_architecture`; or the two dicts in it, word_idx_to_word and
        word_to_word_idx, are not each other's inverse over the indices 0, 1, 2 ...
    """
    path = Path(path)
    content = _unpickle(path)
    expected = f"word encodings {path}: expected a dict with word_idx_to_word and word_to_word_idx"
    if not isinstance(content, Mapping):
        raise InputError(f"{expected}, got {shown(content)}")
    words, indices = content.get("word_idx_to_word"), content.get("word_to_word_idx")
    if not isinstance(words, dict) or not isinstance(indices, dict) or not words:
        raise InputError(f"{expected}, got {shown(content)}")
    if not all(type(k) is int and isinstance(v, str) for k, v in words.items()):
        raise InputError(f"{expected}; the first must map integers to words, got {shown(words)}")
    if sorted(words) != list(range(len(words))):
        raise InputError(f"{expected}; its {len(words)} indices are not 0 to {len(words) - 1}")
    if not all(isinstance(k, str) and type(v) is int for k, v in indices.items()):
        raise InputError(f"{expected}; the second must map words to integers, got {shown(indices)}")
    if indices != {word: index for index, word in words.items()} or len(indices) != len(words):
        raise InputError(f"{expected}; they are not each other's inverse")
    return tuple(words[index] for index in range(len(words)))


def _with_classes(architecture: Any, layer_list: Any) -> Any:
    """The architecture, its top completed with the classes that stand in the partial alone."""
    if not isinstance(architecture, list) or not architecture or not isinstance(architecture[-1], dict):
        return architecture
    top, args = architecture[-1], architecture[-1].get("args")
    if top.get("layer_type") not in _TOPS or not isinstance(args, dict) or "n_classes_dict" in args:
        return architecture
    if not isinstance(layer_list, list) or len(layer_list) != len(architecture):
        raise InputError("layer_list must hold one entry per layer of graph_architecture")
    partial = layer_list[-1]
    if not isinstance(partial, _Partial) or partial.keywords.get("name") != args.get("name"):
        raise InputError(f"layer_list must end in the partial of the top {shown(args.get('name'))}")
    classes = partial.keywords.get("n_classes_dict")
    return [*architecture[:-1], {**top, "args": {**args, "n_classes_dict": classes}}]


class _StandIn:
    """A name of other people's code; one subclass each. Making one, or setting it up, does nothing."""

    __slots__ = ()

    def __new__(cls, *args, **kwargs):
        return object.__new__(cls)

    def __init__(self, *args, **kwargs):
        pass

    def __setstate__(self, state):
        pass


class _Partial:
    """The parts of a functools.partial, which cannot be called."""

    def __init__(self, function, *args, **keywords):
        self.function, self.keywords = function, keywords

    def __setstate__(self, state):
        self.function, _, keywords, _ = state
        if not isinstance(keywords, dict) or not all(isinstance(key, str) for key in keywords):
            raise pickle.UnpicklingError("a partial's keywords are no dict")
        self.keywords = keywords


class _DType:
    """NumPy's dtype of one number, such as i8."""

    def __init__(self, code, align=False, copy=False):
        if not isinstance(code, str) or not re.fullmatch(r"[iuf][1248]|b1", code):
            raise pickle.UnpicklingError(f"a NumPy value of dtype {shown(code)}")
        self.code, self.order = code, "="

    def __setstate__(self, state):
        if state[1] not in ("<", ">", "|", "="):
            raise pickle.UnpicklingError("a dtype's byte order")
        self.order = state[1]

    def number(self, data: bytes) -> int | float | bool:
        dtype = np.dtype(self.order + np.dtype(self.code).str[1:])
        if not isinstance(data, bytes) or len(data) != dtype.itemsize:
            raise pickle.UnpicklingError("a NumPy number of another size than its dtype's")
        return np.frombuffer(data, dtype)[0].item()


def _latin1(text, encoding):
    """How protocols before 3 write bytes."""
    if not isinstance(text, str) or encoding != "latin1":
        raise pickle.UnpicklingError(f"an encoding {shown(encoding)}")
    return text.encode("latin1")


def _answers() -> dict[str, Callable]:
    """What the names on the list are answered with, made anew for each file.

    A pickle can set attributes of what it is given; they go with the file.
    """
    numbers = ("numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar")
    return {
        "functools.partial": type("_Partial", (_Partial,), {}),
        "collections.OrderedDict": lambda *pairs: dict(*pairs),
        "numpy.dtype": type("_DType", (_DType,), {}),
        **{name: (lambda dtype, data: _number(dtype, data)) for name in numbers},
        "_codecs.encode": lambda text, encoding: _latin1(text, encoding),
    }


def _number(dtype, data):
    if not isinstance(dtype, _DType):
        raise pickle.UnpicklingError("a NumPy number without a dtype")
    return dtype.number(data)


class _Unpickler(pickle.Unpickler):
    """Answers names from the list; refuses the others."""

    def __init__(self, file: io.BytesIO, path: Path):
        super().__init__(file)
        self._path, self._known = path, _answers()

    def find_class(self, module: str, name: str) -> Callable:
        full = f"{module}.{name}"
        if full not in self._known:
            if module.partition(".")[0] not in _STAND_IN_MODULES:
                raise InputError(
                    f"pickle {self._path}: it asks for {shown(full)}, which no released file needs; it was "
                    f"refused and nothing of it was run. Fetch the file anew from its source"
                )
            self._known[full] = type("_StandIn", (_StandIn,), {"__slots__": (), "name": full})
        return self._known[full]

    def persistent_load(self, pid: Any) -> Any:
        raise pickle.UnpicklingError("a reference to something outside the file")


def _unpickle(path: Path) -> Any:
    """Content of a pickle, made of plain data, partials' parts and stand-ins."""
    try:
        size = path.stat().st_size
        if size > _MOST_BYTES:
            raise InputError(f"pickle {path}: {size} bytes; the released files are below {_MOST_BYTES}")
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"pickle {path}: cannot be read ({error.strerror})") from error
    try:
        _check_opcodes(data)
        return _Unpickler(io.BytesIO(data), path).load()
    except InputError:
        raise
    except _DAMAGE as error:
        raise InputError(
            f"pickle {path}: truncated, damaged or no pickle ({type(error).__name__}: {str(error)[:200]})"
        ) from error


def _check_opcodes(data: bytes) -> None:
    """Refuses opcodes that the list of names does not guard.

    An index into the unpickler's memory far beyond the file would fill the machine's; a
    registered extension might be answered without asking `find_class`.
    """
    for opcode, argument, _ in pickletools.genops(data):
        if opcode.name.startswith("EXT") or ("PUT" in opcode.name and int(argument or 0) > len(data)):
            raise pickle.UnpicklingError(f"{opcode.name} {argument}")
