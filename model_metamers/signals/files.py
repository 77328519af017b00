"""Stimuli from files and folders of either kind, by name."""

from __future__ import annotations

import collections
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from model_metamers.errors import InputError
from model_metamers.signals import images, sounds
from model_metamers.signals.names import stimulus_name
from model_metamers.signals.spec import SignalSpec
from model_metamers.storage.folders import is_hidden
from model_metamers.storage.reading import read_array

_EXTENSIONS = {"image": images.EXTENSIONS, "sound": sounds.EXTENSIONS}
_ARTICLES = {"image": "an image", "sound": "a sound"}
_ARRAY = ".npy"

_log = logging.getLogger(__name__)


def find_files(paths: Sequence[str | Path], signal: SignalSpec) -> dict[str, Path]:
    """Files by stimulus name (the file's name without its extension), in order.

    Of a folder, the files of the network's kind are taken; where it holds none, those of its
    class folders (`<folder>/<class>/<file>`). Those are called `<class>_<file>` where two of
    them would share a name. Hidden files are passed over; files of other kinds are too, and a
    line is logged that says so.

    Args:
      paths: files or folders.
      signal: of the network.

    Raises:
      InputError: a path that does not exist, or is named twice, a folder without such files, a file of
        another kind, two files of one name, or a name that a stimulus cannot bear.
    """
    check_once(paths)
    by_name: dict[str, Path] = {}
    for path in map(Path, paths):
        for text, file in _named_files(path, endings(signal), signal.kind):
            name = stimulus_name(text, str(file))
            if name in by_name:
                raise InputError(f"{file} and {by_name[name]} would both be called {name!r}; rename one")
            by_name[name] = file
    return by_name


def class_folders(by_name: Mapping[str, Path], paths: Sequence[str | Path]) -> dict[str, str]:
    """The classes of those files of `find_files` that lie in class folders: the folders' names.

    Args:
      by_name: what `find_files` gave.
      paths: that it was given.
    """
    given = set(map(Path, paths))
    return {name: file.parent.name for name, file in by_name.items() if given.isdisjoint((file, file.parent))}


def check_once(paths: Sequence[str | Path]) -> None:
    """Refuses a path that is named twice, in whatever spelling; InputError."""
    named: dict[str, str | Path] = {}
    for path in paths:
        folder, name = os.path.split(os.path.abspath(path))
        place = os.path.join(os.path.realpath(folder), name)
        if place in named:
            raise InputError(f"{named[place]} and {path} are the same; name it once")
        named[place] = path


def endings(signal: SignalSpec) -> tuple[str, ...]:
    """How the names of files of a network's kind end, in small letters."""
    return (*_EXTENSIONS.get(signal.kind, ()), _ARRAY)


def _named_files(path: Path, wanted: tuple[str, ...], kind: str) -> list[tuple[str, Path]]:
    """The files that a path stands for, with their names."""
    if not path.exists():
        raise InputError(f"{path}: no such file or folder")
    if path.is_file():
        if path.suffix.lower() not in wanted:
            article = _ARTICLES.get(kind, f"a {kind}")
            raise InputError(f"{path}: this network takes {article} ({' '.join(wanted)}); convert it first")
        return [(path.stem, path)]
    files = files_in(path, wanted)
    if files:
        _tell_passed_over(path, wanted)
        return [(file.stem, file) for file in files]
    classes = {folder.name: files_in(folder, wanted) for folder in entries(path) if folder.is_dir()}
    classes = {name: files for name, files in classes.items() if files}
    if not classes:
        raise InputError(f"{path}: holds no {kind} files ({' '.join(wanted)})")
    return _named_by_class(path, classes, wanted)


def _named_by_class(
    path: Path, classes: Mapping[str, Sequence[Path]], wanted: tuple[str, ...]
) -> list[tuple[str, Path]]:
    counts = collections.Counter(file.stem for files in classes.values() for file in files)
    shared = max(counts.values()) > 1
    shown = ", ".join(list(classes)[:3]) + (", ..." if len(classes) > 3 else "")
    how = "; called <folder>_<file>, since some share a name" if shared else ""
    _log.info("%s: %d files of %d folders (%s)%s", path, counts.total(), len(classes), shown, how)
    for name in classes:
        _tell_passed_over(path / name, wanted)
    return [
        (f"{name}_{file.stem}" if shared else file.stem, file)
        for name, files in classes.items()
        for file in files
    ]


def files_in(folder: Path, wanted: Sequence[str]) -> list[Path]:
    """A folder's own files of some wanted, in the alphabet's order, without hidden ones."""
    return [p for p in entries(folder) if p.suffix.lower() in tuple(wanted) and p.is_file()]


def entries(folder: Path) -> list[Path]:
    """What is in a folder, in the alphabet's order, without what is hidden.

    Raises:
      InputError: it cannot be read.
    """
    try:
        return sorted(p for p in folder.iterdir() if not is_hidden(p))
    except OSError as error:
        raise InputError(f"{folder}: cannot be read ({error.strerror})") from error


def _tell_passed_over(folder: Path, wanted: Sequence[str]) -> None:
    """Logs what of a folder was not taken, by ending."""
    others = [p for p in entries(folder) if p.suffix.lower() not in tuple(wanted) or not p.is_file()]
    kinds = collections.Counter("folders" if p.is_dir() else p.suffix.lower() or "no ending" for p in others)
    if kinds:
        told = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
        _log.info("%s: passed over: %s (such as %s)", folder, told, others[0].name)


def load_signals(files: Mapping[str, Path], signal: SignalSpec) -> dict[str, np.ndarray]:
    """Every file as a target of the network.

    Images and sounds are brought to the network's size, range, rate, length and level; a
    `.npy` array is taken as it is and must fit. Other conversions are logged.

    Raises:
      InputError: a file that cannot be taken; nothing has been computed then.
    """
    loaded = {name: load_signal(path, signal) for name, path in files.items()}
    paths = [path for path in files.values() if path.suffix.lower() != _ARRAY]
    counts = collections.Counter(c for path in paths for c in _conversions(path, signal))
    for conversion, count in counts.items():
        _log.info("%d of %d %ss %s", count, len(paths), signal.kind, conversion)
    return loaded


def load_signal(path: Path, signal: SignalSpec) -> np.ndarray:
    """One file as a target of the network; see `load_signals`."""
    if path.suffix.lower() == _ARRAY:
        signals = signal.check(read_array(path), str(path))
        if len(signals) > 1:
            raise InputError(f"{path}: holds {len(signals)} signals; save each as a file of its own")
        return signals[0]
    if signal.kind == "image":
        return images.load_image(path, signal)
    return sounds.load_sound(path, signal)


def _conversions(path: Path, signal: SignalSpec) -> list[str]:
    return images.conversions(path) if signal.kind == "image" else sounds.conversions(path, signal)
