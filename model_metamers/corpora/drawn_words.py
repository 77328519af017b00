"""Drawing spoken words, one clip of each, from a data set or from class folders (paper 3.4)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

import numpy as np

from model_metamers.corpora import drawing, record_writer
from model_metamers.corpora.speech_dataset import SPLITS
from model_metamers.errors import InputError
from model_metamers.signals import examples, sounds
from model_metamers.signals.collection import SOUND_KEY
from model_metamers.signals.spec import SignalSpec
from model_metamers.storage.folders import files_below
from model_metamers.storage.opening import read_bytes
from model_metamers.storage.reading import composed, read_json, read_table
from model_metamers.storage.writing import write_bytes, write_lines

PAPER_WORDS = 295  # section 3.4
CHOICES = "choices.txt"

_CLIPS, _SUMMARY, _ROW = "clips.csv", "summary.json", "/stimuli/clip_int"
_MOST_BYTES = 256 << 20


class _Summary(TypedDict):
    """What of `summary.json` is read."""

    sample_rate: int


@dataclass(frozen=True)
class Spoken:
    """A clip of a word.

    Attributes:
      word: that is said.
      source: what it was cut from, or its file.
      speaker: name of the speaker; "" where it is not known.
      row: of `clips.csv`, from 0, where the clip stands in TFRecords; None for a file.
    """

    word: str
    source: str
    speaker: str = ""
    row: int | None = None


def exemplar_words(choices: Iterable[str], classes: Iterable[str]) -> list[str]:
    """The words that are both among the choices of listeners and the classes of networks, in order.

    Of the paper's 587 choices and 793 classes these are 295, as many as it has exemplars
    (docs/sources.md 2).
    """
    return sorted(set(choices) & set(classes))


def find_clips(root: Path, splits: Sequence[str] = ("validation",)) -> list[Spoken]:
    """The clips of a folder that build_speech_dataset wrote, or of folders called by words.

    Args:
      root: with `clips.csv`, `summary.json` and TFRecords; or with `<word>/<sound file>`.
      splits: of a data set, those to take.

    Raises:
      InputError: neither, or a damaged table.
    """
    if (root / _CLIPS).exists():
        rows = read_table(root / _CLIPS, ("split", "path", "speaker", "word"))[1]
        return [
            Spoken(row["word"], row["path"], row["speaker"], number)
            for number, (_, row) in enumerate(rows)
            if row["split"] in splits
        ]
    paths = [p for p in files_below(root) if p.suffix.lower() in sounds.EXTENSIONS] if root.is_dir() else []
    found = [Spoken(composed(p.parent.name), p.name) for p in paths if p.parent.parent == root]
    if not found:
        raise InputError(
            f"{root}: neither a data set of build_speech_dataset ({_CLIPS}) nor sounds in folders called by "
            f"words, <word>/<file>"
        )
    return found


def draw(
    clips: Sequence[Spoken], exemplars: Sequence[str], count: int = PAPER_WORDS, seed: int = 0
) -> tuple[list[Spoken], list[dict[str, Any]]]:
    """Draws words, and of each word one clip, each equally likely.

    Args:
      clips: to draw from.
      exemplars: words that may be drawn.
      count: of words to draw; all exemplars where they are as many.
      seed: of the draws.

    Returns:
      The clips in the alphabet's order of their words, and a row for each exemplar with the number
      of its `clips` and `speakers`, and whether it was `drawn`.

    Raises:
      InputError: fewer words have a clip than are to be drawn.
    """
    by_word: dict[str, list[Spoken]] = {word: [] for word in sorted(exemplars)}
    for clip in clips:
        if clip.word in by_word:
            by_word[clip.word].append(clip)
    there = [word for word, given in by_word.items() if given]
    if len(there) < count:
        missing = ", ".join([word for word, given in by_word.items() if not given][:5])
        raise InputError(
            f"{len(there)} of the {len(by_word)} words have a clip, {count} are wanted ({missing}, ... have "
            f"none); give more speech or another split, or ask for fewer words"
        )
    words = sorted(there[i] for i in drawing.order(len(there), seed, "words")[:count])
    drawn = []
    for word in words:
        given = sorted(by_word[word], key=lambda clip: (clip.source, -1 if clip.row is None else clip.row))
        drawn.append(given[drawing.order(len(given), seed, word)[0]])
    counts = [
        {"word": word, "clips": len(given), "speakers": len({clip.speaker for clip in given} - {""})}
        | {"drawn": int(word in set(words))}
        for word, given in by_word.items()
    ]
    return drawn, counts


def read_contents(root: Path, drawn: Sequence[Spoken]) -> list[tuple[str, bytes | np.ndarray]]:
    """What the clips hold: a file's ending and its bytes, or ".wav" and a waveform float32 [samples].

    Raises:
      InputError: a file or record is missing or damaged.
    """
    if any(clip.row is None for clip in drawn):
        return [_file(root / clip.word / clip.source) for clip in drawn]
    wanted = {clip.row for clip in drawn}
    found: dict[int | None, np.ndarray] = {}
    for path in sorted(root.glob("*.tfrecord")):
        if not path.name.startswith(SPLITS):
            continue
        for _, feature in examples.read_examples(path):
            row = feature[_ROW].int64_list.value[0] if feature[_ROW].int64_list.value else None
            if row in wanted:
                found[row] = examples.floats_of(feature, SOUND_KEY, path)
    missing = sorted(clip.word for clip in drawn if clip.row not in found)
    if missing:
        raise InputError(
            f"{root}: {len(missing)} clips of {_CLIPS} are in no TFRecord, such as of {missing[0]!r}; build "
            f"the data set again"
        )
    return [(".wav", found[clip.row]) for clip in drawn if clip.row is not None]


def _file(path: Path) -> tuple[str, bytes]:
    sounds.duration_s(path)  # which refuses what is no sound
    try:
        return path.suffix.lower(), read_bytes(path, _MOST_BYTES)
    except OSError as error:
        raise InputError(f"{path}: no readable sound file ({error.strerror})") from error


def sample_rate(root: Path) -> int:
    """Of a data set's clips, Hz; DamagedFileError where its summary does not tell."""
    return read_json(root / _SUMMARY, "summary of build_speech_dataset", _Summary)["sample_rate"]


def write_words(
    drawn: Sequence[Spoken],
    counts: Sequence[dict[str, Any]],
    root: Path,
    choices: Sequence[str],
    out: Path,
    flags: Sequence[str] = (),
) -> None:
    """Writes the clips, with `stimuli.csv`, `counts.csv`, `choices.txt` and `flags.txt`.

    Clips are called `stimuli/<word><ending>`; those of TFRecords become WAV files of 16 bits at the
    recorded level, and files keep their bytes. The table's columns are `file`, `word`, `speaker`,
    `source` and `row`, of `clips.csv`.

    Raises:
      InputError: the folder exists, or see `read_contents`; then nothing was written.
      StorageError: it cannot be written.
    """
    contents = read_contents(root, drawn)
    rate = sample_rate(root) if any(clip.row is not None for clip in drawn) else 0
    rows: list[dict[str, Any]] = []
    with record_writer.whole_folder(out) as folder:
        (folder / drawing.FILES).mkdir()
        for clip, (ending, content) in zip(drawn, contents, strict=True):
            path = folder / drawing.FILES / f"{clip.word}{ending}"
            if isinstance(content, bytes):
                write_bytes(path, content)
            else:
                spec = SignalSpec("sound", (len(content),), -1.0, 1.0, sample_rate=rate)
                sounds.write_sound(path, content, spec)
            rows.append(
                {"file": path.name, "word": clip.word, "speaker": clip.speaker, "source": clip.source}
                | {"row": "" if clip.row is None else clip.row}
            )
        drawing.write_listing(folder, rows, counts, flags)
        write_lines(folder / CHOICES, choices)
