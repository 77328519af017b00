"""Pages whose text stands elsewhere in the repository, taken when the documentation is built.

They are written to `docs/built/`, which git ignores. Links between files of the repository become
links between pages.
"""

import posixpath
import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]


class Part(NamedTuple):
    """A page made of a file, or of some sections of it.

    Attributes:
      page: below docs/.
      file: of the repository.
      title: of the page.
      headings: of the sections that are taken; all when empty.
      lead: what stands before them.
    """

    page: str
    file: str
    title: str
    headings: tuple[str, ...] = ()
    lead: str = ""


PARTS = (
    Part(
        "built/deviations.md",
        "WORKSPACE_NOTES.md",
        "Ours, the paper's, the released code's",
        ("Deviations: ours | paper | released code",),
        "Where this package differs from the paper or from the authors' TensorFlow 1 code, row by row. "
        "What the paper leaves open, and where each fact comes from, is in [the sources](docs/sources.md).",
    ),
    Part(
        "built/beside_the_original.md",
        "WORKSPACE_NOTES.md",
        "Measured beside the original",
        ("Measured here, beside the original",),
    ),
    Part("built/map.md", "WORKSPACE_NOTES.md", "Map of the code", ("Folder map", "Paper part -> file")),
    Part("built/changelog.md", "CHANGELOG.md", "Changelog"),
    Part("built/contributing.md", "CONTRIBUTING.md", "Contributing"),
    Part("built/containers.md", "containers/README.md", "Containers"),
    Part("built/checkpoints.md", "checkpoints/README.md", "Checkpoints"),
)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_FENCED = re.compile(r"(^```.*?^```)", re.DOTALL | re.MULTILINE)
_PLACE = re.compile(r'^<a id="([^"]+)"></a>$', re.MULTILINE)


def slug(heading: str) -> str:
    """A heading as GitHub and MyST name the place of it.

    >>> slug("Deviations: ours | paper | released code")
    'deviations-ours--paper--released-code'
    """
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def sections(text: str, headings: tuple[str, ...]) -> str:
    """The sections of second level with these headings, in order; without any, the text below its title."""
    if not headings:
        return text.partition("\n")[2]
    found = []
    for heading in headings:
        _, mark, rest = text.partition(f"\n## {heading}\n")
        if not mark:
            raise ValueError(f"there is no section {heading!r}")
        body = re.split(r"\n## ", rest)[0]
        found.append(body if len(headings) == 1 else f"## {heading}\n{body}")
    return "\n".join(found)


def page_of(file: str, anchor: str) -> tuple[str, str]:
    """The page that shows a file of the repository, and the place in it; "" where none does."""
    if file.startswith("docs/"):
        return file.removeprefix("docs/"), anchor
    shown = [part for part in PARTS if part.file == file]
    for part in shown:
        if anchor in map(slug, part.headings):
            return part.page, "" if len(part.headings) == 1 else anchor
    if file == "WORKSPACE_NOTES.md":
        return "built/map.md", ""
    return (shown[0].page, anchor) if shown else ("", "")


def relinked(text: str, file: str, page: str) -> str:
    """Markdown of a file of the repository with its links as a page of the documentation needs them.

    Args:
      text: Markdown.
      file: where it stands, below the repository.
      page: where it is shown, below docs/.
    """

    def link(match: re.Match) -> str:
        target, _, anchor = match[1].partition("#")
        if re.match(r"\w+:", match[1]) or not target:
            return f"](#{file}-{anchor})" if _numbered(file, anchor) else match[0]
        whole = posixpath.normpath(posixpath.join(posixpath.dirname(file), target))
        if _numbered(whole, anchor):
            return f"](#{whole}-{anchor})"
        shown, place = page_of(whole, anchor)
        if not shown:
            return f"]({posixpath.relpath(posixpath.join('..', whole), posixpath.dirname(page) or '.')})"
        path = posixpath.relpath(shown, posixpath.dirname(page) or ".")
        return f"]({path}{'#' if place else ''}{place})"

    parts = _FENCED.split(text)
    parts[::2] = [_LINK.sub(link, _PLACE.sub(rf"({file}-\1)=", part)) for part in parts[::2]]
    return "".join(parts)


def _numbered(file: str, anchor: str) -> bool:
    """Whether a place is one of the numbered sections of the sources."""
    return file == "docs/sources.md" and re.fullmatch(r"\d\w?", anchor) is not None


def write(path: Path, text: str) -> None:
    """Leaves a file alone that holds the text already, so that its page is not read anew."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def _write_parts(app) -> None:
    for part in PARTS:
        text = sections((ROOT / part.file).read_text(encoding="utf-8"), part.headings)
        lead = f"{part.lead}\n\n" if part.lead else ""
        write(
            Path(app.srcdir) / part.page, f"# {part.title}\n\n{relinked(lead + text, part.file, part.page)}"
        )


def _relink(app, page: str, source: list[str]) -> None:
    """Links of the pages that stand in docs/ themselves."""
    if not page.startswith("built/") and Path(app.env.doc2path(page)).suffix == ".md":
        source[0] = relinked(source[0], f"docs/{page}.md", f"{page}.md")


def setup(app) -> dict:
    app.connect("builder-inited", _write_parts, priority=100)
    app.connect("source-read", _relink)
    return {"parallel_read_safe": True}
