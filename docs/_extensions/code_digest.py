"""A digest of what notebooks run: where it differs, what they gave before is not shown again."""

import ast
import hashlib
from pathlib import Path

_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def bare(source: str) -> str:
    """Code as Python reads it: without comments, layout and docstrings, which change no result.

    >>> bare("x = 1") == bare("'Of x.'\\nx  =  1  # one") == bare("x = 2")
    False
    >>> bare("x = 1") == bare("'Of x.'\\nx  =  1  # one")
    True
    """
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, _DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:]
    return ast.dump(tree)


def digest(folders: list[Path]) -> str:
    """Sixteen hexadecimal digits of the code and the data in folders, at any depth."""
    found = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if not path.is_file() or "__pycache__" in path.parts:
                continue
            content = path.read_bytes()
            if path.suffix == ".py":
                content = bare(content.decode("utf-8")).encode()
            name = path.relative_to(folder.parent).as_posix()
            found.update(f"{name} {len(content)}\n".encode() + content)
    return found.hexdigest()[:16]
