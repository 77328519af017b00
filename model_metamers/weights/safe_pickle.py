"""Unpickling without running anything, and without filling the machine's memory or time.

A pickle is a program: it may call any function that can be imported. Here nothing of it
can. Each name it asks for is looked up in a short list and answered with a function or
class of this file; names of TensorFlow and of the lab's code are answered with stand-ins
that do nothing; every other name is refused.

A short pickle can also build what takes for ever to hash, compare, copy or show: tuples of the
same tuple twice, sixty deep, or numbers made to share one hash. So keys must be texts or small
integers, calls take little, and what comes out is walked through before anybody looks at it.
"""

from __future__ import annotations

import io
import pickle
import pickletools
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from model_metamers.errors import InputError
from model_metamers.networks.audio_architecture import shown
from model_metamers.storage.opening import read_bytes
from model_metamers.storage.reading import one_line

_MOST_BYTES = 1 << 18  # of a file; the real ones hold some 10 to 80 kB
_MOST_VALUES, _DEEPEST = 100_000, 20  # of what a file holds; the words' two dicts have 3176 values
_MOST_CALLS = 10_000  # one a number of NumPy's
_MOST_ARGUMENTS = 100  # of a call, and keywords of a partial
_MOST_LETTERS = 64  # of the bytes of a number
_INTEGERS = 1 << 63  # the multiples of 2^61 - 1 share one hash; few of them are below
# Code that the authors' `layer_list` names: TensorFlow's layers, and the lab's modules with its own.
_STAND_IN_MODULES = ("tensorflow", "audio_cnn_helpers", "functions_brain_network")
_REFUSED = ("EXT1", "EXT2", "EXT4", "EMPTY_SET", "ADDITEMS", "FROZENSET", "NEXT_BUFFER", "READONLY_BUFFER")
# The unpickler in Python, which unlike that in C can be watched: what it does by opcode.
_DEFAULT: dict[int, Callable[[Any], None]] = dict(pickle._Unpickler.dispatch)

# What a damaged pickle, or one that calls what cannot be called, makes the reader raise.
DAMAGE = (
    pickle.UnpicklingError,
    EOFError,
    AttributeError,
    ImportError,
    LookupError,
    TypeError,
    ValueError,
    ArithmeticError,
    AssertionError,
    MemoryError,
    RecursionError,
)


def unpickle(path: Path) -> Any:
    """Content of a pickle, made of plain data, `Partial`s and stand-ins.

    Raises:
      InputError: not there, too large, damaged, a name that is not on the list, or what no such file
        needs: sets, keys that are neither texts nor integers, numbers beyond 64 bits, more than
        100,000 values.
    """
    try:
        data = read_bytes(path, _MOST_BYTES)
    except OSError as error:
        raise InputError(f"pickle {path}: cannot be read ({error.strerror})") from error
    return load(data, f"pickle {path}", _answers(), _STAND_IN_MODULES)


def load(
    data: bytes,
    what: str,
    answers: Mapping[str, Any],
    stand_in_modules: Collection[str] = (),
    outside: Callable[[Any], Any] | None = None,
    advice: str = "Fetch the file anew from its source",
) -> Any:
    """Content of one pickle, made of plain data and what the list of names is answered with.

    Args:
      data: the pickle.
      what: it is, for messages.
      answers: what each name on the list is answered with; made anew for each file, since a pickle
        can set attributes of what it is given.
      stand_in_modules: whose other names are answered with stand-ins that do nothing.
      outside: f(id) -> what a reference to something outside the pickle is answered with; None where
        there must be none.
      advice: what to do where it asks for another name.

    Raises:
      InputError: as `unpickle`.
    """
    try:
        _check_opcodes(data)
        content = _Unpickler(io.BytesIO(data), what, answers, stand_in_modules, outside, advice).load()
        _check_extent(content)
        return content
    except InputError:
        raise
    except DAMAGE as error:
        reason = one_line(f"{type(error).__name__}: {error}")
        raise InputError(f"{what}: truncated, damaged or no pickle ({reason})") from error


def _check_opcodes(data: bytes) -> None:
    """Refuses opcodes that the list of names does not guard.

    An index into the unpickler's memory far beyond the file would fill the machine's; a
    registered extension might be answered without asking `find_class`.
    """
    for opcode, argument, _ in pickletools.genops(data):
        beyond = "PUT" in opcode.name and int(argument or 0) > len(data)
        large = isinstance(argument, int) and not -_INTEGERS <= argument <= _INTEGERS
        if opcode.name in _REFUSED or beyond or large:
            raise pickle.UnpicklingError(f"{opcode.name} {shown(argument)}")


def _check_extent(content: Any) -> None:
    """Walks through what a pickle held as a tree; a value that stands in two places counts twice."""
    waiting, count = [(content, 0)], 0
    while waiting:
        value, depth = waiting.pop()
        inner: Iterable[Any] = ()
        if isinstance(value, dict):
            inner = value.values()
        elif isinstance(value, (list, tuple)):
            inner = value
        elif isinstance(value, Partial):
            inner = value.keywords.values()
        count += 1
        if count > _MOST_VALUES or depth > _DEEPEST:
            raise pickle.UnpicklingError(
                f"more than {_MOST_VALUES} values, or nested more than {_DEEPEST} times"
            )
        waiting += [(item, depth + 1) for item in inner]


class _StandIn:
    """A name of other people's code; one subclass each. Making one, or setting it up, does nothing."""

    __slots__ = ()

    def __new__(cls, *args, **kwargs):
        return object.__new__(cls)

    def __init__(self, *args, **kwargs):
        pass

    def __setstate__(self, state):
        pass


class Partial:
    """The parts of a functools.partial, which cannot be called.

    Attributes:
      keywords: by name.
    """

    keywords: dict[str, Any] = {}  # noqa: RUF012 - of one that was never set up; it is replaced, not changed

    def __init__(self, function, *args, **keywords):
        self.function, self.keywords = function, keywords

    def __setstate__(self, state):
        self.function, _, keywords, _ = state
        if (
            not isinstance(keywords, dict)
            or len(keywords) > _MOST_ARGUMENTS
            or not all(isinstance(key, str) for key in keywords)
        ):
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
    if not isinstance(text, str) or len(text) > _MOST_LETTERS or encoding != "latin1":
        raise pickle.UnpicklingError(f"an encoding {shown(encoding)}")
    return text.encode("latin1")


def _answers() -> dict[str, Callable]:
    """What the names on the list are answered with, made anew for each file.

    A pickle can set attributes of what it is given; they go with the file.
    """
    numbers = ("numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar")
    return {
        "functools.partial": type("Partial", (Partial,), {}),
        "collections.OrderedDict": lambda *pairs: _ordered(*pairs),
        "numpy.dtype": type("_DType", (_DType,), {}),
        **{name: (lambda dtype, data: _number(dtype, data)) for name in numbers},
        "_codecs.encode": lambda text, encoding: _latin1(text, encoding),
    }


def _ordered(pairs=()):
    if not isinstance(pairs, list) and pairs != ():
        raise pickle.UnpicklingError("an ordered dict of something else than pairs")
    if len(pairs) > _MOST_ARGUMENTS:
        raise pickle.UnpicklingError(f"an ordered dict made of {len(pairs)} pairs at once")
    _check_keys([key for key, _ in pairs])
    return dict(pairs)


def _number(dtype, data):
    if not isinstance(dtype, _DType):
        raise pickle.UnpicklingError("a NumPy number without a dtype")
    return dtype.number(data)


def _check_keys(keys: Iterable[Any]) -> None:
    if not all(isinstance(key, (str, int)) for key in keys):
        raise pickle.UnpicklingError("a key that is neither a text nor an integer")


class _Unpickler(pickle._Unpickler):
    """Answers names from the list and refuses the others; looks at keys and calls before they are used."""

    stack: list[Any]

    def __init__(
        self,
        file: io.BytesIO,
        what: str,
        answers: Mapping[str, Any],
        stand_in_modules: Collection[str],
        outside: Callable[[Any], Any] | None,
        advice: str,
    ):
        super().__init__(file)
        self._what, self._known, self._calls = what, dict(answers), 0
        self._stand_in_modules, self._outside, self._advice = stand_in_modules, outside, advice

    def find_class(self, module: str, name: str) -> Any:
        full = f"{module}.{name}"
        if full not in self._known:
            if module.partition(".")[0] not in self._stand_in_modules:
                raise InputError(
                    f"{self._what}: it asks for {shown(full)}, which no such file needs; it was "
                    f"refused and nothing of it was run. {self._advice}"
                )
            self._known[full] = type("_StandIn", (_StandIn,), {"__slots__": (), "name": full})
        return self._known[full]

    def persistent_load(self, pid: Any) -> Any:
        if self._outside is not None:
            return self._outside(pid)
        raise pickle.UnpicklingError("a reference to something outside the file")

    def _load_call(self, arguments: Any) -> None:
        self._calls += 1
        if self._calls > _MOST_CALLS or len(arguments) > _MOST_ARGUMENTS:
            raise pickle.UnpicklingError(
                f"more than {_MOST_CALLS} calls, or {_MOST_ARGUMENTS} arguments of one"
            )


def _watched(opcode: bytes, look: Callable[[_Unpickler], None]) -> Callable[[Any], None]:
    def load(unpickler: Any) -> None:
        look(unpickler)
        _DEFAULT[opcode[0]](unpickler)

    return load


# Before each of these the stack holds what stands behind a mark, or last.
_LOOKS: dict[bytes, Callable[[_Unpickler], None]] = {
    pickle.SETITEM: lambda u: _check_keys(u.stack[-2:-1]),
    pickle.SETITEMS: lambda u: _check_keys(u.stack[::2]),
    pickle.DICT: lambda u: _check_keys(u.stack[::2]),
    pickle.REDUCE: lambda u: u._load_call(u.stack[-1]),
    pickle.NEWOBJ: lambda u: u._load_call(u.stack[-1]),
    pickle.NEWOBJ_EX: lambda u: u._load_call([*u.stack[-2], *u.stack[-1]]),
    pickle.INST: lambda u: u._load_call(u.stack),
    pickle.OBJ: lambda u: u._load_call(u.stack),
}
_Unpickler.dispatch = {**_DEFAULT, **{code[0]: _watched(code, look) for code, look in _LOOKS.items()}}
