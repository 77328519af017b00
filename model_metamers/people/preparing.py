"""A study from folders of metamers: everything is checked and drawn first, then its folder is written whole.

The only module of `people` that may load TensorFlow.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from model_metamers.errors import InputError
from model_metamers.people import choices, conditions, materials, protocols, simulated, texts
from model_metamers.people.conditions import Gathered
from model_metamers.people.design import Aside, check_enough, set_aside
from model_metamers.people.expected import NETWORK_ACCURACY, expected
from model_metamers.people.lists import draw_lists
from model_metamers.people.plan import FORMAT as PLAN_FORMAT
from model_metamers.people.plan import Plan, usual_contrasts, write_plan
from model_metamers.people.protocols import Protocol
from model_metamers.people.study import FORMAT, Shown, Study, StudyFolder, Trial, write_tables
from model_metamers.people.trials import Due, in_order
from model_metamers.recognition import decisions, labels, presentations
from model_metamers.recognition.judgement import NATURAL
from model_metamers.storage.whole import check_new, make_folder, whole_folder
from model_metamers.storage.writing import write_bytes, write_table

_MASKS = 64  # that there are at most, each shown a few times to a person
_EXPERIMENTS, _MOST_PERMUTATIONS = 100, 1000  # of the power
_ASSUMED = (
    "accuracies of 2019 by layer, standard deviations of 0.5 logits between people and 0.8 between stimuli; "
    "networks right in 0.95"
)

Key = tuple[str, tuple[int, int]]  # of a file: the part that it is shown in, and `trials.Due.what`


@dataclasses.dataclass(frozen=True)
class Request:
    """What a study is to be.

    Attributes:
      metamers: folders of runs.
      labels, label_column: see `recognition.labels.read_labels`.
      choices: see `choices.choices`.
      protocol: settings.
      participants: number of lists.
      criteria: whose verdict counts, see `recognition.presentations.find`; people are shown the file in any
        case.
      missing: see `conditions.gather`.
      seed: of all draws.
      title: shown to people.
      texts: "consent", "instructions", "thanks" that take the place of the usual ones.
    """

    metamers: tuple[str, ...]
    labels: str
    choices: str | None
    protocol: Protocol
    participants: int = 16
    label_column: str | None = None
    criteria: str = "file"
    missing: str = "another"
    seed: int = 0
    title: str = ""
    texts: dict[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Prepared:
    """A study before it is written.

    Attributes:
      request: what was asked for.
      gathered: what can be shown.
      aside: what is shown beside the main trials.
      lists: the trials of each.
      choices, layout: what may be answered, and how.
      plan: what is planned.
      notes: what the experimenter should know, a line each.
    """

    request: Request
    gathered: Gathered
    aside: Aside
    lists: list[list[Due]]
    choices: tuple[str, ...]
    layout: str
    plan: Plan
    notes: tuple[str, ...]


def prepare(request: Request) -> Prepared:
    """Draws a study; nothing is written.

    Raises:
      InputError: metamers without verdicts, too few that pass, a label that is no choice, or settings that
        contradict one another.
    """
    protocols.check(request.protocol)
    if request.participants < 2:
        raise InputError(f"{request.participants} participants; the planned tests need at least 2")
    if request.criteria == "none":
        raise InputError("criteria=none: people are shown metamers that pass; expected file or float")
    task = request.protocol.task
    shown, layout = choices.choices(request.choices, task)
    known = labels.read_labels(request.labels, request.label_column)
    found = presentations.find(request.metamers, request.criteria)
    truths = labels.truths(found, known)
    gathered = conditions.gather(found, truths, _answer_of(shown, layout).get, task, request.missing)
    lists, aside, notes = _draw(request, gathered)
    return Prepared(
        request, gathered, aside, lists, shown, layout, _plan(request, gathered, len(shown)), notes
    )


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
        names = materials.names(_key_of_names(prepared, shown))
        files = {key: next(names) + _ending(prepared, key) for key in shown}
        random = np.random.default_rng([prepared.request.seed, 3])
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


def _answer_of(shown: Sequence[str], layout: str) -> dict[str, str]:
    """The choice that each label stands for."""
    own = {choice: choice for choice in shown}
    return {**(decisions.decision("sixteen").answers or {}), **own} if layout == "icons" else own


def _draw(request: Request, gathered: Gathered) -> tuple[list[list[Due]], Aside, tuple[str, ...]]:
    settings, design = request.protocol, gathered.design
    check_enough(design, settings.trials)
    random = np.random.default_rng([request.seed, 1])
    aside = set_aside(
        design, settings.trials, settings.practice, settings.demonstration, settings.catch, random
    )
    kept = np.setdiff1d(np.arange(len(design.stimuli)), aside.spared)
    main = draw_lists(design.without(aside.spared), settings.trials, request.participants, request.seed)
    main[..., 1] = kept[main[..., 1]]
    lists = in_order(main, aside, settings.headphones, np.random.default_rng([request.seed, 2]))
    return lists, aside, tuple(_notes(gathered, aside, main))


def _notes(gathered: Gathered, aside: Aside, main: np.ndarray) -> Iterable[str]:
    design = gathered.design
    if aside.shared:
        yield (
            f"{aside.shared} stimuli of practice, demonstration or catch trials are shown in main trials "
            f"too, since there are no others"
        )
    beside = [pair for pair in (*aside.practice, *aside.demonstration, *aside.catch)]
    again = len(beside) - len({stimulus for _, stimulus in beside})
    if again:
        yield f"{again} practice, demonstration or catch trials show a stimulus of another one again"
    uses = np.zeros(design.passing.shape, int)
    np.add.at(uses, (main[..., 0], main[..., 1]), 1)
    if uses.max() > 1:
        often = [design.conditions[i] for i in np.flatnonzero(uses.max(axis=1) > 1)]
        yield (
            f"the same stimulus comes up to {uses.max()} times in {', '.join(often[:4])}"
            f"{' and others' if len(often) > 4 else ''} over all people, since too few pass: the error over "
            f"people is then not that over stimuli too"
        )


def _plan(request: Request, gathered: Gathered, choices_there: int) -> Plan:
    settings = request.protocol
    plan = Plan(
        format=PLAN_FORMAT,
        participants=request.participants,
        trials_per_condition=settings.trials,
        exclusions=settings.exclusions,
        contrasts=usual_contrasts([names for names in gathered.networks]),
    )
    accuracies = expected(gathered.networks, settings.task, 1 / choices_there)
    networks = dict.fromkeys(accuracies, NETWORK_ACCURACY)
    permutations = min(_MOST_PERMUTATIONS, round(2 * len(plan.contrasts) / plan.alpha))
    powers = simulated.power(
        plan,
        simulated.design_without_lists(list(accuracies), request.participants, settings.trials),
        simulated.Observers(accuracies),
        simulated.Observers(networks),
        experiments=_EXPERIMENTS,
        permutations=permutations,
        seed=request.seed,
        assumed=_ASSUMED,
    )
    return dataclasses.replace(plan, powers=powers)


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


def _key_of_names(prepared: Prepared, shown: Mapping[Key, Shown]) -> bytes:
    """What the files' names are drawn from: the seed, and what nobody knows who has not the metamers."""
    digest = hashlib.sha256(str(prepared.request.seed).encode())
    for key, one in shown.items():
        digest.update(repr(one).encode() + hashlib.sha256(_content(prepared, key)).digest())
    return digest.digest()


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
    names = [field.name for field in dataclasses.fields(conditions.LeftOut)]
    write_table(path, [names, *rows])
