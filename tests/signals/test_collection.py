"""Stimuli of TFRecords, compressed or not; copies; what the identity of stimuli notices."""

import errno
import gzip
import io
import logging
import os
import shutil
import zlib

import numpy as np
import pytest
import soundfile
from PIL import Image

from model_metamers import InputError, SignalSpec, StorageError
from model_metamers.corpora.record_writer import encode
from model_metamers.recognition.labels import read_labels
from model_metamers.runs import null_runs
from model_metamers.signals import collection, examples
from tests.builders import training_data

IMAGE = SignalSpec("image", (32, 32, 3), 0.0, 1.0)
SOUND = SignalSpec("sound", (1000,), -1.0, 1.0, sample_rate=4000, rms=0.1)


def png(seed: int) -> bytes:
    buffer = io.BytesIO()
    pixels = np.random.RandomState(seed).randint(0, 256, [32, 32, 3]).astype(np.uint8)
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def picture(seed: int, name: str) -> bytes:
    return encode({"image/encoded": png(seed), "image/filename": name, "image/class/text": f"class {seed}"})


def waveform(seed: int, key: str = collection.SOUND_KEY, samples: int = 1500) -> bytes:
    return encode({key: np.random.RandomState(seed).randn(samples).astype(np.float32)})


def write(path, contents):
    import tensorflow as tf

    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for content in contents:
            writer.write(content)
    return path


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress], ids=["gzip", "zlib"])
def test_compressed_records_give_the_same_stimuli_in_any_order(tmp_path, pack):
    paths = [
        write(tmp_path / "plain" / f"train-0000{i}-of-00002", [picture(s, "a.png") for s in seeds])
        for i, seeds in enumerate([(0, 1, 2), (3, 4)])
    ]
    packed = tmp_path / "packed"
    packed.mkdir()
    for path in paths:
        (packed / path.name).write_bytes(pack(path.read_bytes()))
    plain, stimuli = (collection.find_stimuli([tmp_path / name], IMAGE) for name in ("plain", "packed"))
    assert stimuli.names == plain.names and len(stimuli) == 5
    for index in (4, 0, 3, 2, 0):
        np.testing.assert_array_equal(stimuli[index], plain[index])


def test_a_damaged_record_is_refused_before_anything_is_measured(tmp_path):
    path = write(tmp_path / "X.TFRECORD", [picture(s, "a.png") for s in range(3)])
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"X\.TFRECORD: damaged or no TFRecord file, at byte \d+"):
        collection.find_stimuli([path], IMAGE)
    with pytest.raises(InputError, match=r"X\.TFRECORD: damaged or no TFRecord file, at byte \d+"):
        read_labels(path)


def test_a_record_damaged_after_it_was_found_is_refused_when_it_is_read(tmp_path):
    path = write(tmp_path / "a.tfrecord", [picture(s, "a.png") for s in range(2)])
    stimuli = collection.find_stimuli([path], IMAGE)
    content = bytearray(path.read_bytes())
    content[-100] ^= 1
    path.write_bytes(content)
    assert stimuli[0].shape == (32, 32, 3)
    with pytest.raises(InputError, match="damaged"):
        stimuli[1]


@pytest.mark.parametrize("kind", ["image", "sound"])
def test_copies_among_records_are_left_out_whatever_else_the_records_say(tmp_path, caplog, kind):
    make = picture if kind == "image" else lambda seed, _: waveform(seed)
    spec = IMAGE if kind == "image" else SOUND
    first = write(tmp_path / "a" / "train.tfrecord", [make(0, "a.png"), make(1, "b.png"), make(0, "c.png")])
    other = write(tmp_path / "b" / "train.tfrecord", [make(2, "a.png"), make(1, "d.png")])
    with caplog.at_level(logging.INFO, "model_metamers"):
        stimuli = collection.find_stimuli([first, other], spec)
    assert len(stimuli) == len(set(stimuli.recordings)) == 3  # of two files of one name too
    assert caplog.messages[0].startswith("2 copies of other stimuli left out: train.tfrecord:")


def test_contents_of_large_files_are_kept_and_follow_the_file(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(examples, "_WORTH_KEEPING", 0)
    path = write(tmp_path / "a.tfrecord", [picture(s, "a.png") for s in range(3)])
    found = examples.contents_of(path, "image/encoded")
    monkeypatch.setattr(examples, "read_examples", lambda path: pytest.fail("read again"))
    again = examples.contents_of(path, "image/encoded")
    np.testing.assert_array_equal(again.places, found.places)
    np.testing.assert_array_equal(again.digests, found.digests)
    monkeypatch.undo()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(examples, "_WORTH_KEEPING", 0)
    write(path, [picture(s, "a.png") for s in (5, 1, 2)])  # of the same length, perhaps
    assert (examples.contents_of(path, "image/encoded").digests[0] != found.digests[0]).any()


def test_how_sounds_are_read_is_part_of_what_they_are(tmp_path):
    path = write(tmp_path / "a.tfrecord", [waveform(s) for s in range(3)])
    usual = collection.find_stimuli([path], SOUND).digest
    assert collection.find_stimuli([path], SOUND, record_rate=4000).digest == usual
    assert collection.find_stimuli([path], SOUND, record_rate=2000).digest != usual
    write(path, [waveform(s, "other") for s in range(3)])
    assert collection.find_stimuli([path], SOUND, sound_key="other").digest != usual


def _sounds(folder, seeds=(0, 1, 2)):
    folder.mkdir(exist_ok=True)
    for i, seed in enumerate(seeds):
        values = 0.1 * np.random.RandomState(seed).randn(1500)
        soundfile.write(folder / f"{i}.wav", values, 4000)
    return folder


CHANGES = {
    "touched": lambda folder: os.utime(folder / "1.wav", (1, 1)),
    "copied": lambda folder: (
        (shutil.copytree(folder, folder.with_name("moved")) and shutil.rmtree(folder))
        or folder.with_name("moved").rename(folder)
    ),
    "renamed": lambda folder: [(folder / f"{i}.wav").rename(folder / f"x{i}.wav") for i in range(3)],
    "a copy added": lambda folder: shutil.copy(folder / "0.wav", folder / "9.wav"),
}
OTHERS = {
    "replaced by one of the same length": lambda folder: _sounds(folder, (0, 7, 2)),
    "in another order": lambda folder: _sounds(folder, (0, 2, 1)),
    "one fewer": lambda folder: (folder / "2.wav").unlink(),
}


@pytest.mark.parametrize("change", [*CHANGES, *OTHERS])
def test_a_null_distribution_notices_content_and_nothing_else(tmp_path, tiny_word_cnn, change):
    """The folder of the null is of one set of contents; its names and times are nothing to it."""
    folder = _sounds(tmp_path / "sounds")

    def run():
        stimuli = collection.find_stimuli([folder], tiny_word_cnn.signal)
        return null_runs.NullRun(tiny_word_cnn, tiny_word_cnn.layers[:1], stimuli, tmp_path / "null")

    before = null_runs.measure(run(), progress=False)
    {**CHANGES, **OTHERS}[change](folder)
    if change in OTHERS:
        with pytest.raises(InputError, match="other settings"):
            null_runs.measure(run(), progress=False)
    else:
        assert repr(null_runs.measure(run(), progress=False)) == repr(before)


@pytest.mark.parametrize("change", ["replaced", "renamed", "touched"])
def test_records_are_known_by_their_content(tmp_path, change):
    path = write(tmp_path / "a.tfrecord", [waveform(s) for s in (0, 1)])
    before = collection.find_stimuli([path], SOUND).digest
    if change == "replaced":
        write(path, [waveform(s) for s in (0, 2)])
    elif change == "renamed":
        path = path.rename(tmp_path / "TRAIN-00000-OF-00001")
    else:
        os.utime(path, (1, 1))
    assert (collection.find_stimuli([path], SOUND).digest != before) == (change == "replaced")


@pytest.mark.parametrize("pattern", ["(", "[", "(?P<a>x", "no group", "(z)?"])
def test_patterns_of_recordings_that_find_nothing_are_refused(tmp_path, pattern):
    with pytest.raises(InputError, match="recording_pattern"):
        collection.find_stimuli([_sounds(tmp_path / "a")], SOUND, pattern)


def test_labels_are_read_from_folders_of_compressed_records(tmp_path):
    for i, names in enumerate([("a.png", "b.png"), ("c.png",)]):
        path = write(tmp_path / "set" / f"train-0000{i}-of-00002", [picture(i, name) for name in names])
        path.write_bytes(gzip.compress(path.read_bytes()))
    assert read_labels(tmp_path / "set") == {"a": "class 0", "b": "class 0", "c": "class 1"}


@pytest.mark.parametrize(
    "name", ["{}-0000{}-of-00002", "flowers_{}_0000{}-of-00002.TFRECORD", "{}-{}.tfrecord.gz"]
)
def test_training_takes_records_of_any_name_and_compression(tmp_path, name):
    from model_metamers.training import records

    folder = training_data.write_images(tmp_path / "a")
    usual = records.find_records(folder, "train")
    (tmp_path / "b").mkdir()
    for i, path in enumerate(usual.paths):
        content = path.read_bytes()
        (tmp_path / "b" / name.format("train", i)).write_bytes(gzip.compress(content) if i else content)
    (tmp_path / "b" / name.format("test", 0)).write_bytes(b"")
    found = records.find_records(tmp_path / "b", "train")
    assert found.count == usual.count == 24 and len(found.paths) == 2
    for seed in (None, (3, 1)):
        both = [list(of.read(seed).as_numpy_iterator()) for of in (usual, found)]
        assert both[0] == both[1]
    assert records.find_damage(found.paths) is None
    content = bytearray(found.paths[1].read_bytes())
    content[len(content) // 2] ^= 1
    found.paths[1].write_bytes(content)
    assert f"{found.paths[1]}: damaged or no TFRecord file, at byte" in records.find_damage(found.paths)


def test_temporary_files_without_room_are_told(tmp_path, monkeypatch):
    """Compressed records are unpacked into a temporary file."""
    folder = training_data.write_images(tmp_path / "set")
    path = tmp_path / "a.tfrecord.gz"
    path.write_bytes(gzip.compress(next(folder.glob("train-*")).read_bytes()))
    stimuli = collection.find_stimuli([path], IMAGE)

    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(collection.shutil, "copyfileobj", full)
    with pytest.raises(StorageError, match=r"TMPDIR.*disk is full"):
        stimuli[0]
