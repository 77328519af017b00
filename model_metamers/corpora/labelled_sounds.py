"""Sound files and what is heard in them: class folders, ESC-50's and AudioSet's layouts."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from model_metamers.errors import InputError
from model_metamers.signals import sounds
from model_metamers.storage.folders import files_below
from model_metamers.storage.reading import composed, lines_of, one_line, read_json, read_table, read_text

LAYOUTS = ("folders", "esc50", "audioset")
NO_FOLD = 0  # folds count from 1

_ESC_NAME = re.compile(r"(?P<fold>\d)-(?P<recording>[^-]+)-[A-Z](?:-\d+)?")
_FOLD = re.compile(r"[1-9]\d{0,5}")
_ID_LENGTH = 11  # letters of a YouTube id, by which AudioSet names its segments
_ONTOLOGY = "list of {id, name, ...} as AudioSet's ontology.json"


class _Label(TypedDict):
    """What of an entry of `ontology.json` is read."""

    id: str
    name: str


@dataclass(frozen=True)
class Sound:
    """A sound file.

    Attributes:
      path: path of the file.
      labels: names of what is heard in it.
      recording: name of the recording that it was cut from, perhaps with other files.
      fold: number of its fold, from 1; `NO_FOLD` where there are none.
    """

    path: Path
    labels: tuple[str, ...]
    recording: str
    fold: int = NO_FOLD


def read_class_folders(root: Path) -> list[Sound]:
    """The sounds in class folders, `<class>/<file>`.

    Files named as in ESC (`1-17092-B-4.ogg`) also tell their fold and recording.

    Raises:
      InputError: there is no such folder, or there are no sounds in class folders.
    """
    paths = [path for path in _sounds_below(root) if path.parent.parent == root]
    if not paths:
        raise InputError(f"{root}: no sound files in class folders, <class>/<file>")
    result = []
    for path in paths:
        match = _ESC_NAME.fullmatch(path.stem)
        recording, fold = (match["recording"], int(match["fold"])) if match else (path.stem, NO_FOLD)
        result.append(Sound(path, (composed(path.parent.name),), composed(recording), fold))
    return result


def _sounds_below(root: Path) -> list[Path]:
    return [path for path in files_below(root) if path.suffix.lower() in sounds.EXTENSIONS]


def read_esc50(root: Path) -> list[Sound]:
    """The sounds of ESC-50 as it is published: `audio/*.wav` and `meta/esc50.csv`.

    Raises:
      InputError: the table or a sound is missing, or the table is damaged.
    """
    path = root / "meta" / "esc50.csv"
    there = {composed(file.name): file for file in _sounds_below(root / "audio")}
    listed = []
    for line, row in read_table(path, ("filename", "fold", "category", "src_file"))[1]:
        sound = there.get(row["filename"])
        if sound is None or not _FOLD.fullmatch(row["fold"]):
            raise InputError(
                f"{path}:{line}: no sound audio/{row['filename'][:100]!r}, or the fold "
                f"{row['fold'][:20]!r} is no number from 1"
            )
        listed.append(Sound(sound, (row["category"],), row["src_file"], int(row["fold"])))
    return listed


def read_audioset(root: Path, segments: Path, ontology: Path | None = None) -> tuple[list[Sound], int]:
    """The sounds of the segments that a file of AudioSet lists (`YTID, start, end, "label,label"`).

    Args:
      root: folder of the sounds, at any depth. A file's name begins with the segment's YouTube id,
        or with "Y" and the id.
      segments: such as `balanced_train_segments.csv`.
      ontology: AudioSet's `class_labels_indices.csv` (index, mid, display_name) or `ontology.json`
        (a list of {id, name, ...}), from which labels get their names; without it they stay ids.

    Returns:
      The sounds, and how many segments have none (videos are removed over time).

    Raises:
      InputError: a table is damaged, the ontology lacks an id, or there are no sounds at all.
    """
    names = _label_names(ontology) if ontology else None
    by_id: dict[str, Path] = {}
    for path in _sounds_below(root):
        by_id[path.stem[:_ID_LENGTH]] = path
        if path.stem.startswith("Y") and len(path.stem) > _ID_LENGTH:
            by_id.setdefault(path.stem[1 : _ID_LENGTH + 1], path)
    heard, missing = [], 0
    for line, fields in enumerate(_segments(segments), 1):
        if not fields or fields[0].startswith("#"):
            continue
        if len(fields) != 4:
            raise InputError(f'{segments}:{line}: expected `YTID, start, end, "label,label"`')
        labels = [label.strip() for label in fields[3].split(",") if label.strip()]
        unknown = [label for label in labels if names is not None and label not in names]
        if unknown or not labels:
            raise InputError(
                f"{segments}:{line}: the label {one_line(str(unknown[:1]))} is not in {ontology}"
            )
        if fields[0] in by_id:
            labels = sorted({names[label] if names else label for label in labels})
            heard.append(Sound(by_id[fields[0]], tuple(labels), fields[0]))
        missing += fields[0] not in by_id
    if not heard:
        raise InputError(f"{root}: no sound of the {missing} segments in {segments}, <YTID>*.wav")
    return heard, missing


def _segments(path: Path) -> list[list[str]]:
    try:
        return list(csv.reader(lines_of(read_text(path)), skipinitialspace=True))
    except csv.Error as error:
        raise InputError(f"{path}: no readable table ({error})") from error


def _label_names(ontology: Path) -> dict[str, str]:
    """The labels' names by AudioSet's ids."""
    if ontology.suffix.lower() != ".json":
        rows = read_table(ontology, ("mid", "display_name"))[1]
        return {row["mid"]: row["display_name"] for _, row in rows}
    entries = read_json(ontology, _ONTOLOGY, list[_Label])
    return {entry["id"]: composed(entry["name"]) for entry in entries}
