"""A reader, and a file that it can read."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.builders.reshaping import Reshape, field


@dataclasses.dataclass(frozen=True)
class Case:
    """A reader, and a file that it can read.

    Attributes:
      kind: of file, which many cases are of.
      file: name of the file.
      write: makes the whole file at a path.
      read: the reader, given the file's path; its result is held to what it promises.
      reshape: damage that the format has a meaning for.
      may_refuse: whether the whole file is refused too, since what it names is not there.
    """

    kind: str
    file: str
    write: Callable[[Path], Any]
    read: Callable[[Path], Any]
    reshape: Reshape = field
    may_refuse: bool = False


def prepared(case: Case, folder: Path) -> tuple[Path, bytes]:
    """The whole file of a case, written."""
    path = folder / case.file
    case.write(path)
    return path, path.read_bytes()


def text(content: str, encoding: str = "utf-8"):
    return lambda path: path.write_bytes(content.encode(encoding))
