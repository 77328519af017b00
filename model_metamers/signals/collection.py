"""Many stimuli, loaded one by one when they are asked for."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from model_metamers.errors import InputError, StorageError
from model_metamers.signals import examples, files, images, sounds
from model_metamers.signals.patterns import first_group
from model_metamers.signals.spec import SignalSpec
from model_metamers.storage import tfrecords
from model_metamers.storage.digests import file_digests, text_digest
from model_metamers.storage.explaining import explain

_IMAGE_KEY = "image/encoded"  # TF-slim's
SOUND_KEY = "/stimuli/signal"  # the lab's
_NAMED_COPIES = 5  # in a logged line

_log = logging.getLogger(__name__)


class Stimuli:
    """Stimuli by index; `recordings` says which are of the same one.

    Attributes:
      names: of each stimulus.
      recordings: a pair of one recording is not unrelated.
      digest: of what the stimuli are, sha256.
      classes: of each stimulus, None where it is not known.
      copies: names of those that were left out, each with that of the stimulus that it is a copy of.
      labels_digest: of a table of classes that was given; empty without.
    """

    def __init__(
        self,
        names: Sequence[str],
        recordings: Sequence[str],
        digest: str,
        classes: Sequence[str | None] | None = None,
        copies: Sequence[tuple[str, str]] = (),
    ):
        self.names, self.recordings, self.digest = list(names), list(recordings), digest
        self.classes: list[str | None] = list(classes or [None] * len(self.names))
        self.copies = list(copies)
        self.labels_digest = ""

    def label(self, labels: Mapping[str, str]) -> None:
        """Takes the classes of a table by stimulus name; InputError where one has none."""
        missing = [name for name in self.names if name not in labels]
        if missing:
            raise InputError(
                f"{len(missing)} of {len(self.names)} stimuli have no label, such as "
                f"{', '.join(missing[:3])}; a label bears the name of its stimulus's file"
            )
        classes = [labels[name] for name in self.names]
        self.classes, self.labels_digest = list(classes), text_digest(classes)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> np.ndarray:
        raise NotImplementedError


class FileStimuli(Stimuli):
    """Image or sound files."""

    def __init__(
        self,
        paths: Mapping[str, Path],
        signal: SignalSpec,
        recordings: Sequence[str],
        classes: Mapping[str, str] | None = None,
    ):
        names, every = list(paths), list(paths.values())
        digests = file_digests(every)
        kept, copies = _without_copies(names, digests)
        recordings = [recordings[i] for i in kept]
        self._paths, self._signal = [every[i] for i in kept], signal
        identity = _identity([digests[i] for i in kept], recordings)
        names = [names[i] for i in kept]
        super().__init__(names, recordings, identity, [(classes or {}).get(name) for name in names], copies)

    def __getitem__(self, index: int) -> np.ndarray:
        return files.load_signal(self._paths[index], self._signal)


class RecordStimuli(Stimuli):
    """TFRecord files of encoded images (TF-slim's keys) or of waveforms.

    Every file is read through once at the beginning. Compressed files are unpacked into a
    temporary file when the first of their records is asked for.
    """

    def __init__(self, paths: Sequence[Path], signal: SignalSpec, sound_key: str, sample_rate: int | None):
        self._signal, self._key = signal, _IMAGE_KEY if signal.kind == "image" else sound_key
        self._sample_rate = sample_rate or (signal.rate_hz if signal.kind == "sound" else 0)
        contents = [examples.contents_of(path, self._key) for path in paths]
        places = [
            (path, int(i)) for path, content in zip(paths, contents, strict=True) for i in content.places
        ]
        names = [f"{path.name}:{place + tfrecords.HEADER}" for path, place in places]
        digests = [row.tobytes() for content in contents for row in content.digests]
        kept, copies = _without_copies(names, digests)
        classes = [str(text) or None for content in contents for text in content.classes]
        self._places = [places[i] for i in kept]
        recordings = list(map(str, kept))
        given = [self._key, str(self._sample_rate)]
        usual = signal.kind == "image" or given == [SOUND_KEY, str(signal.sample_rate)]
        identity = _identity([*file_digests(paths), *([] if usual else given)], recordings)
        super().__init__([names[i] for i in kept], recordings, identity, [classes[i] for i in kept], copies)
        self._compressed = {path for path in paths if tfrecords.compression(path)}
        self._unpacked: dict[Path, int] = {}  # where each begins in the temporary file
        self._copy: BinaryIO | None = None

    def __getitem__(self, index: int) -> np.ndarray:
        path, place = self._places[index]
        feature = examples.parse_example(self._content(path, place), path, place)
        if self._signal.kind == "image":
            encoded = examples.bytes_of(feature, self._key, path)
            return images.decode_image(encoded, self._signal, self.names[index])
        waveform = examples.floats_of(feature, self._key, path).astype(np.float64)
        return sounds.fit(waveform, self._sample_rate, self._signal, self.names[index])

    def _content(self, path: Path, place: int) -> bytes:
        try:
            if path in self._compressed:
                return _content_at(*self._unpack(path), path, place)
            with path.open("rb") as file:
                return _content_at(file, 0, path, place)
        except OSError as error:
            if path in self._compressed and (text := explain(error)):
                raise StorageError(f"{tempfile.gettempdir()} (TMPDIR): {text}") from error
            raise InputError(f"{path}: cannot be read ({error})") from error

    def _unpack(self, path: Path) -> tuple[BinaryIO, int]:
        """The temporary file, and where in it a file's records begin."""
        if self._copy is None:
            self._copy = tempfile.TemporaryFile()  # noqa: SIM115 - goes with the program
        if path not in self._unpacked:
            begin = self._copy.seek(0, os.SEEK_END)
            with tfrecords.open_unpacked(path) as packed:
                shutil.copyfileobj(packed, self._copy, 1 << 20)
            self._unpacked[path] = begin
        return self._copy, self._unpacked[path]


def find_stimuli(
    inputs: Sequence[str | Path],
    signal: SignalSpec,
    recording_pattern: str | None = None,
    sound_key: str = SOUND_KEY,
    record_rate: int | None = None,
) -> Stimuli:
    """Stimuli from files and folders, or from TFRecord files.

    Copies are left out, since a null distribution over copies has the maximum 1 and no metamer
    passes it: of files with the same bytes, or of records with the same image or waveform, the
    first is taken. A logged line names the others.

    Classes are those that records tell, or the names of class folders.

    Args:
      inputs: files, folders of them, or TFRecord files or folders of those, not both.
      signal: of the network.
      recording_pattern: a regular expression whose first group, searched in a file's
        name, tells its recording, such as the speaker; each file its own when None.
      sound_key: of the waveform in TFRecords.
      record_rate: of waveforms in TFRecords, Hz; the network's when None.

    Raises:
      InputError: nothing found, a damaged TFRecord, files and TFRecords together, a
        pattern that does not match.
    """
    paths = [Path(p) for p in inputs]
    files.check_once(paths)
    records = [_record_files(path, signal) for path in paths]
    if any(records) and not all(records):
        raise InputError("give either TFRecord files or files and folders of stimuli, not both")
    if any(records):
        shards = [shard for of_path in records for shard in of_path]
        return RecordStimuli(shards, signal, sound_key, record_rate)
    by_name = files.find_files(paths, signal)
    recordings = list(by_name)
    if recording_pattern is not None:
        recordings = [first_group(recording_pattern, name, "recording_pattern") for name in by_name]
    return FileStimuli(by_name, signal, recordings, files.class_folders(by_name, paths))


def _record_files(path: Path, signal: SignalSpec) -> list[Path]:
    """TFRecord files that a path stands for; a folder's where it holds no files of the network's kind."""
    if path.is_dir() and files.files_in(path, files.endings(signal)):
        return []
    return tfrecords.find_records(path)


def _content_at(file: BinaryIO, begin: int, path: Path, place: int) -> bytes:
    file.seek(begin + place)
    content = tfrecords.read_record(file, path, place)
    if content is None:
        raise InputError(f"{path}: ends before byte {place}; it was changed while it was read")
    return content


def _without_copies(
    names: Sequence[str], contents: Sequence[str | bytes]
) -> tuple[list[int], list[tuple[str, str]]]:
    """Indices of those that are no copy of an earlier one, and the others' names with the earlier one's.

    A logged line names the others too.
    """
    first: dict[str | bytes, int] = {}
    kept, copies = [], []
    for i, content in enumerate(contents):
        if first.setdefault(content, i) == i:
            kept.append(i)
        else:
            copies.append((names[i], names[first[content]]))
    if copies:
        more = f" and {len(copies) - _NAMED_COPIES} more" if len(copies) > _NAMED_COPIES else ""
        named = ", ".join(f"{copy} (of {one})" for copy, one in copies[:_NAMED_COPIES])
        _log.info("%d copies of other stimuli left out: %s%s", len(copies), named, more)
    return kept, copies


def _identity(contents: Sequence[str], recordings: Sequence[str]) -> str:
    """What decides a measurement: the contents in order, and which of them belong together."""
    first: dict[str, int] = {}
    groups = [first.setdefault(recording, place) for place, recording in enumerate(recordings)]
    return text_digest([*contents, *map(str, groups)])
