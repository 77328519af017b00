"""The data sets that the small sound networks are trained on and tested with, as commands."""

from pathlib import Path

from model_metamers.catalog import small_signals

_WORDS = ",".join(word for word in small_signals.WORDS if not word.startswith("__"))
_SECONDS = small_signals.NUM_SAMPLES / small_signals.SAMPLE_RATE
_FORMAT = (
    f"--sample_rate={small_signals.SAMPLE_RATE}",
    f"--seconds={_SECONDS:g}",
)


def speech(data: Path, out: Path) -> list[str]:
    """Builds the words: Speech Commands and the spoken digits, 15 % of the speakers held out."""
    return [
        "build_speech_dataset",
        f"--recordings={data / 'speech_commands'}",
        "--layout=speech_commands",
        f"--recordings={data / 'free_spoken_digit'}",
        "--layout=spoken_digits",
        f"--words={_WORDS}",
        "--pad",
        "--validation_share=0.15",
        "--shards=4",
        *_FORMAT,
        f"--out={out}",
    ]


def backgrounds(data: Path, out: Path) -> list[str]:
    """Builds the backgrounds: ESC-10, its fifth fold held out."""
    return [
        "build_background_dataset",
        f"--sounds={data / 'esc10'}",
        "--validation_folds=5",
        "--shards=2",
        *_FORMAT,
        f"--out={out}",
    ]
