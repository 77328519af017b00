"""Backgrounds as TFRecords: labels, folds, pieces, bytes; what is refused, by every builder of records."""

import json

import numpy as np
import pytest
import soundfile
import tensorflow as tf

from model_metamers import InputError, SignalSpec
from model_metamers.corpora import background_dataset, labelled_sounds, record_writer
from model_metamers.signals import collection
from tests.builders import binaries
from tests.builders.holders import holding

SOUND = SignalSpec("sound", (40000,), -1.0, 1.0, sample_rate=20000, rms=0.1)


def noise(path, seconds: float, rate: int = 20000, channels: int = 1, silent_from_s: float = 1e9):
    path.parent.mkdir(parents=True, exist_ok=True)
    waveform = 0.1 * np.random.RandomState(0).randn(int(seconds * rate), channels)
    waveform[int(min(silent_from_s, seconds) * rate) :] = 0
    soundfile.write(path, waveform, rate)


def examples(path) -> list:
    found = tf.data.TFRecordDataset([str(p) for p in path] if isinstance(path, list) else [str(path)])
    return [tf.train.Example.FromString(record.numpy()).features.feature for record in found]


def run(binary, *flags):
    return binaries.run(binary, "--noprogress", *flags)


def test_class_folders_of_esc_through_the_binary(tmp_path):
    noise(tmp_path / "in" / "rain" / "1-17092-A-4.wav", 5)  # two clips, a second is left
    noise(tmp_path / "in" / "rain" / "2-99-A.wav", 5, silent_from_s=1.9)  # the second clip is silent
    noise(tmp_path / "in" / "dog" / "1-17092-B.wav", 1)  # padded
    out = tmp_path / "out"
    result = run(
        "build_background_dataset", f"--sounds={tmp_path / 'in'}", "--validation_folds=2", f"--out={out}"
    )
    assert result.returncode == 0, result.stderr
    assert (out / "labels.txt").read_text().splitlines() == ["__nullSignal__", "dog", "rain"]
    train = examples(out / "train-00000-of-00001.tfrecord")
    labels = [list(f["/stimuli/labels_binary_via_int"].int64_list.value) for f in train]
    assert sorted(labels) == [[0, 0, 1], [0, 0, 1], [0, 1, 0]]
    assert {f["/stimuli/recording"].bytes_list.value[0] for f in train} == {b"17092"}
    validation = examples(out / "validation-00000-of-00001.tfrecord")
    assert [f["/stimuli/fold"].int64_list.value[0] for f in validation] == [2]
    found = json.loads((out / "summary.json").read_text())
    assert found["train"] == {"sounds": 2, "clips": 3, "silent_pieces": 0, "labels": 2}
    assert found["validation"] == {"sounds": 1, "clips": 1, "silent_pieces": 1, "labels": 1}
    assert collection.find_stimuli([out / "train-00000-of-00001.tfrecord"], SOUND)[0].shape == (40000,)


def test_backgrounds_of_another_format(tmp_path):
    noise(tmp_path / "in" / "rain" / "1-17092-A-4.wav", 2.6, rate=22050)
    out = tmp_path / "out"
    given = f"--sounds={tmp_path / 'in'}", f"--out={out}", "--sample_rate=8000", "--seconds=0.5"
    result = run("build_background_dataset", *given)
    assert result.returncode == 0, result.stderr
    read = examples(out / "train-00000-of-00001.tfrecord")
    assert [len(f["/stimuli/signal"].float_list.value) for f in read] == [4000] * 5
    found = json.loads((out / "summary.json").read_text())
    assert (found["sample_rate"], found["num_samples"]) == (8000, 4000)


def test_counts_stand_beside_the_papers():
    summary = {"classes": 517, "train": {"clips": 700_000}, "validation": {"clips": 18_625}}
    assert background_dataset.against_paper(summary) == {"labels": (516, 516), "clips": (718_625, 718_625)}
    summary = {"classes": 3, "train": {"clips": 5}, "validation": {"clips": 2}}
    assert background_dataset.against_paper(summary) == {"labels": (2, 516), "clips": (7, 718_625)}


def test_pieces_follow_each_other():
    waveform = np.arange(90000)
    np.testing.assert_array_equal(background_dataset.pieces(waveform), waveform[:80000].reshape(2, 40000))
    padded = background_dataset.pieces(np.ones(20001))
    assert padded.shape == (1, 40000) and padded.sum() == 20001 and padded[0, 9999:30000].all()


def test_audioset_segments_have_several_labels(tmp_path):
    noise(tmp_path / "wav" / "--PJHxphWEs_30000.wav", 2.5)
    noise(tmp_path / "wav" / "YABCDEFGHIJK.wav", 2.5)
    segments = tmp_path / "segments.csv"
    segments.write_text(
        '# YTID, start_seconds, end_seconds, positive_labels\n--PJHxphWEs, 30.000, 40.000, "/m/1,/m/2"\n'
        'ABCDEFGHIJK, 0, 10, "/m/2"\nGONEGONEGON, 0, 10, "/m/1"\n'
    )
    ontology = tmp_path / "class_labels_indices.csv"
    ontology.write_text('index,mid,display_name\n0,/m/1,Speech\n1,/m/2,"Bark, whine"\n')
    found, missing = labelled_sounds.read_audioset(tmp_path / "wav", segments, ontology)
    assert [s.labels for s in found] == [("Bark, whine", "Speech"), ("Bark, whine",)] and missing == 1
    kept, labels = background_dataset.keep_labels(found)
    assert labels == [record_writer.NULL_CLASS, "Bark, whine", "Speech"]
    splits = background_dataset.split(kept, [], 0.0)
    background_dataset.write_dataset(splits, labels, tmp_path / "out", progress=False)
    read = examples(tmp_path / "out" / "train-00000-of-00001.tfrecord")
    written = sorted(list(f["/stimuli/labels_binary_via_int"].int64_list.value) for f in read)
    assert written == [[0, 1, 0], [0, 1, 1]]
    kept, labels = background_dataset.keep_labels(found, labels=["__nullSignal__", "Speech"])
    assert len(kept) == 1 and labels == ["__nullSignal__", "Speech"]
    assert background_dataset.keep_labels(found, min_sounds=2)[1] == ["__nullSignal__", "Bark, whine"]
    ontology.write_text("index,mid,display_name\n0,/m/1,Speech\n")
    with pytest.raises(InputError, match=r"segments\.csv:2: the label \['/m/2'\] is not in"):
        labelled_sounds.read_audioset(tmp_path / "wav", segments, ontology)


def test_audiosets_own_evaluation_segments_are_held_out(tmp_path):
    names = {"train": "AAAAAAAAAAA", "eval": "BBBBBBBBBBB"}
    for split, name in names.items():
        noise(tmp_path / "wav" / f"{name}.wav", 2.5)
        (tmp_path / f"{split}.csv").write_text(f'{name}, 0, 10, "/m/1"\n')
    flags = [f"--sounds={tmp_path / 'wav'}", "--layout=audioset", f"--segments={tmp_path / 'train.csv'}"]
    given = f"--validation_segments={tmp_path / 'eval.csv'}"
    result = run("build_background_dataset", *flags, given, f"--out={tmp_path / 'out'}")
    assert result.returncode == 0, result.stderr
    shown = [line.split() for line in result.stdout.splitlines()]
    assert ["labels", "1", "516"] in shown and ["clips", "2", "718,625"] in shown
    for split, name in zip(("train", "validation"), names.values(), strict=True):
        (found,) = examples(tmp_path / "out" / f"{split}-00000-of-00001.tfrecord")
        assert found["/stimuli/recording"].bytes_list.value[0] == name.encode()
    result = run("build_background_dataset", *flags, f"--out={tmp_path / 'all'}")
    assert result.returncode == 0 and "Nothing is held out" in result.stdout
    result = run(
        "build_background_dataset", *flags, given, "--validation_share=0.5", f"--out={tmp_path / 'no'}"
    )
    assert result.returncode == 2 and "with no other split" in result.stderr
    sounds, _ = labelled_sounds.read_audioset(tmp_path / "wav", tmp_path / "train.csv", None)
    with pytest.raises(InputError, match="1 recordings are in both splits"):
        background_dataset.hold_out_sounds(sounds, sounds, ["/m/1"])


def test_pieces_far_below_the_loudest_are_silent(tmp_path):
    waveform = 0.1 * np.random.RandomState(0).randn(3, 40000)
    waveform[1] /= 30
    waveform[2] /= 300
    soundfile.write(tmp_path / "a.wav", waveform.ravel(), 20000)
    sound = labelled_sounds.Sound(tmp_path / "a.wav", ("dog",), "a")
    found = background_dataset.write_dataset(
        {"train": [sound], "validation": []}, ["__nullSignal__", "dog"], tmp_path / "out", progress=False
    )
    assert found["train"]["clips"] == 2 and found["train"]["silent_pieces"] == 1


def test_ontology_as_published_gives_the_names(tmp_path):
    noise(tmp_path / "wav" / "ABCDEFGHIJK.wav", 2)
    segments, ontology = tmp_path / "segments.csv", tmp_path / "ontology.json"
    segments.write_text('ABCDEFGHIJK, 0, 10, "/m/1,/t/dd2"\n')
    entries = [
        {"id": "/m/1", "name": "Human voice", "child_ids": ["/t/dd2"], "restrictions": ["abstract"]},
        {"id": "/t/dd2", "name": "Bark, whine", "child_ids": [], "restrictions": []},
    ]
    ontology.write_text(json.dumps(entries, indent=1))
    ((sound,), _) = labelled_sounds.read_audioset(tmp_path / "wav", segments, ontology)
    assert sound.labels == ("Bark, whine", "Human voice")
    for spoilt in (json.dumps(entries)[:-5], '{"id": "/m/1"}', '[{"id": "/m/1"}]'):
        ontology.write_text(spoilt)
        with pytest.raises(InputError, match=r"ontology\.json: no readable list of \{id, name"):
            labelled_sounds.read_audioset(tmp_path / "wav", segments, ontology)


def test_esc50_as_published(tmp_path):
    noise(tmp_path / "audio" / "1-100032-A-0.wav", 2)
    table = tmp_path / "meta" / "esc50.csv"
    table.parent.mkdir()
    header = "filename,fold,target,category,esc10,src_file,take\n"
    table.write_text(header + "1-100032-A-0.wav,1,0,dog,True,100032,A\n")
    (sound,) = labelled_sounds.read_esc50(tmp_path)
    assert (sound.labels, sound.fold, sound.recording) == (("dog",), 1, "100032")
    table.write_text(header + "1-9-A-0.wav,1,0,dog,True,100032,A\n")
    with pytest.raises(InputError, match=r"esc50\.csv:2: no sound"):
        labelled_sounds.read_esc50(tmp_path)
    table.write_text("filename,fold\n")
    with pytest.raises(InputError, match=r"esc50\.csv:1: no column category, src_file"):
        labelled_sounds.read_esc50(tmp_path)


def test_channels_that_differ_are_mixed_when_asked(tmp_path):
    noise(tmp_path / "in" / "rain" / "a.wav", 2, rate=16000, channels=2)
    found = labelled_sounds.read_class_folders(tmp_path / "in")
    kept, labels = background_dataset.keep_labels(found)
    splits = background_dataset.split(kept, [], 0.0)
    with pytest.raises(InputError, match="2 channels that differ"):
        background_dataset.write_dataset(splits, labels, tmp_path / "out", progress=False)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in"]
    written = background_dataset.write_dataset(
        splits, labels, tmp_path / "out", mix_channels=True, progress=False
    )
    assert written["train"]["clips"] == 1
    with pytest.raises(InputError, match="no sound is of fold 3"):
        background_dataset.split(kept, [3], 0.0)


@pytest.mark.parametrize(
    "binary", ["build_image_records", "build_background_dataset", "build_speech_dataset"]
)
def test_a_second_builder_is_refused_before_it_reads_anything(tmp_path, binary):
    source = {"build_image_records": "images", "build_background_dataset": "sounds"}.get(binary, "recordings")
    flags = [f"--{source}={tmp_path}/none", f"--out={tmp_path}/out"]
    with holding(tmp_path / "out", "place") as process:
        result = run(binary, *flags)
        assert result.returncode == 2 and not result.stdout
        assert f"{tmp_path}/out: is written to by process {process.pid} of" in result.stderr
    (tmp_path / "out").mkdir()
    result = run(binary, *flags)
    assert result.returncode == 2 and "out: exists already" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
