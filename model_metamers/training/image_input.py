"""Training batches of images, read from TFRecords with TF-slim's keys."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from model_metamers.networks.network import Network
from model_metamers.storage.reading import read_lines
from model_metamers.training import augmentation, records

# f(encoded image, size, seed int32 [2]) -> float32 [size, size, 3] in [0, 1].
Preprocess = Callable[[tf.Tensor, int, tf.Tensor], tf.Tensor]

_WORDNET = re.compile(r"n\d{8}")
_FEATURES = {
    "image/encoded": tf.io.FixedLenFeature([], tf.string),
    "image/class/label": tf.io.FixedLenFeature([], tf.int64),
}


def small_batches(
    images: np.ndarray, labels: np.ndarray, epoch: int, first: int, batch_size: int, seed: int
) -> tf.data.Dataset:
    """Batches of mirrored and shifted images, of a set that fits in memory.

    Args:
      images: uint8 [count, size, size, 3].
      labels: int64 [count].
      epoch, seed: decide the order and every random choice.
      first: number of batches at the beginning of the epoch to leave out.
      batch_size: images in a batch; an incomplete last batch is left out.

    Returns:
      A dataset of (images float32 [batch, size, size, 3] in [0, 1], labels int64 [batch]).
    """
    order = np.random.RandomState([seed, epoch]).permutation(len(images))

    def finish(batch, batch_seed):
        pictures, batch_labels = batch
        return augmentation.flip_and_shift(tf.cast(pictures, tf.float32) / 255.0, batch_seed), batch_labels

    def parse(index):
        return tf.gather(pixels, index), tf.gather(classes, index)

    pixels, classes = tf.constant(images), tf.constant(labels)
    indices = tf.data.Dataset.from_tensor_slices(order)
    return records.seeded_batches(indices, batch_size, first, seed, epoch, parse, finish)


def streamed_batches(
    split: records.Records,
    size: int,
    label_offset: int,
    preprocess: Preprocess,
    epoch: int,
    first: int,
    batch_size: int,
    seed: int,
    buffer: int = 4096,
) -> tf.data.Dataset:
    """Batches of images that are decoded and preprocessed as they are needed.

    Args:
      split: the records to read.
      size: height and width of the images in the batches.
      label_offset: added to the records' labels; 1 where the network has a background class and
        the records' labels begin at 0.
      preprocess: see `Preprocess`.
      epoch, first, batch_size, seed: as in `small_batches`.
      buffer: number of records that are shuffled at a time.

    Returns:
      A dataset of (images float32 [batch, size, size, 3] in [0, 1], labels int64 [batch]).
    """
    start = tf.constant([seed & 0x7FFFFFFF, epoch + 1_000_000], tf.int32)
    numbered = tf.data.Dataset.zip(tf.data.Dataset.counter(), split.read([seed, epoch], buffer))

    def parse(number, record):
        example = tf.io.parse_single_example(record, _FEATURES)
        image_seed = tf.random.experimental.stateless_fold_in(start, tf.cast(number, tf.int32))
        image = preprocess(example["image/encoded"], size, image_seed)
        return tf.ensure_shape(image, [size, size, 3]), example["image/class/label"] + label_offset

    return records.seeded_batches(numbered, batch_size, first, seed, epoch, parse, lambda batch, seed: batch)


def evaluation_batches(
    split: records.Records, size: int, label_offset: int, preprocess: Callable, batch_size: int
) -> tf.data.Dataset:
    """Batches of every image of a split, in order.

    Args:
      split, size, label_offset: as in `streamed_batches`.
      preprocess: f(encoded image, size) -> float32 [size, size, 3] in [0, 1].
      batch_size: images in a batch; the last one may have fewer.
    """

    def parse(record):
        example = tf.io.parse_single_example(record, _FEATURES)
        image = preprocess(example["image/encoded"], size)
        return tf.ensure_shape(image, [size, size, 3]), example["image/class/label"] + label_offset

    return split.read().map(parse, tf.data.AUTOTUNE).batch(batch_size).prefetch(4)


def label_offset(network: Network, labels_file: Path) -> int:
    """What to add to a data set's labels: 1 if only the network has a background class, else 0.

    Args:
      network: an image network.
      labels_file: the data set's `labels.txt`, with `0:name` or `name` in each line, in order.

    Raises:
      InputError: the data set's classes are not the network's: their number differs, or their
        names do. Names that are ImageNet's identifiers (n01440764) are not compared.
    """
    names = [line.partition(":")[2] or line for line in read_lines(labels_file)]
    offset = int(len(network.classes) == len(names) + 1 and network.classes[0] == "background")
    expected = network.classes[offset:]
    if all(_WORDNET.fullmatch(name) for name in names):
        expected = ()  # ImageNet's identifiers cannot be compared with names
    records.check_classes(network, len(network.classes) - offset, names, labels_file, expected)
    return offset
