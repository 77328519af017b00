"""Runs notebooks, the Python on pages, and scripts, as somebody would who types them, and how long each took.

    python docs/_extensions/run_pages.py docs/tutorials/*.md README.md examples/own_network.py

A notebook's cells run in its own folder; the `python` of other pages, and scripts, in an empty one. What ends
with an error ends this with status 1, after all were run.
"""

import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_CELL = re.compile(r"^```\{code-cell\}[^\n]*\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_PYTHON = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def cells(text: str) -> list[str]:
    """The code of a notebook in Markdown, cell by cell.

    >>> cells("A\\n\\n```{code-cell} ipython3\\n1 + 1\\n```\\n\\nB\\n\\n```sh\\nls\\n```\\n")
    ['1 + 1\\n']
    """
    return _CELL.findall(text)


def run_notebook(path: Path) -> tuple[str, str | None]:
    """Runs a notebook; what it printed, and its error's text or None."""
    import nbclient
    import nbformat

    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in cells(path.read_text(encoding="utf-8"))]
    )
    client = nbclient.NotebookClient(
        notebook, timeout=1200, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}}
    )
    error = None
    try:
        client.execute()
    except nbclient.exceptions.CellExecutionError as failed:
        error = str(failed)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return "".join(output.text for output in outputs if output.get("name") == "stdout"), error


def run_code(code: str) -> tuple[str, str | None]:
    """Runs a program in an empty folder; what it printed, and its error's text or None."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True)
    return done.stdout, done.stderr if done.returncode else None


def run(path: Path) -> tuple[str, str | None]:
    """Runs a page or a script."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return run_code(text)
    return run_notebook(path) if cells(text) else run_code("\n".join(_PYTHON.findall(text)))


def main(paths: list[str]) -> int:
    failed = 0
    for path in map(Path, paths):
        print(path, flush=True)
        began = time.monotonic()
        said, error = run(path.resolve())
        failed += error is not None
        print(*(f"    {line}" for line in said.splitlines()), sep="\n")
        print(f"{path}: {error or 'ran'} ({time.monotonic() - began:.0f} s)", flush=True)
    print(f"{len(paths) - failed} of {len(paths)} ran to their end")
    return int(failed > 0 or not paths)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
