"""Recordings of speech and their word alignments, in the folder layouts of public corpora."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from model_metamers.corpora import alignments
from model_metamers.corpora.alignments import Word
from model_metamers.corpora.speech_dataset import Clip
from model_metamers.errors import InputError
from model_metamers.signals import sounds
from model_metamers.signals.patterns import first_group
from model_metamers.storage.folders import files_below
from model_metamers.storage.reading import composed

FORMATS = {"textgrid": ".textgrid", "ctm": ".ctm", "csv": ".csv", "swc": ".swc"}

# By layout, what the relative path of a sound file tells; its extension is left out.
_PATTERNS = {
    "librispeech": re.compile(r"(?:.*/)?(?P<recording>(?P<speaker>\d+)-\d+)-\d+"),
    "speech_commands": re.compile(r"(?:.*/)?(?P<word>[^/]+)/(?P<speaker>[^/_]+)_nohash_\d+"),
    "spoken_digits": re.compile(r"(?:.*/)?(?P<word>\d)_(?P<speaker>[^/_]+)_\d+"),
    "flat": re.compile(r"(?P<recording>(?P<speaker>.*))"),
}
_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

LAYOUTS = tuple(_PATTERNS)
WORD_LAYOUTS = ("speech_commands", "spoken_digits")  # every file is one word and needs no alignment


@dataclass(frozen=True)
class Recording:
    """A sound file of a corpus.

    Attributes:
      path: path of the file.
      name: its path below the corpus without the extension, to which alignments refer.
      recording: the recording that it is a part of: a LibriSpeech chapter, otherwise the file.
      speaker: name of the speaker, taken from the path.
      word: the word that the file is; None in the layouts that need an alignment.
    """

    path: Path
    name: str
    recording: str
    speaker: str
    word: str | None = None


@dataclass(frozen=True)
class Corpus:
    """Where the recordings of a corpus are, and where their words are told.

    Attributes:
      root: folder of the sound files, at any depth.
      layout: one of `LAYOUTS`, by which a path tells speaker, recording and perhaps the word:
        "librispeech" (`61/70968/61-70968-0000.flac`; a recording is a chapter),
        "speech_commands" (`yes/022cd682_nohash_0.wav`), "spoken_digits" (`7_george_12.wav`),
        or "flat", where every file is a recording and a speaker of its own.
      alignments: a file, or a folder with files of the format; None in `WORD_LAYOUTS`.
      file_format: format of the alignments, one of `FORMATS`.
      speaker_pattern, recording_pattern: regular expressions that are searched in the path below
        `root`, without its extension. Their first group is the speaker or the recording, in place
        of what the layout tells; for WSJ's speakers `(\\w{3})\\w{5}$`.
    """

    root: Path
    layout: str = "flat"
    alignments: Path | None = None
    file_format: str = "textgrid"
    speaker_pattern: str | None = None
    recording_pattern: str | None = None


def read_corpora(
    corpora: Sequence[Corpus], tiers: Sequence[str] = alignments.TIERS
) -> tuple[list[Clip], Counter]:
    """All words of several corpora.

    Where two corpora use the same name for a speaker or recording, these are taken to be different,
    and the number of the corpus is added: `corpus2:anna`. All other names stay as they are.

    Returns:
      The clips, and the counts of `aligned_clips`.

    Raises:
      InputError: as in `find_recordings` and `aligned_clips`, or a layout that needs alignments has
        none, or the other way round.
    """
    for corpus in corpora:
        if (corpus.alignments is None) != (corpus.layout in WORD_LAYOUTS):
            raise InputError(
                f"{corpus.root}: the {corpus.layout} layout "
                + ("needs alignments" if corpus.alignments is None else "takes no alignments")
            )
    by_corpus: list[list[Clip]] = []
    notes: Counter = Counter()
    for corpus in corpora:
        recordings = find_recordings(corpus)
        if corpus.alignments is None:
            by_corpus.append(word_clips(recordings))
        else:
            clips, counts = aligned_clips(recordings, corpus.alignments, corpus.file_format, tiers)
            by_corpus.append(clips)
            notes += counts
    for field in ("speaker", "recording"):
        by_corpus = _with_distinct_names(by_corpus, field)
    return [clip for clips in by_corpus for clip in clips], notes


def _with_distinct_names(corpora: Sequence[Sequence[Clip]], field: str) -> list[list[Clip]]:
    """The clips, where names in a field that occur in several corpora get the corpus' number."""
    used = Counter(name for clips in corpora for name in {getattr(clip, field) for clip in clips})

    def renamed(clip: Clip, number: int) -> Clip:
        name = getattr(clip, field)
        changes: dict[str, Any] = {field: f"corpus{number}:{name}"}
        return clip if used[name] == 1 else replace(clip, **changes)

    return [[renamed(clip, number) for clip in clips] for number, clips in enumerate(corpora, 1)]


def find_recordings(corpus: Corpus) -> list[Recording]:
    """The sound files of a corpus, in order of their names.

    Folders whose names begin with "_" are left out, because they hold no speech (Speech Commands'
    background noise). Links are followed, and each file is taken once; see `files_below`.

    Raises:
      InputError: there is no such folder, it has no sound files, a path does not fit the layout, or
        two files differ only in their extensions.
    """
    if not corpus.root.is_dir():
        raise InputError(f"{corpus.root}: no such folder of recordings")
    paths = [p for p in files_below(corpus.root) if p.suffix.lower() in sounds.EXTENSIONS]
    recordings = []
    for path in paths:
        below = path.relative_to(corpus.root)
        if not any(part.startswith("_") for part in below.parts[:-1]):
            recordings.append(_recording(path, composed(below.with_suffix("").as_posix()), corpus))
    if not recordings:
        raise InputError(f"{corpus.root}: holds no sound files ({', '.join(sounds.EXTENSIONS)})")
    recordings.sort(key=lambda recording: recording.name)
    for one, other in itertools.pairwise(recordings):
        if one.name == other.name:
            raise InputError(
                f"{one.path} and {other.path.name}: two sound files of one name; keep or link one of them"
            )
    return recordings


def _recording(path: Path, name: str, corpus: Corpus) -> Recording:
    match = _PATTERNS[corpus.layout].fullmatch(name)
    if not match:
        raise InputError(f"{path}: not named as in the {corpus.layout} layout; see --layout")
    parts = match.groupdict()
    word = parts.get("word")
    return Recording(
        path,
        name,
        _found("recording_pattern", corpus.recording_pattern, name) or parts.get("recording", name),
        _found("speaker_pattern", corpus.speaker_pattern, name) or parts["speaker"],
        _DIGITS[int(word)] if word and corpus.layout == "spoken_digits" else word,
    )


def _found(what: str, pattern: str | None, name: str) -> str | None:
    """What a pattern finds in a name; None without a pattern."""
    return first_group(pattern, name, what) if pattern else None


def word_clips(recordings: Sequence[Recording]) -> list[Clip]:
    """The clips of `WORD_LAYOUTS`, where a whole file is a word that its path tells."""
    return [
        Clip(r.path, r.recording, r.speaker, r.word or "", 0.0, seconds, seconds)
        for r, seconds in ((r, sounds.duration_s(r.path)) for r in recordings)
    ]


def aligned_clips(
    recordings: Sequence[Recording], source: Path, file_format: str, tiers: Sequence[str] = alignments.TIERS
) -> tuple[list[Clip], Counter]:
    """All aligned words of all recordings.

    Args:
      recordings: the recordings of the corpus.
      source: a file, or a folder with files of the format at any depth. A TextGrid belongs to the
        recording with the same path below `source`, or else with the same name; CTM and CSV files
        name the recording; `aligned.swc` belongs to `audio.ogg` in the same folder.
      file_format: one of `FORMATS`.
      tiers: names of the tiers of words in TextGrids.

    Returns:
      The clips, and how many recordings have no alignment, how many alignments have no recording,
      and how many TextGrids have no tier of words.

    Raises:
      InputError: there are no alignments or damaged ones, two recordings have the name that an
        alignment gives, or no alignment belongs to a recording.
    """
    places = _Places(recordings)
    counts: Counter = Counter()
    words: dict[Recording, list[Word]] = {}
    error = None
    for path, name in _alignment_files(source, file_format):
        try:
            by_name = _read(path, name, file_format, tiers)
        except alignments.NoWordTierError as missing:
            error = missing
            counts["TextGrids without a tier of words"] += 1
            continue
        for key, spoken in by_name.items():
            recording = places.find(key, exact=file_format == "swc")
            if recording is None:
                counts["alignments without a recording"] += 1
            else:
                words.setdefault(recording, []).extend(spoken)
    if not words:
        raise error or InputError(
            f"{source}: no alignment belongs to a recording; names must agree, such as {recordings[0].name!r}"
        )
    counts["recordings without an alignment"] = len(recordings) - len(words)
    clips = [clip for recording, spoken in words.items() for clip in _clips(recording, spoken)]
    return clips, +counts


def _alignment_files(source: Path, file_format: str) -> list[tuple[Path, str]]:
    """The alignment files, each with its path below `source` without the extension."""
    suffix = FORMATS[file_format]
    below = [p for p in files_below(source) if p.suffix.lower() == suffix]
    paths = [source] if source.is_file() else below
    if not paths:
        raise InputError(f"{source}: no such file, or a folder without {file_format} files")
    root = source.parent if source.is_file() else source
    return [(path, composed(path.relative_to(root).with_suffix("").as_posix())) for path in paths]


def _read(path: Path, name: str, file_format: str, tiers: Sequence[str]) -> Mapping[str, list[Word]]:
    if file_format == "textgrid":
        return {name: alignments.read_textgrid(path, tiers)}
    if file_format == "swc":  # an article's folder holds `aligned.swc` and `audio.ogg`
        folder, slash, _ = name.rpartition("/")
        return {f"{folder}{slash}audio": alignments.read_swc(path)}
    return alignments.read_ctm(path) if file_format == "ctm" else alignments.read_csv(path)


class _Places:
    """Finds recordings by their path below the corpus, or by file name where only one has it."""

    def __init__(self, recordings: Sequence[Recording]):
        self._by_name = {recording.name: recording for recording in recordings}
        self._by_stem: dict[str, list[Recording]] = {}
        for recording in recordings:
            self._by_stem.setdefault(recording.name.rpartition("/")[2], []).append(recording)

    def find(self, key: str, exact: bool = False) -> Recording | None:
        """The recording that a name stands for, or None.

        With `exact` the whole path must agree, for layouts in which all files have the same name.
        """
        extension = next((e for e in sounds.EXTENSIONS if key.lower().endswith(e)), "")
        name = key[: len(key) - len(extension)]
        if name in self._by_name:
            return self._by_name[name]
        same_stem = [] if exact else self._by_stem.get(name.rpartition("/")[2], [])
        if len(same_stem) > 1:
            raise InputError(f"the alignment {key!r} may be of {same_stem[0].path} or of {same_stem[1].path}")
        return same_stem[0] if same_stem else None


def _clips(recording: Recording, words: Sequence[Word]) -> list[Clip]:
    seconds = sounds.duration_s(recording.path)
    return [
        Clip(
            recording.path,
            recording.recording,
            word.speaker or recording.speaker,
            word.text,
            word.start_s,
            word.end_s,
            seconds,
        )
        for word in words
    ]
