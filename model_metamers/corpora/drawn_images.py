"""Drawing natural images of entry-level categories from a folder of ImageNet (paper 3.5).

The authors' 36 images a category are not public. The rule by which such a set is made again is
(docs/sources.md 4d): the shorter side at least 224 pixels, so that no image is enlarged, and colour (RGB);
the central square and its size are each network's matter, `signals.images.load_image`.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tqdm.auto import tqdm

from model_metamers.corpora import drawing, image_dataset, record_writer
from model_metamers.errors import InputError
from model_metamers.execution.lines import as_bar_or_lines
from model_metamers.signals import images
from model_metamers.storage.opening import read_bytes
from model_metamers.storage.reading import one_line, read_table
from model_metamers.storage.writing import write_bytes

PAPER_PER_CATEGORY = 36  # section 3.5
PAPER_MIN_SIDE = 224  # pixels

_FILE_COLUMNS = ("file", "filename", "stimulus", "name")
_CLASS_COLUMNS = ("wnid", "imagenet_index")
_MODE = "RGB"
_LEFT_OUT = ("not_rgb", "too_small", "copies")


@dataclass(frozen=True)
class ImageClass:
    """A class of ImageNet.

    Attributes:
      wnid: WordNet's name of it, such as "n02690373", as its folder is called.
      index: its place among the 1000, from 0.
      category: the entry-level category that it belongs to; None for none.
    """

    wnid: str
    index: int
    category: str | None


class Picture(NamedTuple):
    """An image file and the class of what it shows."""

    path: Path
    of: ImageClass


class Drawn(NamedTuple):
    """What was drawn.

    Attributes:
      pictures: by category, in the order of the draws.
      counts: a row for each category: how many `classes` of ImageNet it has, of how many there are
        images (`classes_here`), how many `files`, how many of those that were looked at were left
        out as `not_rgb`, `too_small` or `copies`, and how many are `drawn`.
    """

    pictures: dict[str, list[Picture]]
    counts: list[dict[str, Any]]


def image_classes(wnids: Sequence[str], categories: Mapping[str, Sequence[int]]) -> list[ImageClass]:
    """The classes in their order.

    Args:
      wnids: of all classes, in order.
      categories: indices of classes, by category.
    """
    by_index = {index: category for category, indices in categories.items() for index in indices}
    return [ImageClass(wnid, index, by_index.get(index)) for index, wnid in enumerate(wnids)]


def find_pictures(root: Path, classes: Sequence[ImageClass], labels: Path | None = None) -> list[Picture]:
    """The images of a folder, those of no category as well.

    Args:
      root: holds a folder for each class, called by its wnid, with images in any depth; or, with
        `labels`, images that the table names by their path below it.
      classes: all classes of ImageNet; see `image_classes`.
      labels: a .csv or .tsv table with a column `file` and one of `wnid` and `imagenet_index` (from 0).

    Raises:
      InputError: there are no images, an unknown class, or a file of the table that is not there or
        stands twice.
    """
    if labels is not None:
        return _listed(root, labels, classes)
    by_wnid = {one.wnid: one for one in classes}
    found, names = image_dataset.find_images(root)
    unknown = [name for name in names if name not in by_wnid]
    if unknown:
        raise InputError(
            f"{root / one_line(unknown[0])}: {len(unknown)} of {len(names)} folders bear no wnid of "
            f"ImageNet's {len(classes)} classes, such as {classes[0].wnid}; name the folder of class "
            f"folders, or give a table of labels"
        )
    return [Picture(path, by_wnid[names[i]]) for path, i in found]


def _listed(root: Path, table: Path, classes: Sequence[ImageClass]) -> list[Picture]:
    columns, rows = read_table(table, delimiter="\t" if table.suffix.lower() == ".tsv" else ",")
    name = next((c for c in _FILE_COLUMNS if c in columns), None)
    label = next((c for c in _CLASS_COLUMNS if c in columns), None)
    if name is None or label is None:
        raise InputError(
            f"{table}: its columns are {one_line(', '.join(columns))}; expected {_FILE_COLUMNS[0]}, and "
            f"{' or '.join(_CLASS_COLUMNS)}"
        )
    known = {str(one.index if label == "imagenet_index" else one.wnid): one for one in classes}
    found: dict[Path, ImageClass] = {}
    for line, row in rows:
        file, told = row.get(name, ""), row.get(label, "")
        if told not in known:
            raise InputError(f"{table}:{line}: {label} {one_line(told)!r} is no class of ImageNet's")
        path = root / file
        if path in found:
            raise InputError(f"{table}:{line}: {one_line(file)} stands twice; name it once")
        if not file or not path.is_file():
            raise InputError(f"{table}:{line}: no such file {one_line(str(path))}")
        found[path] = known[told]
    if not found:
        raise InputError(f"{table}: names no files")
    return [Picture(path, of) for path, of in found.items()]


def draw(
    pictures: Sequence[Picture],
    categories: Mapping[str, Sequence[int]],
    per_category: int = PAPER_PER_CATEGORY,
    seed: int = 0,
    min_side: int = PAPER_MIN_SIDE,
    progress: bool = True,
) -> Drawn:
    """Draws as many images of every category, each equally likely among those that suit.

    Images are tried in an order drawn from the seed, until enough of a category suit. No image is
    drawn twice, also where it lies in several files of the same bytes.

    Args:
      pictures: to draw from.
      categories: indices of classes, by category.
      per_category: images of each category, at least 1.
      seed: of the draws. They depend on the names of the files below the class, not on where the folder lies.
      min_side: least of the shorter side, pixels.
      progress: whether to show a bar.

    Raises:
      InputError: too few images of a category suit, or one cannot be read.
    """
    by_category: dict[str, list[Picture]] = {name: [] for name in categories}
    for picture in pictures:
        if picture.of.category is not None:
            by_category[picture.of.category].append(picture)
    seen: set[bytes] = set()
    drawn, counts = {}, []
    bar = tqdm(
        total=per_category * len(categories), desc="images drawn", disable=not progress, **as_bar_or_lines()
    )
    with bar:
        for name, given in by_category.items():
            given.sort(key=lambda picture: (picture.of.wnid, picture.path.name, str(picture.path)))
            drawn[name], left_out = _draw_one(name, given, per_category, seed, min_side, seen, bar)
            counts.append(
                {"category": name, "classes": len(categories[name])}
                | {"classes_here": len({picture.of.index for picture in given}), "files": len(given)}
                | {reason: left_out[reason] for reason in _LEFT_OUT}
                | {"drawn": len(drawn[name])}
            )
    _check_enough(counts, per_category, min_side)
    return Drawn(drawn, counts)


def _draw_one(
    name: str, given: Sequence[Picture], wanted: int, seed: int, min_side: int, seen: set[bytes], bar: tqdm
) -> tuple[list[Picture], Counter]:
    """The pictures of one category, and how many were left out, by reason."""
    chosen: list[Picture] = []
    left_out: Counter = Counter()
    for place in drawing.order(len(given), seed, name):
        if len(chosen) == wanted:
            break
        reason = _unsuited(given[place].path, min_side, seen)
        if reason:
            left_out[reason] += 1
        else:
            chosen.append(given[place])
            bar.update()
    return chosen, left_out


def _unsuited(path: Path, min_side: int, seen: set[bytes]) -> str | None:
    """Why an image is not taken; None where it is, and is then among those seen."""
    content = _content(path)
    shown = images.show(content, str(path))
    if shown.mode != _MODE:
        return "not_rgb"
    if min(shown.pixels.size) < min_side:
        return "too_small"
    digest = hashlib.sha256(content).digest()
    if digest in seen:
        return "copies"
    seen.add(digest)
    return None


def _content(path: Path) -> bytes:
    try:
        return read_bytes(path, images.MOST_BYTES)
    except OSError as error:
        raise InputError(f"{path}: no readable image file ({error.strerror})") from error


def _check_enough(counts: Sequence[Mapping[str, Any]], wanted: int, min_side: int) -> None:
    few = [f"{row['category']} {row['drawn']} of {row['files']}" for row in counts if row["drawn"] < wanted]
    if few:
        raise InputError(
            f"too few images of {len(few)} categories: {', '.join(few)} suit ({_MODE}, the shorter side "
            f"at least {min_side} pixels, no copies), {wanted} are wanted; give more, or ask for fewer"
        )


def write_pictures(drawn: Drawn, root: Path, out: Path, flags: Sequence[str] = ()) -> None:
    """Writes the drawn files, byte for byte, with `stimuli.csv`, `counts.csv` and `flags.txt`.

    They are called `stimuli/<category>_<number><ending>`, from 01. The table's columns are `file`,
    `imagenet_index`, `category`, `wnid` and `source`, the path below `root`.

    Raises:
      InputError: the folder exists, or a file is gone.
      StorageError: it cannot be written.
    """
    rows = []
    with record_writer.whole_folder(out) as folder:
        (folder / drawing.FILES).mkdir()
        for category, pictures in drawn.pictures.items():
            for number, picture in enumerate(pictures, 1):
                name = f"{category}_{number:02d}{picture.path.suffix.lower()}"
                write_bytes(folder / drawing.FILES / name, _content(picture.path))
                rows.append(
                    {"file": name, "imagenet_index": picture.of.index, "category": category}
                    | {"wnid": picture.of.wnid, "source": _below(picture.path, root)}
                )
        drawing.write_listing(folder, rows, drawn.counts, flags)


def _below(path: Path, root: Path) -> str:
    return (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()
