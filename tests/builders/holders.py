"""Another process that holds a folder, for a test of what is then told."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

_CODE = """
import sys
from model_metamers.storage import locks
with (locks.hold_place(sys.argv[1]) if sys.argv[2] == "place" else locks.hold(*sys.argv[1:])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextlib.contextmanager
def holding(folder: Path, what: str = "run") -> Iterator[subprocess.Popen]:
    """A process that holds a folder while the block lasts, or the place of one where `what` is "place"."""
    given = [sys.executable, "-c", _CODE, str(folder), what]
    with subprocess.Popen(given, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
