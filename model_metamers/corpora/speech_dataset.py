"""Choosing clips of speech, each with a word in its middle, by rules.

The paper's data set has this form (section 3.3): segments of two seconds at 20 kHz whose class is
the word in the middle. The rules by which its clips were chosen (supplement S1.1) are not known.
"""

from __future__ import annotations

import dataclasses
import operator
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model_metamers.corpora import hold_out, record_writer
from model_metamers.corpora.clip_format import PAPER_FORMAT, ClipFormat
from model_metamers.errors import InputError
from model_metamers.storage.reading import composed

SPLITS = ("train", "validation")
SPLIT_UNITS = ("speaker", "recording")

PAPER_VALIDATION_SHARE = 40_651 / (230_357 + 40_651)  # section 3.3
# The shortest of the 793 words ("don't", "isn't", "young") have five characters.
PAPER_MIN_LETTERS = 5

_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*'?")
_PUNCTUATION = '.,;:!?"“”«»'  # without brackets, which mark fragments and noises
_TOLERANCE_S = 0.02  # aligners round the end of a recording to their frames


@dataclass(frozen=True)
class Clip:
    """A word in a recording.

    Attributes:
      path: the sound file.
      recording: the recording that the file is a part of; clips of one are not independent.
      speaker: name of the speaker.
      word: the word.
      start_s, end_s: when the word starts and ends, in seconds from the beginning of the file.
      duration_s: length of the file in seconds.
    """

    path: Path
    recording: str
    speaker: str
    word: str
    start_s: float
    end_s: float
    duration_s: float

    @property
    def middle_s(self) -> float:
        return (self.start_s + self.end_s) / 2

    @property
    def fills_file(self) -> bool:
        """Whether the word is all that is in the file."""
        return self.start_s == 0 and self.end_s == self.duration_s


@dataclass(frozen=True)
class Selection:
    """The rules by which clips are chosen.

    Attributes:
      min_letters: least number of characters of a word.
      min_seconds: least duration of a spoken word.
      min_clips, min_speakers: least number of clips and speakers of a word, over both splits.
      min_validation_clips: least number of clips of a word in the validation split.
      max_classes: largest number of words. Those with most clips are taken; of equals, the first
        in the alphabet.
      words: choose only these words, if given. All of them are then classes, with clips or without.
      pad: whether silence is added where a clip reaches beyond the recording. Otherwise such clips
        are dropped, unless the word fills the file.
      validation_share: share of the speakers or recordings for validation, chosen by a digest of
        their names.
      split_by: "speaker" if no speaker and no recording may be in both splits (then speakers of one
        recording stay together); "recording" if speakers may be.
      clip_format: format of the clips that will be cut.
    """

    min_letters: int = 1
    min_seconds: float = 0.0
    min_clips: int = 1
    min_speakers: int = 1
    min_validation_clips: int = 0
    max_classes: int | None = None
    words: tuple[str, ...] | None = None
    pad: bool = False
    validation_share: float = PAPER_VALIDATION_SHARE
    split_by: str = "speaker"
    clip_format: ClipFormat = PAPER_FORMAT


@dataclass(frozen=True)
class Selected:
    """The clips of a data set.

    Attributes:
      clips: the clips by split, in order of file and time.
      words, speakers: names of the classes, including the null class; see
        `record_writer.class_names`.
      dropped: how many clips were dropped, by reason.
      clip_format: format of the clips to cut.
    """

    clips: Mapping[str, list[Clip]]
    words: list[str]
    speakers: list[str]
    dropped: Counter
    clip_format: ClipFormat


def normal_word(text: str) -> str | None:
    """The word in lower case, without the punctuation around it; None where the text is no word.

    Example:
      >>> normal_word(" Don’t, "), normal_word("(laughs)")
      ("don't", None)
    """
    word = composed(text.lower()).replace("’", "'").strip().strip(_PUNCTUATION)
    return word if _WORD.fullmatch(word) else None


def select(clips: Iterable[Clip], rules: Selection) -> Selected:
    """Chooses the clips that fit the rules; their order does not matter.

    First single clips are dropped (for letters, duration, edges). Then words are counted among the
    clips that are left, and dropped.

    Raises:
      InputError: nothing is left to train on.
    """
    dropped: Counter = Counter()
    kept = []
    for clip in clips:
        word = normal_word(clip.word)
        reason = _reason(clip, word, rules)
        if word is None or reason:
            dropped[reason] += 1
        else:
            kept.append(dataclasses.replace(clip, word=word))
    kept.sort(key=operator.attrgetter("path", "start_s", "end_s", "word"))
    splits = _split(kept, rules)
    words = _chosen_words(kept, splits, rules)
    dropped["of a word not chosen"] = sum(clip.word not in words for clip in kept)
    chosen = {name: [c for c in split if c.word in words] for name, split in splits.items()}
    if not chosen["train"]:
        reasons = ", ".join(f"{count} {reason}" for reason, count in (+dropped).items()) or "none were given"
        raise InputError(f"no training clips are left by the rules ({reasons}); loosen them")
    speakers = {clip.speaker for split in chosen.values() for clip in split}
    return Selected(
        chosen,
        record_writer.class_names(rules.words or words),
        record_writer.class_names(speakers),
        +dropped,
        rules.clip_format,
    )


def _reason(clip: Clip, word: str | None, rules: Selection) -> str | None:
    """Why a clip is dropped; None where it is kept."""
    half = rules.clip_format.seconds / 2
    if word is None:
        return "no plain word"
    if len(word) < rules.min_letters:
        return "fewer letters than asked"
    if clip.end_s - clip.start_s < rules.min_seconds:
        return "shorter than asked"
    if clip.start_s < 0 or clip.end_s > clip.duration_s + _TOLERANCE_S:
        return "beyond the recording's end"
    padded = rules.pad or clip.fills_file
    if not padded and not half <= clip.middle_s <= clip.duration_s - half:
        return "too near a recording's edge"
    return None


def _split(clips: Sequence[Clip], rules: Selection) -> dict[str, list[Clip]]:
    units = _units(clips, rules.split_by)
    names = sorted(set(units.values()))
    held_out = hold_out.is_held_out(np.array(names), rules.validation_share)
    validation = {name for name, held in zip(names, held_out, strict=True) if held}
    key = [units[getattr(clip, rules.split_by)] in validation for clip in clips]
    return {
        "train": [clip for clip, held in zip(clips, key, strict=True) if not held],
        "validation": [clip for clip, held in zip(clips, key, strict=True) if held],
    }


def _units(clips: Sequence[Clip], split_by: str) -> dict[str, str]:
    """What must be in the same split, by recording or speaker.

    A recording stays together, or speakers who share recordings; these are named after one of them.
    """
    if split_by == "recording":
        return {clip.recording: clip.recording for clip in clips}
    parents = {clip.speaker: clip.speaker for clip in clips}

    def root(speaker: str) -> str:
        while parents[speaker] != speaker:
            speaker = parents[speaker]
        return speaker

    first: dict[str, str] = {}
    for recording, speaker in sorted({(clip.recording, clip.speaker) for clip in clips}):
        low, high = sorted((root(speaker), root(first.setdefault(recording, speaker))))
        parents[high] = low
    return {speaker: root(speaker) for speaker in parents}


def _chosen_words(clips: Sequence[Clip], splits: Mapping[str, Sequence[Clip]], rules: Selection) -> set[str]:
    counts = Counter(clip.word for clip in clips)
    speakers = Counter(word for word, _ in {(clip.word, clip.speaker) for clip in clips})
    training, validation = (Counter(clip.word for clip in splits[name]) for name in SPLITS)
    words = [
        word
        for word in counts
        if counts[word] >= rules.min_clips
        and speakers[word] >= rules.min_speakers
        and validation[word] >= rules.min_validation_clips
        and training[word] > 0
        and (rules.words is None or word in rules.words)
    ]
    words.sort()
    words.sort(key=lambda word: counts[word], reverse=True)  # of equals, the first in the alphabet
    return set(words[: rules.max_classes])


def cut(waveform: np.ndarray, middle_s: float, clip_format: ClipFormat = PAPER_FORMAT) -> np.ndarray:
    """Cuts a clip, float32 [num_samples], with a given moment in its middle.

    Args:
      waveform: [samples] at the format's sample rate; there is silence beyond its ends.
      middle_s: the moment, in seconds. It falls on sample `num_samples // 2`, to within half a
        sample.
      clip_format: sample rate and length of the clip.
    """
    size = clip_format.num_samples
    first = round(middle_s * clip_format.sample_rate) - size // 2
    piece = np.zeros([size], np.float32)
    begin, end = max(first, 0), min(first + size, len(waveform))
    if begin < end:
        piece[begin - first : end - first] = waveform[begin:end]
    return piece
