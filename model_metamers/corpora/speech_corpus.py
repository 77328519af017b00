"""Recordings of speech and their word alignments, as public corpora lay them out."""

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
from model_metamers.storage.folders import files_below
from model_metamers.storage.reading import composed

FORMATS = {"textgrid": ".textgrid", "ctm": ".ctm", "csv": ".csv", "swc": ".swc"}

# What the relative path of a sound file tells, without its extension.
_PATTERNS = {
    "librispeech": re.compile(r"(?:.*/)?(?P<recording>(?P<speaker>\d+)-\d+)-\d+"),
    "speech_commands": re.compile(r"(?:.*/)?(?P<word>[^/]+)/(?P<speaker>[^/_]+)_nohash_\d+"),
    "spoken_digits": re.compile(r"(?:.*/)?(?P<word>\d)_(?P<speaker>[^/_]+)_\d+"),
    "flat": re.compile(r"(?P<recording>(?P<speaker>.*))"),
}
_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

LAYOUTS = tuple(_PATTERNS)
WORD_LAYOUTS = ("speech_commands", "spoken_digits")  # a sound is a word; no alignment is needed


@dataclass(frozen=True)
class Recording:
    """A sound file of a corpus.

    Attributes:
      path: of the file.
      name: its path below the corpus, without extension; alignments refer to it.
      recording: what it is a part of: a LibriSpeech chapter, otherwise the file's name.
      speaker: who speaks, as the path tells.
      word: which the file is; None in the layouts that need an alignment.
    """

    path: Path
    name: str
    recording: str
    speaker: str
    word: str | None = None


@dataclass(frozen=True)
class Corpus:
    """Where recordings are, and what tells their words.

    Attributes:
      root: folder of the sound files, in any depth.
      layout: of `LAYOUTS`; how a path tells speaker, recording and perhaps the word:
        "librispeech" (`61/70968/61-70968-0000.flac`; a recording is a chapter),
        "speech_commands" (`yes/022cd682_nohash_0.wav`), "spoken_digits" (`7_george_12.wav`),
        or "flat": a file is a recording and a speaker.
      alignments: a file, or a folder with files of the format; None in `WORD_LAYOUTS`.
      file_format: of `FORMATS`.
      speaker_pattern, recording_pattern: regular expressions whose first group, searched in
        the path below `root` without its extension, is the speaker or the recording,
        whatever the layout says; for WSJ's speakers `(\\w{3})\\w{5}$`.
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
    """Every word of several corpora.

    A speaker's or recording's name that two of them use is not one speaker: it is given the
    corpus' number, `corpus2:anna`. All other names stay as they are.

    Returns:
      Clips, and the notes of `aligned_clips`.

    Raises:
      InputError: as `find_recordings` and `aligned_clips`, or a layout with alignments that
        needs none or the other way round.
    """
    for corpus in corpora:
        if (corpus.alignments is None) != (corpus.layout in WORD_LAYOUTS):
            raise InputError(
                f"{corpus.root}: the {corpus.layout} layout "
                + ("needs alignments" if corpus.alignments is None else "takes no alignments")
            )
    found: list[list[Clip]] = []
    notes: Counter = Counter()
    for corpus in corpora:
        recordings = find_recordings(corpus)
        if corpus.alignments is None:
            found.append(word_clips(recordings))
        else:
            clips, counts = aligned_clips(recordings, corpus.alignments, corpus.file_format, tiers)
            found.append(clips)
            notes += counts
    for field in ("speaker", "recording"):
        found = _apart(found, field)
    return [clip for clips in found for clip in clips], notes


def _apart(corpora: Sequence[Sequence[Clip]], field: str) -> list[list[Clip]]:
    """Clips whose names in a field are of one corpus only."""
    used = Counter(name for clips in corpora for name in {getattr(clip, field) for clip in clips})

    def told(clip: Clip, number: int) -> Clip:
        name = getattr(clip, field)
        changes: dict[str, Any] = {field: f"corpus{number}:{name}"}
        return clip if used[name] == 1 else replace(clip, **changes)

    return [[told(clip, number) for clip in clips] for number, clips in enumerate(corpora, 1)]


def find_recordings(corpus: Corpus) -> list[Recording]:
    """Sound files of a corpus, in order of their names.

    Folders whose names begin with "_" hold no speech (Speech Commands' background noise)
    and are left out. Links are followed, each file is taken once: see `files_below`.

    Raises:
      InputError: no such folder, no sound files, a path that is not of the layout,
        two files that differ in their extensions only.
    """
    if not corpus.root.is_dir():
        raise InputError(f"{corpus.root}: no such folder of recordings")
    paths = [p for p in files_below(corpus.root) if p.suffix.lower() in sounds.EXTENSIONS]
    found = []
    for path in paths:
        below = path.relative_to(corpus.root)
        if not any(part.startswith("_") for part in below.parts[:-1]):
            found.append(_recording(path, composed(below.with_suffix("").as_posix()), corpus))
    if not found:
        raise InputError(f"{corpus.root}: holds no sound files ({', '.join(sounds.EXTENSIONS)})")
    found.sort(key=lambda recording: recording.name)
    for one, other in itertools.pairwise(found):
        if one.name == other.name:
            raise InputError(
                f"{one.path} and {other.path.name}: two sound files of one name; keep or link one of them"
            )
    return found


def _recording(path: Path, name: str, corpus: Corpus) -> Recording:
    match = _PATTERNS[corpus.layout].fullmatch(name)
    if not match:
        raise InputError(f"{path}: not named as in the {corpus.layout} layout; see --layout")
    told = match.groupdict()
    word = told.get("word")
    return Recording(
        path,
        name,
        _searched("recording_pattern", corpus.recording_pattern, name) or told.get("recording", name),
        _searched("speaker_pattern", corpus.speaker_pattern, name) or told["speaker"],
        _DIGITS[int(word)] if word and corpus.layout == "spoken_digits" else word,
    )


def _searched(what: str, pattern: str | None, name: str) -> str | None:
    """A pattern's first group in a name; None without a pattern."""
    if not pattern:
        return None
    match = re.search(pattern, name)
    if not match or not match.groups() or not match[1]:
        raise InputError(f"{what} {pattern!r} finds no group in {name!r}")
    return match[1]


def word_clips(recordings: Sequence[Recording]) -> list[Clip]:
    """Clips of `WORD_LAYOUTS`: the path tells the word, the sound is the clip."""
    return [
        Clip(r.path, r.recording, r.speaker, r.word or "", 0.0, seconds, seconds)
        for r, seconds in ((r, sounds.duration_s(r.path)) for r in recordings)
    ]


def aligned_clips(
    recordings: Sequence[Recording], source: Path, file_format: str, tiers: Sequence[str] = alignments.TIERS
) -> tuple[list[Clip], Counter]:
    """Every aligned word of every recording.

    Args:
      recordings: of the corpus.
      source: a file, or a folder with files of the format in any depth. A TextGrid belongs
        to the recording of its path below `source`, or else of its name; CTM and CSV name
        the recording; `aligned.swc` belongs to `audio.ogg` of the same folder.
      file_format: of `FORMATS`.
      tiers: of TextGrids.

    Returns:
      Clips, and how many recordings have no alignment, alignments no recording, TextGrids no
      tier of words.

    Raises:
      InputError: no or damaged alignments, an alignment of two recordings of one name, or
        nothing that belongs together.
    """
    places = _Places(recordings)
    counts: Counter = Counter()
    words: dict[Recording, list[Word]] = {}
    error = None
    for path, name in _alignment_files(source, file_format):
        try:
            found = _read(path, name, file_format, tiers)
        except alignments.NoWordTierError as missing:
            error = missing
            counts["TextGrids without a tier of words"] += 1
            continue
        for key, spoken in found.items():
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
    """Files and their names below `source`, without extension."""
    suffix = FORMATS[file_format]
    found = [p for p in files_below(source) if p.suffix.lower() == suffix]
    paths = [source] if source.is_file() else found
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
    """Recordings by their path below the corpus, or by their name alone where it is one's."""

    def __init__(self, recordings: Sequence[Recording]):
        self._by_name = {recording.name: recording for recording in recordings}
        self._by_stem: dict[str, list[Recording]] = {}
        for recording in recordings:
            self._by_stem.setdefault(recording.name.rpartition("/")[2], []).append(recording)

    def find(self, key: str, exact: bool = False) -> Recording | None:
        """The recording that a name means; `exact` where files of many folders are called alike."""
        extension = next((e for e in sounds.EXTENSIONS if key.lower().endswith(e)), "")
        name = key[: len(key) - len(extension)]
        if name in self._by_name:
            return self._by_name[name]
        found = [] if exact else self._by_stem.get(name.rpartition("/")[2], [])
        if len(found) > 1:
            raise InputError(f"the alignment {key!r} may be of {found[0].path} or of {found[1].path}")
        return found[0] if found else None


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
