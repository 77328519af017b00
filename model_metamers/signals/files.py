"""Stimuli from files and folders of either kind, by name."""

from __future__ import annotations

import collections
import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from model_metamers.errors import InputError
from model_metamers.signals import images, sounds
from model_metamers.signals.spec import SignalSpec

_EXTENSIONS = {"image": images.EXTENSIONS, "sound": sounds.EXTENSIONS}
_ARTICLES = {"image": "an image", "sound": "a sound"}
_ARRAY = ".npy"

_log = logging.getLogger(__name__)


def find_files(paths: Sequence[str | Path], signal: SignalSpec) -> dict[str, Path]:
    """Files by stimulus name (the file's name without its extension), in order.

    Args:
      paths: files, or folders whose files of the network's kind are taken.
      signal: of the network.

    Raises:
      InputError: a path that does not exist, a folder without such files, a file of
        another kind, or two files of one name.
    """
    extensions = (*_EXTENSIONS[signal.kind], _ARRAY)
    found: dict[str, Path] = {}
    for path in map(Path, paths):
        for file in _files_of(path, extensions, signal.kind):
            if file.suffix.lower() not in extensions:
                raise InputError(
                    f"{file}: this network takes {_ARTICLES[signal.kind]}: {', '.join(extensions)}"
                )
            if file.stem in found:
                raise InputError(
                    f"{file} and {found[file.stem]} would both be called {file.stem!r}; rename one"
                )
            found[file.stem] = file
    return found


def _files_of(path: Path, extensions: Iterable[str], kind: str) -> list[Path]:
    if not path.exists():
        raise InputError(f"{path}: no such file or folder")
    if path.is_file():
        return [path]
    files = sorted(p for p in path.iterdir() if p.is_file() and p.suffix.lower() in tuple(extensions))
    if not files:
        raise InputError(f"{path}: holds no {kind} files ({', '.join(extensions)})")
    return files


def load_signals(files: Mapping[str, Path], signal: SignalSpec) -> dict[str, np.ndarray]:
    """Every file as a target of the network.

    Images and sounds are brought to the network's size, range, rate, length and level; a
    `.npy` array is taken as it is and must fit. Conversions of sounds are logged.

    Raises:
      InputError: a file that cannot be taken; nothing has been computed then.
    """
    loaded = {name: load_signal(path, signal) for name, path in files.items()}
    if signal.kind == "sound":
        paths = [path for path in files.values() if path.suffix.lower() != _ARRAY]
        counts = collections.Counter(c for path in paths for c in sounds.conversions(path, signal))
        for conversion, count in counts.items():
            _log.info("%d of %d sounds %s", count, len(paths), conversion)
    return loaded


def load_signal(path: Path, signal: SignalSpec) -> np.ndarray:
    """One file as a target of the network; see `load_signals`."""
    if path.suffix.lower() == _ARRAY:
        try:
            array = np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise InputError(f"{path}: no readable .npy array ({error})") from error
        return signal.check(array, str(path))[0]
    if signal.kind == "image":
        return images.load_image(path, signal)
    return sounds.load_sound(path, signal)
