"""One file from a server, however often the connection breaks.

What has arrived is kept in `<file>.part`; the next attempt, of this run or a later one, asks
the server for the rest. The digest is taken of every byte as it is written.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TypedDict

import requests
from tqdm.auto import tqdm

from model_metamers.errors import DamagedFileError, InputError
from model_metamers.execution.lines import as_bar_or_lines
from model_metamers.storage.opening import check_file, open_file
from model_metamers.storage.reading import one_line, read_json
from model_metamers.weights.http_answer import BROKEN, Interrupted, answer

_BLOCK = 1 << 18
# A connection that brings less than this in a window of time is given up.
_WINDOW_S, _LEAST_BYTES = 60.0, 60 << 10
_MOST_BYTES = 16 << 30
_CHECKED_BYTES = 64 << 20  # after so many the disk is looked at again
_SPARE_BYTES = 256 << 20  # of the disk, that stay free
# Attempts in a row that bring nothing, and attempts in all.
_FRUITLESS = 5
_ATTEMPTS = 100
_NUMBER = "[0-9]{1,18}"  # in a header
_PASSING = (408, 425, 429, 500, 502, 503, 504)


class _TooSlow(Interrupted):
    """Bytes came, but so few that the attempt counts as fruitless."""


class _Note(TypedDict, total=False):
    """What is kept of a download that is not finished."""

    url: str
    validator: str


@dataclasses.dataclass
class _Part:
    """What has arrived so far: the file, its validator, its length and digest."""

    path: Path
    url: str
    validator: str = ""
    size: int = 0
    digest: hashlib._Hash = dataclasses.field(default_factory=hashlib.sha256)

    @property
    def note(self) -> Path:
        return self.path.with_name(self.path.name + ".json")

    def recall(self) -> None:
        """Takes up what an earlier run left of the same URL."""
        try:
            note = read_json(self.note, kind=_Note)
        except DamagedFileError:
            note = {}
        if note.get("url") != self.url or not self.path.is_file():
            self.restart("")
            return
        self.validator = note.get("validator", "")
        for block in _blocks(self.path):
            self.digest.update(block)
            self.size += len(block)

    def restart(self, validator: str) -> None:
        self.path.write_bytes(b"")
        self.validator, self.size, self.digest = validator, 0, hashlib.sha256()
        self.note.write_text(json.dumps({"url": self.url, "validator": validator}), encoding="utf-8")

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)


def transfer(
    url: str, path: Path, size: int | None = None, progress: bool = True, pause_s: float = 1.0
) -> str:
    """Brings a file here, whole; returns the sha256 of its bytes.

    Args:
      url: http, https or file URL, or the path of a local file.
      path: written; its folder exists. Beside it `.part` files live meanwhile.
      size: bytes that it must have, None if not known.
      progress: show a bar.
      pause_s: before the second fruitless attempt in a row; it doubles each time.

    Raises:
      InputError: no network, a server that gives less than 1 kB/s or leads elsewhere again and again,
        no such file, another size than expected, or no room on the disk. What has arrived is kept,
        unless its size is wrong.
    """
    part = _Part(path.with_name(path.name + ".part"), url)
    try:
        if url.startswith(("http://", "https://")):
            part.recall()
            total = _fetch(part, size, progress, pause_s)
        else:
            total = _copy(part, size)
        if size is not None and total != size:
            part.remove()
            raise InputError(f"{url}: expected {size} bytes, got {total}; the file was removed")
        os.replace(part.path, path)
        part.note.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{url}: cannot be written to {path} ({error})") from error
    return part.digest.hexdigest()


def _fetch(part: _Part, size: int | None, progress: bool, pause_s: float) -> int:
    """Attempts until the file is whole; returns its size."""
    fruitless, reason = 0, ""
    for _ in range(_ATTEMPTS):
        before = part.size
        slow = False
        try:
            return _attempt(part, size, progress)
        except Interrupted as error:
            reason, slow = one_line(str(error)), isinstance(error, _TooSlow)
        fruitless = 0 if part.size > before and not slow else fruitless + 1
        if fruitless >= _FRUITLESS:
            break
        if fruitless:
            time.sleep(pause_s * 2 ** (fruitless - 1))
    raise InputError(
        f"{part.url}: no connection, or one that breaks again and again ({reason}); {part.size} bytes are "
        f"kept and the same command continues. Check the network, or give a mirror's URL or a local file"
    )


def _attempt(part: _Part, size: int | None, progress: bool) -> int:
    """Asks for what is missing and appends it; returns the size of the whole file."""
    headers = {"Accept-Encoding": "identity"}
    if part.size:
        headers["Range"] = f"bytes={part.size}-"
        if part.validator:
            headers["If-Range"] = part.validator
    try:
        with answer(part.url, headers) as response:
            total = _check(response, part, size)
            if part.size != total:
                _append(response, part, total, size, progress)
    except InputError:
        raise
    except (*BROKEN, ValueError) as error:  # the last of headers that make no sense
        raise Interrupted(str(error)) from error
    if total is not None and part.size < total:
        raise Interrupted(f"{part.size} of {total} bytes came")
    return part.size


def _check(response: requests.Response, part: _Part, size: int | None) -> int | None:
    """Total size by the response's headers; starts over where the server does not continue."""
    status, headers = response.status_code, response.headers
    if status in _PASSING:
        raise Interrupted(f"status {status}")
    if status == 416:  # nothing beyond what is here: it is whole, or it is another file's
        whole = re.fullmatch(rf"bytes \*/({_NUMBER})", headers.get("Content-Range", ""))
        if whole and int(whole[1]) == part.size:
            return part.size
        part.restart("")
        raise Interrupted("what was kept does not belong to the file")
    if status not in (200, 206):
        raise InputError(
            f"{part.url}: the server answers {status} {one_line(str(response.reason))}; give a mirror's URL "
            f"or a local file"
        )
    length = headers.get("Content-Length", "")
    total = int(length) if re.fullmatch(_NUMBER, length) else None
    if status == 206:
        start = re.fullmatch(rf"bytes ({_NUMBER})-{_NUMBER}/({_NUMBER}|\*)", headers.get("Content-Range", ""))
        if not start or int(start[1]) != part.size:
            part.restart("")
            raise Interrupted("the server continues at another place")
        total = int(start[2]) if start[2] != "*" else (None if total is None else part.size + total)
    else:
        part.restart(_validator(headers))
    if size is not None and total is not None and total != size:
        part.remove()
        raise InputError(f"{part.url}: expected {size} bytes, the server has {total}; nothing was kept")
    return total


def _validator(headers: requests.structures.CaseInsensitiveDict) -> str:
    """What tells this version of the file from another: a strong ETag, or the date."""
    etag = headers.get("ETag", "")
    return etag if etag.startswith('"') else headers.get("Last-Modified", "")


def _append(
    response: requests.Response, part: _Part, total: int | None, size: int | None, progress: bool
) -> None:
    _check_room(part, 0 if total is None else total - part.size)
    most = min([_MOST_BYTES, *(known for known in (total, size) if known is not None)])
    bar = tqdm(
        total=total,
        initial=part.size,
        unit="B",
        unit_scale=True,
        disable=not progress,
        **as_bar_or_lines(),
        desc=part.path.name.removesuffix(".part"),
    )
    with bar, part.path.open("ab") as file:
        # Raw: the digest is of the file as it is, not of what a Content-Encoding unpacks to.
        window, came = time.monotonic(), 0
        while block := response.raw.read1(_BLOCK, decode_content=False):
            file.write(block)
            part.digest.update(block)
            part.size += len(block)
            bar.update(len(block))
            if part.size > most:
                file.close()
                part.remove()
                raise InputError(f"{part.url}: more bytes come than announced; nothing was kept")
            came += len(block)
            waited = time.monotonic() - window
            if waited > _WINDOW_S and came < _LEAST_BYTES:
                raise _TooSlow(f"{came} bytes in {waited:.0f} s")
            if waited > _WINDOW_S or came > _CHECKED_BYTES:
                window, came = time.monotonic(), 0
                _check_room(part, 0)


def _check_room(part: _Part, wanted: int) -> None:
    free = shutil.disk_usage(part.path.parent).free - _SPARE_BYTES
    if wanted > free:
        raise InputError(
            f"{part.url}: {wanted} bytes are to come, but the disk has {max(0, free)} free beside "
            f"{_SPARE_BYTES} that stay so; make room, and the same command continues"
        )


def _copy(part: _Part, size: int | None) -> int:
    source = Path(part.url.removeprefix("file://")).expanduser()
    try:
        there = check_file(source, _MOST_BYTES)
    except OSError as error:
        raise InputError(
            f"{part.url}: no such file ({error.strerror}); expected an http(s) URL or the path of a local "
            f"file"
        ) from error
    if size is not None and there != size:
        raise InputError(f"{part.url}: expected {size} bytes, it has {there}")
    _check_room(part, there)
    part.restart("")
    with part.path.open("ab") as file:
        for block in _blocks(source):
            file.write(block)
            part.digest.update(block)
            part.size += len(block)
    return part.size


def _blocks(path: Path) -> Iterator[bytes]:
    with open_file(path) as file:
        while block := file.read(_BLOCK):
            yield block
