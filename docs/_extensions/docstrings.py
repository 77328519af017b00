"""Makes reStructuredText of the house's docstrings, which are plain text.

Words between single backticks are code. Marks that plain text holds, such as the star of `[*shape]`, stay
what they are. A doctest keeps its lines. Names in type hints lead to what bears them.
"""

import re

from sphinx.util.nodes import make_refnode

_COLON = "\ue000"  # in its place; of a property, napoleon takes what stands before a colon for a type
_PLAIN = re.compile(r"(`+[^`]*`+)")


def plain(line: str) -> str:
    """A line with its stars, bars and trailing underscores as they are.

    >>> plain("[*shape], `a*b` and |x|")
    '[\\\\*shape], `a*b` and \\\\|x\\\\|'
    """
    pieces = _PLAIN.split(line)
    pieces[::2] = [re.sub(r"([*|])|(?<=\w)(_)(?!\w)", r"\\\1\2", piece) for piece in pieces[::2]]
    return "".join(pieces)


def _escape(app, what: str, name: str, thing: object, options: object, lines: list[str]) -> None:
    doctest = False
    for i, line in enumerate(lines):
        doctest = line.lstrip().startswith(">>>") or (doctest and bool(line.strip()))
        if not doctest:
            lines[i] = plain(line)
    if what == "property" and lines:
        lines[0] = lines[0].replace(":", _COLON)


def _restore(app, what: str, name: str, thing: object, options: object, lines: list[str]) -> None:
    lines[:] = [line.replace(_COLON, ":") for line in lines]


def _by_bare_name(app, env, node, content):
    """What the bare name in a type hint means, as under TYPE_CHECKING, if one thing bears it."""
    if node.get("refdomain") != "py" or "." in node["reftarget"]:
        return None
    domain = env.get_domain("py")
    named = [
        entry
        for name, entry in domain.objects.items()
        if name.rpartition(".")[2] == node["reftarget"] and not entry.aliased
    ]
    if len(named) != 1:
        return None
    return make_refnode(app.builder, node["refdoc"], named[0].docname, named[0].node_id, content)


def setup(app) -> dict:
    app.connect("missing-reference", _by_bare_name)
    app.connect("autodoc-process-docstring", _escape, priority=100)  # before napoleon's
    app.connect("autodoc-process-docstring", _restore, priority=900)  # after it
    return {"parallel_read_safe": True}
