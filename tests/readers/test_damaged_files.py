"""Whatever a file holds, its reader gives a right result or an InputError of one line, nothing else."""

import dataclasses
import functools
import io
import json
import math
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from PIL import Image

from model_metamers import InputError, SignalSpec
from model_metamers.corpora import alignments, background_dataset
from model_metamers.corpora.record_writer import encode
from model_metamers.corpora.records import read_image_records
from model_metamers.criteria import null as nulls
from model_metamers.recognition.labels import read_labels
from model_metamers.signals import collection, files, images, sounds
from model_metamers.storage import reading, tfrecords
from model_metamers.storage.claims import claim_folder
from model_metamers.synthesis import adam
from model_metamers.synthesis.state import SearchState, read_state, write_state
from model_metamers.training import records
from model_metamers.weights import manifest, released_pickle
from model_metamers.weights.tf_checkpoint import CheckpointReader, write_checkpoint
from tests.builders.mutations import changes, damaged

START = np.zeros([2, 3, 3], np.float32)
IMAGE = SignalSpec("image", (8, 8, 3), 0.0, 1.0)
SOUND = SignalSpec("sound", (400,), -1.0, 1.0, sample_rate=8000, rms=0.1)
PIXELS = np.random.RandomState(0).randint(0, 256, [12, 10, 3]).astype(np.uint8)
TONE = 0.3 * np.sin(np.arange(900) / 5)
TEXTGRID = """File type = "ooTextFile"
Object class = "TextGrid"
xmin = 0
xmax = 3
tiers? <exists>
size = 2
item []:
  item [1]:
    class = "IntervalTier"
    name = "words"
    xmin = 0
    xmax = 3
    intervals: size = 2
      intervals [1]: xmin = 0 xmax = 1 text = ""
      intervals [2]: xmin = 1 xmax = 1.5 text = "word"
  item [2]:
    class = "TextTier"
    name = "points"
    xmin = 0 xmax = 3
    points: size = 1
      points [1]: number = 0.5 mark = "x"
"""
SWC = """<?xml version="1.0" encoding="utf-8"?>
<article><meta><prop key="reader.name" value="Anna" group="audio"/></meta>
<d><p><s><t>In<n pronunciation="in" start="100" end="250"/></t></s></p></d></article>
"""
ARCHITECTURE = {
    "instructions": "one after the other",
    "graph_architecture": [{"layer_type": "tf.nn.relu", "args": {"name": "relu_0"}}],
    "layer_list": [functools.partial(dict, name="relu_0")],
}
SHIPPED = {"prefix": "a.ckpt", "network": "a", "files": [{"name": "a.index", "sha256": "0" * 64, "bytes": 3}]}
DOWNLOAD = {
    **{"url": "https://x.org/a.tgz", "bytes": None, "sha256": None, "licence": "MIT"},
    "networks": {"a": {"checkpoint": "a.ckpt"}},
}
FETCHED = {"sha256": "0" * 64, "networks": {"a": {"checkpoint": "a/a"}}, "files": SHIPPED["files"]}


@dataclasses.dataclass(frozen=True)
class Case:
    """A reader, and a file that it can read.

    Attributes:
      file: name of the file.
      write: makes the whole file at a path.
      read: the reader, given the file's path; its result is held to what it promises.
    """

    file: str
    write: Callable[[Path], Any]
    read: Callable[[Path], Any]


def text(content: str, encoding: str = "utf-8"):
    return lambda path: path.write_bytes(content.encode(encoding))


def as_json(values):
    return text(json.dumps(values, indent=1))


def check_words(words):
    for word in words:
        assert math.isfinite(word.start_s) and math.isfinite(word.end_s) and word.start_s <= word.end_s
        assert isinstance(word.text, str)


def of_recordings(read):
    return lambda path: [check_words(words) for words in read(path).values()]


def picture(kind: str, **options):
    return lambda path: Image.fromarray(PIXELS).save(path, kind, **options)


def check_image(path: Path):
    image = images.load_image(path, IMAGE)
    assert image.shape == IMAGE.shape and 0 <= image.min() <= image.max() <= 1


def sound(**options):
    return lambda path: soundfile.write(path, TONE, 8000, **options)


def check_sound(path: Path):
    waveform = sounds.load_sound(path, SOUND)
    assert waveform.shape == SOUND.shape and np.isfinite(waveform).all()
    assert math.isfinite(sounds.duration_s(path))


def example(number: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.full([8, 8, 3], 40 * number, np.uint8)).save(buffer, "PNG")
    about = {"image/filename": f"{number}.png", "image/class/text": "a", "image/class/label": number}
    return encode({"image/encoded": buffer.getvalue(), **about})


EXAMPLES = [example(number) for number in range(4)]


def record_file(compression: str):
    def write(path: Path):
        import tensorflow as tf

        with tf.io.TFRecordWriter(str(path), compression) as writer:
            for content in EXAMPLES:
                writer.write(content)

    return write


def check_records(path: Path):
    found = [content for _, content in tfrecords.read_records(path)]
    assert all(content in EXAMPLES for content in found)
    stimuli = collection.find_stimuli([path], IMAGE)
    assert len(stimuli) == len(set(found))  # a gzip file may go on with a copy of itself
    assert all(stimuli[i].shape == IMAGE.shape for i in range(len(stimuli)))
    assert len(tfrecords.record_places(path)) == len(found)
    read_labels(path)


def check_examples(path: Path):
    """Whole records of damaged content, as a damaged disk before the checksums were made."""
    content = path.read_bytes()
    lengths = len(content).to_bytes(8, "little")
    whole = b"".join((lengths, tfrecords._checksum(lengths), content, tfrecords._checksum(content)))
    path.write_bytes(whole)
    try:
        labels = read_labels(path)
        assert all(isinstance(value, str) for pair in labels.items() for value in pair)
    finally:
        try:
            check_image_at(collection.find_stimuli([path], IMAGE))
        finally:
            read_image_records([path], 8, progress=False)


def check_image_at(stimuli):
    assert stimuli[0].shape == IMAGE.shape


def search_state(path: Path):
    write_state(path, SearchState.fresh(START, 5, adam.fresh(START)))


def null_file(path: Path):
    layer = nulls.LayerNull(np.ones(2000, np.int64), -0.1, 0.9, 0.1, 0, 10.0, 0.8, 0.9)
    nulls.write_null(path, nulls.NullDistribution("a", "b", {"conv1": layer}, "blocks"), "stimuli")


def check_null(path: Path):
    null, stimuli = nulls.read_null(path)
    assert isinstance(stimuli, str)
    for layer in null.layers:
        assert isinstance(null.maximum(layer), (int, float)) and null.at(layer).pairs is not None


def check_manifest(path: Path):
    for entry in manifest.read_manifest(path.parent).values():
        assert all(isinstance(file["sha256"], str) for file in entry["files"])
    for download in manifest.read_downloads(path.parent).values():
        assert (isinstance(download.file_name, str) and not download.is_archive) or download.url


def check_fetched(path: Path):
    manifest.read_record(path.parent)
    download = manifest.Download("a", "https://x.org/a.tgz", None, None, "MIT", DOWNLOAD["networks"])
    manifest.fetched_files(download, "a", path.parent)


def check_checkpoint(path: Path):
    reader = CheckpointReader(path.parent / "model.ckpt")
    for name, shape in reader.shapes.items():
        assert reader.value(name).shape == shape


def checkpoint(path: Path):
    values = {"a/weights": np.ones([3, 2], np.float32), "b": np.arange(5.0, dtype=np.float32)}
    write_checkpoint(path.parent / "model.ckpt", values)


def esc50(path: Path):
    (path.parent / "audio").mkdir(exist_ok=True)
    (path.parent / "meta").mkdir(exist_ok=True)
    (path.parent / "audio" / "1-1-A-0.wav").touch()
    path.write_text("filename,fold,target,category,src_file\n1-1-A-0.wav,1,0,dog,1\n")


def read_esc50(path: Path):
    (path.parent / "meta" / "esc50.csv").write_bytes(path.read_bytes())
    for sound_file in background_dataset.read_esc50(path.parent):
        assert sound_file.path.is_file() and sound_file.fold >= 1


def audioset(name: str):
    def read(path: Path):
        (path.parent / "ABCDEFGHIJK.wav").touch()
        given = {"segments.csv": 'ABCDEFGHIJK, 0, 10, "/m/1,/m/2"\n', "ontology.json": ONTOLOGY}
        paths = {}
        for other, content in given.items():
            paths[other] = path if other == name else path.with_name(f"whole_{other}")
            if other != name:
                paths[other].write_text(content)
        found, _ = background_dataset.read_audioset(
            path.parent, paths["segments.csv"], paths["ontology.json"]
        )
        assert all(isinstance(label, str) for s in found for label in s.labels)

    return read


ONTOLOGY = json.dumps([{"id": "/m/1", "name": "Speech"}, {"id": "/m/2", "name": "Bark"}])
CASES = {
    "TextGrid": Case("a.TextGrid", text(TEXTGRID), lambda p: check_words(alignments.read_textgrid(p))),
    "TextGrid in UTF-16": Case(
        "a.TextGrid", text(TEXTGRID, "utf-16"), lambda p: check_words(alignments.read_textgrid(p))
    ),
    "CTM": Case("a.ctm", text("a 1 0.5 0.25 word 0.9\na 1 1 .5 other\n"), of_recordings(alignments.read_ctm)),
    "CSV of words": Case(
        "a.csv",
        text('file,word,start,end,speaker\na,"word",0.5,1,anna\nb,other,0,1.5\n'),
        of_recordings(alignments.read_csv),
    ),
    "SWC": Case("aligned.swc", text(SWC), lambda p: check_words(alignments.read_swc(p))),
    "list": Case("words.txt", text("__nullSignal__\nwörd\nother\n"), reading.read_lines),
    "labels": Case("labels.csv", text('stimulus,label\na.png,"x, y"\nb,z\n'), read_labels),
    "labels by index": Case("labels.tsv", text("file\timagenet_index\na.png\t134\n"), read_labels),
    "ESC-50": Case("esc50.csv", esc50, read_esc50),
    "AudioSet's segments": Case(
        "segments.csv", text('# YTID\nABCDEFGHIJK, 0, 10, "/m/1,/m/2"\n'), audioset("segments.csv")
    ),
    "AudioSet's ontology": Case("ontology.json", text(ONTOLOGY), audioset("ontology.json")),
    "PNG": Case("a.png", picture("PNG"), check_image),
    "JPEG": Case("a.jpg", picture("JPEG", exif=Image.Exif()), check_image),
    "GIF": Case("a.gif", picture("GIF"), check_image),
    "WebP": Case("a.webp", picture("WEBP"), check_image),
    "TIFF": Case("a.tif", picture("TIFF", compression="tiff_lzw"), check_image),
    "BMP": Case("a.bmp", picture("BMP"), check_image),
    "AVIF": Case("a.avif", picture("AVIF"), check_image),
    "JPEG 2000": Case("a.jp2", picture("JPEG2000"), check_image),
    "PPM": Case("a.ppm", picture("PPM"), check_image),
    "WAV": Case("a.wav", sound(), check_sound),
    "WAV of floats": Case("a.wav", sound(subtype="FLOAT"), check_sound),
    "FLAC": Case("a.flac", sound(), check_sound),
    "Ogg": Case("a.ogg", sound(), check_sound),
    "MP3": Case("a.mp3", sound(), check_sound),
    "AIFF": Case("a.aiff", sound(), check_sound),
    "SPHERE": Case("a.sph", sound(format="NIST", subtype="PCM_16"), check_sound),
    "array": Case("a.npy", lambda p: np.save(p, PIXELS[:8, :8] / 255), lambda p: files.load_signal(p, IMAGE)),
    "search": Case("state.npz", search_state, read_state),
    "null": Case("null.npz", null_file, check_null),
    "records": Case("a.tfrecord", record_file(""), check_records),
    "records, gzip": Case("a.tfrecord", record_file("GZIP"), check_records),
    "records, zlib": Case("a.tfrecord", record_file("ZLIB"), check_records),
    "example": Case("a.tfrecord", lambda p: p.write_bytes(EXAMPLES[1]), check_examples),
    "manifest": Case("manifest.json", as_json({"a.ckpt": SHIPPED, "b": DOWNLOAD}), check_manifest),
    "downloads": Case("downloads.json", as_json({"a": FETCHED}), check_fetched),
    "settings": Case(
        "settings.json", as_json({"a": 1, "b": "c"}), lambda p: claim_folder(p.parent, {"a": 1, "b": "c"})
    ),
    "summary": Case(
        "summary.json",
        as_json({"sample_rate": 8000, "num_samples": 400}),
        lambda p: records.check_format(p.parent, 8000, 400),
    ),
    "checkpoint's index": Case("model.ckpt.index", checkpoint, check_checkpoint),
    "checkpoint's data": Case("model.ckpt.data-00000-of-00001", checkpoint, check_checkpoint),
    "architecture": Case(
        "a.pckl", lambda p: p.write_bytes(pickle.dumps(ARCHITECTURE, 2)), released_pickle.read_architecture
    ),
    "words": Case(
        "words.pckl",
        lambda p: p.write_bytes(
            pickle.dumps({"word_idx_to_word": {0: "a", 1: "b"}, "word_to_word_idx": {"a": 0, "b": 1}}, 2)
        ),
        released_pickle.read_word_encodings,
    ),
}
MAY_REFUSE = ("architecture", "downloads", "example")  # the whole file too: what it names is not there


def hold(case: Case, path: Path, whole: bytes, drawn) -> None:
    path.write_bytes(damaged(whole, drawn))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's and NumPy's, of what they take with doubt
        try:
            case.read(path)
        except InputError as error:
            assert "\n" not in str(error) and len(str(error)) < 1000, str(error)[:2000]


def prepared(case: Case, folder: Path) -> tuple[Path, bytes]:
    path = folder / case.file
    case.write(path)
    return path, path.read_bytes()


@pytest.mark.parametrize("name", [name for name in CASES if name not in MAY_REFUSE])
def test_a_whole_file_is_read(tmp_path, name):
    path, _ = prepared(CASES[name], tmp_path)
    CASES[name].read(path)


def run(name: str, folder: Path, examples: int, seeded: bool) -> None:
    path, whole = prepared(CASES[name], folder)

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=seeded,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(changes)
    def holds(drawn):
        hold(CASES[name], path, whole, drawn)

    holds()


@pytest.mark.parametrize("name", CASES)
def test_a_damaged_file_is_read_right_or_refused_in_one_line(tmp_path, name):
    run(name, tmp_path, examples=25, seeded=True)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_thousands_of_damaged_files_are_read_right_or_refused_in_one_line(tmp_path, name):
    run(name, tmp_path, examples=2500, seeded=False)
