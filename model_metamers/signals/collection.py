"""Many stimuli, loaded one by one when they are asked for."""

from __future__ import annotations

import logging
import re
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from model_metamers.errors import InputError
from model_metamers.signals import files, images, sounds
from model_metamers.signals.spec import SignalSpec
from model_metamers.storage.digests import file_digests, text_digest

if TYPE_CHECKING:
    import tensorflow as tf

_log = logging.getLogger(__name__)

RECORDS = (".tfrecord", ".tfrecords")
RECORD_HEADER = 12  # bytes of the length and its checksum


class Stimuli:
    """Stimuli by index; `recordings` says which are of the same one.

    Attributes:
      names: of each stimulus.
      recordings: a pair of one recording is not unrelated.
      digest: of what the stimuli are, sha256.
    """

    def __init__(self, names: Sequence[str], recordings: Sequence[str], digest: str):
        self.names, self.recordings, self.digest = list(names), list(recordings), digest

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> np.ndarray:
        raise NotImplementedError


class FileStimuli(Stimuli):
    """Image or sound files."""

    def __init__(self, paths: Mapping[str, Path], signal: SignalSpec, recordings: Sequence[str]):
        super().__init__(list(paths), recordings, _identity(list(paths.values()), recordings))
        self._paths, self._signal = list(paths.values()), signal

    def __getitem__(self, index: int) -> np.ndarray:
        return files.load_signal(self._paths[index], self._signal)


class RecordStimuli(Stimuli):
    """TFRecord files of encoded images (TF-slim's keys) or of waveforms."""

    def __init__(self, paths: Sequence[Path], signal: SignalSpec, sound_key: str, sample_rate: int | None):
        self._places = [(path, offset) for path in paths for offset in record_offsets(path)]
        names = [f"{path.name}:{offset}" for path, offset in self._places]
        super().__init__(names, names, _identity(paths, names))
        self._signal, self._sound_key, self._sample_rate = signal, sound_key, sample_rate

    def __getitem__(self, index: int) -> np.ndarray:
        path, offset = self._places[index]
        feature = _read_example(path, offset).features.feature
        if self._signal.kind == "image":
            return images.decode_image(
                _bytes(feature, "image/encoded", path), self._signal, self.names[index]
            )
        values = feature[self._sound_key].float_list.value if self._sound_key in feature else []
        if not values:
            raise InputError(
                f"{path}: records have no float list {self._sound_key!r}, only {', '.join(sorted(feature))}"
            )
        waveform = np.array(values, np.float64)
        rate = self._sample_rate or self._signal.rate_hz
        return sounds.fit(waveform, rate, self._signal, self.names[index])


def find_stimuli(
    inputs: Sequence[str | Path],
    signal: SignalSpec,
    recording_pattern: str | None = None,
    sound_key: str = "/stimuli/signal",
    record_rate: int | None = None,
) -> Stimuli:
    """Stimuli from files and folders, or from TFRecord files and folders of them.

    Of files with the same content one is kept, since a signal is not unrelated to itself.
    A folder of TFRecords is one that holds them and no image or sound files of its own.

    Args:
      inputs: files and folders, or TFRecord files and folders of them, not both.
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
    records = [_record_files(path, signal) for path in paths]
    if any(records) and not all(records):
        raise InputError("give either TFRecord files or files and folders of stimuli, not both")
    if any(records):
        return RecordStimuli([file for of in records for file in of], signal, sound_key, record_rate)
    found = _without_copies(files.find_files(paths, signal))
    return FileStimuli(found, signal, [_recording(name, recording_pattern) for name in found])


def _is_records(path: Path) -> bool:
    return RECORDS[0] in path.name.lower() or path.suffix.lower() in RECORDS


def _record_files(path: Path, signal: SignalSpec) -> list[Path]:
    """The TFRecord files that an input stands for; none where it is of other files."""
    if not path.is_dir():
        return [path] if _is_records(path) else []
    if files.files_in(path, files.endings(signal)):
        return []
    return [file for file in files.entries(path) if file.is_file() and _is_records(file)]


def _without_copies(paths: Mapping[str, Path]) -> dict[str, Path]:
    """The first of the files of each content; what is left out is logged."""
    kept: dict[str, str] = {}
    copies = []
    for name, digest in zip(paths, file_digests(list(paths.values())), strict=True):
        first = kept.setdefault(digest, name)
        if first != name:
            copies.append(f"{name} (of {first})")
    if copies:
        more = f" and {len(copies) - 5} more" if len(copies) > 5 else ""
        _log.info("%d copies of other files left out: %s%s", len(copies), ", ".join(copies[:5]), more)
    return {name: paths[name] for name in kept.values()}


def record_offsets(path: Path) -> list[int]:
    """Where each record's content begins in a TFRecord file.

    Raises:
      InputError: no such file, or it ends within a record.
    """
    try:
        size = path.stat().st_size
        offsets, place = [], 0
        with path.open("rb") as file:
            while place < size:
                file.seek(place)
                header = file.read(RECORD_HEADER)
                length = struct.unpack("<Q", header[:8])[0] if len(header) == RECORD_HEADER else size
                if place + RECORD_HEADER + length + 4 > size:
                    raise InputError(f"{path}: damaged or no TFRecord file, at byte {place}")
                offsets.append(place + RECORD_HEADER)
                place += RECORD_HEADER + length + 4
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    return offsets


def _read_example(path: Path, offset: int) -> tf.train.Example:
    with path.open("rb") as file:
        file.seek(offset - RECORD_HEADER)
        length = struct.unpack("<Q", file.read(12)[:8])[0]
        content = file.read(length)
    import tensorflow as tf

    try:
        return tf.train.Example.FromString(content)
    except Exception as error:  # protobuf's DecodeError has no public home
        raise InputError(f"{path}: the record at byte {offset} is damaged ({error})") from error


def _bytes(feature: Mapping, key: str, path: Path) -> bytes:
    values = feature[key].bytes_list.value if key in feature else []
    if not values:
        raise InputError(f"{path}: records have no {key!r}, only {', '.join(sorted(feature))}")
    return values[0]


def _recording(name: str, pattern: str | None) -> str:
    if pattern is None:
        return name
    match = re.search(pattern, name)
    if not match or not match.groups():
        raise InputError(f"recording_pattern {pattern!r} finds no group in {name!r}")
    return match[1]


def _identity(paths: Sequence[Path], recordings: Sequence[str]) -> str:
    """What decides a measurement: the files' contents in order, and which of them belong together."""
    first: dict[str, int] = {}
    groups = [first.setdefault(recording, place) for place, recording in enumerate(recordings)]
    return text_digest([*file_digests(paths), *map(str, groups)])
