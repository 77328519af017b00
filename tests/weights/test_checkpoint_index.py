"""Indices of checkpoints whose checksums are right and whose claims are not."""

import io

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import tensor_bundle_pb2

from model_metamers import InputError
from model_metamers.weights import checkpoint_index
from model_metamers.weights.tf_checkpoint import CheckpointReader, write_checkpoint
from tests.builders.reshaping_weights import table
from tests.builders.tf1_checkpoints import write_tf1_checkpoint

VALUES = {"a/weights": np.ones([3, 2], np.float32), "b": np.arange(5.0, dtype=np.float32)}


def rewrite(prefix, change) -> None:
    """Writes the index anew, after a change of its entries by name."""
    index = prefix.with_name(prefix.name + ".index")
    content = index.read_bytes()
    entries = dict(checkpoint_index._entries(io.BytesIO(content), len(content)))
    change(entries)
    index.write_bytes(table(sorted(entries.items())))


def entry(**about):
    """A change of an entry's fields."""

    def change(entries):
        made = tensor_bundle_pb2.BundleEntryProto.FromString(entries[b"b"])
        for name, value in about.items():
            if name == "shape":
                del made.shape.dim[:]
                for size in value:
                    made.shape.dim.add().size = size
            else:
                setattr(made, name, value)
        entries[b"b"] = made.SerializeToString()

    return change


def shards(count: int):
    def change(entries):
        header = tensor_bundle_pb2.BundleHeaderProto.FromString(entries[b""])
        header.num_shards = count
        entries[b""] = header.SerializeToString()

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (entry(shape=[-5]), "a shape that no variable has"),
        (entry(shape=[2**40, 2**40]), "a shape that no variable has"),
        (entry(shape=[1] * 300), "a shape that no variable has"),
        (entry(shape=[2**40]), "claims to hold 1099511627776 numbers in 20 bytes"),
        (entry(shape=[2**40], dtype=7), "claims to hold 1099511627776 texts in 20 bytes"),
        (entry(shape=[], dtype=7), "claims texts of"),
        (entry(dtype=999), "of a type that no variable has"),
        (entry(dtype=21), "of a type that no variable has"),
        (entry(dtype=101), "of a type that no variable has"),
        (entry(dtype=0), "of a type that no variable has"),
        (entry(offset=2**62), "beyond its data file"),
        (entry(offset=-1), "beyond its data file"),
        (entry(size=2**62), "beyond its data file"),
        (entry(shard_id=7), "in data file 7 of 1"),
        (entry(shard_id=-1), "in data file -1 of 1"),
        (shards(0), "names 0 data files"),
        (shards(2**31 - 1), "names 2147483647 data files"),
        (shards(2), "No such file"),
        (lambda entries: entries.pop(b""), "cannot be read"),
        (lambda entries: entries.update({b"b": b"\xff\xff"}), "cannot be read"),
    ],
)
def test_claims_that_the_files_do_not_hold_are_refused(tmp_path, change, message):
    write_checkpoint(tmp_path / "model.ckpt", VALUES)
    rewrite(tmp_path / "model.ckpt", change)
    with pytest.raises(InputError, match=message) as caught:
        CheckpointReader(tmp_path / "model.ckpt")
    assert str(caught.value).isprintable()


def test_an_index_written_anew_without_a_change_is_read(tmp_path):
    write_checkpoint(tmp_path / "model.ckpt", VALUES)
    rewrite(tmp_path / "model.ckpt", lambda entries: None)
    reader = CheckpointReader(tmp_path / "model.ckpt")
    for name, value in VALUES.items():
        np.testing.assert_array_equal(reader.value(name), value)


@pytest.mark.parametrize("version", [1, 2])
def test_every_byte_of_an_index_is_under_a_checksum(tmp_path, version):
    prefix = write_tf1_checkpoint(tmp_path / "model.ckpt", VALUES, version)
    path = prefix if version == 1 else tmp_path / "model.ckpt.index"
    whole = path.read_bytes()
    for place in range(0, len(whole) - 48, 7):  # behind that stands the footer
        path.write_bytes(whole[:place] + bytes((whole[place] ^ 1,)) + whole[place + 1 :])
        with pytest.raises(InputError, match=r"a checksum is wrong|compressed|damaged|cut off"):
            CheckpointReader(prefix)


def test_variables_that_hold_texts_are_refused_when_they_are_asked_for(tmp_path):
    tf.train.Checkpoint(text=tf.Variable(["a", "b"]), number=tf.Variable(1.0)).write(
        str(tmp_path / "model.ckpt")
    )
    reader = CheckpointReader(tmp_path / "model.ckpt")
    name = next(name for name in reader.shapes if "text" in name)
    with pytest.raises(InputError, match="holds texts, not numbers"):
        reader.value(name)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"model_checkpoint_path: 3", b"x" * (2 << 20), b"{" * 1000])
def test_a_folder_that_names_its_newest_checkpoint_wrongly_is_refused(tmp_path, content):
    (tmp_path / "checkpoint").write_bytes(content)
    with pytest.raises(InputError, match=r"names no checkpoint|cannot be read"):
        CheckpointReader(tmp_path)
