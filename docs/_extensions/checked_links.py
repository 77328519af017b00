"""Whether all links of built pages, and their pictures, scripts and styles, lead somewhere within the site.

python docs/_extensions/checked_links.py docs/_build/html
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class _Page(HTMLParser):
    """Places of a page, and what it links to or loads.

    Attributes:
      ids: places.
      links: of anchors.
      loaded: addresses of what a browser takes by itself.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value for name, value in attrs if value}
        self.ids |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if "src" in given:
            self.loaded.append(given["src"])
        if tag == "link" and "href" in given and given.get("rel") in ("stylesheet", "icon", "preload"):
            self.loaded.append(given["href"])


def read(folder: Path) -> dict[Path, _Page]:
    """Every HTML page below a folder, without the theme's templates."""
    pages = {}
    for path in sorted(set(folder.rglob("*.html")) - set(folder.glob("_static/**/*.html"))):
        page = pages[path.resolve()] = _Page()
        page.feed(path.read_text(encoding="utf-8"))
    return pages


def broken(pages: dict[Path, _Page]) -> list[str]:
    """What is wrong, a line each: links to nowhere, and what would come from the network."""
    found = []
    for path, page in pages.items():
        for address in page.links + page.loaded:
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                if address in page.loaded and parts.scheme != "data":
                    found.append(f"{path}: loads {address[:200]} from the network")
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.exists():
                found.append(f"{path}: {address} is not there")
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].ids:
                found.append(f"{path}: {address} has no such place")
    return found


def main(folder: str) -> int:
    pages = read(Path(folder))
    wrong = broken(pages)
    print(*wrong, sep="\n", end="\n" if wrong else "")
    links = sum(len(page.links) for page in pages.values())
    print(f"{len(pages)} pages, {links} links: {len(wrong)} lead nowhere or to the network by themselves")
    return bool(wrong) or not pages


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
