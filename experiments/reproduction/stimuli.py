"""The natural signals of a reproduction: labelled data sets if available, otherwise installed ones."""

from __future__ import annotations

import dataclasses
import functools
import operator
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.io import wavfile

from model_metamers import corpora, training
from model_metamers.catalog import small_signals
from model_metamers.recognition.labels import read_labels
from model_metamers.signals import collection, examples, files
from model_metamers.signals.spec import SignalSpec
from model_metamers.storage.digests import file_digests, text_digest
from model_metamers.storage.whole import whole_folder
from model_metamers.storage.writing import write_table

LABELS = "labels.csv"
SEED = 20191208
NO_LABELS = "without labels, the truth is what the generating network takes each for"


@dataclasses.dataclass(frozen=True)
class StimulusSet:
    """Natural signals of one kind, images or sounds, which may not be written yet.

    Attributes:
      signal: what the networks take, which tells which files count.
      matched: file, or folder of files, for which metamers are made.
      further: the same for signals that only serve the null distribution; None without any.
      labels: table of the true classes; None where the generating network's answer to the natural
        signal is taken as its class.
      count: the largest number of signals that are matched.
      source: where the signals come from, in words.
      prepare: f() writes the files; it does nothing where they exist.
      training: TFRecords of signals that the networks were trained on, for a null distribution as the
        paper's; where there are none, it is measured on the matched and further ones.
    """

    signal: SignalSpec
    matched: Path
    further: Path | None
    labels: Path | None
    count: int
    source: str
    prepare: Callable[[], None] = lambda: None
    training: tuple[Path, ...] = ()

    def content(self) -> str:
        """Digest of what the signals are, with their true classes; of `source` until they are written.

        Names, times and other files beside them do not count.

        Raises:
          InputError: a file, or the labels, cannot be read.
        """
        if not all(path.exists() for path in (self.matched, self.further, self.labels) if path):
            return text_digest([self.source])
        return text_digest([*self._contents(self.matched), "further", *self._contents(self.further)])

    def training_content(self) -> str:
        """Digest of the training signals; of their names until they are written."""
        if not all(path.exists() for path in self.training):
            return text_digest(path.name for path in self.training)
        return text_digest(file_digests(self.training))

    def _contents(self, path: Path | None) -> list[str]:
        """Digest and true class of each signal, in an order that names do not change."""
        if path is None:
            return []
        by_name = files.find_files([path], self.signal)
        truths = read_labels(self.labels) if self.labels else {}
        digests = file_digests(list(by_name.values()))
        return sorted(
            f"{digest} {truths.get(name, '')}" for name, digest in zip(by_name, digests, strict=True)
        )


def cifar10(signal: SignalSpec, data: Path, out: Path, count: int, further: int) -> StimulusSet:
    """Test images of CIFAR-10, drawn at random (always the same), equally many of each class.

    Args:
      signal: what the networks take.
      data: folder with the TFRecords of the test images.
      out: folder for the PNG files.
      count: number of images to match.
      further: number of further images.
    """
    source = f"{count} labelled test images of CIFAR-10"
    return StimulusSet(
        signal,
        out / "matched",
        out / "further",
        out / LABELS,
        count,
        source,
        functools.partial(_write_cifar10, data, out, count, further),
        tuple(sorted(data.glob("train-*"))),
    )


def _write_cifar10(data: Path, out: Path, count: int, further: int) -> None:
    images, labels = corpora.records.read_image_records(sorted(data.glob("test-*")), 32, progress=False)
    order = np.random.RandomState(SEED).permutation(len(labels))
    by_class = [[i for i in order if labels[i] == c] for c in range(len(small_signals.CIFAR10_CLASSES))]
    turn = [i for row in zip(*by_class, strict=False) for i in row]  # one of each class in turn
    names = {i: f"{small_signals.CIFAR10_CLASSES[labels[i]]}_{i:04d}" for i in turn[: count + further]}

    def write(folder: Path, chosen: Iterable[int]) -> None:
        for i in chosen:
            Image.fromarray(images[i]).save(folder / f"{names[i]}.png")

    fill(out / "matched", lambda folder: write(folder, turn[:count]))
    fill(out / "further", lambda folder: write(folder, turn[count : count + further]))
    _write_labels(out / LABELS, [(names[i], small_signals.CIFAR10_CLASSES[labels[i]]) for i in turn[:count]])


def spoken_words(
    signal: SignalSpec,
    speech: Path,
    out: Path,
    count: int,
    further: int,
    sample_rate: int,
    build: Callable[[], None],
    training: Sequence[Path] = (),
) -> StimulusSet:
    """Held-out clips of a speech data set, drawn at random (always the same).

    Words and speakers differ as far as the data set allows.

    Args:
      signal: what the networks take.
      speech: folder of build_speech_dataset.
      out: folder for the WAV files.
      count: number of clips to match.
      further: number of further clips.
      sample_rate: sample rate of the data set, Hz.
      build: f() makes the data set if it does not exist.
      training: the TFRecords of its training split.
    """

    def prepare() -> None:
        if not speech.exists():
            build()
        _write_spoken_words(speech, out, count, further, sample_rate)

    source = f"{count} spoken words of speakers not trained on"
    folders = out / "matched", out / "further", out / LABELS
    return StimulusSet(signal, *folders, count, source, prepare, tuple(training))


@dataclasses.dataclass(frozen=True)
class _Clip:
    """A spoken word of a data set; `recording` is the name of the file it comes from."""

    word: str
    speaker: str
    recording: str
    waveform: np.ndarray

    @property
    def name(self) -> str:
        """Name of the stimulus that is made of it."""
        return f"{self.word}_{Path(self.recording).name}"


def _write_spoken_words(speech: Path, out: Path, count: int, further: int, sample_rate: int) -> None:
    clips = _clips(training.records.find_records(speech, "validation").paths)
    chosen = _of_unlike_words_and_speakers(clips, count + further)

    def write(folder: Path, part: Sequence[_Clip]) -> None:
        for clip in part:
            # Soundfile writes the time into files of floats, so that no two would be the same.
            wavfile.write(folder / f"{clip.name}.wav", sample_rate, clip.waveform)

    fill(out / "matched", lambda folder: write(folder, chosen[:count]))
    fill(out / "further", lambda folder: write(folder, chosen[count:]))
    _write_labels(out / LABELS, [(clip.name, clip.word) for clip in chosen[:count]])


def _of_unlike_words_and_speakers(clips: Iterable[_Clip], count: int) -> list[_Clip]:
    """One clip of each word in turn, if possible of a speaker that was not chosen before."""
    clips = sorted(clips, key=operator.attrgetter("word", "speaker", "recording"))
    order = np.random.RandomState(SEED).permutation(len(clips))
    words = sorted({clip.word for clip in clips})
    by_word = [[clips[i] for i in order if clips[i].word == word] for word in words]
    chosen: list[_Clip] = []
    heard: set[str] = set()
    while len(chosen) < count and any(by_word):
        for rest in filter(None, by_word):
            unheard = (place for place, clip in enumerate(rest) if clip.speaker not in heard)
            chosen.append(rest.pop(next(unheard, 0)))
            heard.add(chosen[-1].speaker)
    return chosen[:count]


def _clips(paths: Sequence[Path]) -> Iterable[_Clip]:
    """All clips in TFRecord files of build_speech_dataset."""
    for path in paths:
        for _, feature in examples.read_examples(path):
            keys = ("word", "speaker", "recording")
            word, speaker, recording = (examples.text_of(feature, f"/stimuli/{key}", path) for key in keys)
            yield _Clip(word, speaker, recording, examples.floats_of(feature, collection.SOUND_KEY, path))


def photographs(signal: SignalSpec, out: Path, count: int) -> StimulusSet:
    """Photographs from installed libraries; those that are not matched are the further ones."""
    names = sorted(f"{name}.png" for name, _ in corpora.demo_stimuli.photographs())
    matched, further = names[:count], names[count:]
    source = f"{len(matched)} photographs of installed libraries; {NO_LABELS}"

    def prepare() -> None:
        _share(corpora.demo_stimuli.write_photographs(out / "all"), out, matched, further)

    return StimulusSet(
        signal, out / "matched", out / "further" if further else None, None, len(matched), source, prepare
    )


def synthesised_words(signal: SignalSpec, out: Path, count: int) -> StimulusSet:
    """Words that the networks know, spoken by espeak-ng; the words left over are the further ones."""
    matched = sorted(word for word in corpora.demo_stimuli.WORDS if word in small_signals.WORDS)[:count]
    further = [word for word in corpora.demo_stimuli.WORDS if word not in matched]
    source = f"{len(matched)} words said by espeak-ng"

    def prepare() -> None:
        everything = corpora.demo_stimuli.write_words(out / "all")
        _share(everything, out, *([f"{word}.wav" for word in words] for words in (matched, further)))
        _write_labels(out / LABELS, [(word, word) for word in matched])

    return StimulusSet(signal, out / "matched", out / "further", out / LABELS, len(matched), source, prepare)


def _share(everything: Path, out: Path, matched: Sequence[str], further: Sequence[str]) -> None:
    """Copies files into two folders; a folder that would be empty is not made."""
    for folder, names in (("matched", matched), ("further", further)):
        if names:
            fill(out / folder, functools.partial(_copy, everything, names))


def _copy(everything: Path, names: Sequence[str], folder: Path) -> None:
    for name in names:
        shutil.copy(everything / name, folder / name)


def fill(folder: Path, write: Callable[[Path], object]) -> None:
    """Makes a folder with its files, whole or not at all; does nothing where it exists."""
    if folder.exists():
        return
    with whole_folder(folder) as partial:
        write(partial)


def _write_labels(path: Path, truths: Sequence[tuple[str, str]]) -> None:
    write_table(path, [("stimulus", "label"), *truths])
