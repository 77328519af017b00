"""Sound files held to their own headers: libsndfile takes one that was cut off for a shorter sound."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO

# From here on a 32-bit length says that a program wrote into a pipe and did not know it:
# ffmpeg writes 2^32 - 1, sox 2^31 - 4096 less its header, arecord 2^31.
_UNKNOWN = 2**31 - 8192
_LONGEST_OGG_PAGE = 27 + 255 + 255 * 255  # bytes
_W64_CHUNK = struct.Struct("<4s12xQ")
_MOST_CHUNKS = 10_000  # of a file; a gigabyte of zeros is a hundred million empty ones


def missing_bytes(path: Path) -> int:
    """How many bytes of sound a file's header names that the file does not hold.

    Of WAV (also RF64 and Sony's W64), AIFF and SPHERE the header is asked, of Ogg the last
    page. FLAC and MP3 are not: their decoders tell. 0 where a header names no length, as
    that of a stream does.

    Raises:
      OSError: the file cannot be read.
      ValueError, struct.error: a header that makes no sense.
    """
    size = os.path.getsize(path)
    with path.open("rb") as file:
        magic = file.read(4)
        end = _END_OF_SOUND[magic](file, size) if magic in _END_OF_SOUND else 0
    return max(0, end - size)


def is_taken(path: Path) -> bool:
    """Whether a file begins as one of the formats that are read here.

    libsndfile knows twenty others, which it would tell by their first bytes whatever the file is
    called, and looks for one of them in a hidden file beside it. An MP3 may have other bytes in front.

    Raises:
      OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        first = file.read(4)
    is_mpeg = len(first) > 1 and first[0] == 0xFF and first[1] >= 0xE0
    known = first in _END_OF_SOUND or first == b"fLaC" or first.startswith(b"ID3")
    return known or is_mpeg or path.suffix.lower() == ".mp3"


def _end_of_riff(file: IO[bytes], size: int) -> int:
    """WAV: where its "data" chunk should end; RF64 keeps the length in a chunk of its own."""
    long_length = None
    file.seek(0)
    order = ">" if file.read(4) == b"RIFX" else "<"
    for name, length, start in _chunks(file, size, struct.Struct(f"{order}4sI")):
        if name == b"ds64":
            file.seek(start + 8)  # the length of the file stands before it
            (long_length,) = struct.unpack("<Q", file.read(8))
        elif name == b"data" and long_length is not None and length == 2**32 - 1:
            return start + long_length if 0 < long_length < 2**63 else 0
        elif name == b"data":
            return start + length if length < _UNKNOWN else 0
    return 0


def _end_of_aiff(file: IO[bytes], size: int) -> int:
    for name, length, start in _chunks(file, size, struct.Struct(">4sI")):
        if name == b"SSND":
            return start + length if length < _UNKNOWN else 0
    return 0


def _end_of_w64(file: IO[bytes], size: int) -> int:
    """Its chunks begin at multiples of 8 bytes, and their lengths count their own 24 bytes of header."""
    place = 40
    for _ in range(_MOST_CHUNKS):
        if place + _W64_CHUNK.size > size:
            break
        file.seek(place)
        name, length = _W64_CHUNK.unpack(file.read(_W64_CHUNK.size))
        if name == b"data":
            return place + length if length < 2**63 else 0
        place += max(24, -(-length // 8) * 8)
    return 0


def _end_of_sphere(file: IO[bytes], size: int) -> int:
    file.seek(8)
    header_bytes = int(file.read(8))
    file.seek(0)
    header = file.read(min(header_bytes, size)).decode("latin-1")
    if ",embedded-" in header:  # compressed: the samples named are not bytes
        return 0
    fields = [line.split(None, 2) for line in header.splitlines()]  # name, type, value
    numbers = {field[0]: int(field[2]) for field in fields if len(field) == 3 and field[2].strip().isdigit()}
    frame_bytes = numbers.get("channel_count", 1) * numbers.get("sample_n_bytes", 0)
    return header_bytes + numbers.get("sample_count", 0) * frame_bytes


def _end_of_ogg(file: IO[bytes], size: int) -> int:
    """Where the last page should end. A flag marks the last one, but many a whole stream lacks it."""
    first = max(0, size - _LONGEST_OGG_PAGE)
    file.seek(first)
    tail = file.read()
    place = tail.rfind(b"OggS")
    segments = tail[place + 27 : place + 27 + tail[place + 26]] if place + 26 < len(tail) else b""
    if place < 0 or not segments:
        return first + place + 28 if place >= 0 else 0
    return first + place + 27 + tail[place + 26] + sum(segments)


def _chunks(file: IO[bytes], size: int, header: struct.Struct) -> Iterator[tuple[bytes, int, int]]:
    """Name, length and first byte of each chunk of a RIFF or AIFF file; they begin at even bytes."""
    place = 12
    for _ in range(_MOST_CHUNKS):
        if place + 8 > size:
            break
        file.seek(place)
        name, length = header.unpack(file.read(8))
        yield name, length, place + 8
        place += 8 + length + length % 2


_END_OF_SOUND = {
    b"RIFF": _end_of_riff,
    b"RIFX": _end_of_riff,
    b"RF64": _end_of_riff,
    b"FORM": _end_of_aiff,
    b"riff": _end_of_w64,
    b"NIST": _end_of_sphere,
    b"OggS": _end_of_ogg,
}
