"""What stimuli show or say: their true classes, by name of the stimulus."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from model_metamers.errors import InputError
from model_metamers.recognition.decisions import imagenet_labels
from model_metamers.signals import collection, images, sounds

if TYPE_CHECKING:
    import tensorflow as tf

    from model_metamers.recognition.presentations import Presentation

# Of a table, the first of these that it has.
_NAMES = ("stimulus", "file", "filename", "name")
_INDEX = "imagenet_index"
_LABELS = ("label", "class", "word", _INDEX, "category")
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
        class; or a TFRecord file with `image/filename` and `image/class/text`.
      column: of a table, that holds the class; without it, the first there is of label,
        class, word, imagenet_index and category. `imagenet_index` counts the 1000 ILSVRC
        classes from 0.

    Raises:
      InputError: nothing there, no such column, or two classes for one stimulus.
    """
    path = Path(path)
    if path.is_dir():
        pairs = _of_folder(path)
    elif not path.is_file():
        raise InputError(f"{path}: no such file or folder of labels")
    elif collection.RECORDS[0] in path.name:
        pairs = _of_records(path)
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
    files = sorted(p for p in folder.glob("*/*") if p.suffix.lower() in _FILES)
    return [(file.name, file.parent.name) for file in files]


def _of_table(path: Path, column: str | None) -> list[tuple[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, delimiter="\t" if path.suffix.lower() == ".tsv" else ",")
            header, rows = reader.fieldnames or [], list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: no readable table ({error})") from error
    name = next((n for n in _NAMES if n in header), None)
    label = column or next((n for n in _LABELS if n in header), None)
    if name is None or label not in header:
        raise InputError(
            f"{path}: its columns are {', '.join(header)}; expected one of {', '.join(_NAMES)}, and "
            f"{column or 'one of ' + ', '.join(_LABELS)}"
        )
    pairs = [(row[name], row[label]) for row in rows]
    if not all(file and text for file, text in pairs):
        raise InputError(f"{path}: a row lacks its {name} or {label}")
    if label == _INDEX:
        return [(file, _imagenet_label(index, path)) for file, index in pairs]
    return pairs


def _imagenet_label(index: str, path: Path) -> str:
    labels = imagenet_labels()
    if not index.isdecimal() or int(index) >= len(labels):
        raise InputError(f"{path}: {_INDEX} {index!r}: expected 0 to {len(labels) - 1}")
    return labels[int(index)]


def _of_records(path: Path) -> list[tuple[str, str]]:
    import tensorflow as tf

    try:
        contents = list(tf.data.TFRecordDataset(str(path)).as_numpy_iterator())
        examples = [tf.train.Example.FromString(content).features.feature for content in contents]
    except Exception as error:  # TensorFlow's, or protobuf's DecodeError, which has no public home
        raise InputError(f"{path}: damaged or no TFRecord file ({error})") from error
    return [(_text(e, "image/filename", path), _text(e, "image/class/text", path)) for e in examples]


def _text(feature: Mapping[str, tf.train.Feature], key: str, path: Path) -> str:
    values = feature[key].bytes_list.value if key in feature else []
    if not values:
        raise InputError(f"{path}: records have no {key!r}, only {', '.join(sorted(feature))}")
    return values[0].decode("utf-8")


def _stem(file: str) -> str:
    """The stimulus's name; a dot in it that begins no known extension stays."""
    name = file.replace("\\", "/").rpartition("/")[2]
    return name[: -len(Path(name).suffix)] if Path(name).suffix.lower() in _FILES else name
