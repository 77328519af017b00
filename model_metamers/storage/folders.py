"""What lies in folders: each file once, without what systems leave there."""

from __future__ import annotations

import os
from pathlib import Path

from model_metamers.errors import InputError

# What Windows and macOS leave in folders beside hidden files.
_LEFT_BY_SYSTEMS = ("thumbs.db", "desktop.ini", "__macosx", "icon\r")


def is_hidden(path: Path) -> bool:
    """Whether a file or folder is none that its owner put there: `.x`, AppleDouble's `._x`, `Thumbs.db`."""
    return path.name.startswith(".") or path.name.lower() in _LEFT_BY_SYSTEMS


def files_below(root: Path) -> list[Path]:
    """Files in any depth, in the alphabet's order; hidden ones and hidden folders are passed over.

    Links are followed, since corpora are often joined by them, but each folder and each file is
    taken once, whatever leads to it: by its own name rather than a link's, and of several links
    by the first of the alphabet. A link that leads nowhere is taken as it is, so that whoever
    reads it is told.

    Raises:
      InputError: a folder cannot be read.
    """
    files: list[Path] = []
    seen: set[tuple[int, int]] = set()
    waiting: list[Path] = [root]
    links: list[Path] = []
    while waiting or links:
        path = waiting.pop() if waiting else links.pop()
        try:
            status = os.stat(path)
        except OSError:
            files.append(path)
            continue
        identity = (status.st_dev, status.st_ino)
        if identity in seen:
            continue
        seen.add(identity)
        if not path.is_dir():
            files.append(path)
            continue
        try:
            entries = sorted((p for p in path.iterdir() if not is_hidden(p)), reverse=True)
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror})") from error
        waiting += [p for p in entries if not p.is_symlink()]
        links = sorted([*links, *(p for p in entries if p.is_symlink())], reverse=True)
    return sorted(files)
