"""Turns class folders of images into TFRecords with TF-slim's keys.

  build_image_records --images=ILSVRC2012/train --labels=wnids.txt --shards=1024 --out=imagenet_train
  build_image_records --images=cifar-10-batches-bin --layout=cifar10 --split=test --out=cifar10_test

Reads image files below `<class>/`. JPEG and PNG files keep their bytes; a file of another format,
one that its EXIF data turn, and one with transparency (laid over white) become PNG. Classes are
0-based in the order of folder names, or of the lines of --labels (its first word, so that a
list `n01440764 tench` serves). CIFAR-10's binary version (--layout=cifar10) has its splits
train and test and its own labels; its images become PNG. Tiny ImageNet as published
(--layout=tiny_imagenet) has the splits train and validation; the lines of --labels,
`n01443537 goldfish`, say which classes are taken and what they are called.

Writes `train-00000-of-0000N.tfrecord` in an order drawn from --seed, `labels.txt` (`0:name`)
and `flags.txt`; the folder appears whole or not at all.
"""

from pathlib import Path

from absl import flags

import model_metamers as mm
from model_metamers.corpora import image_dataset, record_writer
from model_metamers.storage.reading import read_lines
from model_metamers_experiments import binary

_IMAGES = flags.DEFINE_string("images", None, "Folder of class folders.", required=True)
_LABELS = flags.DEFINE_string("labels", None, "Text file of folder names, in the order of their indices.")
_LAYOUT = flags.DEFINE_enum("layout", "folders", image_dataset.LAYOUTS, "How classes are told.")
_SPLIT = flags.DEFINE_string("split", "train", "What the files' names begin with.")
_OUT = flags.DEFINE_string("out", None, "Folder of the records; must not exist.", required=True)
_SHARDS = flags.DEFINE_integer("shards", 1, "Files to spread over.", lower_bound=1)
_SEED = flags.DEFINE_integer("seed", 0, "Of the order.")
_PROGRESS = flags.DEFINE_bool("progress", True, "Show a progress bar.")


def main() -> int:
    record_writer.check_split(_SPLIT.value)
    with record_writer.reserved(Path(_OUT.value)):
        return _build()


def _build() -> int:
    images, labels = _images()
    out = Path(_OUT.value)
    kinds = image_dataset.write_records(
        images,
        labels,
        out,
        _SPLIT.value,
        _SHARDS.value,
        _SEED.value,
        _PROGRESS.value,
        binary.settings(__name__),
    )
    binary.print_table([["images", "count"], *([kind, f"{n:,}"] for kind, n in sorted(kinds.items()))])
    print(f"Written: {out}, {len(images):,} images of {len({label for _, label in images})} classes")
    return 0


def _images() -> tuple[list, list[str]]:
    """Images with their classes, and the classes' names."""
    root = Path(_IMAGES.value)
    if _LAYOUT.value == "cifar10":
        if _LABELS.value:
            raise mm.InputError("--labels: the cifar10 layout has labels of its own")
        return image_dataset.read_cifar10(root, _SPLIT.value)
    listed = read_lines(Path(_LABELS.value)) if _LABELS.value else []
    if _LAYOUT.value == "tiny_imagenet":
        return image_dataset.find_tiny_imagenet(root, _SPLIT.value, listed)
    return image_dataset.find_images(root, [line.split()[0] for line in listed])


def run() -> None:
    binary.run(main, binary.STARTS_OVER)


if __name__ == "__main__":
    run()
