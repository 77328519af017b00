"""Unpacking archives that come from elsewhere.

Files are written one by one below a new folder, as plain files: nothing of a member counts
but its name and its bytes. A small archive can hold terabytes of zeros, in its files or in the
headers before them, so both are held to the archive's own size.
"""

from __future__ import annotations

import gzip
import io
import shutil
import tarfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast

from model_metamers.errors import InputError
from model_metamers.storage.opening import open_file
from model_metamers.storage.reading import one_line

_MOST_BYTES = 16 << 30
# An archive may unpack to so many bytes, or to so many times its own; weights are packed to nine tenths.
_ALWAYS, _RATIO = 256 << 20, 20
_MOST_MEMBERS = 10_000
_BLOCK = 1 << 20
_LONGEST_HEADER = 1 << 16  # bytes of a long name, or of further facts, before a member
_GZIP = b"\x1f\x8b"
_HEADERS: tuple[bytes, ...] = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE)
_HEADERS += (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)


def unpack(archive: Path, folder: Path, most_bytes: int = _MOST_BYTES) -> None:
    """Unpacks a tar archive, with gzip or not, into a folder that does not exist yet.

    Args:
      archive: its path.
      folder: made anew; removed again when the archive is refused.
      most_bytes: that the files may hold together.

    Raises:
      InputError: damaged or no archive; a member with an absolute path, with "..", with a control
        character, a link, a device, a file with holes, or a name twice; too many, too large, or no room
        on the disk.
    """
    folder.mkdir(parents=True)
    try:
        with open_file(archive) as packed:
            is_gzip = packed.read(2) == _GZIP
            packed.seek(0)
            size = archive.stat().st_size
            most = min(most_bytes, max(_ALWAYS, _RATIO * size)) if is_gzip else most_bytes
            whole = cast(BinaryIO, gzip.GzipFile(fileobj=packed)) if is_gzip else packed
            bounded = io.BufferedReader(_Bounded(whole, most + _MOST_MEMBERS * _LONGEST_HEADER), _BLOCK)
            with tarfile.open(fileobj=bounded, mode="r:", tarinfo=_Member) as tar:
                _unpack_members(tar, archive, folder, most)
                while is_gzip and bounded.read(_BLOCK):  # to the end, where gzip keeps its checksum
                    pass
    except _DAMAGE as error:
        shutil.rmtree(folder)
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"archive {archive}: damaged, or cannot be unpacked ({one_line(str(error))})"
        ) from error
    except BaseException:
        shutil.rmtree(folder)
        raise


# What tarfile and zlib raise on damaged archives; RecursionError of headers upon headers.
_DAMAGE = (tarfile.TarError, EOFError, zlib.error, OSError, ValueError, RecursionError)


class _Bounded(io.RawIOBase):
    """A file that is read forwards and back, as far as a number of bytes in all."""

    def __init__(self, file: BinaryIO, most: int):
        self._file, self._left = file, most

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, place: int, whence: int = 0) -> int:
        return self._file.seek(place, whence)

    def tell(self) -> int:
        return self._file.tell()

    def readinto(self, buffer) -> int:
        content = self._file.read(len(buffer))
        self._left -= len(content)
        if self._left < 0:
            raise tarfile.ReadError("it unpacks to far more than its own size")
        buffer[: len(content)] = content
        return len(content)


class _Member(tarfile.TarInfo):
    """A member whose headers are short, and which has no holes."""

    @classmethod
    def frombuf(cls, buf, encoding, errors):
        member = super().frombuf(buf, encoding, errors)
        if member.type in _HEADERS and member.size > _LONGEST_HEADER:
            raise tarfile.ReadError(f"a header of {member.size} bytes")
        if member.type == tarfile.GNUTYPE_SPARSE:
            raise tarfile.ReadError("a file with holes")
        return member

    def _proc_gnusparse_10(self, *about: Any) -> None:  # tarfile would search for its end, block by block
        raise tarfile.ReadError("a file with holes")


def _unpack_members(tar: tarfile.TarFile, archive: Path, folder: Path, most: int) -> None:
    total = 0
    for number, member in enumerate(tar):
        total += member.size
        if number >= _MOST_MEMBERS or total > most:
            raise InputError(f"archive {archive}: more than {most} bytes or {_MOST_MEMBERS} members; refused")
        if member.size > shutil.disk_usage(folder).free:
            raise InputError(
                f"archive {archive}: {member.name!r} has {member.size} bytes; the disk has fewer free"
            )
        _unpack_member(tar, member, archive, folder)
    if not any(folder.iterdir()):
        raise InputError(f"archive {archive}: damaged, or holds nothing")


def _unpack_member(tar: tarfile.TarFile, member: tarfile.TarInfo, archive: Path, folder: Path) -> None:
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or any(c in "\\:" for c in member.name):
        raise InputError(f"archive {archive}: {member.name!r} would leave the folder; refused")
    if not member.name.isprintable():
        raise InputError(f"archive {archive}: {member.name!r} cannot be printed; refused")
    if member.issparse() or not (member.isreg() or member.isdir()):
        raise InputError(f"archive {archive}: {member.name!r} is a link, a device or has holes; refused")
    target = folder.joinpath(*path.parts)
    if member.isdir():
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    source = tar.extractfile(member)
    if source is None:
        raise InputError(f"archive {archive}: {member.name!r} is no file; refused")
    with source, target.open("xb") as file:
        shutil.copyfileobj(source, file, _BLOCK)
