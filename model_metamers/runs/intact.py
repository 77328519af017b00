"""Whether what lies in folders still belongs together: a metamer's files, and verdicts of one null.

A record of format 2 holds the sha256 of the files beside it. Of records of format 1 only the place
can be checked.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from model_metamers.criteria.null import NullDistribution
from model_metamers.errors import DamagedFileError, InputError
from model_metamers.runs.folder import MetamerFolder, RunFolder, safe_name
from model_metamers.runs.record import Record, read_record
from model_metamers.storage.digests import file_digest
from model_metamers.storage.reading import composed, read_json

# What to do, for messages.
MEND = "make_metamers with the same command makes it anew"


def check_files(folder: str | os.PathLike, record: Record) -> None:
    """Refuses a metamer whose files are not those of its record, or that lies where another belongs.

    Every file is read: a cache by size and time would miss one that was put in another's place.

    Args:
      folder: of the metamer.
      record: read from it.

    Raises:
      DamagedFileError: a file is missing or another one; in a run's folder, the names of folders or
        the run's settings are not those of the record.
    """
    check_place(folder, record)
    for name in broken_files(folder, record):
        path = Path(folder) / name
        told = "is not the file that its record tells of" if path.exists() else "missing"
        raise DamagedFileError(f"{path}: {told}; {MEND}")


def is_whole(folder: str | os.PathLike) -> bool:
    """Whether a folder holds a metamer whose record can be read and whose files are its own."""
    try:
        check_files(folder, read_record(folder))
    except InputError:
        return False
    return True


def broken_files(folder: str | os.PathLike, record: Record) -> list[str]:
    """Names of the files that are missing, or are not those of the record; see `check_files`."""
    if record.files is None:
        files = MetamerFolder(Path(folder)).results(record.signal.kind)
        return [path.name for path in files if not path.is_file()]
    return [name for name, digest in record.files.items() if not is_file_of(Path(folder) / name, digest)]


def is_file_of(path: Path, digest: str) -> bool:
    """Whether a file is there and has this sha256."""
    try:
        return path.is_file() and file_digest(path) == digest
    except InputError:
        return False


def check_place(folder: str | os.PathLike, record: Record) -> None:
    """Refuses a metamer in a run's folder that is not the one made there; see `check_files`.

    A folder that `mm.save` was given may have any name.
    """
    place = MetamerFolder(Path(os.path.abspath(folder)))
    network, layer, stimulus = place.path.parents[1], place.path.parent, place.path
    if not RunFolder.of(network).settings.is_file():
        return
    for path, name in ((network, record.network), (layer, record.layer), (stimulus, record.stimulus)):
        if composed(path.name) != composed(safe_name(name)):  # macOS may take letters apart
            raise DamagedFileError(
                f"{folder}: its record is of {record.network}, {record.layer}, {record.stimulus}, so it is a "
                f"copy, or was renamed; delete it, or move it back"
            )
    settings = read_json(RunFolder.of(network).settings, "settings; choose another folder")
    own = {"network": record.network, "checkpoint": record.checkpoint, **record.config.identity()}
    if not isinstance(settings, dict):
        raise DamagedFileError(f"{RunFolder.of(network).settings}: no settings of a run")
    other = [key for key in own if key in settings and settings[key] != own[key]]
    if other:
        raise DamagedFileError(
            f"{folder}: is a metamer of other settings than its run ({', '.join(other)}); delete it, or move "
            f"it back"
        )


def check_nulls(records: Iterable[tuple[Path, Record]]) -> None:
    """Refuses verdicts that different null distributions gave at one layer of one network.

    Args:
      records: of metamers that are counted together, with their folders.

    Raises:
      InputError: two of the same network, weights and layer were judged by different ones.
    """
    first: dict[tuple[str, str, str], tuple[Path, Record]] = {}
    for folder, record in records:
        if record.floats.verdict is None:
            continue
        layer = (record.network, record.checkpoint, record.layer)
        other, its_record = first.setdefault(layer, (folder, record))
        if not _same_null(its_record, record):
            raise InputError(
                f"{other} and {folder}: judged by different null distributions; run make_metamers again for "
                f"both with the same --null, which judges anew what is there"
            )


def given_by(record: Record, null: NullDistribution) -> bool:
    """Whether a record's verdict was given by a null distribution, which has its layer."""
    if record.null_sha256:
        return record.null_sha256 == null.digest
    verdict = record.floats.verdict  # of format 1, whose maximum tells
    return verdict is not None and repr(verdict.null_max) == repr(float(null.maximum(record.layer)))


def _same_null(a: Record, b: Record) -> bool:
    """By its digest; where a record of format 1 has none, by its maximum."""
    if a.null_sha256 and b.null_sha256:
        return a.null_sha256 == b.null_sha256
    maxima = [one.floats.verdict.null_max if one.floats.verdict else None for one in (a, b)]
    return repr(maxima[0]) == repr(maxima[1])  # NaN, where no pair has a rho, equals itself here
