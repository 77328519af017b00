"""What `.npy` and `.npz` files hold, held to what they claim before anything is allocated.

NumPy's own reader allocates what a header asks for, and unpacks a compressed file however large
it becomes.
"""

from __future__ import annotations

import contextlib
import io
import math
import os
import struct
import zipfile
from collections.abc import Iterator
from typing import IO, BinaryIO

import numpy as np

_MOST_HEADER = 1 << 14  # bytes; those of this program's arrays have 128
_KINDS = "biufU"  # of numbers and texts
_BLOCK = 1 << 20
# A compressed file may unpack to so many bytes, or to so many times its own.
_MOST_UNPACKED, _RATIO = 256 << 20, 10
_PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_MOST_LISTED = 1 << 20  # bytes of an archive's list of members: some ten thousand
_END = struct.Struct("<4s4H2LH")  # of a zip file, APPNOTE.TXT 4.3.16
_LONGEST_END = _END.size + 65535  # with a comment


def read_member(file: IO[bytes], size: int) -> np.ndarray:
    """An array as NumPy writes it.

    Args:
      file: opened, at the array's beginning.
      size: bytes that it holds.

    Raises:
      ValueError: it claims another size, or holds neither numbers nor texts.
    """
    start = file.read(_MOST_HEADER)
    header = io.BytesIO(start)
    version = np.lib.format.read_magic(header)
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in readers:
        raise ValueError(f"unknown version {version} of the array format")
    shape, fortran_order, dtype = readers[version](header)
    if dtype.kind not in _KINDS or dtype.itemsize == 0:
        raise ValueError(f"an array of {dtype}, expected numbers or texts")
    wanted = math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or header.tell() + wanted != size:
        raise ValueError(f"claims to hold {math.prod(shape)} numbers in {size} bytes")
    values = np.empty(math.prod(shape), dtype)
    _fill(values.view(np.uint8).data, start[header.tell() :], file)
    return values.reshape(shape[::-1]).T if fortran_order else values.reshape(shape)


def _fill(whole: memoryview, start: bytes, file: IO[bytes]) -> None:
    """Writes the bytes of an array, which must be there to the last, and no more."""
    place, block = 0, start
    while block and place + len(block) <= len(whole):
        whole[place : place + len(block)] = block
        place += len(block)
        block = file.read(_BLOCK)
    if block or place < len(whole):
        raise ValueError(f"holds {place + len(block)} bytes or more of the {len(whole)} that it claims")


@contextlib.contextmanager
def open_archive(file: BinaryIO) -> Iterator[dict[str, tuple[zipfile.ZipFile, zipfile.ZipInfo]]]:
    """Members of an opened `.npz` file by array name.

    Raises:
      ValueError: too many members, or one twice.
    """
    _check_list(file)
    with zipfile.ZipFile(file) as archive:
        infos = archive.infolist()
        members = {info.filename.removesuffix(".npy"): (archive, info) for info in infos}
        if len(members) < len(infos):
            raise ValueError("it holds two arrays of one name")
        if any(info.compress_type not in _PACKINGS for info in infos):
            raise ValueError("packed as NumPy packs no array")
        yield members


def check_unpacked(infos: list[zipfile.ZipInfo], size: int) -> None:
    """Refuses members that unpack to far more than their file of `size` bytes holds; ValueError."""
    unpacked = sum(info.file_size for info in infos)
    if unpacked > max(_MOST_UNPACKED, _RATIO * size):
        raise ValueError(f"{unpacked} bytes packed into {size}; save the arrays without compression")


def _check_list(file: BinaryIO) -> None:
    """Looks at how long the list of members is before `zipfile` reads it."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _LONGEST_END))
    tail = file.read(_LONGEST_END)
    place = tail.rfind(b"PK\x05\x06")
    if place < 0 or len(tail) < place + _END.size:
        raise zipfile.BadZipFile("File is not a zip file")
    listed = _END.unpack_from(tail, place)[5]
    is_zip64 = tail[max(0, place - 20) : place].startswith(b"PK\x06\x07")
    if listed > _MOST_LISTED or is_zip64:
        raise ValueError("too many members for a file of arrays")
    file.seek(0)
