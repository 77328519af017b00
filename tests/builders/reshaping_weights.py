"""Damage with a meaning, of checkpoints and pickles; see `reshaping`."""

import io
import pickletools
import random
import struct
import zipfile

import google_crc32c
from tensorflow.core.protobuf import tensor_bundle_pb2

from model_metamers.weights import checkpoint_index
from tests.builders.reshaping import COUNTS, field


def checkpoint_table(content: bytes, chance: random.Random) -> bytes:
    """A checkpoint's index with fields of its entries changed, its checksums right."""
    entries = dict(checkpoint_index._entries(io.BytesIO(content), len(content)))
    for _ in range(chance.randint(1, 2)):
        name = chance.choice(list(entries))
        doing = chance.randrange(5)
        if doing == 0:
            del entries[name]
        elif doing == 1:
            entries[chance.choice((b"", b"\n", b"a" * 9999, b"\xff\xfe", b"b2"))] = entries[name]
        elif doing == 2 and name:
            entries[name] = field(entries[name], chance)
        else:
            entries[name] = _entry(entries[name], name == b"", chance)
        if not entries:
            break
    return table(sorted(entries.items()))


def _entry(value: bytes, is_header: bool, chance: random.Random) -> bytes:
    if is_header:
        header = tensor_bundle_pb2.BundleHeaderProto.FromString(value)
        header.num_shards = chance.choice((0, -1, 1, 2, 2**31 - 1))
        header.endianness = chance.choice((0, 1))
        header.version.min_consumer = chance.choice((0, 1, 9))
        return header.SerializeToString()
    entry = tensor_bundle_pb2.BundleEntryProto.FromString(value)
    doing = chance.randrange(6)
    signed = [n for n in COUNTS if n < 2**63]
    if doing == 0:
        entry.dtype = chance.choice((0, 1, 2, 3, 7, 9, 14, 19, 20, 21, 23, 101, 999))
    elif doing == 1 and entry.shape.dim:
        entry.shape.dim[0].size = chance.choice(signed)
    elif doing == 2:
        for _ in range(chance.choice((1, 3, 255, 300))):
            entry.shape.dim.add().size = chance.choice((*signed, 1, 1))
    elif doing == 3:
        entry.offset = chance.choice(signed)
    elif doing == 4:
        entry.size = chance.choice(signed)
    else:
        extent = entry.slices.add().extent.add()
        extent.start, extent.length = chance.choice(signed), chance.choice(signed)
    return entry.SerializeToString()


def table(entries) -> bytes:
    """A table in LevelDB's format, of one block."""
    data = _block([(key, value) for key, value in entries])
    meta = _block([])
    first = len(data)
    handle = _varint(0) + _varint(len(data) - 5)
    index = _block([(b"\xff", handle)])
    footer = _varint(first) + _varint(len(meta) - 5) + _varint(first + len(meta)) + _varint(len(index) - 5)
    return data + meta + index + footer.ljust(40, b"\0") + checkpoint_index._MAGIC


def _block(entries) -> bytes:
    body = b"".join(
        _varint(0) + _varint(len(key)) + _varint(len(value)) + key + value for key, value in entries
    )
    body += struct.pack("<II", 0, 1) + b"\0"
    crc = google_crc32c.value(body)
    return body + struct.pack("<I", ((crc >> 15 | crc << 17) + checkpoint_index._MASK_DELTA) & 0xFFFFFFFF)


def _varint(number: int) -> bytes:
    parts = []
    while number >= 0x80:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*parts, number))


def pickle_opcodes(content: bytes, chance: random.Random) -> bytes:
    """Opcodes put between a pickle's own: structures without end, great numbers, calls, marks."""
    try:
        places = [place for _, _, place in pickletools.genops(content)]
    except ValueError:
        places = [0]
    for _ in range(chance.randint(1, 3)):
        place = chance.choice(places)
        content = (
            content[:place] + chance.choice(_OPCODES) * chance.choice((1, 1, 1, 60, 5000)) + content[place:]
        )
    return content


def torch_zip(content: bytes, chance: random.Random) -> bytes:
    """A file of PyTorch with the opcodes of its pickle changed, in an archive whose sums are right."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return content
    changed = io.BytesIO()
    with zipfile.ZipFile(changed, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, pickle_opcodes(data, chance) if name.endswith(".pkl") else data)
    return changed.getvalue()


def torch_old(content: bytes, chance: random.Random) -> bytes:
    """The same of the form before, whose fourth pickle is that of the tensors."""
    stream, begin = io.BytesIO(content), 0
    try:
        for number in range(4):
            for _ in pickletools.genops(stream):
                pass
            if number < 3:
                begin = stream.tell()
    except ValueError:
        return content
    end = stream.tell()
    return content[:begin] + pickle_opcodes(content[begin:end], chance) + content[end:]


_OPCODES = (
    *(bytes((code,)) for code in b"(012N]})ldtaesubRo.\x81\x92\x93\x94\x85\x8f\x90\x91"),
    *(b"2\x86", b"2\x87", b"K\x01", b"h\x00", b"q\x01", b"r\xff\xff\xff\x7f", b"p9\n", b"g0\n"),
    *(b"I" + b"9" * 900 + b"\n", b"\x8a\x09" + b"\xff" * 9, b"\x8b\xff\xff\xff\x7f"),
    *(b"\x8e" + b"\xff" * 8, b"\x95" + b"\xff" * 8, b"X\xff\xff\xff\x7f", b"\x8c\xff"),
    *(b"U\x05abcde", b"}22s", b"]2a", b"\x85\x94", b"G\x7f\xf8" + bytes(6), b"Pid\n", b"\x82\x01"),
    *(b"ccollections\nOrderedDict\n)R", b"cfunctools\npartial\n", b"caudio_cnn_helpers\nf\n)R"),
)
