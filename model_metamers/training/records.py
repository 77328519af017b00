"""Reading data sets of TFRecords for training: shuffled in each epoch, from any batch on.

The order depends only on the seed and the epoch. So a training that was interrupted gets the same
batches as if it had not been.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypedDict

import tensorflow as tf

from model_metamers.catalog import UNNAMED
from model_metamers.errors import InputError
from model_metamers.networks.network import Network
from model_metamers.storage import tfrecords
from model_metamers.storage.reading import read_json

_SHARDS_AT_ONCE = 16


@dataclasses.dataclass(frozen=True)
class Records:
    """One split of a data set.

    Attributes:
      paths: the files it is spread over, called shards.
      count: number of examples in them.
    """

    paths: tuple[Path, ...]
    count: int

    def read(
        self, seed: Sequence[int] | None = None, buffer: int = 4096, wanted: int | None = None
    ) -> tf.data.Dataset:
        """A dataset of serialized examples, in the order of the files or shuffled.

        To shuffle, the shards are read side by side in a random order, and a buffer mixes their
        examples; a buffer of `count` or more shuffles perfectly.

        Args:
          seed: numbers that decide the order, such as those of the training and the epoch; None
            for the order of the files.
          buffer: number of examples that are shuffled at a time.
          wanted: how many examples will be used; None for all. If that is only a part, only as
            many shards are read side by side as hold that part, so that other seeds use other shards.
        """
        names = [str(path) for path in self.paths]
        files = tf.data.Dataset.from_tensor_slices((names, list(map(tfrecords.compression, self.paths))))
        if seed is None:
            return files.flat_map(tf.data.TFRecordDataset)
        mixed = _one_number(seed)
        files = files.shuffle(len(names), mixed)
        enough = math.ceil(len(names) * min(1.0, (wanted or self.count) / max(1, self.count)))
        records = files.interleave(
            tf.data.TFRecordDataset,
            cycle_length=max(1, min(enough, _SHARDS_AT_ONCE)),
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=True,
        )
        return records.shuffle(min(buffer, self.count), mixed + 1)


class _Summary(TypedDict):
    """What of `summary.json` decides whether clips fit a network."""

    sample_rate: int
    num_samples: int


def find_records(folder: Path, split: str) -> Records:
    """Finds the shards of a split and checks that none is cut off.

    Shards are TFRecord files (`tfrecords.is_records`) whose name holds the split as a word:
    `train-00000-of-00004.tfrecord`, or TF-slim's `train-00000-of-01024` and
    `flowers_train_00000-of-00005.tfrecord`.

    Raises:
      InputError: there are none, or a file is cut off.
    """
    word = re.compile(rf"(?:.*[-_.])?{re.escape(split)}(?:[-_.].*)?", re.IGNORECASE | re.DOTALL)
    paths = tuple(path for path in tfrecords.find_records(folder) if word.fullmatch(path.name))
    if not paths:
        raise InputError(f"{folder}: holds no {split}-*.tfrecord; a build_... command makes such a data set")
    return Records(paths, sum(len(tfrecords.record_places(path)) for path in paths))


def find_damage(paths: Sequence[Path]) -> str | None:
    """The message that names the first damaged file and byte; None where every checksum is right."""
    try:
        for path in paths:
            for _ in tfrecords.read_records(path):
                pass
    except InputError as error:
        return str(error)
    return None


def check_classes(
    network: Network, stage_classes: int, names: Sequence[str], given: Path, own: Sequence[str] = ()
) -> None:
    """Refuses a data set whose classes are not those of a network's logits.

    Args:
      network: the network, for the message.
      stage_classes: how many classes the logits have.
      names: the data set's classes, in order.
      given: the file that lists them.
      own: the network's classes, in order; classes that are only numbered fit any name.

    Raises:
      InputError: the numbers of classes differ, or their names do.
    """
    if len(names) != stage_classes:
        raise InputError(
            f"{given}: {len(names)} classes, but {network.name} has {stage_classes} (the null class is one); "
            f"build the data set with that network's classes, or train another network"
        )
    wrong = [(i, a, b) for i, (a, b) in enumerate(zip(own, names, strict=False)) if a != b]
    if wrong and not own[-1].startswith(UNNAMED):
        i, ours, theirs = wrong[0]
        raise InputError(
            f"{given}: class {i} is {theirs!r} there and {ours!r} in {network.name}; {len(wrong)} classes "
            f"differ"
        )


def check_format(folder: Path, sample_rate: int, num_samples: int) -> None:
    """Checks that a data set's clips have a network's sample rate (Hz) and length (samples).

    Raises:
      InputError: they do not; the message says how to build clips that do.
    """
    path = folder / "summary.json"
    summary = read_json(path, "summary of a data set of this program", _Summary)
    rate, length = summary["sample_rate"], summary["num_samples"]
    if (rate, length) != (sample_rate, num_samples):
        raise InputError(
            f"{folder}: clips of {length} samples at {rate} Hz, but the network takes {num_samples} at "
            f"{sample_rate} Hz; build them with --sample_rate={sample_rate} "
            f"--seconds={num_samples / sample_rate:g}"
        )


def seeded_batches(
    examples: tf.data.Dataset,
    batch_size: int,
    first: int,
    seed: int,
    epoch: int,
    parse: Callable,
    finish: Callable,
    drop_remainder: bool = True,
) -> tf.data.Dataset:
    """Batches of an epoch, each finished with a random seed of its own.

    Args:
      examples: the serialized examples of one epoch, in order.
      batch_size: examples in a batch.
      first: number of batches at the beginning to skip.
      seed, epoch: those of the training; they decide the seed of every batch.
      parse: f(serialized example) -> tensors.
      finish: f(batch of what `parse` gives, seed int32 [2]) -> (signals, labels).
      drop_remainder: whether an incomplete last batch is left out.
    """
    batches = examples.skip(first * batch_size).map(parse, tf.data.AUTOTUNE)
    batches = batches.batch(batch_size, drop_remainder)
    numbers = tf.data.Dataset.counter(first)
    start = tf.constant([seed & 0x7FFFFFFF, epoch], tf.int32)

    def with_seed(number, batch):
        batch_seed = tf.random.experimental.stateless_fold_in(start, tf.cast(number, tf.int32))
        return finish(batch, batch_seed)

    # Without autotuning: an iterator that ends waits until the autotuner wakes, after up to an epoch's time.
    options = tf.data.Options()
    options.autotune.enabled = False
    seeded = tf.data.Dataset.zip(numbers, batches).map(with_seed, tf.data.AUTOTUNE)
    return seeded.prefetch(4).with_options(options)


def _one_number(seed: Sequence[int]) -> int:
    """One number made from several, because tf.data takes a single number as its seed."""
    result = 0
    for part in seed:
        result = (result * 1_000_003 + int(part) + 1) % (2**31 - 2)
    return result
