"""The reproduction's stimuli: which are taken, and what tells them from others."""

import csv
import os
import shutil

import numpy as np
import pytest
import soundfile
import tensorflow as tf
from PIL import Image

from model_metamers import InputError, SignalSpec
from model_metamers.recognition.labels import read_labels
from model_metamers_experiments.reproduction import own_stimuli, stimuli

IMAGE = SignalSpec("image", (32, 32, 3), 0.0, 1.0)
SOUND = SignalSpec("sound", (8000,), -1.0, 1.0, 8000)


def test_installed_stimuli(tmp_path):
    pictures = stimuli.photographs(IMAGE, tmp_path / "images", 10)
    assert not (tmp_path / "images").exists()  # until they are wanted
    pictures.prepare()
    assert len(list(pictures.matched.iterdir())) == 10 and len(list(pictures.further.iterdir())) == 6
    assert pictures.labels is None
    words = stimuli.synthesised_words(SOUND, tmp_path / "words", 4)
    words.prepare()
    with words.labels.open() as file:
        truths = {row["stimulus"]: row["label"] for row in csv.DictReader(file)}
    assert set(truths) == {path.stem for path in words.matched.iterdir()} and len(truths) == 4
    assert all(name == label for name, label in truths.items())


def test_other_signals_of_the_user_are_other_signals(tmp_path):
    for name, color in (("a", "black"), ("b", "white")):
        (tmp_path / name).mkdir()
        Image.new("RGB", (32, 32), color).save(tmp_path / name / f"{name}.png")
    a, b = (own_stimuli.own(IMAGE, str(tmp_path / name), None, None) for name in ("a", "b"))
    before = a.content()
    assert before != b.content() and a.count == 1
    Image.new("RGB", (32, 32)).save(tmp_path / "a" / "more.png")
    more = own_stimuli.own(IMAGE, str(tmp_path / "a"), None, None)
    assert more.content() != before and more.count == 2
    with pytest.raises(InputError, match="no such file"):
        own_stimuli.own(IMAGE, str(tmp_path / "c"), None, None)


@pytest.fixture
def photos(tmp_path):
    """A folder of three images, one of two others, and a table of the former's classes."""
    for folder, greys in (("matched", (10, 20, 30)), ("further", (40, 50))):
        (tmp_path / folder).mkdir()
        for grey in greys:
            Image.new("L", (32, 32), grey).save(tmp_path / folder / f"grey_{grey}.png")
    rows = [("stimulus", "label"), ("grey_10", "dark"), ("grey_20", "middle"), ("grey_30", "bright")]
    with (tmp_path / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return tmp_path


def content(photos, labels=False):
    given = (str(photos / "matched"), str(photos / "further"), str(photos / "labels.csv") if labels else None)
    return own_stimuli.own(IMAGE, *given).content()


def touch(photos):
    for file in (photos / "matched").iterdir():
        os.utime(file, (1, 1))


def rename_all(photos):
    for file in sorted((photos / "matched").iterdir()):
        file.rename(file.with_name(f"{'zyx'[int(file.stem[5]) - 1]}.png"))  # the other way round


def exchange_names(photos):
    a, b = photos / "matched" / "grey_10.png", photos / "matched" / "grey_20.png"
    a.rename(photos / "kept.png")
    b.rename(a)
    (photos / "kept.png").rename(b)


def copy_elsewhere(photos):
    """Writes every file anew, as a copy of the folder would."""
    for file in (photos / "matched").iterdir():
        kept = file.read_bytes()
        file.unlink()
        file.write_bytes(kept)


def add_files_of_no_stimulus(photos):
    (photos / "matched" / ".DS_Store").write_text("the file browser's")
    (photos / "matched" / "notes.txt").write_text("where they are from")


def replace(photos):
    """One by another, of the same length, name and time."""
    file = photos / "matched" / "grey_20.png"
    status = file.stat()
    Image.new("L", (32, 32), 21).save(file)
    assert file.stat().st_size == status.st_size
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))


def replace_further(photos):
    Image.new("L", (32, 32), 41).save(photos / "further" / "grey_40.png")


def add(photos):
    Image.new("L", (32, 32), 99).save(photos / "matched" / "grey_99.png")


def remove(photos):
    (photos / "matched" / "grey_30.png").unlink()


def match_one_of_the_further(photos):
    (photos / "further" / "grey_40.png").rename(photos / "matched" / "grey_40.png")


def relabel(photos):
    text = (photos / "labels.csv").read_text()
    (photos / "labels.csv").write_text(text.replace("bright", "blinding"))


def reorder_labels(photos):
    header, *rows = (photos / "labels.csv").read_text().splitlines()
    (photos / "labels.csv").write_text("\n".join([header, *rows[::-1]]))


@pytest.mark.parametrize("labels", [False, True])
@pytest.mark.parametrize("change", [touch, copy_elsewhere, add_files_of_no_stimulus, reorder_labels])
def test_the_same_stimuli_stay_the_same(photos, change, labels):
    before = content(photos, labels)
    change(photos)
    assert content(photos, labels) == before


@pytest.mark.parametrize("change", [rename_all, exchange_names, relabel])
def test_names_and_labels_count_only_together(photos, change):
    without, with_labels = content(photos), content(photos, labels=True)
    change(photos)
    assert content(photos) == without
    assert content(photos, labels=True) != with_labels


@pytest.mark.parametrize("labels", [False, True])
@pytest.mark.parametrize("change", [replace, replace_further, add, remove, match_one_of_the_further])
def test_other_stimuli_are_others(photos, change, labels):
    before = content(photos, labels)
    change(photos)
    assert content(photos, labels) != before


def test_renamed_stimuli_with_their_labels_stay_the_same(photos):
    before = content(photos, labels=True)
    rename_all(photos)
    text = (photos / "labels.csv").read_text()
    for old, new in (("grey_10", "z"), ("grey_20", "y"), ("grey_30", "x")):
        text = text.replace(old, new)
    (photos / "labels.csv").write_text(text)
    assert content(photos, labels=True) == before


def test_labels_may_be_a_folder(photos):
    for name, label in (("grey_10", "dark"), ("grey_20", "middle"), ("grey_30", "bright")):
        (photos / "classes" / label).mkdir(parents=True)
        (photos / "classes" / label / f"{name}.png").touch()
    given = (str(photos / "matched"), str(photos / "further"))
    own = own_stimuli.own(IMAGE, *given, str(photos / "classes"))
    assert own.content() == own_stimuli.own(IMAGE, *given, str(photos / "labels.csv")).content()
    (photos / "labels.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="its columns are a, b"):
        content(photos, labels=True)


def test_files_in_class_folders_and_single_files_count(photos):
    classes = photos / "classes"
    for name in ("grey_10", "grey_20"):
        (classes / name[-2:]).mkdir(parents=True)
        (photos / "matched" / f"{name}.png").rename(classes / name[-2:] / f"{name}.png")
    single = photos / "matched" / "grey_30.png"
    for given, file in ((classes, classes / "10" / "grey_10.png"), (single, single)):
        own = own_stimuli.own(IMAGE, str(given), None, None)
        before = own.content()
        Image.new("L", (32, 32), 77).save(file)
        assert own.content() != before
    assert own.count == 1


def test_drawn_stimuli_are_told_apart_once_they_are_written(tmp_path):
    words = stimuli.synthesised_words(SOUND, tmp_path / "words", 4)
    planned = words.content()
    assert planned != stimuli.synthesised_words(SOUND, tmp_path / "words", 3).content()
    words.prepare()
    written = words.content()
    assert written != planned
    word = next(words.matched.iterdir())
    samples, rate = soundfile.read(word, dtype="int16")
    soundfile.write(word, samples[::-1], rate)
    assert words.content() != written


def write_clips(path, clips):
    """Validation clips as build_speech_dataset writes them; a recording may lie in a folder."""
    with tf.io.TFRecordWriter(str(path)) as writer:
        for word, speaker, recording, level in clips:
            texts = {"word": word, "speaker": speaker, "recording": recording}
            features = {
                f"/stimuli/{key}": tf.train.Feature(bytes_list=tf.train.BytesList(value=[text.encode()]))
                for key, text in texts.items()
            }
            waveform = tf.train.FloatList(value=np.full(100, level))
            features["/stimuli/signal"] = tf.train.Feature(float_list=waveform)
            example = tf.train.Example(features=tf.train.Features(feature=features))
            writer.write(example.SerializeToString())


def test_spoken_words_are_of_unlike_words_and_speakers(tmp_path):
    clips = [
        (word, f"speaker{s}", f"{word}/{s}_nohash_0", 0.1 * s)
        for word in ("go", "no", "up")
        for s in range(4)
    ]
    (tmp_path / "speech").mkdir()
    write_clips(tmp_path / "speech" / "validation-00000-of-00001.tfrecord", clips)

    def drawn(out):
        words = stimuli.spoken_words(SOUND, tmp_path / "speech", out, 3, 5, 8000, pytest.fail)
        words.prepare()
        return words

    words = drawn(tmp_path / "out")
    with words.labels.open() as file:
        truths = {row["stimulus"]: row["label"] for row in csv.DictReader(file)}
    assert sorted(truths.values()) == ["go", "no", "up"]
    matched, further = ({path.stem for path in folder.iterdir()} for folder in (words.matched, words.further))
    assert matched == set(truths) and len(further) == 5 and not matched & further
    assert len({name.split("_")[1] for name in matched}) == 3  # speakers
    for name, label in truths.items():
        waveform, rate = soundfile.read(words.matched / f"{name}.wav")
        assert (
            rate == 8000 and np.allclose(waveform, 0.1 * int(name.split("_")[1])) and name.startswith(label)
        )
        assert b"PEAK" not in (words.matched / f"{name}.wav").read_bytes()  # libsndfile's, with the time
    again = drawn(tmp_path / "again")
    assert again.content() == words.content()
    assert {path.stem for path in again.matched.iterdir()} == matched


@pytest.fixture
def many_photos(tmp_path):
    """A folder of nine images: four hens, three goldfinches, two tabbies; and their classes."""
    (tmp_path / "photos").mkdir()
    classes = ["hen"] * 4 + ["goldfinch"] * 3 + ["tabby"] * 2
    for i in range(len(classes)):
        Image.new("L", (32, 32), 20 * i).save(tmp_path / "photos" / f"photo_{i}.png")
    with (tmp_path / "labels.csv").open("w", newline="") as file:
        rows = [(f"photo_{i}", label) for i, label in enumerate(classes)]
        csv.writer(file).writerows([("stimulus", "label"), *rows])
    return tmp_path


def drawn(folder, count, further=100, apart=None):
    stimulus_set = own_stimuli.some_of_own(
        IMAGE, str(folder / "photos"), apart, str(folder / "labels.csv"), folder / "drawn", count, further
    )
    stimulus_set.prepare()
    return stimulus_set, sorted(path.stem for path in stimulus_set.matched.iterdir())


def test_some_of_the_users_images_are_drawn_evenly_over_categories(many_photos):
    chosen, names = drawn(many_photos, 4)
    truths = read_labels(many_photos / "labels.csv")
    assert sorted(truths[name] == "tabby" for name in names) == [
        False,
        False,
        True,
        True,
    ]
    assert "4 of the 9" in chosen.source and chosen.count == 4
    rest = {path.stem for path in chosen.further.iterdir()}
    assert len(rest) == 5 and not rest & set(names)
    before = chosen.content()
    assert drawn(many_photos, 4)[0].content() == before


def test_further_images_are_limited_or_given(many_photos):
    assert len(list(drawn(many_photos, 3, further=2)[0].further.iterdir())) == 2
    (many_photos / "apart").mkdir()
    Image.new("L", (32, 32), 7).save(many_photos / "apart" / "other.png")
    shutil.rmtree(many_photos / "drawn")
    chosen, names = drawn(many_photos, 3, apart=str(many_photos / "apart"))
    assert chosen.further == many_photos / "apart" and len(names) == 3
    assert not (many_photos / "drawn" / "further").exists()


def test_images_are_drawn_from_more_than_are_wanted(many_photos):
    with pytest.raises(InputError, match="holds 9 images, and 9 are to be drawn"):
        drawn(many_photos, 9)
