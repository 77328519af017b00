"""What TensorBoard reads, of trainings and searches; a full disk is told in one line."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf

from model_metamers.errors import StorageError
from model_metamers.storage.explaining import explain
from model_metamers.storage.reading import one_line


@contextlib.contextmanager
def summaries(folder: Path) -> Iterator[None]:
    """While it lasts, `scalar` writes to files in this folder.

    An error raised within is not replaced by one from writing the last values.

    Raises:
      StorageError: the summaries cannot be written.
    """
    with refused_in_one_line(folder):
        writer = tf.summary.create_file_writer(str(folder))
        default = writer.as_default()
        default.__enter__()
    try:
        yield
    except BaseException:
        with contextlib.suppress(tf.errors.OpError):
            default.__exit__(None, None, None)
        raise
    with refused_in_one_line(folder):
        default.__exit__(None, None, None)


@contextlib.contextmanager
def refused_in_one_line(what: object) -> Iterator[None]:
    """StorageError where what is written within cannot be; `what` it is, for the message."""
    try:
        yield
    except tf.errors.OpError as error:
        raise StorageError(
            f"{what}: summaries cannot be written ({explain(error) or one_line(str(error))}); the same "
            f"command goes on from the last state"
        ) from error


def scalar(name: str, value: float, step: int) -> None:
    """Writes a value under a name; see `summaries`."""
    with refused_in_one_line(name):
        tf.summary.scalar(name, value, step)
