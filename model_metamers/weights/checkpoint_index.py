"""A checkpoint's index held to its checksums and its data files before TensorFlow reads it.

TensorFlow takes what an index claims for true: it allocates any size, and ends the whole process on
some shapes. The index is a table as LevelDB's `doc/table_format.md` tells, in format V1 with
the values in it; what its entries hold is told by `tensor_bundle.proto` and `saved_tensor_slice.proto`.
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import google_crc32c
import tensorflow as tf
from tensorflow.core.framework import tensor_shape_pb2
from tensorflow.core.protobuf import tensor_bundle_pb2
from tensorflow.core.util import saved_tensor_slice_pb2

from model_metamers.storage.opening import check_file, open_file

_FOOTER, _TRAILER = 48, 5  # bytes of a table and of a block
_MAGIC = struct.pack("<Q", 0xDB4775248B80FB57)
_MOST_INDEX = 16 << 20  # bytes of format V2's; some hundred for each variable
_MOST_SHARDS = 1 << 16
_PART = 1 << 20
_V1_RATIO = 8  # format V1 packs eight bytes of an integer into one
_MASK_DELTA = 0xA282EAD8
_NUMBERS = "float16 bfloat16 float32 float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool complex64"
_KINDS = {
    kind.as_datatype_enum: kind
    for kind in map(tf.dtypes.as_dtype, [*_NUMBERS.split(), "complex128", "string"])
}


def check_checkpoint(prefix: Path) -> None:
    """Refuses a checkpoint whose index is damaged or claims what its files do not hold.

    Args:
      prefix: of the files of format V2, or the file of format V1.

    Raises:
      OSError: a file cannot be read.
      ValueError, IndexError, struct.error, google.protobuf's DecodeError: damaged; the message says how.
    """
    index = Path(f"{prefix}.index")
    if index.exists():
        check_file(index, _MOST_INDEX)
        with open_file(index) as file:
            _check_bundle(prefix, dict(_entries(file, index.stat().st_size)))
    else:
        with open_file(prefix) as file:
            _check_v1(file, prefix.stat().st_size)


def _check_bundle(prefix: Path, entries: dict[bytes, bytes]) -> None:
    header = tensor_bundle_pb2.BundleHeaderProto.FromString(entries.pop(b""))
    if header.endianness != header.LITTLE or not 0 < header.num_shards <= _MOST_SHARDS:
        raise ValueError(f"its index names {header.num_shards} data files")
    data: dict[int, Path] = {}
    for name, value in entries.items():
        entry = tensor_bundle_pb2.BundleEntryProto.FromString(value)
        if not 0 <= entry.shard_id < header.num_shards:
            raise ValueError(f"{_shown(name)} is in data file {entry.shard_id} of {header.num_shards}")
        if entry.shard_id not in data:
            path = Path(f"{prefix}.data-{entry.shard_id:05d}-of-{header.num_shards:05d}")
            check_file(path)
            data[entry.shard_id] = path
        _check_entry(name, entry, data[entry.shard_id])


def _check_entry(name: bytes, entry: tensor_bundle_pb2.BundleEntryProto, data: Path) -> None:
    size, count, kind = os.path.getsize(data), _count(name, entry.shape), _kind(name, entry.dtype)
    if entry.offset < 0 or entry.size < 0 or entry.offset + entry.size > size:
        raise ValueError(f"{_shown(name)} is said to lie beyond its data file")
    if entry.slices:  # its parts are entries of their own
        if count * kind.size > _V1_RATIO * size * max(1, len(entry.slices)):
            raise ValueError(f"{_shown(name)} claims to hold {count} numbers in {size} bytes")
        for part in entry.slices:
            _check_slice(name, part, entry.shape)
    elif kind == tf.string:
        _check_texts(name, entry, count, data)
    elif count * kind.size != entry.size:
        raise ValueError(f"{_shown(name)} claims to hold {count} numbers in {entry.size} bytes")


def _check_texts(name: bytes, entry: tensor_bundle_pb2.BundleEntryProto, count: int, data: Path) -> None:
    """The lengths of texts stand before them, as numbers of 7 bits a byte, and a checksum between."""
    if count > entry.size:
        raise ValueError(f"{_shown(name)} claims to hold {count} texts in {entry.size} bytes")
    with open_file(data) as file:
        file.seek(entry.offset)
        content = file.read(min(entry.size, 10 * count))
    place, total = 0, 0
    for _ in range(count):
        length, place = _number(content, place)
        total += length
    if place + 4 + total != entry.size:
        raise ValueError(f"{_shown(name)} claims texts of {total} bytes in {entry.size}")


def _check_v1(file: BinaryIO, size: int) -> None:
    first, *others = _blocks(file, size) or [(0, 0)]
    for block in others:  # the values, hundreds of megabytes, are not looked at further
        _check_block(file, size, *block)
    entries = _in_block(_block(file, size, *first))
    meta = saved_tensor_slice_pb2.SavedTensorSlices.FromString(dict(entries)[b""]).meta
    for tensor in meta.tensor:
        name = tensor.name.encode()
        count, kind = _count(name, tensor.shape), _kind(name, tensor.type)
        if count * max(1, kind.size) > _V1_RATIO * size:
            raise ValueError(f"{_shown(name)} claims to hold {count} numbers in {size} bytes")
        for part in tensor.slice:
            _check_slice(name, part, tensor.shape)


def _check_slice(name: bytes, part, shape: tensor_shape_pb2.TensorShapeProto) -> None:
    """Begin and length of each dimension, 0 and -1 where it is whole."""
    whole = [dim.size for dim in shape.dim]
    fits = len(part.extent) == len(whole) and all(
        extent.start >= 0 and (not extent.HasField("length") or 0 <= extent.length <= most - extent.start)
        for extent, most in zip(part.extent, whole, strict=False)
    )
    if not fits:
        raise ValueError(f"{_shown(name)} has a part outside of it")


def _kind(name: bytes, number: int) -> tf.DType:
    """Type of a variable; TensorFlow's list has others, such as references, which end the process."""
    if number not in _KINDS:
        raise ValueError(f"{_shown(name)} is of a type that no variable has ({number})")
    return _KINDS[number]


def _count(name: bytes, shape: tensor_shape_pb2.TensorShapeProto) -> int:
    sizes = [dim.size for dim in shape.dim]
    if shape.unknown_rank or len(sizes) > 254 or min(sizes, default=0) < 0 or math.prod(sizes) >= 2**62:
        raise ValueError(f"{_shown(name)} has a shape that no variable has")
    return math.prod(sizes)


def _entries(file: BinaryIO, size: int) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of a table, every block's checksum verified."""
    for block in _blocks(file, size):
        yield from _in_block(_block(file, size, *block))


def _blocks(file: BinaryIO, size: int) -> list[tuple[int, int]]:
    """First byte and length of each block that holds entries."""
    file.seek(max(0, size - _FOOTER))
    footer = file.read(_FOOTER)
    if len(footer) < _FOOTER or footer[-8:] != _MAGIC:
        raise ValueError("its index is cut off or damaged")
    numbers, place = [], 0
    for _ in range(4):
        number, place = _number(footer, place)
        numbers.append(number)
    _check_block(file, size, *numbers[:2])
    blocks = []
    for _, handle in _in_block(_block(file, size, *numbers[2:])):
        start, place = _number(handle, 0)
        blocks.append((start, _number(handle, place)[0]))
    if sum(length for _, length in blocks) > size:
        raise ValueError("its index is damaged: parts of it lie in one another")
    return blocks


def _check_block(file: BinaryIO, size: int, start: int, length: int) -> None:
    """Verifies the checksum that stands behind a block, after a byte that tells its compression."""
    if start + length + _TRAILER > size:
        raise ValueError("its index is cut off or damaged")
    file.seek(start)
    crc = 0
    for place in range(0, length, _PART):
        crc = google_crc32c.extend(crc, file.read(min(_PART, length - place)))
    kind = file.read(1)
    crc = google_crc32c.extend(crc, kind)
    if ((crc >> 15 | crc << 17) + _MASK_DELTA) & 0xFFFFFFFF != int.from_bytes(file.read(4), "little"):
        raise ValueError("its index is damaged: a checksum is wrong")
    if kind != b"\0":
        raise ValueError("its index is compressed, as TensorFlow writes none")


def _block(file: BinaryIO, size: int, start: int, length: int) -> bytes:
    _check_block(file, size, start, length)
    file.seek(start)
    return file.read(length)


def _in_block(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Entries of a block; of each key only what differs from the one before is filed."""
    if len(block) < 4:
        raise ValueError("its index has an empty block")
    end = len(block) - 4 - 4 * struct.unpack("<I", block[-4:])[0]
    if end < 0:
        raise ValueError("its index is damaged")
    place, key = 0, b""
    while place < end:
        shared, place = _number(block, place)
        own, place = _number(block, place)
        length, place = _number(block, place)
        if shared > len(key) or place + own + length > end:
            raise ValueError("its index is damaged")
        key = key[:shared] + block[place : place + own]
        yield key, block[place + own : place + own + length]
        place += own + length


def _number(content: bytes, place: int) -> tuple[int, int]:
    """A number of 7 bits a byte, and the place behind it."""
    number = shift = 0
    while shift < 64:
        byte = content[place]
        number |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return number, place
    raise ValueError("its index is damaged: a number has no end")


def _shown(name: bytes) -> str:
    return repr(name[:100])
