"""TFRecord files of a data set: shards written together, whole or not at all."""

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
    """Names with the null class among them, sorted by code point as the lab's lists are.

    Lower-case names come after the null class, so it is index 0 of words; among speakers
    it comes after those whose names begin with digits or capitals (index 203 of the paper's
    433, docs/sources.md 1d).
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
    """Refuses a split's name that cannot begin a file's; InputError."""
    if not _SPLIT.fullmatch(name):
        raise InputError(
            f"split {name[:200]!r}: begins the names of files; expected at most 100 letters, digits, '_', "
            f"'-' and '.', the first a letter or digit"
        )


class ShardWriter(contextlib.ExitStack):
    """The shards of one split, all open at once: `<split>-00000-of-00004.tfrecord`.

    Which shard an example lands in is drawn from the seed, and at the end each shard is put in
    random order, so that any stretch of one is a mixture of the whole although recordings are
    read one after the other.

    Args:
      folder: of the files.
      split: begins their names.
      shards: how many.
      seed: of places and order.
      reorder: whether to put shards in random order; not needed where examples come in one.

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
        if not self._turn:  # each shard once in a turn keeps them of one size
            self._turn = self._random.permutation(len(self._files)).tolist()
        shard = self._turn.pop()
        tfrecords.write_record(self._files[shard], encode(values))
        return self.paths[shard].name


def shards_for(examples: int) -> int:
    """How many shards suit a set: some thousand examples in each, so that they can be drawn."""
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
    """A serialized tf.train.Example, the same bytes in every process: str and bytes, ints, floats, lists."""
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
