"""TFRecord files as TensorFlow writes them: plain or compressed, their checksums verified.

A record is its length (8 bytes, little-endian), a checksum of the length, the content, and a
checksum of the content; the checksums are CRC-32C, masked as TensorFlow's `tsl/lib/hash/crc32c.h`
says. A compressed file is one gzip or zlib stream of such records.
"""

from __future__ import annotations

import io
import itertools
import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import google_crc32c

from model_metamers.errors import InputError
from model_metamers.storage.folders import is_hidden
from model_metamers.storage.opening import open_file

HEADER = 12  # bytes: the length and its checksum
FOOTER = 4  # bytes: the content's checksum
_LONGEST = 1 << 27  # bytes of a record; a photograph as it is stored has a tenth
_MOST_RECORDS = 1 << 21  # of a file; all of ImageNet are 1.3 million
# A compressed file may unpack to so many bytes, or to so many times its own.
_MOST_UNPACKED, _RATIO = 256 << 20, 50
_MASK_DELTA = 0xA282EAD8
_NAME = re.compile(r".*\.tfrecords?([-._].*)?", re.IGNORECASE | re.DOTALL)
_SHARD = re.compile(
    r".*-\d+-of-\d+(\.gz|\.zlib)?", re.IGNORECASE | re.DOTALL
)  # TF-slim's train-00000-of-01024
_CHECKPOINT = re.compile(r".*\.data-\d+-of-\d+", re.DOTALL)  # named alike, and no records
_WINDOW_BITS = {"GZIP": 31, "ZLIB": 15}  # as `zlib.decompressobj` takes them
_BLOCK = 1 << 16
_READ = (OSError, EOFError, zlib.error)


def is_records(path: Path) -> bool:
    """Whether a file is called as TFRecord files are.

    That is `x.tfrecord`, `x.tfrecords`, `x.tfrecord-00000-of-00010`, `x.tfrecord.gz`, and the
    `train-00000-of-01024` of TF-slim, in upper or lower case; but not a checkpoint's data.
    """
    name = path.name
    return bool(_NAME.fullmatch(name) or (_SHARD.fullmatch(name) and not _CHECKPOINT.fullmatch(name)))


def find_records(path: Path) -> list[Path]:
    """TFRecord files that a path stands for: the file itself, or those that lie in the folder, in order.

    Raises:
      InputError: the folder cannot be read.
    """
    if not path.is_dir():
        return [path] if is_records(path) else []
    try:
        return sorted(p for p in path.iterdir() if is_records(p) and not is_hidden(p) and p.is_file())
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error


def compression(path: Path) -> str:
    """How a file is compressed, told by its first bytes: "", "GZIP" or "ZLIB", as TensorFlow calls them.

    Raises:
      InputError: the file cannot be read, or begins as no TFRecord file does.
    """
    try:
        with open_file(path) as file:
            start = file.read(HEADER)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    if not start or _length(start) is not None:
        return ""
    if start.startswith(b"\x1f\x8b"):
        return "GZIP"
    if start[0] & 0x0F == 8 and int.from_bytes(start[:2], "big") % 31 == 0:  # RFC 1950
        return "ZLIB"
    raise _damaged(path, 0)


def open_unpacked(path: Path) -> BinaryIO:
    """A file opened for reading, its compression undone; what unpacks to far more ends in an EOFError."""
    kind = compression(path)
    return io.BufferedReader(_Unpacked(path, kind)) if kind else open_file(path)


def read_records(path: Path) -> Iterator[tuple[int, bytes]]:
    """Each record's first byte, counted in the file without compression, and its content.

    Raises:
      InputError: the file cannot be read, is no TFRecord file, is cut off, or a checksum is
        wrong; file and byte are named.
    """
    place = 0
    try:
        with open_unpacked(path) as file:
            for number in itertools.count(1):
                content = read_record(file, path, place)
                if content is None:
                    return
                _check_number(number, path)
                yield place, content
                place += HEADER + len(content) + FOOTER
    except _READ as error:
        raise _damaged(path, place, str(error)) from error


def read_record(file: BinaryIO, path: Path, place: int) -> bytes | None:
    """The content of the record where an opened file stands; None at its end.

    Args:
      file: opened.
      path, place: for the message.

    Raises:
      InputError: as `read_records`.
    """
    header = file.read(HEADER)
    if not header:
        return None
    length = _length(header)
    if length is None:
        raise _damaged(path, place)
    if length > _LONGEST:
        raise InputError(
            f"{path}: the record at byte {place} has {length} bytes; at most {_LONGEST} are read"
        )
    content = _read_up_to(file, length)
    if len(content) < length or file.read(FOOTER) != _checksum(content):
        raise _damaged(path, place)
    return content


def write_record(file: BinaryIO, content: bytes) -> None:
    """Appends a record to a file that is opened for writing."""
    length = struct.pack("<Q", len(content))
    file.write(length + _checksum(length) + content + _checksum(content))


def record_places(path: Path) -> list[int]:
    """Where each record begins, counted in the file without compression.

    Contents are passed over where the file is not compressed; their checksums are then not
    looked at.

    Raises:
      InputError: as `read_records`.
    """
    if compression(path):
        return [place for place, _ in read_records(path)]
    places, place = [], 0
    try:
        with open_file(path) as file:
            size = path.stat().st_size
            while place < size:
                file.seek(place)
                length = _length(file.read(HEADER))
                if length is None or place + HEADER + length + FOOTER > size:
                    raise _damaged(path, place)
                places.append(place)
                _check_number(len(places), path)
                place += HEADER + length + FOOTER
    except OSError as error:
        raise _damaged(path, place, str(error)) from error
    return places


class _Unpacked(io.RawIOBase):
    """A gzip or zlib file as what it holds, read from its beginning."""

    def __init__(self, path: Path, kind: str):
        self._file, self._kind = open_file(path), kind
        self._most = self._left = max(_MOST_UNPACKED, _RATIO * path.stat().st_size)
        self._stream, self._packed = zlib.decompressobj(_WINDOW_BITS[kind]), b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        content = b""
        while not content and (not self._stream.eof or self._begin_next()):
            packed = self._packed or self._file.read(_BLOCK)
            content = self._stream.decompress(packed, len(buffer))
            self._packed = self._stream.unconsumed_tail
            if not (packed or content or self._stream.eof):
                raise EOFError("the compressed file ends early")
        self._left -= len(content)
        if self._left < 0:
            raise EOFError(f"it unpacks to more than {self._most} bytes; give it without compression")
        buffer[: len(content)] = content
        return len(content)

    def _begin_next(self) -> bool:
        """Goes on to the next part of a gzip file, past zeros that fill it up; False at its end."""
        rest = self._stream.unused_data.lstrip(b"\0")
        while self._kind == "GZIP" and not rest:
            block = self._file.read(_BLOCK)
            if not block:
                return False
            rest = block.lstrip(b"\0")
        if self._kind == "GZIP":
            self._stream, self._packed = zlib.decompressobj(_WINDOW_BITS[self._kind]), rest
        return self._kind == "GZIP"

    def close(self) -> None:
        self._file.close()
        super().close()


def _read_up_to(file: BinaryIO, length: int, block: int = 1 << 24) -> bytes:
    """`length` bytes or what is left; never allocates more than a block beyond what there is."""
    if length <= block:
        return file.read(length)
    parts = []
    while length and (part := file.read(min(length, block))):
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


def _check_number(number: int, path: Path) -> None:
    if number > _MOST_RECORDS:
        raise InputError(f"{path}: more than {_MOST_RECORDS} records; write them as several files")


def _length(header: bytes) -> int | None:
    """A record's length; None where the header is cut off or its checksum is wrong."""
    if len(header) < HEADER or _checksum(header[:8]) != header[8:]:
        return None
    return struct.unpack("<Q", header[:8])[0]


def _checksum(data: bytes) -> bytes:
    crc = google_crc32c.value(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + _MASK_DELTA) & 0xFFFFFFFF)


def _damaged(path: Path, place: int, reason: str = "") -> InputError:
    return InputError(f"{path}: damaged or no TFRecord file, at byte {place}{reason and f' ({reason})'}")
