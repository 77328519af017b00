"""Tasks that build the data sets on which the small sound networks are trained and tested."""

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
