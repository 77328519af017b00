"""Natural signals of a reproduction: labelled ones where they are at hand, installed ones where not."""

from __future__ import annotations

import csv
import dataclasses
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import soundfile
import tensorflow as tf
from PIL import Image

from model_metamers import InputError
from model_metamers.networks import small
from model_metamers.stimuli import demo_stimuli, records
from model_metamers.training import records as training_records

LABELS = "labels.csv"
_SEED = 20191208
_NO_LABELS = "without labels, the truth is what the generating network takes each for"


@dataclasses.dataclass(frozen=True)
class Stimuli:
    """Where signals of a kind are.

    Attributes:
      matched, further: folders; the further ones, if any, serve the null distribution.
      labels: table of true classes; None where the generating network's answer to the
        natural signal stands for them.
      source: in words.
    """

    matched: Path
    further: Path | None
    labels: Path | None
    source: str


def cifar10(data: Path, out: Path, count: int, further: int) -> Stimuli:
    """Test images of CIFAR-10, as many of each class, drawn at random once.

    Args:
      data: folder with the TFRecords of the test images.
      out: folder for the PNG files.
      count, further: images matched, and further ones.
    """
    paths = sorted(data.glob("test-*"))
    images, labels = records.read_image_records(paths, 32, progress=False)
    order = np.random.RandomState(_SEED).permutation(len(labels))
    by_class = [[i for i in order if labels[i] == c] for c in range(len(small.CIFAR10_CLASSES))]
    turn = [i for row in zip(*by_class, strict=False) for i in row]  # a class after the other
    names = {i: f"{small.CIFAR10_CLASSES[labels[i]]}_{i:04d}" for i in turn[: count + further]}

    def write(folder: Path, chosen: Iterable[int]) -> None:
        for i in chosen:
            Image.fromarray(images[i]).save(folder / f"{names[i]}.png")

    _fill(out / "matched", lambda folder: write(folder, turn[:count]))
    _fill(out / "further", lambda folder: write(folder, turn[count : count + further]))
    truths = [(names[i], small.CIFAR10_CLASSES[labels[i]]) for i in turn[:count]]
    return Stimuli(out / "matched", out / "further", _write_labels(out / LABELS, truths),
                   f"{count} labelled test images of CIFAR-10")  # fmt: skip


def spoken_words(speech: Path, out: Path, count: int, further: int, sample_rate: int) -> Stimuli:
    """Held-out clips of a speech data set, of unlike words and speakers, drawn at random once.

    Args:
      speech: folder of build_speech_dataset.
      out: folder for the WAV files.
      count, further: clips matched, and further ones.
      sample_rate: of the data set, Hz.
    """
    clips = list(_clips(training_records.find_records(speech, "validation").paths))
    order = np.random.RandomState(_SEED).permutation(len(clips))
    words = sorted({clip[0] for clip in clips})
    by_word = [[clips[i] for i in order if clips[i][0] == word] for word in words]
    chosen, heard = [], set()
    while len(chosen) < count + further and any(by_word):
        for rest in filter(None, by_word):
            unheard = (place for place, clip in enumerate(rest) if clip[1] not in heard)
            chosen.append(rest.pop(next(unheard, 0)))
            heard.add(chosen[-1][1])
    names = {clip[2]: f"{clip[0]}_{Path(clip[2]).name}" for clip in chosen}

    def write(folder: Path, part: Sequence[tuple]) -> None:
        for _, _, recording, waveform in part:
            soundfile.write(folder / f"{names[recording]}.wav", waveform, sample_rate, subtype="FLOAT")

    _fill(out / "matched", lambda folder: write(folder, chosen[:count]))
    _fill(out / "further", lambda folder: write(folder, chosen[count : count + further]))
    truths = [(names[clip[2]], clip[0]) for clip in chosen[:count]]
    return Stimuli(out / "matched", out / "further", _write_labels(out / LABELS, truths),
                   f"{len(truths)} spoken words of speakers not trained on")  # fmt: skip


def _clips(paths: Sequence[Path]) -> Iterable[tuple[str, str, str, np.ndarray]]:
    """(word, speaker, recording, waveform) of every clip."""
    for record in tf.data.TFRecordDataset([str(path) for path in paths]).as_numpy_iterator():
        feature = tf.train.Example.FromString(record).features.feature
        texts = (feature[f"/stimuli/{key}"].bytes_list.value[0].decode() for key in
                 ("word", "speaker", "recording"))  # fmt: skip
        yield *texts, np.array(feature["/stimuli/signal"].float_list.value, np.float32)


def photographs(out: Path, count: int) -> Stimuli:
    """Photographs that installed libraries carry; the further ones are the rest of them."""
    everything = demo_stimuli.write_photographs(out / "all")
    names = sorted(path.name for path in everything.iterdir())
    matched = _share(everything, out, names[:count], names[count:])
    return Stimuli(*matched, None, f"{len(names[:count])} photographs of installed libraries; {_NO_LABELS}")


def synthesised_words(out: Path, count: int) -> Stimuli:
    """Words of the networks said by espeak-ng; the further ones are the rest of them."""
    everything = demo_stimuli.write_words(out / "all")
    names = sorted(path.name for path in everything.iterdir())
    known = [name for name in names if Path(name).stem in small.WORDS][:count]
    matched = _share(everything, out, known, [name for name in names if name not in known])
    truths = [(Path(name).stem, Path(name).stem) for name in known]
    return Stimuli(*matched, _write_labels(out / LABELS, truths), f"{len(known)} words said by espeak-ng")


def own(matched: str, further: str | None, labels: str | None) -> Stimuli:
    """The user's own files.

    Raises:
      InputError: one of the folders, or the labels, is not there.
    """
    for path in filter(None, (matched, further, labels)):
        if not Path(path).exists():
            raise InputError(f"{path}: no such file or folder")
    truth = f"labels of {labels}" if labels else _NO_LABELS
    return Stimuli(Path(matched), Path(further) if further else None, Path(labels) if labels else None,
                   f"files of {matched}; {truth}")  # fmt: skip


def _share(
    everything: Path, out: Path, matched: Sequence[str], further: Sequence[str]
) -> tuple[Path, Path | None]:
    """Copies into two folders; there is no second where nothing would be in it."""
    for folder, names in (("matched", matched), ("further", further)):
        if names:
            _fill(out / folder, lambda to, names=names: [shutil.copy(everything / n, to / n) for n in names])
    return out / "matched", out / "further" if further else None


def _fill(folder: Path, write: Callable[[Path], object]) -> None:
    """Makes a folder and its files, whole or not at all."""
    if folder.exists():
        return
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    write(partial)
    partial.rename(folder)


def _write_labels(path: Path, truths: Sequence[tuple[str, str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("stimulus", "label"), *truths])
    return path
