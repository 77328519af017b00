"""A run's folder before the run goes on: what is broken is named and made again, verdicts are of one null."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from model_metamers import criteria
from model_metamers.criteria.null import NullDistribution
from model_metamers.errors import InputError, StorageError
from model_metamers.runs import results
from model_metamers.runs.folder import MetamerFolder, RunFolder
from model_metamers.runs.intact import broken_files, check_files, check_place
from model_metamers.runs.record import Record, read_record, write_record
from model_metamers.storage.whole import set_aside

_log = logging.getLogger(__name__)


def mend(folder: RunFolder, wanted: Collection[MetamerFolder]) -> list[MetamerFolder]:
    """Mends what can be mended of the metamers in a run's folder, and makes room where one cannot be.

    Pictures and sounds that are missing or broken are written again from `metamer.npz`. The folder of
    a metamer whose numbers are broken is set aside under a hidden name, so that it is searched for
    again; where the run does not make that metamer, it is named and left. A logged line names each.

    Args:
      folder: of the run, claimed.
      wanted: the metamers that the run makes.

    Returns:
      Those that are there, whole.

    Raises:
      StorageError: a file cannot be written, or a folder not be renamed.
    """
    whole = []
    for place in sorted({*folder.metamers(), *wanted}):
        is_wanted = place in wanted
        if not ((is_wanted and place.path.exists()) or place.arrays.exists() or place.record.exists()):
            continue
        try:
            _mend_one(place)
            whole.append(place)
        except StorageError:
            raise
        except InputError as error:
            told = "this run does not make it, and leaves it out"
            if is_wanted:
                told = f"set aside as {set_aside(place.path).name}, and made again"
            _log.info("%s: %s", error, told)
    return whole


def _mend_one(place: MetamerFolder) -> None:
    """InputError where it cannot be mended."""
    record = read_record(place.path)
    check_place(place.path, record)
    broken = broken_files(place.path, record)
    if place.arrays.name in broken:
        check_files(place.path, record)
    elif broken:
        results.write_shown_anew(place, broken)
        _log.info("%s: %s missing or broken; written again", place.path, " and ".join(broken))
    elif record.files is None:
        results.load(place.path)


def judge_anew(places: Iterable[MetamerFolder], null: NullDistribution) -> None:
    """Gives metamers the verdicts of a null distribution, where they have another's or none.

    Nothing is measured: rho and classes are those of the record, and only `metamer.json` is written.
    Where the null distribution lacks the layer, the verdict stays; a logged line names those.

    Args:
      places: of metamers that are whole.
      null: of their network.

    Raises:
      StorageError: a record cannot be written.
    """
    digest, judged, kept = null.digest, [], []
    for place in places:
        record = read_record(place.path)
        if record.null_sha256 == digest:
            continue
        if record.layer in null.layers and criteria.is_null_of(null, record.network, record.checkpoint):
            write_record(place, _judged(record, null, digest))
            judged.append(place.path)
        elif record.floats.verdict is not None:
            kept.append(place.path)
    if judged:
        _log.info("%s judged anew, by the null distribution of this run", _counted(judged))
    if kept:
        _log.info(
            "%s not judged anew, because the null distribution of this run lacks the layer: %s",
            _counted(kept),
            ", ".join(map(str, kept[:5])),
        )


def gave_verdicts(folder: RunFolder, null: NullDistribution) -> bool:
    """Whether some of a folder's verdicts are of a null distribution, or there are none of any.

    One that was changed after it was written gave none.
    """
    given = set()
    for place in folder.metamers():
        with contextlib.suppress(InputError):
            given.add(read_record(place.path).null_sha256)
    return not given - {None} or null.digest in given


def _counted(places: Sequence[Path]) -> str:
    return "1 metamer was" if len(places) == 1 else f"{len(places)} metamers were"


def _judged(record: Record, null: NullDistribution, digest: str) -> Record:
    verdict = criteria.verdict_on(record.floats.measurement, record.layer, null)
    file = record.file
    if file.measurement is not None:
        file = dataclasses.replace(file, verdict=criteria.verdict_on(file.measurement, record.layer, null))
    floats = dataclasses.replace(record.floats, verdict=verdict)
    return dataclasses.replace(record, floats=floats, file=file, null_sha256=digest)
