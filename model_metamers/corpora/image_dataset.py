"""Writing images in class folders, or CIFAR-10 as published, as TFRecords with TF-slim's keys."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm.auto import tqdm

from model_metamers.corpora import record_writer
from model_metamers.errors import InputError
from model_metamers.execution.lines import as_bar_or_lines
from model_metamers.signals import images as image_files
from model_metamers.storage.folders import files_below, is_hidden
from model_metamers.storage.opening import read_bytes
from model_metamers.storage.reading import composed, read_lines
from model_metamers.storage.writing import write_lines

_KEPT_FORMATS = ("JPEG", "MPO", "PNG")
_PNG = b"\x89PNG"

LAYOUTS = ("folders", "cifar10", "tiny_imagenet")
_CIFAR_FILES = {"train": [f"data_batch_{i}.bin" for i in range(1, 6)], "test": ["test_batch.bin"]}
_CIFAR_SHAPE = (3, 32, 32)  # planes of red, green and blue; a byte before them is the class


@dataclass(frozen=True)
class Pixels:
    """An image that is not in a file of its own.

    Attributes:
      name: its name in the records.
      values: uint8 [height, width, 3].
    """

    name: str
    values: np.ndarray


def find_images(root: Path, labels: Sequence[str] | None = None) -> tuple[list[tuple[Path, int]], list[str]]:
    """Finds images in class folders.

    Links are followed, and each image is taken once; see `files_below`.

    Args:
      root: folder with one folder for each class.
      labels: names of the class folders in the order of their indices; None for alphabetical order.

    Returns:
      (path, class, from 0) of each image, and the names of the classes.

    Raises:
      InputError: there are no class folders, one has no images, or `labels` lacks one.
    """
    if not root.is_dir():
        raise InputError(f"{root}: no such folder of class folders")
    own = [p for p in root.iterdir() if p.is_dir() and not p.is_symlink() and not is_hidden(p)]
    images: dict[str, list[Path]] = {composed(folder.name): [] for folder in own}
    for path in files_below(root):
        folder, *rest = path.relative_to(root).parts
        if rest and path.suffix.lower() in image_files.EXTENSIONS:
            images.setdefault(composed(folder), []).append(path)
    labels = list(map(composed, labels or sorted(images)))
    unknown = sorted(set(images) - set(labels))
    if not images or unknown:
        raise InputError(f"{root}: no class folders, or {unknown[:3]} not among the labels")
    for name, paths in images.items():
        if not paths:
            raise InputError(f"{root / name}: holds no images ({' '.join(image_files.EXTENSIONS)})")
    return [(path, i) for i, name in enumerate(labels) for path in images.get(name, [])], labels


def find_tiny_imagenet(
    root: Path, split: str, classes: Sequence[str]
) -> tuple[list[tuple[Path, int]], list[str]]:
    """Finds images of Tiny ImageNet as published (`tiny-imagenet-200`).

    Args:
      root: folder with `train/<number>/images/` and `val/images/`, `val/val_annotations.txt`.
      split: "train" or "validation".
      classes: "<WordNet number> <name>" of each class that is taken, in the order of their indices.

    Returns:
      (path, class, from 0) of each image, and the names of the classes.

    Raises:
      InputError: there is no such split, a class is missing, or the folder is of another form.
    """
    numbers = [line.partition(" ")[0] for line in classes]
    places = {number: i for i, number in enumerate(numbers)}
    if split == "train":
        pairs = [
            (path, n) for n in numbers for path in sorted((root / "train" / n / "images").glob("*.JPEG"))
        ]
    elif split == "validation":
        rows = [line.split("\t") for line in read_lines(root / "val" / "val_annotations.txt")]
        pairs = [(root / "val" / "images" / row[0], row[1]) for row in rows if len(row) > 1]
    else:
        raise InputError(f"Tiny ImageNet has the splits train and validation, not {split!r}")
    images = [(path, places[number]) for path, number in pairs if number in places]
    empty = sorted(set(range(len(numbers))) - {place for _, place in images})
    if empty or not numbers:
        lost = f"no images of {numbers[empty[0]]}" if empty else "no classes are asked for"
        raise InputError(f"{root}: {lost}; expected Tiny ImageNet as published, and some of its classes")
    return images, [line.partition(" ")[2] or number for line, number in zip(classes, numbers, strict=True)]


def read_cifar10(root: Path, split: str) -> tuple[list[tuple[Pixels, int]], list[str]]:
    """Reads a split of CIFAR-10's binary version (`cifar-10-batches-bin`).

    Args:
      root: folder with `data_batch_1.bin` to `_5`, `test_batch.bin` and `batches.meta.txt`.
      split: "train" or "test".

    Returns:
      (image, class, from 0) of each image, and the names of the classes.

    Raises:
      InputError: there is no such split, or a file is missing or damaged.
    """
    if split not in _CIFAR_FILES:
        raise InputError(f"CIFAR-10 has the splits {' and '.join(_CIFAR_FILES)}, not {split!r}")
    labels = read_lines(root / "batches.meta.txt")
    images = []
    for name in _CIFAR_FILES[split]:
        for number, (label, values) in enumerate(_cifar_batch(root / name)):
            if label >= len(labels):
                raise InputError(f"{root / name}: image {number} is of class {label}, of {len(labels)}")
            images.append((Pixels(f"{Path(name).stem}_{number:05d}.png", values), label))
    return images, labels


def _cifar_batch(path: Path) -> list[tuple[int, np.ndarray]]:
    try:
        content = np.frombuffer(read_bytes(path, image_files.MOST_BYTES), np.uint8)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); expected CIFAR-10's binary version"
        ) from error
    size = 1 + int(np.prod(_CIFAR_SHAPE))
    if not content.size or content.size % size:
        raise InputError(f"{path}: {content.size} bytes are no whole number of images of {size}")
    rows = content.reshape(-1, size)
    return [(int(row[0]), row[1:].reshape(_CIFAR_SHAPE).transpose(1, 2, 0)) for row in rows]


def write_records(
    images: Sequence[tuple[Path | Pixels, int]],
    labels: Sequence[str],
    out: Path,
    split: str = "train",
    shards: int = 1,
    seed: int = 0,
    progress: bool = True,
    flags: Sequence[str] = (),
) -> Counter:
    """Writes `<split>-00000-of-0000N.tfrecord`, `labels.txt` (`0:name`) and `flags.txt`.

    A JPEG or PNG is stored as it is, byte for byte. TensorFlow, which decodes the records in
    training, cannot read other photographs, does not turn images as their EXIF data say, and
    shows what lies under transparency. Such files are stored as PNG, as viewers show them.

    Records have `image/encoded`, `image/format`, `image/height`, `image/width`,
    `image/class/label` (from 0), `image/class/text` and `image/filename`. Their order is drawn
    from the seed.

    Returns:
      Number of images by format and mode, such as {"JPEG RGB": 50000, "WEBP RGB as PNG": 3}.

    Raises:
      InputError: the folder exists, the disk is full, or `signals.images` cannot read a file.
    """
    kinds: Counter = Counter()
    order = np.random.RandomState(seed).permutation(len(images))
    with record_writer.whole_folder(out) as folder:
        with record_writer.ShardWriter(folder, split, shards, seed, reorder=False) as writer:
            for index in tqdm(order, f"{split} images", disable=not progress, **as_bar_or_lines()):
                source, label = images[index]
                content, kind, width, height = _encoded(source)
                kinds[kind] += 1
                writer.write(
                    {
                        "image/encoded": content,
                        "image/format": "png" if content.startswith(_PNG) else "jpeg",
                        "image/height": height,
                        "image/width": width,
                        "image/class/label": label,
                        "image/class/text": labels[label],
                        "image/filename": source.name,
                    }
                )
        write_lines(folder / "labels.txt", [f"{i}:{name}" for i, name in enumerate(labels)])
        write_lines(folder / "flags.txt", flags)
    return kinds


def _encoded(source: Path | Pixels) -> tuple[bytes, str, int, int]:
    """An image's bytes for a record, its format and mode for the count, its width and height."""
    if isinstance(source, Pixels):
        content = _as_png(Image.fromarray(source.values))
    else:
        try:
            content = read_bytes(source, image_files.MOST_BYTES)
        except OSError as error:
            raise InputError(f"{source}: no readable image file ({error.strerror})") from error
    shown = image_files.show(content, str(source))
    kind = f"{shown.format} {shown.mode}"
    if shown.format not in _KEPT_FORMATS or not shown.as_stored:
        content, kind = _as_png(shown.pixels), f"{kind} as PNG"
    return content, kind, *shown.pixels.size


def _as_png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
