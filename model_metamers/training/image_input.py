"""Images from TFRecords with TF-slim's keys as training batches."""

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
    """Mirrored and shifted images of a set that fits in memory, from batch `first` of an epoch on.

    Args:
      images: uint8 [count, size, size, 3].
      labels: int64 [count].
      epoch, seed: decide the order and every random choice.
      first: batches to pass over.
      batch_size: images of a batch; an incomplete last batch is left out.
    """
    order = np.random.RandomState([seed, epoch]).permutation(len(images))

    def finish(batch, own_seed):
        pictures, own_labels = batch
        return augmentation.flip_and_shift(tf.cast(pictures, tf.float32) / 255.0, own_seed), own_labels

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
    """Images decoded and preprocessed as they are needed, from batch `first` of an epoch on.

    Args:
      split: the split.
      size: of the images made.
      label_offset: added to the records' labels; 1 where the network has a background class and
        the records begin at 0.
      preprocess: see the module's type.
      epoch, first, batch_size, seed: as `small_batches`.
      buffer: records shuffled at once.
    """
    start = tf.constant([seed & 0x7FFFFFFF, epoch + 1_000_000], tf.int32)
    numbered = tf.data.Dataset.zip(tf.data.Dataset.counter(), split.read([seed, epoch], buffer))

    def parse(number, record):
        example = tf.io.parse_single_example(record, _FEATURES)
        own = tf.random.experimental.stateless_fold_in(start, tf.cast(number, tf.int32))
        image = preprocess(example["image/encoded"], size, own)
        return tf.ensure_shape(image, [size, size, 3]), example["image/class/label"] + label_offset

    return records.seeded_batches(numbered, batch_size, first, seed, epoch, parse, lambda batch, own: batch)


def evaluation_batches(
    split: records.Records, size: int, label_offset: int, preprocess: Callable, batch_size: int
) -> tf.data.Dataset:
    """Every image of a split in order; `preprocess` is f(encoded image, size)."""

    def parse(record):
        example = tf.io.parse_single_example(record, _FEATURES)
        image = preprocess(example["image/encoded"], size)
        return tf.ensure_shape(image, [size, size, 3]), example["image/class/label"] + label_offset

    return split.read().map(parse, tf.data.AUTOTUNE).batch(batch_size).prefetch(4)


def label_offset(network: Network, labels_file: Path) -> int:
    """0, or 1 where the network begins with a background class that the labels lack.

    Args:
      network: of images.
      labels_file: the data set's `labels.txt`, `0:name` or `name` a line, in order.

    Raises:
      InputError: the data set's classes are not the network's: another number, or other names,
        where they are none of ImageNet's identifiers.
    """
    names = [line.partition(":")[2] or line for line in read_lines(labels_file)]
    offset = int(len(network.classes) == len(names) + 1 and network.classes[0] == "background")
    own = network.classes[offset:]
    if all(_WORDNET.fullmatch(name) for name in names):
        own = ()  # ImageNet's identifiers say nothing of names
    records.check_classes(network, len(network.classes) - offset, names, labels_file, own)
    return offset
