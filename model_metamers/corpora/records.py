"""Reading images from TFRecords with TF-slim's feature keys."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
from tqdm.auto import tqdm

from model_metamers.errors import InputError
from model_metamers.execution.lines import as_bar_or_lines
from model_metamers.signals import examples, images
from model_metamers.storage.reading import one_line
from model_metamers.storage.tfrecords import read_records

_IMAGE = "image/encoded"
_FEATURES = {
    _IMAGE: tf.io.FixedLenFeature([], tf.string),
    "image/class/label": tf.io.FixedLenFeature([], tf.int64),
}


def read_image_records(
    paths: Sequence[Path], size: int, progress: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """All images in TFRecord files, for data sets that fit in memory.

    Args:
      paths: TFRecord files with `image/encoded` (JPEG or PNG) and `image/class/label`.
      size: the height and width that images must have.
      progress: whether to show a bar.

    Returns:
      Images uint8 [count, size, size, 3] and labels int64 [count].

    Raises:
      InputError: there are no files, a record is damaged, or an image has another size.
    """
    if not paths:
        raise InputError("no TFRecord files were given")

    def parse(record):
        example = tf.io.parse_single_example(record, _FEATURES)
        image = tf.io.decode_image(example[_IMAGE], channels=3, expand_animations=False)
        return tf.ensure_shape(image, [size, size, 3]), example["image/class/label"]

    contents = []
    for path in paths:
        for place, content in read_records(path):
            encoded = examples.bytes_of(examples.parse_example(content, path, place), _IMAGE, path)
            images.check_shape(encoded, size, size, f"{path}: the record at byte {place}")
            contents.append(content)
    if not contents:
        raise InputError(f"{', '.join(p.name for p in paths)}: no records in it")
    try:
        dataset = tf.data.Dataset.from_tensor_slices(contents).map(parse, tf.data.AUTOTUNE)
        rows = list(
            tqdm(dataset.as_numpy_iterator(), "reading images", disable=not progress, **as_bar_or_lines())
        )
    except (tf.errors.OpError, UnicodeDecodeError) as error:  # the latter of TensorFlow's own message
        names = ", ".join(p.name for p in paths)
        reason = one_line(str(error))
        raise InputError(f"{names}: damaged record, or no image of {size}x{size}: {reason}") from error
    pixels, labels = zip(*rows, strict=True)
    return np.stack(pixels), np.array(labels)
