"""Metamers on disk: the float truth, every number, and what a person is shown.

A metamer's folder holds `metamer.npz` (float32 signal, target, loss trace),
`metamer.json`, and `metamer.png` or `metamer.wav` beside the target as `target.*`. It
appears whole or not at all.
"""

from __future__ import annotations

import importlib.metadata
import logging
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from model_metamers import criteria
from model_metamers.criteria.null import NullDistribution
from model_metamers.errors import AlreadyThereError, DamagedFileError
from model_metamers.runs.folder import MetamerFolder
from model_metamers.runs.intact import MEND, is_file_of
from model_metamers.runs.record import JudgedFile, JudgedFloats, Record, read_record, write_record
from model_metamers.runs.shown_files import judged_path, measure_file, write_shown
from model_metamers.storage.digests import array_digest, file_digest
from model_metamers.storage.reading import read_arrays, read_json
from model_metamers.storage.whole import whole_file, whole_folder
from model_metamers.storage.writing import write_arrays
from model_metamers.synthesis.metamer import Metamer

if TYPE_CHECKING:
    from model_metamers.networks.network import Network

_LIBRARIES = ("model_metamers", "tensorflow", "numpy", "scipy")

_log = logging.getLogger(__name__)


def save(
    metamer: Metamer,
    folder: str | os.PathLike,
    network: Network | None = None,
    null: NullDistribution | None = None,
    computed: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """Writes a metamer's folder.

    Args:
      metamer: to be written.
      folder: must not hold a metamer yet.
      network: measures the criteria again on the file as read back, when given.
      null: for the verdicts on the floats and on the file, when given.
      computed: `threads` and `batch_size` of the record; none where nothing was fixed.

    Returns:
      What `metamer.json` holds.

    Raises:
      InputError: the folder exists, the null distribution is of another network, or a name cannot be
        printed.
      StorageError: it cannot be written.

    Example:
      >>> import model_metamers as mm
      >>> network = mm.load_network("vgg_19_small", "random:0")
      >>> grey = np.full([32, 32, 3], 0.5)
      >>> search = mm.SynthesisConfig(iterations=5)
      >>> metamer = mm.synthesize(network, "conv1_2", grey, search, progress=False)
      >>> import tempfile
      >>> with tempfile.TemporaryDirectory() as folder:
      ...     saved = save(metamer, Path(folder) / "grey", network)
      ...     sorted(path.name for path in (Path(folder) / "grey").iterdir())
      ['metamer.json', 'metamer.npz', 'metamer.png', 'target.png']
      >>> saved["layer"], saved["config"]["iterations"]
      ('conv1_2', 5)
    """
    floats = JudgedFloats(metamer.measurement, None if null is None else criteria.check(metamer, null))
    with whole_folder(folder) as written:
        place = MetamerFolder(written)
        clipped = _write_signals(place, metamer)
        file = _judged_file(place, metamer, clipped, network, null)
        files = {path.name: file_digest(path) for path in place.results(metamer.spec.kind)}
        write_record(place, _record(metamer, floats, file, files, null, computed or {}))
    return read_json(MetamerFolder(Path(folder)).record, "metamer")


def save_once(
    metamer: Metamer,
    folder: Path,
    network: Network | None = None,
    null: NullDistribution | None = None,
    computed: Mapping[str, int] | None = None,
) -> None:
    """`save`, where several processes may make one metamer at once: the first to write it stays.

    Whoever comes second finds it there. The signal is the same to the bit where both compute alike; where
    it is another (of another processor, say), a logged line tells how far they are apart.

    Raises:
      InputError: see `save`; that it is there is no error.
    """
    try:
        save(metamer, folder, network, null, computed)
    except AlreadyThereError:
        there = load(folder)
        if not np.array_equal(there.signal, metamer.signal):
            _log.warning("%s: %s; the first to be written stays", folder, _apart(there, metamer))


def _apart(there: Metamer, here: Metamer) -> str:
    if there.signal.shape != here.signal.shape:
        return f"another process made one of shape {list(there.signal.shape)}, not {list(here.signal.shape)}"
    largest = float(np.max(np.abs(there.signal - here.signal)))
    return f"another process made one that is up to {largest:.2g} away, of values {_range(here.signal)}"


def _range(signal: np.ndarray) -> str:
    return f"from {float(signal.min()):.3g} to {float(signal.max()):.3g}"


def load(folder: str | os.PathLike) -> Metamer:
    """Reads a metamer back.

    Raises:
      InputError: a file is missing, damaged, no metamer's, or not the one that the record tells of.

    Example:
      >>> import model_metamers as mm
      >>> network = mm.load_network("vgg_19_small", "random:0")
      >>> grey = np.full([32, 32, 3], 0.5)
      >>> search = mm.SynthesisConfig(iterations=5)
      >>> metamer = mm.synthesize(network, "conv1_2", grey, search, progress=False)
      >>> import tempfile
      >>> with tempfile.TemporaryDirectory() as folder:
      ...     saved = save(metamer, Path(folder) / "grey")
      ...     again = load(Path(folder) / "grey")
      >>> np.array_equal(again.signal, metamer.signal)
      True
    """
    record = read_record(folder)
    path = MetamerFolder(Path(folder)).arrays
    arrays = read_arrays(path, ("signal", "target", "loss", "loss_iterations"))
    for name in ("signal", "target"):
        _check(path, name, arrays[name], "f", record.signal.shape)
    for name, kind in (("loss", "f"), ("loss_iterations", "iu")):
        _check(path, name, arrays[name], kind, (arrays["loss"].size,))
    if record.files is not None and not is_file_of(path, record.files[path.name]):
        raise DamagedFileError(f"{path}: is not the file that its record tells of; {MEND}")
    if array_digest(arrays["target"]) != record.target_sha256:
        raise DamagedFileError(f"{path}: holds another target than its record tells of; {MEND}")
    return Metamer(
        network=record.network,
        checkpoint=record.checkpoint,
        layer=record.layer,
        stimulus=record.stimulus,
        spec=record.signal,
        config=record.config,
        iterations=record.iterations,
        measurement=record.floats.measurement,
        relu_gradient_used=record.relu_gradient_used,
        restarts=record.restarts,
        stopped_at=record.stopped_at,
        stop_reason=record.stop_reason,
        starts=record.starts,
        checkpoint_place=record.checkpoint_place,
        **arrays,
    )


def write_shown_anew(folder: MetamerFolder, names: Collection[str]) -> None:
    """Writes pictures or sounds of a metamer that are missing or broken, from its `metamer.npz`.

    Args:
      folder: of the metamer, with its record.
      names: of the files.

    Raises:
      DamagedFileError: `metamer.npz` is broken too, or what it gives is not the file of the record.
      StorageError: one cannot be written.
    """
    record, metamer = read_record(folder.path), load(folder.path)
    spec, brightest = metamer.spec, float(metamer.target.max())
    for stem, signal in (("target", metamer.target), ("metamer", metamer.signal)):
        path = folder.shown(stem, spec.kind)
        if path.name not in names:
            continue
        if path.is_dir():
            raise DamagedFileError(f"{path}: is a folder; {MEND}")
        with whole_file(path) as partial:
            write_shown(partial, signal, spec, brightest)
            if record.files is not None and not is_file_of(partial, record.files[path.name]):
                raise DamagedFileError(f"{path}: cannot be written as it was; {MEND}")


def _write_signals(place: MetamerFolder, metamer: Metamer) -> int:
    """Writes everything but the record; returns how many sound samples were clipped."""
    write_arrays(
        place.arrays,
        {
            "signal": metamer.signal,
            "target": metamer.target,
            "loss": metamer.loss,
            "loss_iterations": metamer.loss_iterations,
        },
    )
    spec, brightest = metamer.spec, float(metamer.target.max())
    write_shown(place.shown("target", spec.kind), metamer.target, spec, brightest)
    return write_shown(place.shown("metamer", spec.kind), metamer.signal, spec, brightest)


def _judged_file(
    place: MetamerFolder,
    metamer: Metamer,
    clipped: int,
    network: Network | None,
    null: NullDistribution | None,
) -> JudgedFile:
    """The criteria of what a person is shown, measured on the file as read back."""
    path = judged_path(place, metamer.spec)
    if network is None:
        return JudgedFile(path.name, clipped)
    measurement = measure_file(place, metamer, network)
    verdict = None if null is None else criteria.verdict_on(measurement, metamer.layer, null)
    return JudgedFile(path.name, clipped, measurement, verdict)


def _record(
    metamer: Metamer,
    floats: JudgedFloats,
    file: JudgedFile,
    files: dict[str, str],
    null: NullDistribution | None,
    computed: Mapping[str, int],
) -> Record:
    return Record(
        network=metamer.network,
        checkpoint=metamer.checkpoint,
        layer=metamer.layer,
        stimulus=metamer.stimulus,
        target_sha256=array_digest(metamer.target),
        signal=metamer.spec,
        config=metamer.config,
        iterations=metamer.iterations,
        loss_first=float(metamer.loss[0]) if metamer.loss.size else None,
        loss_last=float(metamer.loss[-1]) if metamer.loss.size else None,
        floats=floats,
        versions={name: importlib.metadata.version(name) for name in _LIBRARIES},
        file=file,
        null_sha256=None if null is None else null.digest,
        checkpoint_place=metamer.checkpoint_place,
        files=files,
        relu_gradient_used=metamer.relu_gradient_used,
        restarts=metamer.restarts,
        stopped_at=metamer.stopped_at,
        stop_reason=metamer.stop_reason,
        starts=metamer.starts,
        **computed,
    )


def _check(path: Path, name: str, array: np.ndarray, kinds: str, shape: tuple[int, ...]) -> None:
    if array.dtype.kind not in kinds or array.shape != shape:
        raise DamagedFileError(
            f"{path}: {name} is {array.dtype} {list(array.shape)}, expected {list(shape)}, as in its record"
        )
