"""Corpora of speech, sounds and images over links, hidden files and names in other forms of Unicode."""

import math
import os
import unicodedata

import numpy as np
import pytest
import soundfile
from PIL import Image

from model_metamers import InputError
from model_metamers.corpora import (
    alignments,
    image_dataset,
    labelled_sounds,
    speech_corpus,
    speech_dataset,
)
from model_metamers.corpora.speech_corpus import Corpus
from model_metamers.recognition.labels import read_labels

NFC, NFD = (unicodedata.normalize(form, "Zoë") for form in ("NFC", "NFD"))


def sound(path, seconds: float = 0.3):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.1 * np.random.RandomState(0).randn(int(8000 * seconds)), 8000)


@pytest.fixture
def words(tmp_path):
    for name in ("yes/a1_nohash_0", "yes/b2_nohash_0", "no/a1_nohash_0"):
        sound(tmp_path / "corpus" / f"{name}.wav")
    return tmp_path / "corpus"


@pytest.mark.parametrize("link", ["again", "yes/up", "no/up", "._again"])
def test_recordings_below_links_that_lead_back_are_found_once(words, link):
    os.symlink(words, words / link)
    (words / "yes" / "._b2_nohash_0.wav").write_bytes(b"AppleDouble")
    clips, _ = speech_corpus.read_corpora([Corpus(words, "speech_commands")])
    assert sorted((clip.word, clip.speaker) for clip in clips) == [("no", "a1"), ("yes", "a1"), ("yes", "b2")]


def test_alignments_below_links_are_read_once(words, tmp_path):
    (tmp_path / "ctm").mkdir()
    (tmp_path / "ctm" / "._a.ctm").write_bytes(b"\0\5\x16\7")
    (tmp_path / "ctm" / "a.ctm").write_text("no/a1_nohash_0 1 0.1 0.1 word\n")
    os.symlink(tmp_path / "ctm", tmp_path / "ctm" / "again")
    clips, _ = speech_corpus.read_corpora([Corpus(words, "flat", tmp_path / "ctm", "ctm")])
    assert [clip.word for clip in clips] == ["word"]


@pytest.mark.parametrize(("on_disk", "in_table"), [(NFC, NFD), (NFD, NFC), (NFD, NFD)])
def test_names_and_words_that_look_alike_are_alike(tmp_path, on_disk, in_table):
    sound(tmp_path / "wav" / f"{on_disk}.wav", 3)
    (tmp_path / "a.csv").write_text(f"file,word,start,end\r\n{in_table}.wav,{in_table},1,1.5\r\n")
    clips, notes = speech_corpus.read_corpora([Corpus(tmp_path / "wav", "flat", tmp_path / "a.csv", "csv")])
    assert not notes and [(clip.speaker, clip.word) for clip in clips] == [(NFC, NFC)]
    assert speech_dataset.normal_word(in_table) == NFC.lower()
    (tmp_path / "labels.csv").write_text(f"stimulus,label\n{in_table}.png,{in_table}\n")
    assert read_labels(tmp_path / "labels.csv") == {NFC: NFC}


@pytest.mark.parametrize("link", ["again", "cat/up", "kitten"])
def test_images_and_sounds_in_class_folders_over_links(tmp_path, link):
    for name in (f"cat/{NFD}", "cat/2", "dog/1"):
        for root, ending in (("images", "png"), ("sounds", "wav")):
            path = tmp_path / root / f"{name}.{ending}"
            sound(path) if ending == "wav" else path.parent.mkdir(parents=True, exist_ok=True)
            if ending == "png":
                Image.new("RGB", (8, 8)).save(path)
    for root in ("images", "sounds"):
        target = "cat" if link == "kitten" else "."
        os.symlink((tmp_path / root / target).resolve(), tmp_path / root / link)
        (tmp_path / root / "cat" / "._2.png").write_bytes(b"")
        (tmp_path / root / "cat" / "._2.wav").write_bytes(b"")
    found, labels = image_dataset.find_images(tmp_path / "images")
    assert labels == ["cat", "dog"] and sorted(label for _, label in found) == [0, 0, 1]
    given = labelled_sounds.read_class_folders(tmp_path / "sounds")
    assert sorted(s.labels[0] for s in given) == ["cat", "cat", "dog"]
    assert read_labels(tmp_path / "sounds") == {NFC: "cat", "2": "cat", "1": "dog"}


def test_class_folders_and_lists_in_other_forms_agree(tmp_path):
    (tmp_path / NFD).mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / NFD / "a.png")
    found, labels = image_dataset.find_images(tmp_path, [NFC])
    assert labels == [NFC] and [label for _, label in found] == [0]


@pytest.mark.parametrize("time", ["inf", "-inf", "nan", "1e999", "1e400", "-1", "infinity"])
def test_times_that_are_not_finite_are_refused(tmp_path, time):
    grid = f'"ooTextFile"\n"TextGrid"\n0 3 <exists> 1\n"IntervalTier" "words" 0 3 1\n0 {time} "word"\n'
    swc = f'<a><n pronunciation="x" start="0" end="{time}"/></a>'
    for name, content, read in (
        ("a.csv", f"file,word,start,end\na,b,0,{time}\n", alignments.read_csv),
        ("b.csv", f"file,word,start,end\na,b,{time},{time}\n", alignments.read_csv),
        ("a.ctm", f"a 1 0 {time} word\n", alignments.read_ctm),
        ("b.ctm", f"a 1 {time} 1 word\n", alignments.read_ctm),
        ("a.swc", swc, alignments.read_swc),
        ("a.TextGrid", grid, alignments.read_textgrid),
    ):
        (tmp_path / name).write_text(content)
        with pytest.raises(InputError, match=name):
            read(tmp_path / name)
    assert math.isfinite(1e308)
    (tmp_path / "c.ctm").write_text("a 1 1e308 1e308 word\n")  # each is finite, the end is not
    with pytest.raises(InputError, match=r"c\.ctm:1"):
        alignments.read_ctm(tmp_path / "c.ctm")
