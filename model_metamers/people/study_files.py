"""A study that was drawn, as a folder: its files under their names, its tables, what takes no part."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from model_metamers.people import materials, texts
from model_metamers.people.conditions import LeftOut
from model_metamers.people.plan import write_plan
from model_metamers.people.study import FORMAT, Shown, Study, StudyFolder, Trial, write_tables
from model_metamers.people.trials import Due
from model_metamers.recognition.judgement import NATURAL
from model_metamers.storage.whole import check_new, make_folder, whole_folder
from model_metamers.storage.writing import write_bytes, write_table

if TYPE_CHECKING:
    from model_metamers.people.preparing import Prepared

_MASKS = 64  # that there are at most, each shown a few times to a person

Key = tuple[str, tuple[int, int]]  # of a file: the part that it is shown in, and `trials.Due.what`


def write_study(prepared: Prepared, folder: Path) -> Path:
    """Writes a study's folder, which appears whole or not at all.

    Raises:
      InputError: the folder exists, or a metamer's file cannot be read any more.
      StorageError: it cannot be written.
    """
    check_new(folder)
    with whole_folder(folder) as partial:
        place = StudyFolder(partial)
        make_folder(place.files)
        shown = _shown(prepared)
        names = materials.names(prepared.secret)
        files = {key: next(names) + _ending(prepared, key) for key in shown}
        random = materials.generator(prepared.secret, "masks")
        masks = {next(names) + ".png": content for content in _masks(prepared, random)}
        for key, name in files.items():
            write_bytes(place.files / name, _content(prepared, key))
        for name, content in masks.items():
            write_bytes(place.files / name, content)
        _give_one_time(place.files)
        lists = [_trials(trials, files, list(masks), random) for trials in prepared.lists]
        write_tables(
            place,
            _study(prepared, write_plan(place.plan, prepared.plan)),
            lists,
            {files[key]: shown[key] for key in sorted(files, key=files.__getitem__)},
        )
        _write_left_out(place.left_out, prepared)
    return folder


def _shown(prepared: Prepared) -> dict[Key, Shown]:
    """What each file is. A stimulus of several parts has a file for each, so that none tells of another."""
    shown: dict[Key, Shown] = {}
    for trials in prepared.lists:
        for due in trials:
            shown.setdefault(_key(due), _what(prepared, due))
    return dict(sorted(shown.items()))


def _key(due: Due) -> Key:
    return due.part, due.what


def _what(prepared: Prepared, due: Due) -> Shown:
    if due.part == "headphones":
        return Shown("tones", str(materials.TONE_ORDERS[due.what[1]][2] + 1), "", "")
    shown = prepared.gathered.stimuli[due.what].shown
    return Shown("catch", shown.truth, "", shown.stimulus) if due.part == "catch" else shown


def _content(prepared: Prepared, key: Key) -> bytes:
    part, what = key
    if part == "headphones":
        return materials.tones_file(materials.TONE_ORDERS[what[1]])
    return materials.signal_file(prepared.gathered.stimuli[what].path)


def _ending(prepared: Prepared, key: Key) -> str:
    return ".wav" if key[0] == "headphones" else prepared.gathered.stimuli[key[1]].path.suffix


def _masks(prepared: Prepared, random: np.random.Generator) -> list[bytes]:
    side = prepared.request.protocol.image_px
    if side is None:
        return []
    most = max(len(trials) for trials in prepared.lists)
    return [materials.mask_file(side, random) for _ in range(min(most, _MASKS))]


def _give_one_time(folder: Path) -> None:
    """Gives all files one time, which servers tell: it would tell which were written together."""
    now = int(time.time())
    for path in folder.iterdir():
        os.utime(path, (now, now))


def _trials(
    trials: Sequence[Due],
    files: Mapping[Key, str],
    masks: Sequence[str],
    random: np.random.Generator,
) -> list[Trial]:
    order = random.permutation(len(masks))
    return [
        Trial(position, due.part, files[_key(due)], masks[order[position % len(masks)]] if masks else None)
        for position, due in enumerate(trials)
    ]


def _study(prepared: Prepared, plan_sha256: str) -> Study:
    request, settings = prepared.request, prepared.request.protocol
    main = sum(due.part in ("main", "catch") for due in prepared.lists[0])
    usual = "What do you see?" if settings.task == "images" else "Which word do you hear?"
    return Study(
        format=FORMAT,
        title=request.title or usual,
        task=settings.task,
        protocol=settings.name,
        choices=prepared.choices,
        layout=prepared.layout,
        timing=settings.timing,
        image_px=settings.image_px,
        pass_marks=settings.pass_marks,
        breaks=settings.break_places(main),
        texts={**texts.default_texts(settings.task), **request.texts},
        seed=request.seed,
        plan_sha256=plan_sha256,
    )


def _write_left_out(path: Path, prepared: Prepared) -> None:
    gathered = prepared.gathered
    used = {due.what for trials in prepared.lists for due in trials}
    rows = [dataclasses.astuple(one) for one in gathered.left_out]
    spared = set(prepared.aside.spared)
    for key, one in sorted(gathered.stimuli.items()):
        if key in used or one.shown.condition == NATURAL:
            continue
        reason = "its natural signal is used beside the main trials" if key[1] in spared else "not drawn"
        folder = str(one.path.parent)
        rows.append((one.shown.condition, one.shown.stimulus, one.shown.search_seed, folder, reason))
    names = [field.name for field in dataclasses.fields(LeftOut)]
    write_table(path, [names, *rows])
