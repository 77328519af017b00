"""Binaries as a user starts them, their processes, and what they leave."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import psutil
from PIL import Image

_RESULTS = (".npz", ".json", ".csv", ".png")
_PATIENCE_S = 1800.0


def photographs(folder: Path, count: int, seed: int = 0) -> Path:
    """A folder with parts of photographs that are installed with scikit-image, 32 x 32."""
    import skimage.data

    folder.mkdir(parents=True, exist_ok=True)
    whole = [getattr(skimage.data, name)() for name in ("chelsea", "coffee", "astronaut", "rocket")]
    random = np.random.RandomState(seed)
    for i in range(count):
        picture = Image.fromarray(whole[i % 4]).convert("RGB")
        left, top = (random.randint(0, size - 200) for size in picture.size)
        picture.crop((left, top, left + 200, top + 200)).resize((32, 32)).save(folder / f"p{i:03d}.png")
    return folder


def command(binary: str, *flags: str) -> list[str]:
    return [sys.executable, "-m", f"model_metamers_experiments.{binary}", *flags]


def start(binary: str, *flags: str) -> subprocess.Popen:
    """Starts a binary, what it prints being kept."""
    return subprocess.Popen(
        command(binary, *flags), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ
    )


def run(binary: str, *flags: str) -> tuple[int, str]:
    """Exit status of a binary, and what it printed."""
    process = start(binary, *flags)
    printed, _ = process.communicate(timeout=_PATIENCE_S)
    return process.returncode, printed


def workers_of(driver: int) -> list[psutil.Process]:
    """The processes that do units for a driver on this machine."""
    return [one for one in _below(driver) if "spawn_main" in _words(one) and "resource" not in _words(one)]


def scheduler_of(driver: int) -> psutil.Process | None:
    """The scheduler's process of a driver; None where it is gone."""
    return next((one for one in _below(driver) if "dask spec" in _words(one)), None)


def _below(driver: int) -> list[psutil.Process]:
    try:
        return psutil.Process(driver).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _words(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def wait_for(what: Callable[[], bool], process: subprocess.Popen | None = None, pause: float = 0.2) -> bool:
    """Waits until something is so; False where a process ended before it was."""
    until = time.monotonic() + _PATIENCE_S
    while not what():
        if (process is not None and process.poll() is not None) or time.monotonic() > until:
            return what()
        time.sleep(pause)
    return True


def metamers(out: Path) -> int:
    """How many metamers are there."""
    return sum(1 for _ in out.glob("*/*/*/metamer.json"))


def digests(out: Path) -> dict[str, str]:
    """sha256 of every result below a folder by its path; of hidden files and logs none."""
    files = [path for path in sorted(out.rglob("*")) if path.suffix in _RESULTS and path.is_file()]
    shown = [path.relative_to(out) for path in files]
    return {
        str(path): hashlib.sha256((out / path).read_bytes()).hexdigest()
        for path in shown
        if not any(part.startswith(".") for part in path.parts) and path.parts[0] != "logs"
    }


def partial(out: Path) -> list[str]:
    """What was left half written or unfinished."""
    return [p.name for p in out.rglob(".*") if ".partial" in p.name or p.name.startswith(".search")]


def differing(one: dict[str, str], other: dict[str, str]) -> Sequence[str]:
    """Paths that only one folder has, or whose content differs."""
    return [path for path in {**one, **other} if one.get(path) != other.get(path)]
