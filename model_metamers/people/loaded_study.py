"""A study as the server holds it: read once, and held to what the server relies on."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from model_metamers.errors import DamagedFileError, InputError
from model_metamers.people.grading import HEADPHONE_CHOICES, stretch
from model_metamers.people.study import PARTS, Study, StudyFolder, Trial
from model_metamers.storage.reading import read_json

AGAIN = "prepare the study again"


@dataclasses.dataclass(frozen=True)
class Known:
    """What a server needs of `study.Shown`, which holds more, for thousands of files."""

    kind: str
    truth: str
    condition: str
    stimulus: str


@dataclasses.dataclass(frozen=True)
class LoadedStudy:
    """What a study's folder holds.

    Attributes:
      study: what everybody may know.
      lists: each list's trials, in order.
      shown: what each file is, by name.
      folder: of the files.
      files: names of those that trials name; no other is ever opened.
      digest: sha256 of all that a result depends on, hex.
    """

    study: Study
    lists: Sequence[Sequence[Trial]]
    shown: Mapping[str, Known]
    folder: Path
    files: frozenset[str]
    digest: str


def load(folder: Path) -> LoadedStudy:
    """Reads and checks a study.

    Args:
      folder: of `prepare_human_experiment`.

    Raises:
      InputError: no study, a damaged one, or one whose parts do not fit together.
    """
    place = StudyFolder(folder)
    study, lists = place.read_study(), place.read_lists()
    shown = read_json(place.answers, "answers of prepare_human_experiment", dict[str, Known])
    _check_lists(place, study, lists, shown)
    named = {name for trials in lists for trial in trials for name in (trial.file, trial.mask) if name}
    _check_files(place, named)
    return LoadedStudy(study, lists, shown, place.files, frozenset(named), place.digest())


def _check_lists(
    place: StudyFolder, study: Study, lists: Sequence[Sequence[Trial]], shown: Mapping[str, Known]
) -> None:
    if not lists or not all(lists):
        raise DamagedFileError(f"{place.lists}: a list without trials; {AGAIN}")
    for number, trials in enumerate(lists):
        where = f"{place.lists}: list {number}"
        if [trial.position for trial in trials] != list(range(len(trials))):
            raise DamagedFileError(f"{where}: positions are not 0, 1, 2, ...; {AGAIN}")
        parts = [stretch(trial.part) for trial in trials]
        if any(trial.part not in PARTS for trial in trials) or parts != sorted(parts, key=PARTS.index):
            raise DamagedFileError(f"{where}: parts are not in the order {', '.join(PARTS)}; {AGAIN}")
        for trial in trials:
            if trial.file not in shown:
                raise DamagedFileError(f"{where}: {place.answers} does not know file {trial.file!r}; {AGAIN}")
            allowed = HEADPHONE_CHOICES if trial.part == "headphones" else study.choices
            if shown[trial.file].truth not in allowed:
                raise DamagedFileError(
                    f"{where}: position {trial.position}: its truth is none of the choices; {AGAIN}"
                )


def _check_files(place: StudyFolder, named: Iterable[str]) -> None:
    try:
        there = set(os.listdir(place.files))
    except OSError as error:
        raise InputError(f"{place.files}: cannot be read ({error.strerror})") from error
    missing = sorted(name for name in named if name not in there or not (place.files / name).is_file())
    if missing:
        raise DamagedFileError(
            f"{place.files}: {len(missing)} files are missing, {missing[0]!r} first; {AGAIN}"
        )
