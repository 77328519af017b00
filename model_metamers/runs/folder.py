"""The layout of a run's folder, in one place.

  OUT/flags.txt                                  the command, to be repeated
  OUT/report.html                                the run in one page
  OUT/report_single_file.html                    where asked for, with all pictures and sounds inside
  OUT/<network>/settings.json                    what the results below were made with
  OUT/<network>/null.npz                         the null distribution
  OUT/<network>/<layer>/.search-<key>.npz        a search that is not finished
  OUT/<network>/<layer>/spearman.png             rho of the layer's metamers, and the null's
  OUT/<network>/<layer>/<stimulus>/metamer.npz   the float32 signal, its target, the loss
  OUT/<network>/<layer>/<stimulus>/metamer.json  every number
  OUT/<network>/<layer>/<stimulus>/metamer.png   what a person is shown; of sounds, metamer.wav
  OUT/<network>/<layer>/<stimulus>/target.png    and the target, likewise
  OUT/<network>/<layer>/<stimulus>/loss.png      drawn for the page; of sounds, *_cochleagram.png too
  OUT/<network>/<layer>/.broken-<stimulus>-<n>   one that was changed or damaged, and made again

Nothing is written or read here but the names of files that are there.
"""

from __future__ import annotations

import dataclasses
import os
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from model_metamers.errors import InputError
from model_metamers.storage.claims import SETTINGS

NULL = "null.npz"
_LONGEST_NAME = 255  # bytes, of nearly every file system
LONGEST_NETWORK = 200  # names of figures hold more than the network's
_LONGEST_PATH = 4096 - 200  # bytes: Linux's limit, less what a metamer's files are called while written
# Unicode's categories of control characters, surrogates, and ends of lines and paragraphs.
_UNPRINTABLE = ("Cc", "Cs", "Zl", "Zp")
_ARRAYS, _RECORD = "metamer.npz", "metamer.json"
_EXTENSIONS = {"image": "png", "sound": "wav", "cochleagram": "png"}


@dataclasses.dataclass(frozen=True)
class RunFolder:
    """Where the results of one network lie.

    Attributes:
      out: folder of the run, which may hold results of several networks.
      network: its name.
    """

    out: Path
    network: str

    @classmethod
    def of(cls, path: Path) -> RunFolder:
        """The one whose `path` this is, OUT/<network>."""
        return cls(path.parent, path.name)

    @property
    def path(self) -> Path:
        return self.out / safe_name(self.network)

    @property
    def flags(self) -> Path:
        return self.out / "flags.txt"

    @property
    def page(self) -> Path:
        return self.out / "report.html"

    @property
    def single_page(self) -> Path:
        return self.out / "report_single_file.html"

    @property
    def settings(self) -> Path:
        return self.path / SETTINGS

    @property
    def null(self) -> Path:
        return self.path / NULL

    def layer(self, layer: str) -> Path:
        return self.path / safe_name(layer)

    def histogram(self, layer: str) -> Path:
        return self.layer(layer) / "spearman.png"

    def search(self, layer: str, key: str) -> Path:
        """The state of a search that is not finished; `key` tells it from others of the layer."""
        return self.layer(layer) / f".search-{key}.npz"

    def searches(self) -> list[Path]:
        """States of unfinished searches that are there, of all layers."""
        return sorted(self.path.glob("*/.search-*.npz"))

    def metamer(self, layer: str, stimulus: str) -> MetamerFolder:
        return MetamerFolder(self.layer(layer) / safe_name(stimulus))

    def metamers(self, layers: Iterable[str] | None = None) -> list[MetamerFolder]:
        """Folders of metamers that are there, of all layers or of the named ones, in order."""
        if layers is None:
            return sorted(MetamerFolder(path) for place in _folders(self.path) for path in _folders(place))
        return [MetamerFolder(path) for layer in layers for path in _folders(self.layer(layer))]


@dataclasses.dataclass(frozen=True, order=True)
class MetamerFolder:
    """Where one metamer lies.

    Attributes:
      path: its folder.
    """

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def run(self) -> RunFolder:
        """The folder of the run that it was made in."""
        return RunFolder.of(self.path.resolve().parents[1])

    @property
    def arrays(self) -> Path:
        """The float32 signal, its target, and the loss."""
        return self.path / _ARRAYS

    @property
    def record(self) -> Path:
        """Every number."""
        return self.path / _RECORD

    @property
    def loss_curve(self) -> Path:
        return self.path / "loss.png"

    def shown(self, stem: str, kind: str) -> Path:
        """The file that a person is shown.

        Args:
          stem: "metamer" or "target".
          kind: of the signal, "image", "sound" or "cochleagram".
        """
        return self.path / f"{stem}.{_EXTENSIONS[kind]}"

    def results(self, kind: str) -> tuple[Path, ...]:
        """The files beside the record that hold results, of a signal of this kind."""
        return (self.arrays, *(self.shown(stem, kind) for stem in ("metamer", "target")))

    def cochleagram(self, stem: str) -> Path:
        """The page's picture of a sound."""
        return self.path / f"{stem}_cochleagram.png"


def safe_name(name: str) -> str:
    """A name of a network, layer or stimulus as one folder may be called.

    Slashes become underscores, as do dots in front, which would hide the folder or be another.
    """
    safe = name.replace("/", "_").replace("\0", "_")
    rest = safe.lstrip(".")
    return "_" * (len(safe) - len(rest)) + rest or "_"


def check_names(names: Iterable[str], what: str, longest: int = _LONGEST_NAME) -> None:
    """Refuses names that would share a folder, or cannot be one's.

    Args:
      names: different ones.
      what: they are names of, for the message: "layers", say.
      longest: bytes of UTF-8 that a name may have.

    Raises:
      InputError: two would share a folder on this system or another (Vgg and vgg), or one is empty,
        too long, no Unicode, or breaks lines.
    """
    taken: dict[str, str] = {}
    for name in names:
        if not _can_be_written(safe_name(name), longest):
            raise InputError(
                f"{what}: {name!r} cannot be a folder's name; use at most {longest} bytes of UTF-8"
            )
        check_name(name, what)
        other = taken.setdefault(_one_folder(name), name)
        if other != name:
            where = "" if safe_name(other) == safe_name(name) else " on systems that tell no capitals apart"
            raise InputError(f"{what} {other!r} and {name!r} would share a folder{where}; rename one")


def check_length(folder: Path) -> None:
    """Refuses a metamer's folder whose files would have too long a path; InputError."""
    length = len(os.fsencode(os.path.abspath(folder)))
    if length > _LONGEST_PATH:
        raise InputError(
            f"{str(folder)[:100]}...: a path of {length} bytes, beyond {_LONGEST_PATH}; choose a folder with "
            f"a shorter one"
        )


def check_name(name: str, what: str) -> None:
    """Refuses a name that is empty, or not `check_printable`; InputError."""
    check_printable(name, what)
    if not name:
        raise InputError(f"{what}: a name is empty; give it one")


def check_printable(text: str, what: str) -> None:
    """Refuses a text that a terminal would not print but obey, or that is no Unicode.

    Args:
      text: a name, a path.
      what: it is, for the message.

    Raises:
      InputError: it holds a control character, a line break or half a character (a surrogate).
    """
    bad = next((c for c in text if unicodedata.category(c) in _UNPRINTABLE), None)
    if bad is not None:
        raise InputError(f"{what}: {text[:200]!r} holds {bad!r}, which cannot be printed; rename it")


def _one_folder(name: str) -> str:
    """The same for names whose folders are one on some system: on macOS and Windows, Vgg and vgg are."""
    return unicodedata.normalize("NFC", safe_name(name)).casefold()


def _can_be_written(name: str, longest: int) -> bool:
    try:
        return len(name.encode()) <= longest
    except UnicodeEncodeError:
        return False


def find_metamers(folder: Path) -> list[Path]:
    """Every metamer's folder below a folder, at any depth, also those that have lost a file.

    Raises:
      InputError: there are none.
    """
    there = {
        path.parent
        for name in (_ARRAYS, _RECORD)
        for path in folder.rglob(name)
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    }
    if not there:
        raise InputError(f"{folder}: holds no metamers")
    return sorted(there)


def _folders(path: Path) -> list[Path]:
    """Folders in a folder, without hidden ones."""
    if not path.is_dir():
        return []
    return sorted(p for p in path.iterdir() if p.is_dir() and not p.name.startswith("."))
