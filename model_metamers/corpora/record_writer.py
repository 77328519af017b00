"""Writing the TFRecord files of a data set, all of them or none."""

from __future__ import annotations

import contextlib
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from model_metamers.errors import InputError
from model_metamers.storage import locks, tfrecords, whole

if TYPE_CHECKING:
    import tensorflow as tf

_EXAMPLES_OF_A_SHARD = 4096
_SPLIT = re.compile(r"[A-Za-z0-9][\w.-]{0,99}", re.ASCII)
NULL_CLASS = "__nullSignal__"  # the lab's name for "no word here", docs/sources.md 1d


def class_names(names: Iterable[str]) -> list[str]:
    """The names and the null class, sorted by code point as the lab's lists are.

    The null class has index 0 among words in lower case. Among speakers it comes after those whose
    names begin with digits or capitals (index 203 of the paper's 433, docs/sources.md 1d).

    Example:
      >>> class_names(["yes", "Bert", "no"])
      ['Bert', '__nullSignal__', 'no', 'yes']
    """
    return sorted({*names, NULL_CLASS})


@contextlib.contextmanager
def reserved(folder: Path) -> Iterator[None]:
    """Keeps the place of a data set for this process, from before its sources are read.

    Raises:
      InputError: the folder exists.
      InUseError: another process is about to write it.
    """
    with locks.hold_place(folder):
        whole.check_new(folder)
        yield


@contextlib.contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """As `storage.whole.whole_folder`.

    Raises:
      InputError: the folder exists.
      StorageError: the disk takes no more, or another process is about to write the folder.
    """
    with reserved(folder), whole.whole_folder(folder) as partial:
        yield partial


def check_split(name: str) -> None:
    """Raises InputError where a split's name cannot be the beginning of a file's name."""
    if not _SPLIT.fullmatch(name):
        raise InputError(
            f"split {name[:200]!r}: begins the names of files; expected at most 100 letters, digits, '_', "
            f"'-' and '.', the first a letter or digit"
        )


class ShardWriter(contextlib.ExitStack):
    """Writes the files of one split, called shards: `<split>-00000-of-00004.tfrecord`.

    The shard of each example is drawn at random, and at the end every shard is put in random order.
    So any part of a shard is a mixture of the whole data set, although recordings are read one after
    the other.

    Args:
      folder: where the files go.
      split: beginning of the files' names.
      shards: number of files.
      seed: seed of the draws.
      reorder: whether to put shards in random order; not needed if examples come in random order.

    Raises:
      InputError: see `check_split`.
    """

    def __init__(self, folder: Path, split: str, shards: int, seed: int, reorder: bool = True):
        check_split(split)
        super().__init__()
        self.paths = [folder / f"{split}-{i:05d}-of-{shards:05d}.tfrecord" for i in range(shards)]
        self._files = [self.enter_context(path.open("wb")) for path in self.paths]
        self._random = np.random.RandomState(seed)
        self._turn: list[int] = []
        self._reorder = reorder

    def __exit__(self, kind: type[BaseException] | None, *about: Any) -> bool:
        held_back = bool(super().__exit__(kind, *about))
        if kind is None and self._reorder:
            for path in self.paths:
                _reorder(path, self._random)
        return held_back

    def write(self, values: Mapping[str, Any]) -> str:
        """Writes an example; returns the name of its shard."""
        if not self._turn:  # every shard gets one example in a turn, so that they are equally long
            self._turn = self._random.permutation(len(self._files)).tolist()
        shard = self._turn.pop()
        tfrecords.write_record(self._files[shard], encode(values))
        return self.paths[shard].name


def shards_for(examples: int) -> int:
    """A suitable number of shards for so many examples: some thousands in each shard."""
    return 1 + examples // _EXAMPLES_OF_A_SHARD


def _reorder(path: Path, random: np.random.RandomState) -> None:
    """Puts the records of a file in random order."""
    begins = tfrecords.record_places(path)
    spans = list(itertools.pairwise([*begins, path.stat().st_size]))  # none of an empty file
    with whole.whole_file(path) as partial, path.open("rb") as old, partial.open("wb") as new:
        for i in random.permutation(len(spans)):
            first, end = spans[i]
            old.seek(first)
            new.write(old.read(end - first))


def encode(values: Mapping[str, Any]) -> bytes:
    """A serialized tf.train.Example, with the same bytes in every process.

    Args:
      values: by key: str, bytes, int, float, or a list or array of them.
    """
    import tensorflow as tf

    features = {key: _feature(value) for key, value in values.items()}
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString(
        deterministic=True
    )


def _feature(value: Any) -> tf.train.Feature:
    import tensorflow as tf

    items = [value] if np.ndim(value) == 0 else value
    array = np.asarray(items)
    if np.issubdtype(array.dtype, np.floating):
        return tf.train.Feature(float_list=tf.train.FloatList(value=array.astype(np.float32)))
    if np.issubdtype(array.dtype, np.integer):
        return tf.train.Feature(int64_list=tf.train.Int64List(value=array))
    texts = [item if isinstance(item, bytes) else str(item).encode() for item in items]
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=texts))
