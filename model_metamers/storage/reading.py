"""Reading text, tables, JSON and arrays: the right result, or an error of one line."""

from __future__ import annotations

import codecs
import csv
import io
import os
import tokenize
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from typing import IO, Any

import msgspec
import numpy as np

from model_metamers.errors import DamagedFileError, InputError
from model_metamers.storage.array_files import check_unpacked, open_archive, read_member
from model_metamers.storage.opening import open_file, read_bytes

# Bytes that a file may hold: of text, of JSON (whose values take up to 25 times as much), of an array.
_MOST_TEXT, _MOST_JSON, _MOST_ARRAY = 512 << 20, 16 << 20, 256 << 20
_LONGEST_LINE = 1 << 24  # letters
_BLOCK = 1 << 20

# UTF-32's mark for little-endian numbers begins as UTF-16's does, so it is looked for first.
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
    codecs.BOM_UTF8: "utf-8-sig",
}


def read_text(path: str | os.PathLike, most_bytes: int = _MOST_TEXT) -> str:
    """A text file of any system: line ends become `\\n`, letters their composed form (NFC).

    A byte order mark tells UTF-16 or UTF-32; without one it is UTF-8.

    Args:
      path: of the file.
      most_bytes: that it may hold.

    Raises:
      InputError: missing, unreadable, too large, or no such text; the line is named.
    """
    try:
        with open_file(path, most_bytes) as file:
            return composed("".join(_decoded(file, path)))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error


def _decoded(file: IO[bytes], path: str | os.PathLike) -> Iterator[str]:
    """Parts of a text; what is none is noticed before the whole file is read."""
    block = file.read(_BLOCK)
    encoding = next((name for mark, name in _MARKS.items() if block.startswith(mark)), "utf-8")
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)(), translate=True)
    line, unended = 1, 0
    while True:
        following = file.read(_BLOCK)
        try:
            text = decoder.decode(block, final=not following)
        except UnicodeDecodeError as error:
            line += error.object.count(b"\n", 0, error.start)
            name = encoding.removesuffix("-sig")
            raise InputError(f"{path}:{line}: no {name} text ({error.reason}); save it as UTF-8") from error
        if "\0" in text:
            line += text.count("\n", 0, text.index("\0"))
            raise InputError(f"{path}:{line}: holds NUL, as no text does; save it as UTF-8")
        line += text.count("\n")
        unended = len(text) - 1 - text.rfind("\n") + (0 if "\n" in text else unended)
        if unended > _LONGEST_LINE:
            raise InputError(f"{path}:{line}: a line of more than {_LONGEST_LINE} letters, as no text has")
        yield text
        if not following:
            return
        block = following


def lines_of(text: str) -> Iterator[str]:
    """Lines of a text one by one, each with its line end; only `\\n` ends one."""
    start = 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        yield text[start:end]
        start = end


def composed(text: str) -> str:
    """A name or word in Unicode's composed form (NFC), so that those which look alike are alike."""
    return unicodedata.normalize("NFC", text)


def one_line(text: str) -> str:
    """What a file holds, fit for a message: at most 200 characters, all of them printable.

    So neither a line break nor an escape code that a terminal would obey is left.
    """
    return printable(" ".join(text[:1000].split())[:200])


def printable(text: str) -> str:
    """A text that a terminal shows and does not obey.

    Control characters, those that turn the direction of writing, line breaks and halves of characters
    are written as escapes such as `\\x1b`.
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def read_lines(path: str | os.PathLike) -> list[str]:
    """Lines of a text file that are not blank, without white space around them.

    Raises:
      InputError: as `read_text`, or there are none.
    """
    lines = [line.strip() for line in read_text(path).split("\n") if line.strip()]
    if not lines:
        raise InputError(f"{path}: is empty; expected one name a line")
    return lines


def read_table(
    path: str | os.PathLike, required: Sequence[str] = (), delimiter: str = ","
) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """A CSV or TSV table: its columns, and each row's line with its fields by column.

    A row that ends early lacks its last fields; blank rows are passed over.

    Args:
      path: of the file.
      required: columns that every row must have.
      delimiter: between fields.

    Raises:
      InputError: as `read_text`, no header, or a required column or field lacks; the line is named.
    """
    rows = csv.reader(lines_of(read_text(path)), delimiter=delimiter, skipinitialspace=True)
    numbered = []
    try:
        columns = [name.strip() for name in next(rows, [])]
        missing = [name for name in required if name not in columns]
        if missing or not columns:
            raise InputError(
                f"{path}:1: no column {', '.join(missing) or 'at all'}, only {one_line(', '.join(columns))}"
            )
        fewest = max((columns.index(name) + 1 for name in required), default=0)
        for fields in rows:
            if fields and len(fields) < fewest:
                raise InputError(f"{path}:{rows.line_num}: {len(fields)} fields, expected at least {fewest}")
            if fields:
                row = {name: field.strip() for name, field in zip(columns, fields, strict=False)}
                numbered.append((rows.line_num, row))
    except csv.Error as error:
        raise InputError(f"{path}:{rows.line_num}: no readable table ({error})") from error
    return columns, numbered


def read_json(path: str | os.PathLike, what: str = "JSON file", kind: Any = Any) -> Any:
    """What a JSON file holds.

    Args:
      path: of the file.
      what: it should be, for the message.
      kind: type that it is held to, such as `dict[str, int]` or a dataclass.

    Raises:
      DamagedFileError: missing, unreadable, too large, no JSON, or of another type.
    """
    try:
        return msgspec.json.decode(read_bytes(path, _MOST_JSON), type=kind)
    except (OSError, ValueError, RecursionError, MemoryError) as error:  # msgspec's are of the second kind
        raise DamagedFileError(f"{path}: no readable {what} ({_short(error)})") from error


def read_array(path: str | os.PathLike, most_bytes: int = _MOST_ARRAY) -> np.ndarray:
    """The array of a `.npy` file.

    Args:
      path: of the file.
      most_bytes: that it may hold.

    Raises:
      DamagedFileError: missing, damaged, too large, neither numbers nor texts, or one that claims
        another size than its file has.
    """
    try:
        with open_file(path, most_bytes) as file:
            return read_member(file, os.stat(path).st_size)
    except _DAMAGE as error:
        raise DamagedFileError(f"{path}: no readable .npy array ({_short(error)})") from error


def read_arrays(path: str | os.PathLike, names: Sequence[str] | None = None) -> dict[str, np.ndarray]:
    """Arrays of an `.npz` file by name, all or the named ones.

    Raises:
      DamagedFileError: missing, damaged, without one of the names, neither numbers nor texts, or one
        that claims another size than its part of the file has, or unpacks to far more.
    """
    try:
        with open_file(path) as file, open_archive(file) as members:
            wanted = {name: members[name] for name in (members if names is None else names)}
            check_unpacked([info for _, info in wanted.values()], os.stat(path).st_size)
            arrays = {}
            for name, (archive, info) in wanted.items():
                with archive.open(info) as member:
                    arrays[name] = read_member(member, info.file_size)
            return arrays
    except _DAMAGE as error:
        raise DamagedFileError(
            f"{path}: missing, truncated or no file of this program ({_short(error)})"
        ) from error


# What NumPy and zipfile raise on files that are not what they claim to be.
_DAMAGE = (
    OSError,
    ValueError,
    KeyError,
    EOFError,
    TypeError,
    SyntaxError,
    MemoryError,
    NotImplementedError,
    RuntimeError,
    zipfile.BadZipFile,
    tokenize.TokenError,
    zlib.error,
)


def _short(error: Exception) -> str:
    told = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return one_line(told) or type(error).__name__
