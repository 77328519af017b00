"""Natural signals that need no download: photographs from installed libraries, synthesised words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import matplotlib
import numpy as np
import skimage.data
from PIL import Image
from sklearn.datasets import load_sample_images

from model_metamers.corpora import speech
from model_metamers.signals import sounds
from model_metamers.storage.whole import make_folder, whole_file

# The images that are installed with scikit-image; it would download the others.
_SKIMAGE = (
    "astronaut",
    "brick",
    "camera",
    "chelsea",
    "clock",
    "coffee",
    "coins",
    "grass",
    "gravel",
    "hubble_deep_field",
    "moon",
    "rocket",
)
# The ten words of Speech Commands, and others for the null distribution.
WORDS = (
    "yes",
    "no",
    "up",
    "down",
    "left",
    "right",
    "on",
    "off",
    "stop",
    "go",
    "house",
    "seven",
    "water",
    "garden",
    "music",
    "paper",
    "window",
    "river",
    "orange",
    "table",
    "circle",
    "morning",
    "letter",
    "animal",
    "yellow",
    "kitchen",
)
_VOICES = ("en-us", "en", "en-gb-scotland", "en-us+f3", "en+m3", "en-us+m5", "en+f2")
_CLIP_SECONDS = 2.0  # as in the paper, with the word in the middle


def write_photographs(folder: Path) -> Path:
    """Writes the photographs as PNG files; returns the folder."""
    make_folder(folder)
    for name, pixels in photographs():
        with whole_file(folder / f"{name}.png") as partial:
            Image.fromarray(pixels).convert("RGB").save(partial)
    return folder


def photographs() -> Iterator[tuple[str, np.ndarray]]:
    """(name, uint8 pixels) of every photograph that comes with the installed libraries."""
    for name in _SKIMAGE:
        yield name, getattr(skimage.data, name)()
    yield "motorcycle", skimage.data.stereo_motorcycle()[0]
    samples = load_sample_images()
    for path, pixels in zip(samples.filenames, samples.images, strict=True):
        yield Path(path).stem, pixels
    hopper = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    yield "grace_hopper", np.asarray(Image.open(hopper, formats=("JPEG",)))


def write_words(folder: Path) -> Path:
    """Writes spoken words as 16-bit WAV files of two seconds; returns the folder.

    Files that exist are kept, because espeak-ng does not speak a word twice with the same bits.
    """
    make_folder(folder)
    for i, word in enumerate(WORDS):
        path = folder / f"{word}.wav"
        if path.exists():
            continue
        spoken, rate = speech.say(word, _VOICES[i % len(_VOICES)])
        clip = np.zeros(int(_CLIP_SECONDS * rate))
        first = (len(clip) - len(spoken)) // 2
        clip[first : first + len(spoken)] = spoken
        sounds.write_wav(path, clip, rate)
    return folder
