"""What records hold: `tf.train.Example`, its features by key."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from model_metamers.errors import InputError
from model_metamers.storage.digests import cache_folder, file_digests, text_digest
from model_metamers.storage.reading import one_line, read_arrays
from model_metamers.storage.tfrecords import read_records
from model_metamers.storage.writing import write_arrays

if TYPE_CHECKING:
    import tensorflow as tf

_DIGEST_BYTES = 16
# TF-slim's and the lab's; the first that a record has tells its class.
_CLASS_KEYS = ("image/class/text", "image/class/label", "/stimuli/word", "/stimuli/word_int")
_WORTH_KEEPING = 1 << 24  # bytes of a file; a smaller one is read again in no time


class Contents(NamedTuple):
    """Where the records of a file begin, and what they hold.

    Attributes:
      places: int64 [records], in bytes of the file without compression.
      digests: uint8 [records, 16] of a feature; records that are copies have the same.
      classes: texts [records], what each shows or says; empty where a record does not tell.
    """

    places: np.ndarray
    digests: np.ndarray
    classes: np.ndarray


def read_examples(path: Path) -> Iterator[tuple[int, Mapping[str, tf.train.Feature]]]:
    """Each record's place and its features by key.

    Raises:
      InputError: as `tfrecords.read_records`, or a record that is no `tf.train.Example`.
    """
    for place, content in read_records(path):
        yield place, parse_example(content, path, place)


def parse_example(content: bytes, path: Path, place: int) -> Mapping[str, tf.train.Feature]:
    """Features by key of a record; `path` and `place` are for the message."""
    import tensorflow as tf

    try:
        return tf.train.Example.FromString(content).features.feature
    except Exception as error:  # protobuf's DecodeError has no public home
        raise InputError(
            f"{path}: the record at byte {place} is no tf.train.Example ({one_line(str(error))})"
        ) from error


def bytes_of(feature: Mapping[str, tf.train.Feature], key: str, path: Path) -> bytes:
    """The first bytes under a key; InputError where there are none."""
    values = feature[key].bytes_list.value if key in feature else []
    if not values:
        raise _lacks(feature, f"{key!r}", path)
    return values[0]


def text_of(feature: Mapping[str, tf.train.Feature], key: str, path: Path) -> str:
    """The first text under a key; InputError where there is none, or it is no UTF-8."""
    try:
        return bytes_of(feature, key, path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: {key!r} of a record is no UTF-8 text ({error.reason})") from error


def floats_of(feature: Mapping[str, tf.train.Feature], key: str, path: Path) -> np.ndarray:
    """The float list under a key, float32; InputError where there is none."""
    values = feature[key].float_list.value if key in feature else []
    if not values:
        raise _lacks(feature, f"float list {key!r}", path)
    return np.array(values, np.float32)


def contents_of(path: Path, key: str) -> Contents:
    """Reads a file through once, every checksum verified; kept in the user's cache for large files.

    Args:
      path: of a TFRecord file.
      key: of the feature that makes two records copies of one another.

    Raises:
      InputError: as `read_examples`, or a record without the feature.
    """
    if path.is_file() and path.stat().st_size < _WORTH_KEEPING:
        return _read_through(path, key)
    kept = cache_folder() / "records" / f"{text_digest([*file_digests([path]), key])}.npz"
    with contextlib.suppress(InputError):
        return Contents(**read_arrays(kept, Contents._fields))
    contents = _read_through(path, key)
    with contextlib.suppress(InputError, OSError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_arrays(kept, contents._asdict())
    return contents


def _read_through(path: Path, key: str) -> Contents:
    places, digests, classes = [], [], []
    for place, feature in read_examples(path):
        if key not in feature:
            raise _lacks(feature, f"{key!r}", path)
        places.append(place)
        digests.append(hashlib.sha256(feature[key].SerializeToString(deterministic=True)).digest())
        classes.append(_class_of(feature))
    flat = np.frombuffer(b"".join(digest[:_DIGEST_BYTES] for digest in digests), np.uint8)
    return Contents(np.array(places, np.int64), flat.reshape(-1, _DIGEST_BYTES), np.array(classes, str))


def _class_of(feature: Mapping[str, tf.train.Feature]) -> str:
    """What a record shows or says; empty where it does not tell in one text or number."""
    for key in _CLASS_KEYS:
        if key in feature:
            texts, numbers = feature[key].bytes_list.value, feature[key].int64_list.value
            if len(texts) == 1 and texts[0]:
                return texts[0].decode("utf-8", "backslashreplace").replace("\0", "")
            if len(numbers) == 1:
                return str(numbers[0])
    return ""


def _lacks(feature: Mapping[str, tf.train.Feature], what: str, path: Path) -> InputError:
    return InputError(f"{path}: records have no {what}, only {one_line(', '.join(sorted(feature)))}")
