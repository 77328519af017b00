"""What stimuli show or say: their true classes, by name of the stimulus."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from model_metamers.errors import InputError
from model_metamers.recognition.decisions import imagenet_labels
from model_metamers.signals import examples, images, sounds
from model_metamers.storage import tfrecords
from model_metamers.storage.folders import files_below
from model_metamers.storage.reading import composed, one_line, read_table

if TYPE_CHECKING:
    from model_metamers.recognition.presentations import Presentation

# Of a table, the first of these that it has.
_NAMES = ("stimulus", "file", "filename", "name")
_INDEX = "imagenet_index"
_LABELS = ("label", "class", "word", _INDEX, "category")
_KEYS = ("image/filename", "image/class/text")  # of TFRecords, TF-slim's
_FILES = (*images.EXTENSIONS, *sounds.EXTENSIONS, ".npy")


class Truth(NamedTuple):
    """The true class of a stimulus.

    Attributes:
      label: the class; None where it is not known.
      source: "labels", or "generator" where it is the class that the generating network gave to the
        natural signal.
    """

    label: str | None
    source: str


def truths(presentations: Sequence[Presentation], labels: Mapping[str, str] | None) -> list[Truth]:
    """The true class of each presentation.

    Args:
      presentations: to be judged.
      labels: by stimulus, see `read_labels`; None to take what the generating network makes of the
        natural signal, whoever judges.

    Raises:
      InputError: a stimulus without a label.
    """
    if labels is None:
        return [Truth(presentation.label, "generator") for presentation in presentations]
    missing = sorted({presentation.stimulus for presentation in presentations} - labels.keys())
    if missing:
        raise InputError(
            f"{len(missing)} stimuli have no label, such as {', '.join(missing[:3])}; a label bears the "
            f"name of its stimulus's file, without folder and extension"
        )
    return [Truth(labels[presentation.stimulus], "labels") for presentation in presentations]


def read_labels(path: str | Path, column: str | None = None) -> dict[str, str]:
    """True classes by stimulus, a stimulus being called by its file's name without extension.

    Args:
      path: a .csv or .tsv table with a header; a folder with a folder of files for each
        class; or a TFRecord file, or a folder of them, with `image/filename` and
        `image/class/text`.
      column: of a table, that holds the class; without it, the first there is of label,
        class, word, imagenet_index and category. `imagenet_index` counts the 1000 ILSVRC
        classes from 0.

    Raises:
      InputError: nothing there, no such column, or two classes for one stimulus.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: no such file or folder of labels")
    records = tfrecords.find_records(path)
    if records:
        pairs = [pair for file in records for pair in _of_records(file)]
    elif path.is_dir():
        pairs = _of_folder(path)
    else:
        pairs = _of_table(path, column)
    labels: dict[str, str] = {}
    for file, label in pairs:
        stem = _stem(file)
        if labels.setdefault(stem, label) != label:
            raise InputError(f"{path}: {stem!r} is both {labels[stem]!r} and {label!r}")
    if not labels:
        raise InputError(f"{path}: holds no labels")
    return labels


def _of_folder(folder: Path) -> list[tuple[str, str]]:
    files = [p for p in files_below(folder) if p.suffix.lower() in _FILES and p.parent.parent == folder]
    return [(file.name, composed(file.parent.name)) for file in files]


def _of_table(path: Path, column: str | None) -> list[tuple[str, str]]:
    header, rows = read_table(path, delimiter="\t" if path.suffix.lower() == ".tsv" else ",")
    name = next((n for n in _NAMES if n in header), None)
    label = column or next((n for n in _LABELS if n in header), None)
    if name is None or label is None or label not in header:
        raise InputError(
            f"{path}: its columns are {one_line(', '.join(header))}; expected one of "
            f"{', '.join(_NAMES)}, and {column or 'one of ' + ', '.join(_LABELS)}"
        )
    pairs = [(row.get(name), row.get(label)) for _, row in rows]
    labelled = [(file, text) for file, text in pairs if file and text]
    if len(labelled) < len(pairs):
        raise InputError(f"{path}: a row lacks its {name} or {label}")
    if label == _INDEX:
        return [(file, _imagenet_label(index, path)) for file, index in labelled]
    return labelled


def _imagenet_label(index: str, path: Path) -> str:
    labels = imagenet_labels()
    if not re.fullmatch(r"[0-9]{1,6}", index) or int(index) >= len(labels):
        raise InputError(f"{path}: {_INDEX} {index[:20]!r}: expected 0 to {len(labels) - 1}")
    return labels[int(index)]


def _of_records(path: Path) -> list[tuple[str, str]]:
    file, label = _KEYS
    return [
        (examples.text_of(feature, file, path), composed(examples.text_of(feature, label, path)))
        for _, feature in examples.read_examples(path)
    ]


def _stem(file: str) -> str:
    """The stimulus's name; a dot in it that begins no known extension stays."""
    name = composed(file).replace("\\", "/").rpartition("/")[2]
    return name[: -len(Path(name).suffix)] if Path(name).suffix.lower() in _FILES else name
