"""Environmental sounds with one or several labels, cut into clips as TFRecords."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from model_metamers.corpora import hold_out, record_writer
from model_metamers.corpora.clip_format import PAPER_FORMAT, ClipFormat
from model_metamers.corpora.speech_dataset import SPLITS
from model_metamers.errors import InputError
from model_metamers.signals import sounds
from model_metamers.storage.folders import files_below
from model_metamers.storage.reading import composed, one_line, read_json, read_table, read_text
from model_metamers.storage.writing import write_json, write_lines

LAYOUTS = ("folders", "esc50", "audioset")
NO_FOLD = 0  # folds count from 1

_ESC_NAME = re.compile(r"(?P<fold>\d)-(?P<recording>[^-]+)-[A-Z](?:-\d+)?")
_FOLD = re.compile(r"[1-9]\d{0,5}")
_ID_LENGTH = 11  # of a YouTube id, which AudioSet names its segments by
_ONTOLOGY = "list of {id, name, ...} as AudioSet's ontology.json"
_SILENT_RMS = 1e-6
_SILENT_SHARE = 0.01  # of the loudest piece's RMS: a label tells what is heard in the sound, not in this one


@dataclass(frozen=True)
class Sound:
    """A sound file.

    Attributes:
      path: of the file.
      labels: names of what is heard.
      recording: files cut from one recording bear the same.
      fold: from 1; `NO_FOLD` where there are none.
    """

    path: Path
    labels: tuple[str, ...]
    recording: str
    fold: int = NO_FOLD


def read_class_folders(root: Path) -> list[Sound]:
    """Sounds of `<class>/<file>`; ESC's file names (`1-17092-B-4.ogg`) tell fold and recording.

    Raises:
      InputError: no such folder, or no sounds in folders.
    """
    paths = [path for path in _sounds_below(root) if path.parent.parent == root]
    if not paths:
        raise InputError(f"{root}: no sound files in class folders, <class>/<file>")
    found = []
    for path in paths:
        match = _ESC_NAME.fullmatch(path.stem)
        recording, fold = (match["recording"], int(match["fold"])) if match else (path.stem, NO_FOLD)
        found.append(Sound(path, (composed(path.parent.name),), composed(recording), fold))
    return found


def _sounds_below(root: Path) -> list[Path]:
    return [path for path in files_below(root) if path.suffix.lower() in sounds.EXTENSIONS]


def read_esc50(root: Path) -> list[Sound]:
    """Sounds of ESC-50 as it is published: `audio/*.wav` and `meta/esc50.csv`.

    Raises:
      InputError: the table lacks or is damaged, or a sound lacks.
    """
    path = root / "meta" / "esc50.csv"
    there = {composed(file.name): file for file in _sounds_below(root / "audio")}
    found = []
    for line, row in read_table(path, ("filename", "fold", "category", "src_file"))[1]:
        sound = there.get(row["filename"])
        if sound is None or not _FOLD.fullmatch(row["fold"]):
            raise InputError(
                f"{path}:{line}: no sound audio/{row['filename'][:100]!r}, or the fold "
                f"{row['fold'][:20]!r} is no number from 1"
            )
        found.append(Sound(sound, (row["category"],), row["src_file"], int(row["fold"])))
    return found


def read_audioset(root: Path, segments: Path, ontology: Path | None = None) -> tuple[list[Sound], int]:
    """Sounds of an AudioSet segments file (`YTID, start, end, "label,label"`).

    Args:
      root: holds the sounds in any depth; a name begins with the segment's YouTube id, or with
        "Y" and the id.
      segments: such as `balanced_train_segments.csv`.
      ontology: AudioSet's `class_labels_indices.csv` (index, mid, display_name) or
        `ontology.json` ({id, name, ...} in a list) gives labels their names; they stay ids
        without it.

    Returns:
      Sounds, and how many segments have none (videos go away).

    Raises:
      InputError: a damaged table, an id that the ontology lacks, or no sounds at all.
    """
    names = _label_names(ontology) if ontology else None
    by_id: dict[str, Path] = {}
    for path in _sounds_below(root):
        by_id[path.stem[:_ID_LENGTH]] = path
        if path.stem.startswith("Y") and len(path.stem) > _ID_LENGTH:
            by_id.setdefault(path.stem[1 : _ID_LENGTH + 1], path)
    found, missing = [], 0
    for line, fields in enumerate(_segments(segments), 1):
        if not fields or fields[0].startswith("#"):
            continue
        if len(fields) != 4:
            raise InputError(f'{segments}:{line}: expected `YTID, start, end, "label,label"`')
        labels = [label.strip() for label in fields[3].split(",") if label.strip()]
        unknown = [label for label in labels if names is not None and label not in names]
        if unknown or not labels:
            raise InputError(
                f"{segments}:{line}: the label {one_line(str(unknown[:1]))} is not in {ontology}"
            )
        if fields[0] in by_id:
            labels = sorted({names[label] if names else label for label in labels})
            found.append(Sound(by_id[fields[0]], tuple(labels), fields[0]))
        missing += fields[0] not in by_id
    if not found:
        raise InputError(f"{root}: no sound of the {missing} segments in {segments}, <YTID>*.wav")
    return found, missing


def _segments(path: Path) -> list[list[str]]:
    try:
        return list(csv.reader(io.StringIO(read_text(path)), skipinitialspace=True))
    except csv.Error as error:
        raise InputError(f"{path}: no readable table ({error})") from error


def _label_names(ontology: Path) -> dict[str, str]:
    """Names by AudioSet's ids."""
    if ontology.suffix.lower() != ".json":
        rows = read_table(ontology, ("mid", "display_name"))[1]
        return {row["mid"]: row["display_name"] for _, row in rows}
    entries = read_json(ontology, _ONTOLOGY)
    try:
        names = {entry["id"]: entry["name"] for entry in entries}
    except (TypeError, KeyError):
        names = {None: None}
    if not all(isinstance(text, str) for pair in names.items() for text in pair):
        raise InputError(f"{ontology}: no readable {_ONTOLOGY}")
    return {key: composed(name) for key, name in names.items()}


def keep_labels(
    given: Sequence[Sound], labels: Sequence[str] | None = None, min_sounds: int = 1
) -> tuple[list[Sound], list[str]]:
    """Sounds with the labels that are kept, and class names: the null class, then the alphabet.

    Args:
      given: all sounds.
      labels: these and no others, in this order, such as those of the training set.
      min_sounds: fewest of a label, without `labels`.

    Raises:
      InputError: no sound is left.
    """
    counts = Counter(label for sound in given for label in sound.labels)
    chosen = labels or sorted(label for label in counts if counts[label] >= min_sounds)
    chosen = [label for label in chosen if label != record_writer.NULL_CLASS]
    known = set(chosen)
    kept = [replace(s, labels=tuple(x for x in s.labels if x in known)) for s in given]
    kept = [sound for sound in kept if sound.labels]
    if not kept:
        raise InputError("no sound has one of the labels")
    return kept, [record_writer.NULL_CLASS, *chosen]


def split(given: Sequence[Sound], folds: Sequence[int], share: float) -> dict[str, list[Sound]]:
    """Sounds for training and validation: whole folds, or a share of recordings by their names.

    Raises:
      InputError: a fold that no sound is of.
    """
    unknown = set(folds) - {sound.fold for sound in given}
    if unknown:
        raise InputError(f"no sound is of fold {', '.join(map(str, sorted(unknown)))}")
    held = hold_out.is_held_out(np.array([sound.recording for sound in given]), share)
    if folds:
        held = np.array([sound.fold in folds for sound in given])
    return {
        "train": [sound for sound, out in zip(given, held, strict=True) if not out],
        "validation": [sound for sound, out in zip(given, held, strict=True) if out],
    }


def hold_out_sounds(
    kept: Sequence[Sound], held_out: Sequence[Sound], labels: Sequence[str]
) -> dict[str, list[Sound]]:
    """Sounds for training and validation where the latter are given.

    Args:
      kept: for training.
      held_out: those of them with labels that are kept are for validation.
      labels: that are kept.

    Raises:
      InputError: none is left, or a recording is in both.
    """
    left, _ = keep_labels(held_out, labels)
    both = {sound.recording for sound in kept} & {sound.recording for sound in left}
    if both:
        raise InputError(f"{len(both)} recordings are in both splits, {sorted(both)[0]} among them")
    return {"train": list(kept), "validation": left}


def pieces(waveform: np.ndarray, size: int = PAPER_FORMAT.num_samples) -> np.ndarray:
    """Pieces of a waveform [samples], one after the other, float32 [pieces, size].

    What is left at the end is not used; a sound shorter than a piece is one piece, in the
    middle of silence.
    """
    if len(waveform) < size:
        first = (size - len(waveform)) // 2
        waveform = np.pad(waveform, (first, size - len(waveform) - first))
    count = len(waveform) // size
    return waveform[: count * size].reshape(count, size).astype(np.float32)


def write_dataset(
    splits: Mapping[str, Sequence[Sound]],
    labels: Sequence[str],
    out: Path,
    shards: int = 1,
    seed: int = 0,
    mix_channels: bool = False,
    progress: bool = True,
    flags: Sequence[str] = (),
    clip_format: ClipFormat = PAPER_FORMAT,
) -> dict[str, Any]:
    """Writes TFRecords, `labels.txt`, `summary.json` and `flags.txt`.

    Records hold `/stimuli/signal` (float32 [num_samples], level as recorded),
    `/stimuli/labels_binary_via_int` (int64, 0 or 1 for each class, the null class first),
    `/stimuli/labels`, `/stimuli/recording` and `/stimuli/fold`. Pieces more than 40 dB below the
    loudest of their sound are left out as silent.

    Returns:
      The summary: sounds, clips, silent pieces, labels of each split.

    Raises:
      InputError: the folder exists, the disk is full, or a sound cannot be read.
    """
    found: dict[str, Any] = {"classes": len(labels), **asdict(clip_format)}
    with record_writer.whole_folder(out) as folder:
        for name in SPLITS:
            given = splits[name]
            counts = Counter(sounds=len(given), clips=0, silent_pieces=0)
            counts["labels"] = len({label for sound in given for label in sound.labels})
            found[name] = counts
            if not given:
                continue
            with record_writer.ShardWriter(folder, name, shards, seed) as writer:
                for sound in tqdm(given, f"{name} sounds", disable=not progress):
                    waveform = sounds.read_waveform(sound.path, clip_format.sample_rate, mix_channels)
                    own = pieces(waveform, clip_format.num_samples)
                    levels = np.sqrt(np.mean(np.square(own, dtype=np.float64), axis=1))
                    heard = own[levels >= max(_SILENT_RMS, _SILENT_SHARE * levels.max())]
                    counts["silent_pieces"] += len(own) - len(heard)
                    counts["clips"] += len(heard)
                    for piece in heard:
                        writer.write(_record(sound, piece, labels))
        write_lines(folder / "labels.txt", labels)
        write_lines(folder / "flags.txt", flags)
        write_json(folder / "summary.json", found)
    return found


def _record(sound: Sound, piece: np.ndarray, labels: Sequence[str]) -> dict[str, Any]:
    return {
        "/stimuli/signal": piece,
        "/stimuli/labels_binary_via_int": np.array([label in sound.labels for label in labels], np.int64),
        "/stimuli/labels": list(sound.labels),
        "/stimuli/recording": sound.recording,
        "/stimuli/fold": sound.fold,
    }
