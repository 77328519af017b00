"""The machine that was measured on, in words."""

from __future__ import annotations

import importlib.metadata
import math
import os
import platform
from pathlib import Path

_FLAGS = ("avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_bf16", "amx_tile")
_PACKAGES = ("tensorflow", "numpy", "scipy", "torch", "plenoptic")


def description() -> dict[str, str]:
    """What a reader must know to place the numbers, by name."""
    processors = _fields(Path("/proc/cpuinfo"))
    memory = _fields(Path("/proc/meminfo")).get("MemTotal", "")
    flags = processors.get("flags", "").split()
    return {
        "processor": processors.get("model name") or platform.processor() or platform.machine(),
        "cores in use": str(_cores()),
        "instructions": ", ".join(flag for flag in _FLAGS if flag in flags) or "not known",
        "memory": f"{int(memory.split()[0]) / 2**20:.1f} GiB" if memory else "not known",
        "accelerators": _accelerators(),
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "packages": ", ".join(f"{name} {_version(name)}" for name in _PACKAGES),
        "oneDNN": f"TF_ENABLE_ONEDNN_OPTS={os.environ.get('TF_ENABLE_ONEDNN_OPTS', 'not set')}",
        "threads": f"OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS', 'not set')}",
        "load when begun": f"{load():.1f}",
    }


def load() -> float:
    """How many processes wanted a core in the last minute; NaN where the system does not tell."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else math.nan


def _fields(path: Path) -> dict[str, str]:
    """The first value of each `name: value` line; nothing where there is no such file."""
    if not path.exists():
        return {}
    found: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition(":")
        found.setdefault(name.strip(), value.strip())
    return found


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _accelerators() -> str:
    """Of NVIDIA, by their drivers' files."""
    found = sorted(Path("/proc/driver/nvidia/gpus").glob("*"))
    return f"{len(found)} of NVIDIA" if found else "none of NVIDIA"


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "(not installed)"
