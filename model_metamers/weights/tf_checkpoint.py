"""Reading and writing TensorFlow checkpoints by variable name.

TF1's and TF-slim's checkpoints (formats V1 and V2) are read as they are. TF2's
(`tf.train.Checkpoint`, and the variables of a SavedModel) file tensors under paths of
Python attributes; the names of the variables stand in the object graph beside them.
"""

from __future__ import annotations

import collections
import contextlib
import os
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import trackable_object_graph_pb2

from model_metamers.errors import InputError
from model_metamers.storage.opening import check_file
from model_metamers.storage.reading import one_line
from model_metamers.storage.whole import partial_beside, whole_file
from model_metamers.weights.checkpoint_index import check_checkpoint

_OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
_DAMAGE = (ValueError, LookupError, TypeError, MemoryError, struct.error)
_MOST_NOTE = 1 << 20  # bytes of a folder's `checkpoint`, which names the newest
_VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"


class CheckpointReader:
    """Shapes and values of a checkpoint's variables.

    Args:
      path: prefix of a V2 checkpoint (`model.ckpt` for `model.ckpt.index`), its index
        file, a V1 checkpoint file, or a folder with a `checkpoint` file.

    Attributes:
      path: prefix of the checkpoint.
      shapes: by the variables' names, in the order of the names.

    Raises:
      InputError: there is no readable checkpoint.
    """

    def __init__(self, path: str | os.PathLike):
        self.path = _prefix(Path(path))
        with _explained(self.path):
            check_checkpoint(self.path)
            self._reader = tf.train.load_checkpoint(str(self.path))
            shapes = {k: tuple(v) for k, v in self._reader.get_variable_to_shape_map().items()}
            self._keys = self._object_names(shapes) if _OBJECT_GRAPH in shapes else {k: k for k in shapes}
            self.shapes = {name: shapes[key] for name, key in sorted(self._keys.items())}

    def value(self, name: str) -> np.ndarray:
        """The value of a variable, in full; raises InputError where it is damaged, or holds texts."""
        with _explained(self.path):
            value = np.asarray(self._reader.get_tensor(self._keys[name]))
            if value.dtype.kind in "SUO":
                raise ValueError(f"{name} holds texts, not numbers")
            return value

    def _object_names(self, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, str]:
        """Key in an object-based checkpoint by the name of the variable.

        A variable without a name of its own, or sharing one with another variable of other
        values, is named by its path of attributes.
        """
        graph = trackable_object_graph_pb2.TrackableObjectGraph.FromString(
            self._reader.get_tensor(_OBJECT_GRAPH)
        )
        keys: dict[str, list[str]] = collections.defaultdict(list)
        for attribute in (a for node in graph.nodes for a in node.attributes):
            if attribute.checkpoint_key in shapes and attribute.checkpoint_key.endswith(_VALUE):
                keys[attribute.full_name].append(attribute.checkpoint_key)
        names = {}
        for name, own in keys.items():
            if name and (len(own) == 1 or self._same(own)):
                names[name] = own[0]
            else:
                names.update({key.removesuffix(_VALUE): key for key in own})
        return names

    def _same(self, keys: list[str]) -> bool:
        """Whether tensors are copies of one: Keras exports each variable twice."""
        first, *others = (self._reader.get_tensor(key) for key in keys)
        return all(np.array_equal(first, other) for other in others)


def write_checkpoint(prefix: str | os.PathLike, values: Mapping[str, np.ndarray]) -> None:
    """Writes variables as one V2 checkpoint, whole or not at all.

    The files are `<prefix>.index` and `<prefix>.data-00000-of-00001`; TF1's Saver and
    `tf.train.load_checkpoint` read them.
    """
    prefix = Path(prefix)
    names = sorted(values)
    # The index comes last: without it there is no checkpoint.
    with (
        whole_file(f"{prefix}.index") as index,
        whole_file(f"{prefix}.data-00000-of-00001") as data,
        partial_beside(prefix) as folder,
    ):
        folder.mkdir()
        tf.raw_ops.SaveV2(
            prefix=f"{folder}/written",
            tensor_names=names,
            shape_and_slices=[""] * len(names),
            tensors=[tf.convert_to_tensor(values[name]) for name in names],
        )
        os.replace(f"{folder}/written.data-00000-of-00001", data)
        os.replace(f"{folder}/written.index", index)


def _prefix(path: Path) -> Path:
    """The name that TensorFlow knows the checkpoint by."""
    if path.is_dir():
        with _explained(path):
            if (path / "checkpoint").exists():
                check_file(path / "checkpoint", _MOST_NOTE)
            latest = tf.train.latest_checkpoint(str(path))
        if latest is None:
            raise InputError(f"checkpoint {path}: the folder names no checkpoint; give the file's prefix")
        if not Path(latest).parent.resolve().is_relative_to(path.resolve()):
            raise InputError(
                f"checkpoint {path}: its file `checkpoint` names {one_line(latest)}, which lies elsewhere; "
                f"give the prefix of the file that is meant"
            )
        return Path(latest)
    for suffix in (".index", ".data-00000-of-00001"):
        if path.name.endswith(suffix):
            path = path.with_name(path.name[: -len(suffix)])
    index = path.with_name(path.name + ".index")
    if not path.exists() and not index.exists():
        raise InputError(f"checkpoint {path}: neither this file nor {index.name} exists")
    return path


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turns TensorFlow's errors on damaged files into one that names the file."""
    try:
        yield
    except (tf.errors.OpError, OSError, DecodeError, RuntimeError, *_DAMAGE) as error:
        if isinstance(error, InputError):
            raise
        reason = one_line(_told(error)) or type(error).__name__
        raise InputError(
            f"checkpoint {path}: cannot be read, truncated or no checkpoint ({reason})"
        ) from error


def _told(error: Exception) -> str:
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)
