"""Fetching the checkpoints that are too large, or not ours, to ship.

A download is transferred, held to its digest, unpacked and put in place; only then is it noted
in `downloads.json`. Killed at any point, it is either all there or not there.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from model_metamers.errors import InputError
from model_metamers.storage.digests import file_digest
from model_metamers.storage.locks import hold
from model_metamers.storage.whole import partial_beside
from model_metamers.storage.writing import write_json
from model_metamers.weights import manifest
from model_metamers.weights.manifest import Download
from model_metamers.weights.transfer import transfer
from model_metamers.weights.unpacking import unpack


def fetch(
    download: Download,
    folder: Path | None = None,
    url: str | None = None,
    progress: bool = True,
    pause_s: float = 1.0,
) -> dict[str, dict[str, Path]]:
    """Fetches a checkpoint of the manifest, unless it is there.

    Args:
      download: see `manifest.find_download`.
      folder: of the downloads; `manifest.downloads_folder()` when None.
      url: of a mirror, or the path of a local file, in place of the manifest's. The digest
        that is asked for stays the same.
      progress: show a bar.
      pause_s: see `transfer`.

    Returns:
      Paths by role by network: {"vgg_19": {"checkpoint": prefix}}.

    Raises:
      InputError: no network, no such file, a wrong size or digest (the file is removed), an
        archive that is refused, or one that lacks the checkpoint.
      InUseError: another process fetches it.
    """
    folder = folder or manifest.downloads_folder()
    with hold(folder, f"fetch-{download.name}"):
        with contextlib.suppress(InputError):  # not there, or not whole
            return _files(download, folder)
        return _fetch(download, folder, url, progress, pause_s)


def _fetch(
    download: Download, folder: Path, url: str | None, progress: bool, pause_s: float
) -> dict[str, dict[str, Path]]:
    """Fetches what is not there, and lists it."""
    record = manifest.read_record(folder)
    file = folder / download.file_name
    digest = transfer(url or download.url, file, download.bytes, progress, pause_s)
    _check_digest(download, record.get(download.name, {}), file, digest, url or download.url)
    size = file.stat().st_size
    target = folder / download.name
    _put_in_place(download, file, target)
    try:
        networks = _locate(download, target, folder)
    except InputError:
        shutil.rmtree(target)
        raise
    entry = {
        "url": url or download.url,
        "bytes": size,
        "sha256": digest,
        "networks": networks,
        "files": _listed(target, folder),
    }
    with hold(folder, "record", wait=True):
        record = {**manifest.read_record(folder), download.name: entry}
        write_json(folder / manifest.RECORD, record, sort_keys=True)
    return _files(download, folder)


def state(download: Download, folder: Path | None = None) -> str:
    """ "fetched", "damaged" or "-", of what lies in the folder of downloads."""
    folder = folder or manifest.downloads_folder()
    if "files" not in manifest.read_record(folder).get(download.name, {}):
        return "-"
    try:
        _files(download, folder)
    except InputError:
        return "damaged"
    return "fetched"


def _files(download: Download, folder: Path) -> dict[str, dict[str, Path]]:
    return {network: manifest.fetched_files(download, network, folder) for network in download.networks}


def _check_digest(download: Download, noted: Mapping[str, Any], file: Path, digest: str, url: str) -> None:
    expected, source = download.sha256, "the manifest says"
    if expected is None:
        expected = noted.get("sha256")
        source = f"{manifest.RECORD} notes of the first download (delete it there to accept another)"
    if expected is not None and digest != expected:
        file.unlink()
        raise InputError(
            f"{url}: its sha256 is {digest}, not {expected} as {source}; the file was removed. It was "
            f"damaged on the way, or its publisher changed it"
        )


def _put_in_place(download: Download, file: Path, target: Path) -> None:
    """Makes the download's folder of its file, whole or not at all, and removes the file."""
    if target.exists():
        shutil.rmtree(target)
    with partial_beside(target) as partial:
        if download.is_archive:
            try:
                unpack(file, partial)
            except InputError:
                file.unlink()
                raise
        else:
            partial.mkdir()
            shutil.copyfile(file, partial / file.name)
        partial.rename(target)
    file.unlink()


def _locate(download: Download, target: Path, folder: Path) -> dict[str, dict[str, str]]:
    """Path of every role of every network, relative to the folder of downloads."""
    return {
        network: {role: _find(name, target).relative_to(folder).as_posix() for role, name in roles.items()}
        for network, roles in download.networks.items()
    }


def _find(name: str, target: Path) -> Path:
    """The file of a name, or the prefix of a V2 checkpoint, wherever the archive puts it."""
    matches = [p for p in target.rglob(name) if p.is_file()]
    matches += [p.with_suffix("") for p in target.rglob(f"{name}.index") if p.with_suffix("") not in matches]
    if len(matches) != 1:
        files = sorted(p.relative_to(target).as_posix() for p in target.rglob("*") if p.is_file())
        raise InputError(
            f"download {target.name}: expected one {name} in it, found {len(matches)}; it holds "
            f"{', '.join(files[:20])}"
        )
    return matches[0]


def _listed(target: Path, folder: Path) -> list[dict[str, Any]]:
    return [
        {"name": p.relative_to(folder).as_posix(), "bytes": p.stat().st_size, "sha256": file_digest(p)}
        for p in sorted(target.rglob("*"))
        if p.is_file()
    ]
