"""Cases of signals: images, sounds, arrays, TFRecords."""

import io
import math
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image

from model_metamers import SignalSpec
from model_metamers.corpora.record_writer import encode
from model_metamers.corpora.records import read_image_records
from model_metamers.recognition.labels import read_labels
from model_metamers.signals import collection, files, images, sounds
from model_metamers.storage import tfrecords
from tests.builders.reshaping import array, framed, png_chunks, records
from tests.readers.case import Case

IMAGE = SignalSpec("image", (8, 8, 3), 0.0, 1.0)
SOUND = SignalSpec("sound", (400,), -1.0, 1.0, sample_rate=8000, rms=0.1)
PIXELS = np.random.RandomState(0).randint(0, 256, [12, 10, 3]).astype(np.uint8)
FRAME = Image.fromarray(PIXELS[::-1].copy())
TONE = 0.3 * np.sin(np.arange(900) / 5)


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
    if not all(content in EXAMPLES for content in found):
        return check_damaged(path)  # whole records of other content
    stimuli = collection.find_stimuli([path], IMAGE)
    assert len(stimuli) == len(set(found))  # a gzip file may go on with a copy of itself
    assert all(stimuli[i].shape == IMAGE.shape for i in range(len(stimuli)))
    assert len(tfrecords.record_places(path)) == len(found)
    read_labels(path)


def check_examples(path: Path):
    """Whole records of damaged content, as a damaged disk before the checksums were made."""
    path.write_bytes(framed(path.read_bytes()))
    check_damaged(path)


def check_damaged(path: Path):
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


def _image(file: str, kind: str, reshape=None, **options) -> Case:
    given = {} if reshape is None else {"reshape": reshape}
    return Case("images", file, picture(kind, **options), check_image, **given)


def _sound(file: str, **options) -> Case:
    return Case("sounds", file, sound(**options), check_sound)


CASES = {
    "PNG": _image("a.png", "PNG", png_chunks),
    "PNG of frames": _image("a.png", "PNG", png_chunks, save_all=True, append_images=[FRAME] * 3),
    "JPEG": _image("a.jpg", "JPEG", exif=Image.Exif()),
    "progressive JPEG": _image("a.jpg", "JPEG", progressive=True),
    "GIF": _image("a.gif", "GIF", save_all=True, append_images=[FRAME] * 3),
    "WebP": _image("a.webp", "WEBP"),
    "TIFF": _image("a.tif", "TIFF", compression="tiff_lzw"),
    "TIFF of pages": _image("a.tif", "TIFF", save_all=True, append_images=[FRAME] * 3),
    "BMP": _image("a.bmp", "BMP"),
    "AVIF": _image("a.avif", "AVIF"),
    "JPEG 2000": _image("a.jp2", "JPEG2000"),
    "PPM": _image("a.ppm", "PPM"),
    "icon": _image("a.ico", "ICO", sizes=[PIXELS.shape[1::-1]]),
    "WAV": _sound("a.wav"),
    "WAV of floats": _sound("a.wav", subtype="FLOAT"),
    "FLAC": _sound("a.flac"),
    "Ogg": _sound("a.ogg"),
    "MP3": _sound("a.mp3"),
    "AIFF": _sound("a.aiff"),
    "SPHERE": _sound("a.sph", format="NIST", subtype="PCM_16"),
    "W64": _sound("a.w64"),
    "array": Case(
        "arrays",
        "a.npy",
        lambda p: np.save(p, PIXELS[:8, :8] / 255),
        lambda p: files.load_signal(p, IMAGE),
        array,
    ),
    "records": Case("records", "a.tfrecord", record_file(""), check_records, records),
    "records, gzip": Case("records", "a.tfrecord", record_file("GZIP"), check_records, records),
    "records, zlib": Case("records", "a.tfrecord", record_file("ZLIB"), check_records, records),
    "example": Case(
        "records", "a.tfrecord", lambda p: p.write_bytes(EXAMPLES[1]), check_examples, may_refuse=True
    ),
}
