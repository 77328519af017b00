"""Environmental sounds with one or several labels, cut into clips as TFRecords."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from model_metamers.corpora import hold_out, record_writer
from model_metamers.corpora.clip_format import PAPER_FORMAT, ClipFormat
from model_metamers.corpora.labelled_sounds import Sound
from model_metamers.corpora.speech_dataset import SPLITS
from model_metamers.errors import InputError
from model_metamers.execution.lines import as_bar_or_lines
from model_metamers.signals import sounds
from model_metamers.storage.writing import write_json, write_lines

# Section 3.3 of the paper: of AudioSet's sounds "a subset", over which speech was laid in training.
PAPER_TARGETS = {"labels": 516, "clips": 718_625}

_SILENT_RMS = 1e-6
# As a share of the RMS of the loudest piece: a label is true of the whole sound, so perhaps not of a
# piece that is nearly silent.
_SILENT_SHARE = 0.01


def keep_labels(
    given: Sequence[Sound], labels: Sequence[str] | None = None, min_sounds: int = 1
) -> tuple[list[Sound], list[str]]:
    """Keeps some labels, and the sounds that have one of them.

    Args:
      given: all sounds.
      labels: the labels to keep, in this order; None for those with `min_sounds` sounds or more,
        in alphabetical order.
      min_sounds: least number of sounds of a label, without `labels`.

    Returns:
      The sounds with the labels that are kept, and the classes: the null class, then the labels.

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
    """The sounds for training and for validation.

    Args:
      given: all sounds.
      folds: folds for validation; if empty, a share of the recordings is chosen by their names.
      share: that share, 0 to 1.

    Raises:
      InputError: a fold has no sounds.
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
    """The sounds for training, and those held out that have one of the labels, for validation.

    Raises:
      InputError: no sound is left for validation, or a recording is in both.
    """
    left, _ = keep_labels(held_out, labels)
    both = {sound.recording for sound in kept} & {sound.recording for sound in left}
    if both:
        raise InputError(f"{len(both)} recordings are in both splits, {sorted(both)[0]} among them")
    return {"train": list(kept), "validation": left}


def pieces(waveform: np.ndarray, size: int = PAPER_FORMAT.num_samples) -> np.ndarray:
    """Cuts a waveform [samples] into pieces, one after the other; float32 [pieces, size].

    The rest at the end is not used. A sound shorter than a piece is one piece, in the middle of
    silence.
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
    """Writes the data set: TFRecords, `labels.txt`, `summary.json` and `flags.txt`.

    Records have `/stimuli/signal` (float32 [num_samples], at the recorded level),
    `/stimuli/labels_binary_via_int` (int64, 0 or 1 for each class, the null class first),
    `/stimuli/labels`, `/stimuli/recording` and `/stimuli/fold`. Pieces more than 40 dB below the
    loudest of their sound are left out as silent.

    Returns:
      The summary: how many sounds, clips, silent pieces and labels each split has.

    Raises:
      InputError: the folder exists, the disk is full, or a sound cannot be read.
    """
    summary: dict[str, Any] = {"classes": len(labels), **asdict(clip_format)}
    with record_writer.whole_folder(out) as folder:
        for name in SPLITS:
            given = splits[name]
            counts = Counter(sounds=len(given), clips=0, silent_pieces=0)
            counts["labels"] = len({label for sound in given for label in sound.labels})
            summary[name] = counts
            if not given:
                continue
            with record_writer.ShardWriter(folder, name, shards, seed) as writer:
                for sound in tqdm(given, f"{name} sounds", disable=not progress, **as_bar_or_lines()):
                    waveform = sounds.read_waveform(sound.path, clip_format.sample_rate, mix_channels)
                    all_pieces = pieces(waveform, clip_format.num_samples)
                    levels = np.sqrt(np.mean(np.square(all_pieces, dtype=np.float64), axis=1))
                    heard = all_pieces[levels >= max(_SILENT_RMS, _SILENT_SHARE * levels.max())]
                    counts["silent_pieces"] += len(all_pieces) - len(heard)
                    counts["clips"] += len(heard)
                    for piece in heard:
                        writer.write(_record(sound, piece, labels))
        write_lines(folder / "labels.txt", labels)
        write_lines(folder / "flags.txt", flags)
        write_json(folder / "summary.json", summary)
    return summary


def against_paper(summary: Mapping[str, Any]) -> dict[str, tuple[int, int]]:
    """The numbers of a summary beside the paper's (section 3.3): (ours, the paper's) by name.

    The null class is no category, and clips are those of both splits, since the paper does not part them.
    """
    ours = {
        "labels": summary["classes"] - 1,
        "clips": sum(summary[name]["clips"] for name in SPLITS),
    }
    return {name: (ours[name], target) for name, target in PAPER_TARGETS.items()}


def _record(sound: Sound, piece: np.ndarray, labels: Sequence[str]) -> dict[str, Any]:
    return {
        "/stimuli/signal": piece,
        "/stimuli/labels_binary_via_int": np.array([label in sound.labels for label in labels], np.int64),
        "/stimuli/labels": list(sound.labels),
        "/stimuli/recording": sound.recording,
        "/stimuli/fold": sound.fold,
    }
