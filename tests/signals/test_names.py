"""Which files of a folder are taken, and what they are called."""

import logging
import unicodedata

import numpy as np
import pytest
import soundfile
import tensorflow as tf
from PIL import Image

from model_metamers import InputError, SignalSpec
from model_metamers.signals import collection, files
from model_metamers.signals.names import stimulus_name
from model_metamers.storage.folders import is_hidden

IMAGE = SignalSpec("image", (32, 32, 3), 0.0, 1.0)
SOUND = SignalSpec("sound", (4000,), -1.0, 1.0, sample_rate=8000, rms=0.1)
NFC, NFD = (unicodedata.normalize(form, "Café ñ") for form in ("NFC", "NFD"))


def picture(path, seed: int = 0):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.RandomState(seed).randint(0, 256, [32, 32, 3]).astype(np.uint8)
    Image.fromarray(pixels).save(path, "PNG")
    return path


def sound(path, seed: int = 0):
    soundfile.write(path, 0.1 * np.random.RandomState(seed).randn(4000), 8000)
    return path


@pytest.mark.parametrize(
    "name", [".DS_Store", "._photo.png", ".hidden.png", "Thumbs.db", "desktop.ini", "__MACOSX", "._a.wav"]
)
def test_what_systems_leave_in_folders_is_passed_over(tmp_path, name, caplog):
    picture(tmp_path / "images" / "a.png")
    (tmp_path / "sounds").mkdir()
    sound(tmp_path / "sounds" / "a.wav")
    for folder, spec in (("images", IMAGE), ("sounds", SOUND)):
        (tmp_path / folder / name).write_bytes(b"left here")
        with caplog.at_level(logging.INFO, "model_metamers"):
            assert list(files.find_files([tmp_path / folder], spec)) == ["a"]
    assert not caplog.messages and is_hidden(tmp_path / name)


@pytest.mark.parametrize(
    "name",
    [
        "#1 photo",
        "50% off?",
        "cost $5 and $6",
        'it\'s "quoted"',
        "a..b",
        "a b ",
        "-flag",
        "日本語",
        "x" * 250,
        "C:",
    ],
)
def test_odd_names_are_kept(tmp_path, name):
    picture(tmp_path / f"{name}.png")
    assert list(files.find_files([tmp_path], IMAGE)) == [name]


@pytest.mark.parametrize(
    "name", ["...png", "..png", ".hidden.png", "x" * 251 + ".png", "a\nb.png", "a\\b.png"]
)
def test_names_that_no_folder_can_bear_are_refused(tmp_path, name):
    picture(tmp_path / name)
    with pytest.raises(InputError, match="rename it") as refusal:
        files.find_files([tmp_path / name], IMAGE)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("text", ["", "a/b", "\udce9", ".", ".."])
def test_texts_that_are_no_names_are_refused(text):
    with pytest.raises(InputError, match="rename it"):
        stimulus_name(text, "here")


def test_composed_and_decomposed_letters_are_one_name(tmp_path):
    assert NFC != NFD
    picture(tmp_path / f"{NFD}.png")
    assert list(files.find_files([tmp_path], IMAGE)) == [NFC]
    picture(tmp_path / "again" / f"{NFC}.png")
    with pytest.raises(InputError, match="would both be called"):
        files.find_files([tmp_path, tmp_path / "again"], IMAGE)


def test_class_folders_are_taken_where_a_folder_holds_no_files(tmp_path, caplog):
    for place in ("cat/1.png", "cat/2.png", "dog/3.png", ".git/4.png", "empty/notes.txt", "cat/deep/5.png"):
        picture(tmp_path / place)
    with caplog.at_level(logging.INFO, "model_metamers"):
        found = files.find_files([tmp_path], IMAGE)
    assert [(name, path.parent.name) for name, path in found.items()] == [
        ("1", "cat"),
        ("2", "cat"),
        ("3", "dog"),
    ]
    assert caplog.messages[0].endswith("3 files of 2 folders (cat, dog)")
    picture(tmp_path / "top.png")
    assert list(files.find_files([tmp_path], IMAGE)) == ["top"]
    assert caplog.messages[1].endswith("cat: passed over: 1 folders (such as deep)")


def test_files_of_class_folders_that_share_a_name_bear_their_folders(tmp_path, caplog):
    for place in ("cat/1.png", "cat/2.png", "dog/1.png"):
        picture(tmp_path / place)
    with caplog.at_level(logging.INFO, "model_metamers"):
        assert list(files.find_files([tmp_path], IMAGE)) == ["cat_1", "cat_2", "dog_1"]
    assert "called <folder>_<file>" in caplog.messages[0]
    picture(tmp_path / "cat_1" / "x.png")
    picture(tmp_path / "cat" / "1_x.png")
    with pytest.raises(InputError, match="would both be called 'cat_1_x'"):
        files.find_files([tmp_path], IMAGE)


def test_class_folders_of_sounds_are_taken(tmp_path):
    for place in ("yes", "no"):
        (tmp_path / place).mkdir()
        sound(tmp_path / place / f"{place}.wav")
    assert list(files.find_files([tmp_path], SOUND)) == ["no", "yes"]


def test_array_of_several_signals_is_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.full([2, 32, 32, 3], 0.5))
    with pytest.raises(InputError, match="holds 2 signals; save each as a file of its own"):
        files.load_signals(files.find_files([tmp_path], IMAGE), IMAGE)


def test_copies_are_left_out_of_a_null_distribution_and_told(tmp_path, caplog):
    for name, seed in (("a", 0), ("b", 1), ("c", 0), ("d", 2), ("e", 1)):
        sound(tmp_path / f"{name}.wav", seed)
    with caplog.at_level(logging.INFO, "model_metamers"):
        stimuli = collection.find_stimuli([tmp_path], SOUND)
    assert stimuli.names == ["a", "b", "d"] == stimuli.recordings
    assert caplog.messages == ["2 copies of other stimuli left out: c (of a), e (of b)"]
    assert collection.find_stimuli([tmp_path], SOUND, "(.)").recordings == ["a", "b", "d"]


def test_copies_in_class_folders_are_left_out_by_content_not_by_name(tmp_path):
    picture(tmp_path / "cat" / "1.png", 0)
    picture(tmp_path / "dog" / "1.png", 1)
    picture(tmp_path / "dog" / "2.png", 0)
    assert collection.find_stimuli([tmp_path], IMAGE).names == ["cat_1", "dog_1"]


def records(path, seeds):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for seed in seeds:
            encoded = picture(path.parent / ".picture.png", seed).read_bytes()
            value = tf.train.Feature(bytes_list=tf.train.BytesList(value=[encoded]))
            features = tf.train.Features(feature={"image/encoded": value})
            writer.write(tf.train.Example(features=features).SerializeToString())


def test_folders_of_records_are_taken(tmp_path):
    records(tmp_path / "set" / "train-00000-of-00002.tfrecord", [0, 1])
    records(tmp_path / "set" / "train-00001-of-00002.TFRECORD", [2])
    records(tmp_path / "set" / "._train.tfrecord", [3])
    (tmp_path / "set" / "labels.txt").write_text("0:a\n")
    records(tmp_path / "one.tfrecords", [4])
    stimuli = collection.find_stimuli([tmp_path / "set", tmp_path / "one.tfrecords"], IMAGE)
    assert len(stimuli) == 4 and stimuli[3].shape == (32, 32, 3)
    picture(tmp_path / "set" / "a.png")  # now a folder of images
    assert collection.find_stimuli([tmp_path / "set"], IMAGE).names == ["a"]
    with pytest.raises(InputError, match="not both"):
        collection.find_stimuli([tmp_path / "set", tmp_path / "one.tfrecords"], IMAGE)
