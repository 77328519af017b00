"""Small studies of pictures and of sounds, made without any network, for tests of the page."""

import wave
from pathlib import Path

import numpy as np
from PIL import Image

from model_metamers.people.study import FORMAT, Shown, Study, StudyFolder, Timing, Trial, write_tables

SIXTEEN = (
    *("knife", "airplane", "keyboard", "elephant", "bicycle", "clock", "oven", "chair"),
    *("bear", "boat", "cat", "bottle", "truck", "car", "bird", "dog"),
)
WORDS = ("about", "above", "can't", "council", "market", "nation's", "people", "weather")
_RATE = 20000


def picture_study(path: Path, counts: dict[str, int], **changes) -> StudyFolder:
    """A study of pictures with so many trials a part, in two lists of the same trials."""
    about = {
        "task": "images",
        "choices": SIXTEEN,
        "layout": "icons",
        "timing": Timing(300, 200, 200, None),
        "image_px": 256,
        **changes,
    }
    return _write(path, counts, about, _picture)


def sound_study(path: Path, counts: dict[str, int], **changes) -> StudyFolder:
    """A study of words, of which the first trials may be of tones."""
    about = {
        "task": "words",
        "choices": WORDS,
        "layout": "typing",
        "timing": None,
        "image_px": None,
        **changes,
    }
    return _write(path, counts, about, _sound)


def _write(path: Path, counts: dict[str, int], about: dict, make) -> StudyFolder:
    folder = StudyFolder(path)
    folder.files.mkdir(parents=True)
    random = np.random.default_rng(0)
    mask = "0" * 32 + ".png" if about["task"] == "images" else None
    if mask:
        _picture(folder.files / mask, random)
    trials, answers = [], {}
    for part, count in counts.items():
        choices = ("1", "2", "3") if part == "headphones" else about["choices"]
        for number in range(count):
            name = random.bytes(16).hex() + (".png" if mask else ".wav")
            make(folder.files / name, random)
            trials.append(Trial(len(trials), part, name, mask))
            answers[name] = Shown("natural", choices[number % len(choices)], "natural", name)
    folder.plan.write_text("{}\n")
    texts = {
        "consent": "You will be shown pictures or sounds.\n\nTaking part is voluntary.",
        "instructions": "Say what you see or hear.",
        "thanks": "Thank you for taking part.",
    }
    defaults = {"pass_marks": {}, "breaks": (), "texts": texts, "title": "Seeing and hearing"}
    shared = {"format": FORMAT, "protocol": "paper", "seed": 0, "plan_sha256": "0" * 64}
    write_tables(folder, Study(**{**shared, **defaults, **about}), [trials, trials], answers)
    return folder


def _picture(path: Path, random: np.random.Generator) -> None:
    coarse = random.integers(0, 256, (16, 16, 3), dtype=np.uint8)
    Image.fromarray(coarse).resize((256, 256), Image.Resampling.BICUBIC).save(path)


def _sound(path: Path, random: np.random.Generator) -> None:
    samples = (random.standard_normal(_RATE // 2) * 1000).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_RATE)
        file.writeframes(samples.tobytes())
