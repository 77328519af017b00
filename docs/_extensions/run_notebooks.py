"""Runs notebooks in Markdown one by one, as somebody would who types them, and says how long each took.

    python docs/_extensions/run_notebooks.py docs/tutorials/*.md

Each runs in its own folder. One whose output holds an error ends this with status 1, after all were run.
"""

import re
import sys
import time
from pathlib import Path

import nbclient
import nbformat
from nbclient.exceptions import CellExecutionError

_CELL = re.compile(r"^```\{code-cell\}[^\n]*\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def cells(text: str) -> list[str]:
    """The code of a notebook in Markdown, cell by cell.

    >>> cells("A\\n\\n```{code-cell} ipython3\\n1 + 1\\n```\\n\\nB\\n\\n```sh\\nls\\n```\\n")
    ['1 + 1\\n']
    """
    return _CELL.findall(text)


def run(path: Path) -> str | None:
    """Runs a notebook; its error's text, or None."""
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in cells(path.read_text(encoding="utf-8"))]
    )
    client = nbclient.NotebookClient(
        notebook, timeout=1200, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}}
    )
    try:
        client.execute()
    except CellExecutionError as error:
        return str(error)
    for cell in notebook.cells:
        said = "".join(output.text for output in cell.outputs if output.get("name") == "stdout")
        print("".join(f"    {line}\n" for line in said.splitlines()), end="")
    return None


def main(paths: list[str]) -> int:
    failed = 0
    for path in map(Path, paths):
        if not cells(path.read_text(encoding="utf-8")):
            continue
        print(f"{path.name}", flush=True)
        began = time.monotonic()
        error = run(path.resolve())
        failed += error is not None
        print(f"{path.name}: {error or 'ran'} ({time.monotonic() - began:.0f} s)", flush=True)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
