"""Tasks that build the data sets on which the small networks are trained and tested, but for CIFAR-10."""

from importlib import resources
from pathlib import Path
from typing import Any

from model_metamers.catalog import small_signals
from model_metamers.execution import Repeated, Task
from model_metamers_experiments import binary

_FORMAT = {
    "sample_rate": small_signals.SAMPLE_RATE,
    "seconds": small_signals.NUM_SAMPLES / small_signals.SAMPLE_RATE,
}


_SPEECH_SHARDS = 4


def speech(data: Path, out: Path) -> Task:
    """The task that builds the words: Speech Commands and spoken digits, 15 % of the speakers held out."""
    arguments: dict[str, Any] = {
        "recordings": Repeated([data / "speech_commands", data / "free_spoken_digit"]),
        "layout": Repeated(["speech_commands", "spoken_digits"]),
        "words": [word for word in small_signals.WORDS if not word.startswith("__")],
        "pad": True,
        "validation_share": 0.15,
        "shards": _SPEECH_SHARDS,
        **_FORMAT,
        "out": out,
    }
    return Task("speech", binary.module("build_speech_dataset"), arguments, makes=out, seconds=60.0)


def speech_training(speech: Path) -> list[Path]:
    """The TFRecords of the training words, which the task `speech` writes into its folder."""
    return [speech / f"train-{shard:05d}-of-{_SPEECH_SHARDS:05d}.tfrecord" for shard in range(_SPEECH_SHARDS)]


def backgrounds(data: Path, out: Path) -> Task:
    """The task that builds the backgrounds: ESC-10, with its fifth fold held out."""
    arguments: dict[str, Any] = {
        "sounds": data / "esc10",
        "validation_folds": [5],
        "shards": 2,
        **_FORMAT,
        "out": out,
    }
    return Task("backgrounds", binary.module("build_background_dataset"), arguments, makes=out, seconds=60.0)


def tiny_imagenet(data: Path, out: Path) -> Task:
    """The task that builds the training images of a hundred classes of Tiny ImageNet."""
    return _tiny_imagenet(data, out, "train")


def tiny_imagenet_held_out(data: Path, out: Path) -> Task:
    """The task that builds its held-out images, of the same classes."""
    return _tiny_imagenet(data, out, "validation")


def _tiny_imagenet(data: Path, out: Path, split: str) -> Task:
    listed = resources.files("model_metamers.data") / small_signals.TINY_IMAGENET_100
    arguments: dict[str, Any] = {
        "images": data / "tiny-imagenet-200",
        "labels": Path(str(listed)),
        "layout": "tiny_imagenet",
        "split": split,
        "shards": 4,
        "out": out,
    }
    return Task(out.name, binary.module("build_image_records"), arguments, makes=out, seconds=30.0)
