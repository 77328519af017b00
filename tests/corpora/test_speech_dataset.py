"""Speech as TFRecords: clips with the word in the middle, read back; what is refused."""

import csv
import json
import subprocess
import sys

import numpy as np
import pytest
import soundfile
import tensorflow as tf

from model_metamers import InputError, SignalSpec
from model_metamers.corpora import (
    hold_out,
    record_writer,
    speech_corpus,
    speech_dataset,
    speech_records,
)
from model_metamers.corpora.speech_dataset import Clip, Selection
from model_metamers.signals import collection
from tests.builders import binaries

SPEC = SignalSpec("sound", (40000,), -1.0, 1.0, sample_rate=20000, rms=0.1)


@pytest.fixture(scope="module")
def clicks(tmp_path_factory):
    """Four speakers' recordings at 16 kHz with a click in the middle of every word."""
    folder = tmp_path_factory.mktemp("corpus")
    random = np.random.RandomState(0)
    for speaker in range(4):
        path = folder / "wav" / f"{speaker}" / "7" / f"{speaker}-7-0000.wav"
        path.parent.mkdir(parents=True)
        waveform, lines = np.zeros(16000 * 12), []
        for i, word in enumerate(("apple", "banana", "cherry")):
            middle, length = 2.0 + 3.5 * i + random.uniform(-0.4, 0.4), random.uniform(0.2, 0.6)
            waveform[round(middle * 16000)] = 0.5
            lines.append(f"{path.stem} 1 {middle - length / 2:.6f} {length:.6f} {word}\n")
        soundfile.write(path, waveform, 16000)
        ctm = folder / "ctm" / f"{speaker}.ctm"
        ctm.parent.mkdir(exist_ok=True)
        ctm.write_text("".join(lines))
    return folder


def build(binary, *flags):
    return binaries.run(binary, "--noprogress", *flags)


def test_clips_of_the_binary_have_the_word_in_the_middle(clicks, tmp_path):
    out = tmp_path / "out"
    result = build(
        "build_speech_dataset",
        f"--recordings={clicks / 'wav'}",
        f"--alignments={clicks / 'ctm'}",
        "--format=ctm",
        "--layout=librispeech",
        "--validation_share=0.5",
        "--shards=2",
        f"--out={out}",
    )
    assert result.returncode == 0, result.stderr
    assert (out / "words.txt").read_text().split() == ["__nullSignal__", "apple", "banana", "cherry"]
    assert (out / "speakers.txt").read_text().split() == ["0", "1", "2", "3", "__nullSignal__"]
    records = sorted(out.glob("*.tfrecord"))
    stimuli = collection.find_stimuli(records, SPEC)
    assert len(stimuli) == 12
    for index in range(len(stimuli)):
        assert np.abs(np.abs(stimuli[index]).argmax() - 20000) <= 20  # 1 ms
    read = [tf.train.Example.FromString(r.numpy()) for r in tf.data.TFRecordDataset(list(map(str, records)))]
    for example in read:
        feature = example.features.feature
        word, speaker = (feature[f"/stimuli/{key}"].bytes_list.value[0] for key in ("word", "speaker"))
        assert feature["/stimuli/word_int"].int64_list.value[0] == b"abc".index(word[:1]) + 1
        assert feature["/stimuli/speaker_int"].int64_list.value[0] == int(speaker)
        assert feature["/stimuli/recording"].bytes_list.value[0] == speaker + b"-7"
        assert len(feature["/stimuli/signal"].float_list.value) == 40000
    found = json.loads((out / "summary.json").read_text())
    assert (found["sample_rate"], found["num_samples"]) == (20000, 40000)
    assert found["both"] == {"clips": 12, "words": 3, "speakers": 4, "recordings": 4}
    with (out / "clips.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["shard"] for row in rows} == {path.name for path in records}
    numbers = []
    for path in records:  # each in an order of its own; a record says which row it is
        for record in tf.data.TFRecordDataset(str(path)):
            feature = tf.train.Example.FromString(record.numpy()).features.feature
            numbers.append(feature["/stimuli/clip_int"].int64_list.value[0])
            row = rows[numbers[-1]]
            assert row["shard"] == path.name
            for key in ("word", "speaker", "recording"):
                assert feature[f"/stimuli/{key}"].bytes_list.value[0].decode() == row[key]
    assert sorted(numbers) == list(range(12)) != numbers
    with (
        pytest.raises(InputError, match="exists already; it is not overwritten"),
        record_writer.whole_folder(out),
    ):
        pass


def test_a_file_longer_than_the_clip_is_cut_around_its_energy(tmp_path):
    waveform = np.zeros(20000 * 6)
    waveform[20000:24000] = 0.1 * np.random.RandomState(0).randn(4000)
    path = tmp_path / "wav" / "anna" / "word_anna_0.wav"
    path.parent.mkdir(parents=True)
    soundfile.write(path, waveform, 20000)
    clips = [Clip(path, "r", "anna", "word", 0.0, 6.0, 6.0)]
    selected = speech_dataset.select(clips, Selection(validation_share=0, pad=True))
    speech_records.write_dataset(selected, tmp_path / "out", progress=False)
    stimulus = collection.find_stimuli([tmp_path / "out" / "train-00000-of-00001.tfrecord"], SPEC)[0]
    (loud,) = np.nonzero(np.abs(stimulus) > 0.1 * np.abs(stimulus).max())
    assert abs((loud[0] + loud[-1]) / 2 - 20000) < 100 and loud[-1] - loud[0] < 4000


def test_the_same_flags_write_the_same_bytes():
    # In another process too, as the order of a map's keys is drawn anew for a process.
    values = {f"key{i}": i for i in range(20)}
    program = (
        "from model_metamers.corpora import record_writer; import sys; "
        f"sys.stdout.write(record_writer.encode({values!r}).hex())"
    )
    other = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout
    assert other == record_writer.encode(values).hex() != ""


def test_spoilt_recording_leaves_no_folder(clicks, tmp_path):
    corpus = speech_corpus.Corpus(clicks / "wav", "librispeech", clicks / "ctm", "ctm")
    clips, notes = speech_corpus.read_corpora([corpus])
    assert not notes
    spoilt = tmp_path / "spoilt.wav"
    spoilt.write_bytes(b"RIFF")
    clips.append(Clip(spoilt, "r", "s", "apple", 2.0, 2.5, 9.0))
    selected = speech_dataset.select(clips, Selection(validation_share=0))
    with pytest.raises(InputError, match=r"spoilt\.wav: no readable sound file"):
        speech_records.write_dataset(selected, tmp_path / "out", progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["spoilt.wav"]


def test_papers_numbers_stand_beside_ours():
    summary = speech_records.summary(
        {"train": [Clip("r", "r", "anna", "word", 2.0, 2.5, 10.0)], "validation": []}, ["a"], ["b"], {}
    )
    assert speech_records.against_paper(summary) == {
        "words": (1, 793),
        "speakers": (1, 432),
        "train clips": (1, 230357),
        "validation clips": (0, 40651),
    }


def test_held_out_names_are_the_same_whatever_else_there_is():
    names = np.array([f"speaker{i % 97:08x}" for i in range(5000)])
    chosen = hold_out.is_held_out(names, 0.2)
    assert not set(names[chosen]) & set(names[~chosen])
    assert 0.1 < chosen.mean() < 0.3
    np.testing.assert_array_equal(hold_out.is_held_out(names[::-3], 0.2), chosen[::-3])
