"""Natural signals of a reproduction: labelled ones where they are at hand, installed ones where not."""

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

from model_metamers import InputError, corpora, training
from model_metamers.catalog import small_signals
from model_metamers.recognition.labels import read_labels
from model_metamers.signals import collection, examples, files
from model_metamers.signals.spec import SignalSpec
from model_metamers.storage.digests import file_digests, text_digest
from model_metamers.storage.whole import whole_folder
from model_metamers.storage.writing import write_table

LABELS = "labels.csv"
_SEED = 20191208
_NO_LABELS = "without labels, the truth is what the generating network takes each for"


@dataclasses.dataclass(frozen=True)
class StimulusSet:
    """Where natural signals of a kind are, or will be.

    Attributes:
      signal: what networks of the kind take; tells which files count.
      matched: file, or folder of files, whose metamers are made.
      further: the same, for the null distribution alone; None where there are no others.
      labels: table of true classes; None where the generating network's answer to the
        natural signal stands for them.
      count: how many are matched, at most.
      source: in words.
      prepare: writes the files; does nothing where they are.
    """

    signal: SignalSpec
    matched: Path
    further: Path | None
    labels: Path | None
    count: int
    source: str
    prepare: Callable[[], None] = lambda: None

    def content(self) -> str:
        """Digest of what the signals are, with their true classes; of `source` until they are written.

        Names, times and other files beside them do not count.

        Raises:
          InputError: a file, or the labels, cannot be read.
        """
        if not all(path.exists() for path in (self.matched, self.further, self.labels) if path):
            return text_digest([self.source])
        return text_digest([*self._contents(self.matched), "further", *self._contents(self.further)])

    def _contents(self, path: Path | None) -> list[str]:
        """Digest and true class of each signal, in an order that names do not change."""
        if path is None:
            return []
        found = files.find_files([path], self.signal)
        truths = read_labels(self.labels) if self.labels else {}
        digests = file_digests(list(found.values()))
        return sorted(f"{digest} {truths.get(name, '')}" for name, digest in zip(found, digests, strict=True))


def cifar10(signal: SignalSpec, data: Path, out: Path, count: int, further: int) -> StimulusSet:
    """Test images of CIFAR-10, as many of each class, drawn at random once.

    Args:
      signal: what the networks take.
      data: folder with the TFRecords of the test images.
      out: folder for the PNG files.
      count, further: images matched, and further ones.
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
    )


def _write_cifar10(data: Path, out: Path, count: int, further: int) -> None:
    images, labels = corpora.records.read_image_records(sorted(data.glob("test-*")), 32, progress=False)
    order = np.random.RandomState(_SEED).permutation(len(labels))
    by_class = [[i for i in order if labels[i] == c] for c in range(len(small_signals.CIFAR10_CLASSES))]
    turn = [i for row in zip(*by_class, strict=False) for i in row]  # a class after the other
    names = {i: f"{small_signals.CIFAR10_CLASSES[labels[i]]}_{i:04d}" for i in turn[: count + further]}

    def write(folder: Path, chosen: Iterable[int]) -> None:
        for i in chosen:
            Image.fromarray(images[i]).save(folder / f"{names[i]}.png")

    _fill(out / "matched", lambda folder: write(folder, turn[:count]))
    _fill(out / "further", lambda folder: write(folder, turn[count : count + further]))
    _write_labels(out / LABELS, [(names[i], small_signals.CIFAR10_CLASSES[labels[i]]) for i in turn[:count]])


def spoken_words(
    signal: SignalSpec,
    speech: Path,
    out: Path,
    count: int,
    further: int,
    sample_rate: int,
    build: Callable[[], None],
) -> StimulusSet:
    """Held-out clips of a speech data set, of unlike words and speakers, drawn at random once.

    Args:
      signal: what the networks take.
      speech: folder of build_speech_dataset.
      out: folder for the WAV files.
      count, further: clips matched, and further ones.
      sample_rate: of the data set, Hz.
      build: makes the data set where it is not there.
    """

    def prepare() -> None:
        if not speech.exists():
            build()
        _write_spoken_words(speech, out, count, further, sample_rate)

    source = f"{count} spoken words of speakers not trained on"
    return StimulusSet(signal, out / "matched", out / "further", out / LABELS, count, source, prepare)


@dataclasses.dataclass(frozen=True)
class _Clip:
    """A spoken word of a data set; `recording` is its file there."""

    word: str
    speaker: str
    recording: str
    waveform: np.ndarray

    @property
    def name(self) -> str:
        """Of the stimulus that it becomes."""
        return f"{self.word}_{Path(self.recording).name}"


def _write_spoken_words(speech: Path, out: Path, count: int, further: int, sample_rate: int) -> None:
    clips = _clips(training.records.find_records(speech, "validation").paths)
    chosen = _of_unlike_words_and_speakers(clips, count + further)

    def write(folder: Path, part: Sequence[_Clip]) -> None:
        for clip in part:
            # Not by soundfile: it notes the time in files of floats, so that no two are the same.
            wavfile.write(folder / f"{clip.name}.wav", sample_rate, clip.waveform)

    _fill(out / "matched", lambda folder: write(folder, chosen[:count]))
    _fill(out / "further", lambda folder: write(folder, chosen[count:]))
    _write_labels(out / LABELS, [(clip.name, clip.word) for clip in chosen[:count]])


def _of_unlike_words_and_speakers(clips: Iterable[_Clip], count: int) -> list[_Clip]:
    """One clip of each word in turn, of speakers not heard yet as long as the word has any."""
    clips = sorted(clips, key=operator.attrgetter("word", "speaker", "recording"))
    order = np.random.RandomState(_SEED).permutation(len(clips))
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
    """Every clip of TFRecord files of build_speech_dataset."""
    for path in paths:
        for _, feature in examples.read_examples(path):
            told = ("word", "speaker", "recording")
            word, speaker, recording = (examples.text_of(feature, f"/stimuli/{key}", path) for key in told)
            yield _Clip(word, speaker, recording, examples.floats_of(feature, collection.SOUND_KEY, path))


def photographs(signal: SignalSpec, out: Path, count: int) -> StimulusSet:
    """Photographs that installed libraries carry; the further ones are the rest of them."""
    names = sorted(f"{name}.png" for name, _ in corpora.demo_stimuli.photographs())
    matched, further = names[:count], names[count:]
    source = f"{len(matched)} photographs of installed libraries; {_NO_LABELS}"

    def prepare() -> None:
        _share(corpora.demo_stimuli.write_photographs(out / "all"), out, matched, further)

    return StimulusSet(
        signal, out / "matched", out / "further" if further else None, None, len(matched), source, prepare
    )


def synthesised_words(signal: SignalSpec, out: Path, count: int) -> StimulusSet:
    """Words of the networks said by espeak-ng; the further ones are the rest of them."""
    matched = sorted(word for word in corpora.demo_stimuli.WORDS if word in small_signals.WORDS)[:count]
    further = [word for word in corpora.demo_stimuli.WORDS if word not in matched]
    source = f"{len(matched)} words said by espeak-ng"

    def prepare() -> None:
        everything = corpora.demo_stimuli.write_words(out / "all")
        _share(everything, out, *([f"{word}.wav" for word in words] for words in (matched, further)))
        _write_labels(out / LABELS, [(word, word) for word in matched])

    return StimulusSet(signal, out / "matched", out / "further", out / LABELS, len(matched), source, prepare)


def own(signal: SignalSpec, matched: str, further: str | None, labels: str | None) -> StimulusSet:
    """The user's own files.

    Args:
      signal: what networks take; tells which files count.
      matched, further: files or folders of them.
      labels: a table.

    Raises:
      InputError: one of the folders, or the labels, is not there, or no signal is.
    """
    for path in filter(None, (matched, further, labels)):
        if not Path(path).exists():
            raise InputError(f"{path}: no such file or folder")
    counts = {given: len(files.find_files([given], signal)) for given in (matched, further) if given}
    truth = f"labels of {labels}" if labels else _NO_LABELS
    return StimulusSet(
        signal,
        Path(matched),
        Path(further) if further else None,
        Path(labels) if labels else None,
        counts[matched],
        f"files of {matched}; {truth}",
    )


def _share(everything: Path, out: Path, matched: Sequence[str], further: Sequence[str]) -> None:
    """Copies into two folders; there is no second where nothing would be in it."""
    for folder, names in (("matched", matched), ("further", further)):
        if names:
            _fill(out / folder, functools.partial(_copy, everything, names))


def _copy(everything: Path, names: Sequence[str], folder: Path) -> None:
    for name in names:
        shutil.copy(everything / name, folder / name)


def _fill(folder: Path, write: Callable[[Path], object]) -> None:
    """Makes a folder and its files, whole or not at all."""
    if folder.exists():
        return
    with whole_folder(folder) as partial:
        write(partial)


def _write_labels(path: Path, truths: Sequence[tuple[str, str]]) -> None:
    write_table(path, [("stimulus", "label"), *truths])
