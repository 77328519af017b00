"""Installed packages of a lab, as pip leaves them: modules, metadata with entry points, a manifest."""

import contextlib
import importlib
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from model_metamers.weights import contributed


def write_package(
    folder: Path,
    package: str,
    points: Mapping[str, str],
    code: str = "",
    manifest: Mapping[str, Any] | None = None,
) -> None:
    """Writes a package and its metadata into a folder that is, or will be, on `sys.path`.

    Args:
      folder: as `site-packages` is one.
      package: its name, and that of its folder.
      points: entry points of the group, such as {"lab_vgg": "lab.networks:lab_vgg"}.
      code: of its module `networks`.
      manifest: content of its manifest.
    """
    (folder / package).mkdir(parents=True)
    (folder / package / "__init__.py").write_text("")
    (folder / package / "networks.py").write_text(code)
    if manifest is not None:
        (folder / package / contributed.MANIFEST).write_text(json.dumps(manifest))
    metadata = folder / f"{package}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    lines = [f"{name} = {value}" for name, value in points.items()]
    (metadata / "entry_points.txt").write_text("\n".join([f"[{contributed.GROUP}]", *lines, ""]))


@contextlib.contextmanager
def installed(folder: Path) -> Iterator[None]:
    """While it lasts, the packages in a folder are installed for this process."""
    before = set(sys.modules)
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    contributed.entry_points.cache_clear()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        contributed.entry_points.cache_clear()
        for name in set(sys.modules) - before:
            if getattr(sys.modules[name], "__file__", None) and str(folder) in str(
                sys.modules[name].__file__
            ):
                del sys.modules[name]
