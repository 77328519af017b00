"""Writing clips of words as TFRecords with the lab's keys, and counting them."""

from __future__ import annotations

import csv
import dataclasses
import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from model_metamers.corpora import record_writer
from model_metamers.corpora.speech_dataset import SPLITS, Clip, Selected, cut
from model_metamers.execution.lines import as_bar_or_lines
from model_metamers.signals import sounds
from model_metamers.storage.writing import write_json, write_lines

# Section 3.3 of the paper.
PAPER_TARGETS = {"words": 793, "speakers": 432, "train clips": 230_357, "validation clips": 40_651}

_SILENT_RMS = 1e-6


def write_dataset(
    selected: Selected,
    out: Path,
    shards: int = 1,
    seed: int = 0,
    progress: bool = True,
    flags: Sequence[str] = (),
    mix_channels: bool = False,
) -> dict[str, Any]:
    """Writes TFRecords, `words.txt`, `speakers.txt`, `clips.csv`, `summary.json` and `flags.txt`.

    Records have `/stimuli/signal` (float32 [num_samples], at the recorded level),
    `/stimuli/word_int`, `/stimuli/speaker_int`, the texts `/stimuli/word`, `/stimuli/speaker` and
    `/stimuli/recording`, and `/stimuli/clip_int`, the row of `clips.csv`, from 0. The middle of the
    word is the middle of the clip; if the word is longer than the clip, the centre of its energy is.
    Clips whose word is digital silence are left out and counted.

    Returns:
      The summary.

    Raises:
      InputError: the folder exists, the disk is full, or a recording cannot be read.
    """
    written: dict[str, list[Clip]] = {name: [] for name in SPLITS}
    dropped = Counter(selected.dropped)
    with record_writer.whole_folder(out) as folder:
        with (folder / "clips.csv").open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file)
            table.writerow(["split", "shard", *(field.name for field in dataclasses.fields(Clip))])
            for split in (name for name in SPLITS if selected.clips[name]):
                with record_writer.ShardWriter(folder, split, shards, seed) as writer:
                    for clip, signal in _signals(selected, split, mix_channels, progress):
                        if signal is None:
                            dropped["silent"] += 1
                            continue
                        row = sum(map(len, written.values()))
                        shard = writer.write(_record(clip, signal, selected) | {"/stimuli/clip_int": row})
                        table.writerow([split, shard, *dataclasses.astuple(clip)])
                        written[split].append(clip)
        write_lines(folder / "words.txt", selected.words)
        write_lines(folder / "speakers.txt", selected.speakers)
        write_lines(folder / "flags.txt", flags)
        content = dataclasses.asdict(selected.clip_format)
        content |= summary(written, selected.words, selected.speakers, dropped)
        write_json(folder / "summary.json", content)
    return content


def _signals(
    selected: Selected, split: str, mix_channels: bool, progress: bool
) -> Iterator[tuple[Clip, np.ndarray | None]]:
    """Each clip of a split with its waveform, or None where the word is silent; reads each file once."""
    clips, rate = selected.clips[split], selected.clip_format.sample_rate
    bar = tqdm(total=len(clips), desc=f"{split} clips", disable=not progress, **as_bar_or_lines())
    for path, group in itertools.groupby(clips, key=lambda clip: clip.path):
        waveform = sounds.read_waveform(path, rate, mix_channels)
        for clip in group:
            word = waveform[round(clip.start_s * rate) : round(clip.end_s * rate) + 1]
            if not word.size or np.sqrt(np.mean(word**2)) < _SILENT_RMS:
                yield clip, None
            else:
                middle = clip.middle_s
                if len(word) > selected.clip_format.num_samples + 1:
                    middle = clip.start_s + _centre_of_energy(word) / rate
                yield clip, cut(waveform, middle, selected.clip_format)
            bar.update()
    bar.close()


def _centre_of_energy(waveform: np.ndarray) -> float:
    """The sample at the centre of a waveform's energy.

    It is used for words longer than a clip, such as files that are mostly silence.
    """
    energy = np.square(waveform, dtype=np.float64)
    return float(energy @ np.arange(len(waveform)) / energy.sum())


def _record(clip: Clip, signal: np.ndarray, selected: Selected) -> dict[str, Any]:
    return {
        "/stimuli/signal": signal,
        "/stimuli/word_int": selected.words.index(clip.word),
        "/stimuli/speaker_int": selected.speakers.index(clip.speaker),
        "/stimuli/word": clip.word,
        "/stimuli/speaker": clip.speaker,
        "/stimuli/recording": clip.recording,
    }


def summary(
    clips: Mapping[str, Sequence[Clip]], words: Sequence[str], speakers: Sequence[str], dropped: Mapping
) -> dict[str, Any]:
    """How many clips, words, speakers and recordings each split has, and both together."""
    both = [clip for split in clips.values() for clip in split]
    counted = {name: _counts(split) for name, split in {**clips, "both": both}.items()}
    return {
        **counted,
        "word_classes": len(words),
        "speaker_classes": len(speakers),
        "dropped": dict(sorted(dropped.items())),
    }


def _counts(clips: Sequence[Clip]) -> dict[str, int]:
    kinds = {"words": "word", "speakers": "speaker", "recordings": "recording"}
    return {"clips": len(clips)} | {k: len({getattr(c, f) for c in clips}) for k, f in kinds.items()}


def against_paper(summary: Mapping[str, Any]) -> dict[str, tuple[int, int]]:
    """The numbers of a summary beside the paper's (section 3.3): (ours, the paper's) by name."""
    ours = {
        "words": summary["both"]["words"],
        "speakers": summary["both"]["speakers"],
        "train clips": summary["train"]["clips"],
        "validation clips": summary["validation"]["clips"],
    }
    return {name: (ours[name], target) for name, target in PAPER_TARGETS.items()}
