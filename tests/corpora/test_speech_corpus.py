"""Corpora as they are published: names, words and alignments; several in one data set."""

import csv
import os
import re
from pathlib import Path

import numpy as np
import pytest
import scipy.signal
import soundfile
import tensorflow as tf

from model_metamers import InputError, SignalSpec
from model_metamers.corpora import record_writer, speech_corpus, speech_dataset, speech_records
from model_metamers.corpora.speech_corpus import Corpus
from model_metamers.corpora.speech_dataset import Selection
from model_metamers.signals import collection
from tests.builders import binaries

SPEC = SignalSpec("sound", (40000,), -1.0, 1.0, sample_rate=20000, rms=0.1)
TEXTGRID = """File type = "ooTextFile"
Object class = "TextGrid"
0 3 <exists> 2
"IntervalTier" "words" 0 3 2
0 1 ""
1 1.5 "word"
"IntervalTier" "phones" 0 3 1
0 3 "w"
"""
SWC = """<?xml version="1.0" encoding="utf-8"?>
<article><meta><prop key="reader.name" value="Anna" group="audio"/></meta>
<d><p><s>
<t>In<n pronunciation="in" start="100" end="250"/></t><t>1984<n pronunciation="nineteen" start="250"
end="700"/><n pronunciation="eighty" start="700" end="900"/><n pronunciation="four"/></t><t>,</t>
</s></p></d></article>
"""


def sound(path: Path, seconds: float = 3.0, rate: int = 16000, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.1 * np.random.RandomState(0).randn(int(seconds * rate)), rate, **options)


def build(*flags):
    return binaries.run("build_speech_dataset", "--noprogress", *flags)


def test_speech_commands_layout_needs_no_alignment(tmp_path):
    for word in ("yes", "no", "_background_noise_"):
        sound(tmp_path / "in" / word / "0a7c_nohash_0.wav", 0.5)
    clips, _ = speech_corpus.read_corpora([Corpus(tmp_path / "in", "speech_commands")])
    selected = speech_dataset.select(clips, Selection(validation_share=0))  # padded without asking
    assert selected.words[1:] == ["no", "yes"] and selected.speakers == ["0a7c", record_writer.NULL_CLASS]
    speech_records.write_dataset(selected, tmp_path / "out", progress=False)
    signal = collection.find_stimuli([tmp_path / "out" / "train-00000-of-00001.tfrecord"], SPEC)[0]
    assert np.abs(signal[:14900]).max() < 0.01 < np.abs(signal[15100:24900]).max()
    (tmp_path / "in" / "no" / "other.wav").write_bytes(b"")
    with pytest.raises(InputError, match="not named as in the speech_commands layout"):
        speech_corpus.find_recordings(Corpus(tmp_path / "in", "speech_commands"))


def test_librispeech_with_textgrids_of_the_forced_aligner(tmp_path):
    for name in ("61/70968/61-70968-0000", "61/70968/61-70968-0001", "121/121726/121-121726-0000"):
        sound(tmp_path / "LibriSpeech" / "train-clean-100" / f"{name}.flac")
        grid = tmp_path / "mfa" / name.split("/")[0] / f"{name.split('/')[-1]}.TextGrid"  # by speaker
        grid.parent.mkdir(parents=True, exist_ok=True)
        grid.write_text(TEXTGRID)
    clips, notes = speech_corpus.read_corpora(
        [Corpus(tmp_path / "LibriSpeech", "librispeech", tmp_path / "mfa")]
    )
    told = sorted((c.path.stem, c.speaker, c.recording, c.word, c.start_s, c.end_s) for c in clips)
    assert told == [
        ("121-121726-0000", "121", "121-121726", "word", 1.0, 1.5),
        ("61-70968-0000", "61", "61-70968", "word", 1.0, 1.5),
        ("61-70968-0001", "61", "61-70968", "word", 1.0, 1.5),
    ]
    assert not notes


def test_wall_street_journal_in_sphere_files_with_a_ctm(tmp_path):
    sphere = {"format": "NIST", "subtype": "PCM_16"}
    sound(tmp_path / "wsj0" / "si_tr_s" / "011" / "011c0201.wv1", **sphere)
    sound(tmp_path / "wsj0" / "si_tr_s" / "4k0" / "4k0c030a.wv1", **sphere)
    ctm = tmp_path / "wsj.ctm"
    ctm.write_text("011c0201 1 1.00 0.50 THE\n011c0201 1 1.50 0.25 <NOISE>\n4k0c030a 1 1.25 0.5 SAID\n")
    corpus = Corpus(tmp_path / "wsj0", "flat", ctm, "ctm", r"(\w{3})\w{5}$", r"(\w{6})\w\w$")
    clips, _ = speech_corpus.read_corpora([corpus])
    assert [(c.speaker, c.recording) for c in clips] == [("011", "011c02")] * 2 + [("4k0", "4k0c03")]
    selected = speech_dataset.select(clips, Selection(validation_share=0))
    assert selected.words[1:] == ["said", "the"]
    speech_records.write_dataset(selected, tmp_path / "out", progress=False)
    assert len(collection.find_stimuli([tmp_path / "out" / "train-00000-of-00001.tfrecord"], SPEC)) == 2
    sound(tmp_path / "wsj0" / "si_tr_s" / "011" / "011c0201.wv2", **sphere)
    with pytest.raises(InputError, match=r"011c0201\.wv1 and 011c0201\.wv2: two sound files of one name"):
        speech_corpus.find_recordings(corpus)


def test_spoken_wikipedia_names_the_reader(tmp_path):
    for article in ("Horse", "St._Louis", "Zebra"):
        sound(tmp_path / article / "audio.ogg")
    for article in ("Horse", "St._Louis", "Without_sound"):
        (tmp_path / article).mkdir(exist_ok=True)
        (tmp_path / article / "aligned.swc").write_text(SWC)
    clips, notes = speech_corpus.read_corpora([Corpus(tmp_path, "flat", tmp_path, "swc")])
    horse = [(c.word, c.start_s, c.end_s) for c in clips if c.recording == "Horse/audio"]
    assert horse == [("in", 0.1, 0.25), ("nineteen", 0.25, 0.7), ("eighty", 0.7, 0.9)]
    assert {c.speaker for c in clips} == {"Anna"} and len(clips) == 6
    assert notes == {"alignments without a recording": 1, "recordings without an alignment": 1}


def test_corpora_that_share_a_speakers_name_stay_apart(tmp_path):
    for name in ("yes/anna_nohash_0", "yes/ben_nohash_0", "one/ben_nohash_0"):
        sound(tmp_path / "commands" / f"{name}.wav", 0.5)
    for name in ("1_anna_0", "0_anna_12", "1_george_3"):
        sound(tmp_path / "digits" / f"{name}.wav", 0.4, rate=8000)
    out = tmp_path / "out"
    result = build(
        f"--recordings={tmp_path / 'commands'}",
        "--layout=speech_commands",
        f"--recordings={tmp_path / 'digits'}",
        "--layout=spoken_digits",
        "--sample_rate=8000",
        "--seconds=1",
        "--validation_share=0",
        "--words=zero,one",
        f"--out={out}",
    )
    assert result.returncode == 0, result.stderr
    assert (out / "words.txt").read_text().split() == ["__nullSignal__", "one", "zero"]
    assert (out / "speakers.txt").read_text().split() == [
        "__nullSignal__",
        "ben",
        "corpus2:anna",
        "george",
    ]
    read = tf.data.TFRecordDataset([str(out / "train-00000-of-00001.tfrecord")])
    features = [tf.train.Example.FromString(record.numpy()).features.feature for record in read]
    assert [len(f["/stimuli/signal"].float_list.value) for f in features] == [8000] * 4
    said = {
        (f["/stimuli/speaker"].bytes_list.value[0], f["/stimuli/word_int"].int64_list.value[0])
        for f in features
    }
    assert said == {(b"ben", 1), (b"corpus2:anna", 1), (b"corpus2:anna", 2), (b"george", 1)}


def test_flags_that_do_not_fit_the_corpora_are_refused(tmp_path):
    (tmp_path / "wav").mkdir()
    given = [f"--recordings={tmp_path / 'wav'}"] * 3 + [f"--out={tmp_path / 'out'}"]
    result = build(*given, "--layout=flat", "--layout=spoken_digits")
    assert result.returncode != 0
    assert "--layout is given 2 times; expected once, or once for each of the 3 --recordings" in result.stderr
    layouts = ("--layout=flat", "--layout=spoken_digits", "--layout=librispeech")
    result = build(*given, *layouts, "--alignments=a.ctm")
    assert "--alignments is given 1 times; expected 2" in result.stderr
    with pytest.raises(InputError, match="the flat layout needs alignments"):
        speech_corpus.read_corpora([Corpus(tmp_path / "wav")])


def test_alignment_of_two_recordings_is_refused(tmp_path):
    for speaker in "ab":
        sound(tmp_path / speaker / "1.wav", 0.5)
    table = tmp_path / "a.csv"
    corpus = Corpus(tmp_path, "flat", table, "csv", "^(.)/")
    assert [recording.speaker for recording in speech_corpus.find_recordings(corpus)] == ["a", "b"]
    table.write_text("file,word,start,end\n1.wav,one,0,0.5\n")
    with pytest.raises(InputError, match=r"the alignment '1\.wav' may be of"):
        speech_corpus.read_corpora([corpus])
    table.write_text("file,word,start,end\nb/1.wav,one,0,0.5\nc,one,0,1\n")
    clips, notes = speech_corpus.read_corpora([corpus])
    assert [c.speaker for c in clips] == ["b"]
    assert notes == {"alignments without a recording": 1, "recordings without an alignment": 1}
    with pytest.raises(InputError, match=r"recording_pattern '\(x\)' finds no group in 'a/1'"):
        speech_corpus.find_recordings(Corpus(tmp_path, recording_pattern="(x)"))


def _words(path: Path) -> list[tuple[str, float, float]]:
    """Words of a short TextGrid's first tier, by a reader of its own."""
    tier = path.read_text().split('"IntervalTier"')[1]
    found = re.findall(r'^([\d.]+)\n([\d.]+)\n"([^"]+)"$', tier, re.MULTILINE)
    return [(text, float(start), float(end)) for start, end, text in found]


def test_real_words_lie_in_the_middle_to_a_millisecond(tmp_path):
    if not os.environ.get("METAMERS_DATA"):
        pytest.skip("METAMERS_DATA names no folder with aligned_speech")
    data, out = Path(os.environ["METAMERS_DATA"]) / "aligned_speech", tmp_path / "out"
    result = build(f"--recordings={data}", f"--alignments={data}", "--validation_share=0", f"--out={out}")
    assert result.returncode == 0, result.stderr
    assert "1 TextGrids without a tier of words" in result.stdout
    with (out / "clips.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    records = [
        tf.train.Example.FromString(r.numpy()).features.feature
        for r in tf.data.TFRecordDataset([str(out / "train-00000-of-00001.tfrecord")])
    ]
    numbered = {f["/stimuli/clip_int"].int64_list.value[0]: f["/stimuli/signal"] for f in records}
    signals = [np.array(numbered[i].float_list.value) for i in range(len(records))]
    given = {path: _words(path) for path in data.glob("*corpus*.TextGrid")}
    inside = [
        text
        for path, words in given.items()
        for text, start, end in words
        if 2 <= start + end <= 2 * soundfile.info(path.with_suffix(".wav")).duration - 2
    ]
    marks = ("[adif]", "<vocnoise>")
    assert len(rows) == len(signals) == sum(text not in marks for text in inside) > 100
    for row, signal in zip(rows, signals, strict=True):
        path = Path(row["path"])
        (middle,) = {
            (start + end) / 2
            for text, start, end in given[path.with_suffix(".TextGrid")]
            if start == float(row["start_s"]) and text.lower() == row["word"]
        }
        assert abs(_offset_s(path, middle, signal)) < 0.001


def _offset_s(path: Path, middle_s: float, signal: np.ndarray) -> float:
    """By how much a clip [40000] at 20 kHz is later than its file around a moment, to 0.05 ms.

    Below 5 kHz, where two resamplers agree.
    """
    waveform, rate = soundfile.read(path)
    first = round(middle_s * rate) - rate // 4
    around = scipy.signal.resample_poly(waveform[first : first + rate // 2], 20000, rate)
    lowpass = scipy.signal.butter(8, 5000, fs=20000, output="sos")
    around, clip = (scipy.signal.sosfiltfilt(lowpass, x) for x in (around, signal))
    around, start = around[500:-500], 20000 - 5000 + 500
    lags = np.arange(-100, 101)  # 5 ms
    distances = [np.mean((clip[start + lag : start + lag + len(around)] - around) ** 2) for lag in lags]
    best = int(np.argmin(distances))
    assert distances[best] < 1e-4 * np.mean(around**2)  # it is that sound indeed
    return lags[best] / 20000
