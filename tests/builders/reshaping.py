"""Damage with a meaning: fields of a format set to what they must not be, its checksums made right again.

Bit flips seldom come past a checksum. Each function takes a whole file and a source of chance, and
gives another file that its reader cannot refuse at the first glance.
"""

import gzip
import io
import json
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator

import numpy as np

from model_metamers.runs.record import sealed
from model_metamers.storage import tfrecords

Reshape = Callable[[bytes, random.Random], bytes]

COUNTS = (0, 1, -1, 2, 255, 2**15, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**62, 2**63 - 1, 2**63, 2**64 - 1)
NUMBERS = (*COUNTS, -(2**63), 0.5, -0.0, 1e-308, 1e308, -1e308, 10**30)
FIELDS = tuple(
    struct.pack(order + kind, value)
    for order in "<>"
    for kind, values in (
        ("B", (0, 1, 127, 255)),
        ("H", (0, 1, 2**15, 2**16 - 1)),
        ("I", (0, 1, 2**24, 2**31 - 1, 2**31, 2**32 - 1)),
        ("Q", (0, 1, 2**40, 2**63 - 1, 2**64 - 1)),
        ("d", (float("nan"), float("inf"), -1.0, 1e308)),
    )
    for value in values
)


def field(content: bytes, chance: random.Random) -> bytes:
    """A number of the header, or of any place, set to an extreme one."""
    most = min(len(content), 96) if chance.random() < 0.7 else len(content)
    for _ in range(chance.randint(1, 3)):
        new, place = chance.choice(FIELDS), chance.randrange(max(1, most))
        content = content[:place] + new + content[place + len(new) :]
    return content


def png_chunks(content: bytes, chance: random.Random) -> bytes:
    """Chunks repeated, left out, moved or filled with something else, their checksums right."""
    chunks, place = [], 8
    while place + 12 <= len(content):
        length = struct.unpack(">I", content[place : place + 4])[0]
        chunks.append((content[place + 4 : place + 8], content[place + 8 : place + 8 + length]))
        place += 12 + length
    if not chunks:
        return field(content, chance)
    for _ in range(chance.randint(1, 3)):
        i = chance.randrange(len(chunks))
        name, data = chunks[i]
        doing = chance.randrange(4)
        if doing == 0:
            chunks[i] = (name, field(data or b"\0", chance))
        elif doing == 1:
            bomb = zlib.compress(bytes(chance.choice((10, 10**6, 2 * 10**7))))
            new = {b"iCCP": b"icc\0\0", b"zTXt": b"k\0\0", b"iTXt": b"k\0\1\0\0\0"}
            kind = chance.choice((*new, b"IDAT", b"eXIf", b"tRNS", b"PLTE", b"acTL", b"fcTL", b"fdAT"))
            chunks.insert(max(1, i), (kind, new.get(kind, b"") + bomb))
        elif doing == 2:
            chunks.insert(i, chance.choice(chunks))
        else:
            del chunks[i]
        if not chunks:
            break
    packed = (struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks)
    return content[:8] + b"".join(packed)


def array(content: bytes, chance: random.Random) -> bytes:
    """An array's header with another shape, type or order."""
    size = chance.choice(COUNTS)
    shape = chance.choice(((), (size,), (size, 3), (3, size), (size,) * 3, (0, size), (1,) * 33, (8, 8, 3)))
    kinds = (
        "<f4",
        ">f8",
        "|b1",
        "<U0",
        f"<U{2**28}",
        "|O",
        "<M8[s]",
        "(1000,)f4",
        "V0",
        "<c16",
        "|S5",
        "x" * 99,
    )
    descr = chance.choice((*kinds, [("a", "<f4"), ("b", "|O")]))
    header = repr({"descr": descr, "fortran_order": chance.choice((True, False, 3)), "shape": shape})
    if chance.random() < 0.1:
        header = "(" * 3000 + header
    if chance.random() < 0.1:
        header = header.replace("shape", "shapes")
    text = header.encode("latin-1") + b"\n"
    version, packing = chance.choice(((1, "<H"), (2, "<I"), (3, "<I"), (9, "<H")))
    length = len(text) if chance.random() < 0.8 else chance.choice((0, 1, 2**16 - 1))
    return b"\x93NUMPY" + bytes((version, 0)) + struct.pack(packing, length) + text + content[128:]


def archive_of_arrays(content: bytes, chance: random.Random) -> bytes:
    """Arrays of an `.npz` with other values, names, types and packing; or one of them twice."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = [(info.filename, archive.read(info)) for info in archive.infolist()]
    for _ in range(chance.randint(1, 2)):
        i = chance.randrange(len(members))
        name, data = members[i]
        doing = chance.randrange(6)
        if doing == 0:
            members[i] = (name, array(data, chance))
        elif doing == 1:
            members[i] = (name, _saved(_other_values(data, chance)))
        elif doing == 2:
            members.append((chance.choice(members)[0], data))
        elif doing == 3 and len(members) > 1:
            del members[i]
        elif doing == 4:
            members[i] = (chance.choice((name + "x", "../" + name, "a\nb.npy", "\udcff.npy", "")), data)
        else:
            members[i] = (name, field(data, chance))
    packing = chance.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", packing) as archive:
        for name, data in members:
            archive.writestr(name.encode("utf-8", "replace").decode() or "x", data)
    whole = buffer.getvalue()
    return field(whole, chance) if chance.random() < 0.2 else whole


def _other_values(data: bytes, chance: random.Random) -> np.ndarray:
    old = np.lib.format.read_array(io.BytesIO(data))
    extreme = chance.choice((np.nan, np.inf, -np.inf, 1e308, -1.0, 0.0, 1.5))
    choices: list[Callable[[], np.ndarray]] = [
        lambda: np.full(old.shape, extreme),
        lambda: np.full(old.shape, chance.choice(COUNTS[:8])),
        lambda: np.array(chance.choice(("", "a\nb", "\x1b[31m", "x" * 1000, "\ud800"))),
        lambda: np.array([chance.choice(("", "a\nb", "\x1b[31m", "x" * 1000))] * max(1, old.size % 9)),
        lambda: np.zeros([0, *old.shape]),
        lambda: np.zeros([2, *old.shape], old.dtype),
        lambda: old.astype(chance.choice(("f2", "f8", "i1", "u8", "?")) if old.dtype.kind in "iuf" else "U9"),
    ]
    with np.errstate(all="ignore"):
        return chance.choice(choices)()


def _saved(values: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values)
    return buffer.getvalue()


def json_values(content: bytes, chance: random.Random) -> bytes:
    """JSON with values of other types and sizes, keys missing or there twice, and great depth."""
    whole = json.loads(content)
    for _ in range(chance.randint(1, 2)):
        places = list(_places(whole))
        holder, key = chance.choice(places)
        doing = chance.randrange(5)
        if doing == 0 and isinstance(holder, dict):
            del holder[key]
            if not whole:
                return b"{}"
        elif doing == 1 and isinstance(holder, dict):
            holder[chance.choice(("", "x", "\n", "../../x", "\u2028", "a" * 5000))] = holder.pop(key)
        else:
            holder[key] = _any_value(chance)
    if isinstance(whole, dict) and "float" in whole and chance.random() < 0.9:
        whole = sealed(whole)
    text = json.dumps(whole)
    if chance.random() < 0.1:
        text = text.replace('"', '"' + "[" * 10 + '"', 1)
    if chance.random() < 0.1:
        depth = chance.choice((50, 2000, 200_000))
        text = text.replace(": ", ": " + "[" * depth + "]" * depth + ', "x": ', 1)
    return text.encode("utf-8", "surrogatepass")


def _places(value) -> Iterator[tuple]:
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from _places(value[key])


def _any_value(chance: random.Random):
    texts = ("", "a\nb", "\x1b[31m", "../../x", "/dev/zero", "0" * 64, "x" * 5000, "\0", "\ud800", "NaN")
    return chance.choice(
        (None, True, False, [], {}, [[]], {"a": 1}, [None] * 3, float("nan"), *NUMBERS, *texts, [1] * 1000)
    )


def records(content: bytes, chance: random.Random) -> bytes:
    """TFRecords with whole checksums: contents damaged, empty, repeated, without end, packed anew."""
    packed = content[:2] == b"\x1f\x8b"
    try:
        whole = gzip.decompress(content) if packed else zlib.decompress(content)
    except zlib.error:
        whole = content
    contents, place = [], 0
    while place + 16 <= len(whole):
        length = struct.unpack("<Q", whole[place : place + 8])[0]
        contents.append(whole[place + 12 : place + 12 + length])
        place += 16 + length
    for _ in range(chance.randint(1, 2)):
        i = chance.randrange(len(contents))
        doing = chance.randrange(5)
        if doing == 0:
            contents[i] = field(contents[i] or b"\0", chance)
        elif doing == 1:
            contents[i:i] = [b""] * chance.choice((1, 1000))
        elif doing == 2:
            contents[i] = contents[i][: chance.randrange(len(contents[i]) + 1)]
        elif doing == 3:
            contents.insert(i, bytes(chance.choice((1, 10**6))))
        else:
            contents[i] = contents[i].replace(b"\n", bytes((chance.randrange(256),)), 1)
    whole = b"".join(map(framed, contents))
    if chance.random() < 0.2:
        lengths = struct.pack("<Q", chance.choice(COUNTS) & (2**64 - 1))
        whole += lengths + tfrecords._checksum(lengths) + b"abc"
    packings = (bytes, gzip.compress, zlib.compress, lambda b: gzip.compress(b) + bytes(5000))
    return chance.choice(packings)(whole)


def framed(content: bytes) -> bytes:
    """A record as it stands in a TFRecord file."""
    lengths = struct.pack("<Q", len(content))
    return lengths + tfrecords._checksum(lengths) + content + tfrecords._checksum(content)
