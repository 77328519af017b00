"""Unpacking archives that come from elsewhere.

Files are written one by one below a new folder, as plain files: nothing of a member counts
but its name and its bytes.
"""

from __future__ import annotations

import shutil
import tarfile
import zlib
from pathlib import Path, PurePosixPath

from model_metamers.errors import InputError

_MOST_BYTES = 16 << 30
_MOST_MEMBERS = 10_000
_BLOCK = 1 << 20


def unpack(archive: Path, folder: Path, most_bytes: int = _MOST_BYTES) -> None:
    """Unpacks a tar archive, compressed or not, into a folder that does not exist yet.

    Args:
      archive: its path.
      folder: made anew; removed again when the archive is refused.
      most_bytes: that the files may hold together.

    Raises:
      InputError: damaged or no archive; a member with an absolute path, with "..", a link, a
        device, or a name twice; too many or too large.
    """
    folder.mkdir(parents=True)
    try:
        with tarfile.open(archive) as tar:
            total = 0
            for number, member in enumerate(tar):
                total += member.size
                if number >= _MOST_MEMBERS or total > most_bytes:
                    raise InputError(
                        f"archive {archive}: more than {most_bytes} bytes or {_MOST_MEMBERS} members; refused"
                    )
                _unpack_member(tar, member, archive, folder)
            _read_to_the_end(tar, most_bytes)
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        shutil.rmtree(folder)
        raise InputError(f"archive {archive}: damaged, or cannot be unpacked ({error})") from error
    except BaseException:
        shutil.rmtree(folder)
        raise


def _read_to_the_end(tar: tarfile.TarFile, most_bytes: int) -> None:
    """Reads past the last member, where compression keeps its checksum of the whole."""
    for _ in range(most_bytes // _BLOCK + 1):
        if not tar.fileobj.read(_BLOCK):
            return
    raise tarfile.ReadError("endless bytes after the last file")


def _unpack_member(tar: tarfile.TarFile, member: tarfile.TarInfo, archive: Path, folder: Path) -> None:
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or "\\" in member.name or ":" in member.name:
        raise InputError(f"archive {archive}: {member.name!r} would leave the folder; refused")
    if not member.isreg() and not member.isdir():
        raise InputError(f"archive {archive}: {member.name!r} is a link or a device, not a file; refused")
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
