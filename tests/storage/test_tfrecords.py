"""TFRecord files: every name and compression, every checksum."""

import gzip
import struct
import zlib
from pathlib import Path

import pytest
import tensorflow as tf

from model_metamers import InputError
from model_metamers.storage import tfrecords

CONTENTS = [b"", b"a", bytes(range(256)) * 40, b"last"]
BEGINS = [0, 16, 33, 33 + 10240 + 16]


def write(path: Path, compression: str = "") -> Path:
    with tf.io.TFRecordWriter(str(path), compression) as writer:
        for content in CONTENTS:
            writer.write(content)
    return path


@pytest.mark.parametrize("compression", ["", "GZIP", "ZLIB"])
def test_records_are_read_as_tensorflow_writes_them(tmp_path, compression):
    path = write(tmp_path / "a.tfrecord", compression)
    assert tfrecords.compression(path) == compression
    assert list(tfrecords.read_records(path)) == list(zip(BEGINS, CONTENTS, strict=True))
    assert tfrecords.record_places(path) == BEGINS


@pytest.mark.parametrize(
    "pack", [lambda whole: gzip.compress(whole, 1), lambda whole: zlib.compress(whole, 9)]
)
def test_files_compressed_by_hand_are_read(tmp_path, pack):
    path = tmp_path / "train-00000-of-00001.gz"
    path.write_bytes(pack(write(tmp_path / "a.tfrecord").read_bytes()))
    assert [content for _, content in tfrecords.read_records(path)] == CONTENTS
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(InputError, match=r"gz: damaged or no TFRecord file, at byte \d+"):
        list(tfrecords.read_records(path))


@pytest.mark.parametrize("place", [0, 9, 28, 32, 33, 5000, 33 + 12 + 10239, 33 + 12 + 10240])
def test_a_flipped_bit_is_found_wherever_it_is(tmp_path, place):
    path = write(tmp_path / "a.tfrecord")
    content = bytearray(path.read_bytes())
    content[place] ^= 4
    path.write_bytes(content)
    begin = max(begin for begin in BEGINS if begin <= place)
    with pytest.raises(InputError, match=rf"a\.tfrecord: damaged or no TFRecord file, at byte {begin}"):
        list(tfrecords.read_records(path))


@pytest.mark.parametrize("size", [1, 11, 15, 20, 40, 10000])
def test_a_file_that_is_cut_off_is_refused(tmp_path, size):
    path = write(tmp_path / "a.tfrecord")
    path.write_bytes(path.read_bytes()[:size])
    for read in (lambda: list(tfrecords.read_records(path)), lambda: tfrecords.record_places(path)):
        with pytest.raises(InputError, match="damaged or no TFRecord file"):
            read()


def test_a_length_beyond_the_file_is_refused_before_anything_is_allocated(tmp_path):
    header = struct.pack("<Q", 2**40)
    (tmp_path / "a.tfrecord").write_bytes(header + tfrecords._checksum(header) + b"abc")
    with pytest.raises(InputError, match="at byte 0"):
        list(tfrecords.read_records(tmp_path / "a.tfrecord"))
    with pytest.raises(InputError, match="at byte 0"):
        tfrecords.record_places(tmp_path / "a.tfrecord")


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("a.tfrecord", True),
        ("a.tfrecords", True),
        ("X.TFRECORD", True),
        ("train-00000-of-01024", True),
        ("TRAIN-00003-OF-01024", True),
        ("flowers_train_00000-of-00005.tfrecord", True),
        ("a.tfrecord-00000-of-00010", True),
        ("a.tfrecord.gz", True),
        ("train-00000-of-00002.gz", True),
        ("model.ckpt.data-00000-of-00001", False),
        ("photo-00001-of-00002.png", False),
        ("labels.txt", False),
        ("tfrecord", False),
    ],
)
def test_files_are_known_by_their_names(name, is_one):
    assert tfrecords.is_records(Path("folder") / name) is is_one


def test_a_folder_stands_for_its_own_records_without_hidden_ones(tmp_path):
    for name in ("b.TFRECORD", "train-00000-of-00002", "._b.tfrecord", "labels.txt"):
        (tmp_path / name).touch()
    (tmp_path / "c.tfrecord").mkdir()
    assert [p.name for p in tfrecords.find_records(tmp_path)] == ["b.TFRECORD", "train-00000-of-00002"]
    assert tfrecords.find_records(tmp_path / "labels.txt") == []
