"""What the system says of disks and files becomes one line that tells what to do; a defect does not."""

import errno
import os

import numpy as np
import pytest
import tensorflow as tf

from model_metamers.errors import InputError, StorageError
from model_metamers.storage import tfrecords, whole, writing
from model_metamers.storage.explaining import explain

_KINDS = {
    errno.ENOSPC: "disk is full",
    errno.EDQUOT: "quota",
    errno.EFBIG: "ulimit -f",
    errno.EROFS: "only be read",
    errno.EACCES: "denied",
    errno.EMFILE: "ulimit -n",
    errno.ENOTDIR: "a file stands where",
    errno.EIO: "failure",
}


@pytest.mark.parametrize("code", _KINDS, ids=errno.errorcode.get)
def test_an_error_of_the_disk_is_told_with_what_to_do(tmp_path, code):
    def fail():
        raise OSError(code, os.strerror(code))

    with pytest.raises(StorageError, match=_KINDS[code]) as raised, whole.whole_file(tmp_path / "a.txt"):
        fail()
    assert "\n" not in str(raised.value) and list(tmp_path.iterdir()) == []


def test_tensorflow_s_error_of_a_full_disk_is_told_as_the_system_s():
    error = tf.errors.ResourceExhaustedError(None, None, "/x/state.data; No space left on device")
    assert "disk is full" in explain(error)


@pytest.mark.parametrize("error", [KeyError("x"), ValueError("no space"), FileNotFoundError(2, "No file")])
def test_a_defect_is_not_explained(error):
    assert explain(error) is None


def test_a_defect_while_writing_stays_one_and_input_errors_stay_as_they_are(tmp_path):
    with pytest.raises(ZeroDivisionError), whole.whole_file(tmp_path / "a"):
        1 / 0  # noqa: B018
    with pytest.raises(InputError, match=r"^mine$") as raised, whole.whole_folder(tmp_path / "b"):
        raise InputError("mine")
    assert type(raised.value) is InputError and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "write",
    [
        lambda path: writing.write_text(path, "x" * 100_000),
        lambda path: writing.write_json(path, list(range(50_000))),
        lambda path: writing.write_array(path, np.zeros(100_000)),
        lambda path: writing.write_arrays(path, {"a": np.zeros(100_000)}),
        lambda path: writing.write_table(path, [["a"] * 100] * 1000),
    ],
    ids=["text", "json", "npy", "npz", "csv"],
)
def test_a_writer_that_meets_a_limit_says_so_in_one_line(tmp_path, write, capfd):
    resource = pytest.importorskip("resource")
    signal = pytest.importorskip("signal")
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.getsignal(signal.SIGXFSZ)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # as Python does at its start
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
        with pytest.raises(StorageError, match="ulimit -f"):
            write(tmp_path / "a.npz")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert list(tmp_path.iterdir()) == [] and capfd.readouterr().err == ""


@pytest.mark.parametrize("place", ["file", "file/below", "file/below/it"])
def test_a_file_where_a_folder_should_be(tmp_path, place):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="a file"):
        whole.make_folder(tmp_path / place)
    with pytest.raises(InputError), whole.whole_folder(tmp_path / place):
        pass


def test_records_are_written_as_tensorflow_reads_and_writes_them(tmp_path):
    contents = [b"", b"a", os.urandom(70_000)]
    with (tmp_path / "a.tfrecord").open("wb") as file:
        for content in contents:
            tfrecords.write_record(file, content)
    with tf.io.TFRecordWriter(str(tmp_path / "b.tfrecord")) as writer:
        for content in contents:
            writer.write(content)
    assert (tmp_path / "a.tfrecord").read_bytes() == (tmp_path / "b.tfrecord").read_bytes()
    assert [content for _, content in tfrecords.read_records(tmp_path / "a.tfrecord")] == contents
