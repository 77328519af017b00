"""Files made to take a reader's memory or time: each is refused, or read, in little of both."""

import gzip
import io
import os
import socket
import struct
import threading
import time
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from model_metamers import InputError
from model_metamers.signals import images, sounds
from model_metamers.storage import reading, tfrecords
from tests.builders.reshaping import framed
from tests.readers.cases_signals import SOUND, check_examples
from tests.readers.refusing import MOST_S, READERS, refuse

# --- what is no file


def named_pipe(path: Path) -> Path:
    os.mkfifo(path)
    return path


def listening(path: Path) -> Path:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(os.path.relpath(path))  # such a name is at most 107 bytes long
    return path


NO_FILES = {
    "named pipe": named_pipe,
    "socket": listening,
    "endless device": lambda path: Path("/dev/zero"),
    "link to a device": lambda path: path.symlink_to("/dev/zero") or path,
    "folder": lambda path: path.mkdir() or path,
}


@pytest.mark.parametrize("kind", NO_FILES)
@pytest.mark.parametrize("reader", READERS)
def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path, monkeypatch, reader, kind):
    monkeypatch.chdir(tmp_path)
    folders = {"checkpoint": "names no checkpoint", "labels": "holds no labels"}
    match = folders.get(reader, "not a file") if kind == "folder" else "not a file"
    refuse(reader, NO_FILES[kind](tmp_path / "x"), match)


@pytest.mark.parametrize("reader", [name for name in READERS if name not in ("digest", "text")])
def test_a_file_of_the_system_that_says_it_is_empty_is_not_read(reader):
    assert os.path.getsize("/proc/self/maps") == 0
    if reader.endswith("records"):
        assert READERS[reader](Path("/proc/self/maps")) == []
    else:
        refuse(reader, Path("/proc/self/maps"))


# --- packed and sparse


def sparse(path: Path, start: bytes, size: int, end: bytes = b"") -> Path:
    """A file of zeros behind its first bytes, which takes no room on the disk."""
    with path.open("wb") as file:
        file.write(start)
        file.truncate(size)
        file.seek(0, os.SEEK_END)
        file.write(end)
    return path


@pytest.mark.parametrize("reader", [name for name in READERS if name not in ("digest", "length of a sound")])
def test_gigabytes_of_zeros_are_refused(tmp_path, reader):
    refuse(reader, sparse(tmp_path / "x", b"", 2 << 30))


@pytest.mark.parametrize(
    ("reader", "start", "match"),
    [
        ("text", b"a" * (20 << 20), "a line of more than"),
        ("list", b"a\n" * 1000 + b"\0", "x:1001: holds NUL"),
        ("JSON", b"[" * (17 << 20), "at most"),
        ("JSON", b"[" * (1 << 20), "recursion"),
        ("JSON", b"9" * (1 << 20), "out of range"),
        ("table", b'a,b\n"' + b"x" * 200_000, "field larger than field limit"),
        (
            "TextGrid",
            b'"ooTextFile" "TextGrid" 0 1 <exists> 1e308 ' + b'"IntervalTier" "a" 0 1 1e300',
            "ends",
        ),
        ("TextGrid", b'"ooTextFile" "TextGrid" 0 1 <exists> 1 "' + b"x" * (4 << 20), "never closed"),
        ("XML", b"<a>" * (1 << 16), "more than 100 elements within one another"),
        ("XML", b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', "entities of its own"),
        ("sound", b"riff" + bytes(36), "no readable sound"),
        ("sound", b"RIFF\xff\xff\xff\x7fWAVE" + bytes(64 << 20), "no readable sound"),
    ],
    ids=lambda value: f"{len(value)} bytes" if isinstance(value, bytes) else None,  # the name holds them else
)
def test_texts_and_sounds_without_end_are_refused(tmp_path, reader, start, match):
    path = tmp_path / "x"
    path.write_bytes(start)
    refuse(reader, path, match)


def test_an_archive_of_arrays_that_unpacks_to_gigabytes_is_refused(tmp_path):
    about = {"descr": "|u1", "fortran_order": False, "shape": (300 << 20,)}
    with (
        zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("a.npy", "w") as member,
    ):
        np.lib.format.write_array_header_1_0(member, about)
        for _ in range(300):
            member.write(bytes(1 << 20))
    refuse("arrays", tmp_path / "a.npz", "bytes packed into")


def test_arrays_packed_by_hand_are_read(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", a=np.zeros(10**6), b=np.arange(3))
    assert reading.read_arrays(tmp_path / "a.npz")["a"].shape == (10**6,)


def test_an_archive_of_very_many_arrays_is_refused_before_they_are_listed(tmp_path):
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, 1 << 30, 0, 0)
    refuse("arrays", sparse(tmp_path / "a.npz", b"", 1 << 30, end), "too many members")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("packing", "names", "match"),
    [(zipfile.ZIP_STORED, "aa", "two arrays of one name"), (zipfile.ZIP_LZMA, "a", "packed as")],
)
def test_an_array_twice_or_packed_strangely_is_refused(tmp_path, packing, names, match):
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(3))
    with zipfile.ZipFile(tmp_path / "a.npz", "w", packing) as archive:
        for name in names:
            archive.writestr(f"{name}.npy", buffer.getvalue())
    refuse("arrays", tmp_path / "a.npz", match)


# --- records


def test_millions_of_empty_records_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(tfrecords, "_MOST_RECORDS", 1000)
    (tmp_path / "a.tfrecord").write_bytes(framed(b"") * 1001)
    for reader in ("records", "places of records"):
        refuse(reader, tmp_path / "a.tfrecord", "more than 1000 records")


@pytest.mark.parametrize(
    "pack",
    [lambda b: gzip.compress(b, 1), lambda b: zlib.compress(b, 1), lambda b: b],
    ids=["gzip", "zlib", ""],
)
def test_a_record_of_gigabytes_is_refused(tmp_path, pack):
    lengths = struct.pack("<Q", 2**31)
    (tmp_path / "a.tfrecord").write_bytes(pack(lengths + tfrecords._checksum(lengths) + bytes(1 << 20)))
    refuse("records", tmp_path / "a.tfrecord", "the record at byte 0 has 2147483648 bytes; at most")


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
def test_records_that_unpack_to_far_more_are_refused(tmp_path, monkeypatch, pack):
    monkeypatch.setattr(tfrecords, "_MOST_UNPACKED", 1 << 20)
    (tmp_path / "a.tfrecord").write_bytes(pack(framed(bytes(10_000)) * 400))
    refuse("records", tmp_path / "a.tfrecord", "unpacks to more than 1048576 bytes")
    (tmp_path / "a.tfrecord").write_bytes(pack(framed(os.urandom(10_000)) * 2))
    assert len(list(tfrecords.read_records(tmp_path / "a.tfrecord"))) == 2


def test_a_gzip_file_filled_up_with_zeros_is_read_soon(tmp_path):
    packed = gzip.compress(framed(b"content"))
    path = sparse(tmp_path / "a.tfrecord", packed, 64 << 20)
    start = time.perf_counter()
    assert [content for _, content in tfrecords.read_records(path)] == [b"content"]
    assert time.perf_counter() - start < MOST_S


def test_an_image_in_a_record_is_not_decoded_where_it_is_of_another_size(tmp_path):
    from model_metamers.corpora.record_writer import encode
    from model_metamers.corpora.records import read_image_records

    encoded = png_of_zeros(20_000, 20_000)
    (tmp_path / "a.tfrecord").write_bytes(framed(encode({"image/encoded": encoded, "image/class/label": 1})))
    with pytest.raises(InputError, match=r"at byte 0: .*pixels"):
        read_image_records([tmp_path / "a.tfrecord"], 8, progress=False)
    path = tmp_path / "b.tfrecord"
    path.write_bytes(encode({"image/encoded": b"\x89PNG\r\n", "image/class/label": 1}))
    with pytest.raises(InputError):
        check_examples(path)


# --- images and sounds


def png_of_zeros(width: int, height: int) -> bytes:
    """A PNG of one grey bit a pixel."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    pack = zlib.compressobj(1)
    rows = b"".join(pack.compress(bytes(1 + (width + 7) // 8)) for _ in range(height)) + pack.flush()
    header = struct.pack(">2I5B", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(8001, 8000), (61_000_001, 1), (20_000, 20_000)])
def test_an_image_of_very_many_pixels_is_refused_before_it_is_decoded(tmp_path, size):
    (tmp_path / "a.png").write_bytes(png_of_zeros(*size))
    told = f"{size[0]} x {size[1]} pixels; at most 61000000 are read, shrink it first"
    refuse("image", tmp_path / "a.png", f"{told}|400000000 pixels")  # the latter by Pillow


def test_rows_laid_over_white_are_those_of_the_whole_image():
    pixels = np.random.RandomState(0).randint(0, 256, [700, 5, 4]).astype(np.uint8)
    image = Image.fromarray(pixels)
    white = Image.new("RGBA", image.size, (255, 255, 255, 255))
    whole = Image.alpha_composite(white, image).convert("RGB")
    np.testing.assert_array_equal(np.asarray(images._as_shown(image)), np.asarray(whole))


def long_sound(path: Path, seconds: int, rate: int, channels: int = 1) -> Path:
    random = np.random.RandomState(0)
    with soundfile.SoundFile(path, "w", rate, channels) as file:
        for _ in range(seconds // 10):
            block = 0.1 * random.randn(rate * 10)
            file.write(np.repeat(block[:, None], channels, axis=1))
    return path


@pytest.mark.parametrize(("rate", "ending"), [(8000, "wav"), (11025, "wav"), (16000, "flac"), (6000, "wav")])
def test_of_a_long_sound_the_middle_is_read_alone_and_is_the_same(tmp_path, monkeypatch, rate, ending):
    path = long_sound(tmp_path / f"a.{ending}", 40, rate, channels=2)
    whole = sounds.load_sound(path, SOUND)
    monkeypatch.setattr(sounds, "_LONG_S", 20)
    monkeypatch.setattr(sounds, "read_waveform", None)
    np.testing.assert_allclose(sounds.load_sound(path, SOUND), whole, rtol=0, atol=1e-7)


@pytest.mark.slow
def test_one_second_of_an_hour_takes_little_memory(tmp_path):
    path = long_sound(tmp_path / "a.wav", 3600, 44100, channels=2)
    tracemalloc.start()
    sounds.load_sound(path, SOUND)
    assert tracemalloc.get_traced_memory()[1] < 32 << 20
    tracemalloc.stop()


def test_hours_of_silence_in_a_small_file_are_not_read_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(sounds, "_LONGEST_S", 720)
    soundfile.write(tmp_path / "a.flac", np.zeros(800 * 8000, np.int16), 8000)
    refuse("sound", tmp_path / "a.flac", "silent")
    with pytest.raises(
        InputError, match=r"0\.2 hours by its header; at most 0\.2 are read, cut it into parts"
    ):
        sounds.read_waveform(tmp_path / "a.flac", 8000)


def test_a_flac_header_that_asks_for_half_a_terabyte_takes_no_memory(tmp_path):
    soundfile.write(tmp_path / "a.flac", 0.1 * np.random.RandomState(0).randn(9000), 8000)
    content = bytearray((tmp_path / "a.flac").read_bytes())
    content[21] |= 0x0F  # the length: 36 bits from the middle of this byte on
    content[22:26] = b"\xff\xff\xff\xf0"
    (tmp_path / "a.flac").write_bytes(content)
    refuse("sound", tmp_path / "a.flac")


def test_a_pipe_is_not_waited_for_even_where_somebody_writes(tmp_path):
    path = named_pipe(tmp_path / "x")
    threading.Thread(target=lambda: path.open("wb").close(), daemon=True).start()
    refuse("JSON", path, "a named pipe")
    with path.open("rb"):  # lets the writer go
        pass
