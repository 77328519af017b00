"""Ways in which the files of a run come to belong together no more."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from model_metamers.runs.folder import MetamerFolder, RunFolder
from model_metamers.storage.reading import read_arrays, read_json
from model_metamers.storage.writing import write_arrays, write_json


def _two(run: RunFolder) -> tuple[MetamerFolder, MetamerFolder]:
    one, two = run.metamers()[:2]
    return one, two


def _swap(run: RunFolder, name: str) -> Path:
    """Two metamers of a layer change a file."""
    one, two = (place.path / name for place in _two(run))
    content = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(content)
    return one.parent


def _alter_arrays(run: RunFolder) -> Path:
    place = _two(run)[0]
    arrays = read_arrays(place.arrays)
    arrays["signal"] = np.nextafter(arrays["signal"], np.float32(2))
    write_arrays(place.arrays, arrays)
    return place.path


def _edit(run: RunFolder, change: Callable[[dict], None]) -> Path:
    place = _two(run)[0]
    values = read_json(place.record)
    change(values)
    write_json(place.record, values)
    return place.path


def _verdict(values: dict) -> None:
    verdict = values["float"]["verdict"]
    verdict["passes"], verdict["reasons"] = not verdict["passes"], []


def _rho(values: dict) -> None:
    values["float"]["spearman"][values["layer"]] = 0.999


def _copy(run: RunFolder) -> Path:
    layer = _two(run)[0].path.parent
    copied = layer.with_name(layer.name + "_copy")
    shutil.copytree(layer, copied)
    return copied / _two(run)[0].name


def _swap_folders(run: RunFolder) -> Path:
    one, two = (place.path for place in _two(run))
    kept = one.rename(one.with_name("kept"))
    two.rename(one)
    kept.rename(two)
    return one


def _save_again(run: RunFolder) -> Path:
    """The same pixels in other bytes."""
    path = _two(run)[0].path / "metamer.png"
    Image.open(path).save(path, compress_level=1)
    return path.parent


def _flip(run: RunFolder, name: str) -> Path:
    path = _two(run)[0].path / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    return path.parent


# How to do each, in a run's folder; each tells the folder of a metamer that is no more what it was.
KINDS: dict[str, Callable[[RunFolder], Path]] = {
    "arrays swapped": lambda run: _swap(run, "metamer.npz"),
    "arrays altered": _alter_arrays,
    "picture swapped": lambda run: _swap(run, "metamer.png"),
    "target swapped": lambda run: _swap(run, "target.png"),
    "verdict edited": lambda run: _edit(run, _verdict),
    "rho edited": lambda run: _edit(run, _rho),
    "stimulus edited": lambda run: _edit(run, lambda values: values.update(stimulus="another")),
    "seed edited": lambda run: _edit(run, lambda values: values["config"].update(seed=7)),
    "layer copied": _copy,
}
# And further ones.
MORE: dict[str, Callable[[RunFolder], Path]] = {
    "folders swapped": _swap_folders,
    "records swapped": lambda run: _swap(run, "metamer.json"),
    "layer edited": lambda run: _edit(run, lambda values: values.update(layer="fc7")),
    "iterations edited": lambda run: _edit(run, lambda values: values.update(iterations=15000)),
    "file's class edited": lambda run: _edit(run, lambda values: values["file"].update(signal_class="cat")),
    "digest of a file edited": lambda run: _edit(run, lambda v: v["files"].update({"metamer.npz": "0" * 64})),
    "a bit of the arrays flipped": lambda run: _flip(run, "metamer.npz"),
    "a bit of the record flipped": lambda run: _flip(run, "metamer.json"),
    "picture saved again": _save_again,
}
