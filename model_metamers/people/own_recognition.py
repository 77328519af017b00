"""The generating networks' own recognition of what each person saw."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from model_metamers.errors import InputError
from model_metamers.people.plan import network_of
from model_metamers.people.study import Shown
from model_metamers.recognition import judgement
from model_metamers.recognition.judgement import NATURAL, Judgement, Who, read_judgements
from model_metamers.storage.reading import one_line

Signal = tuple[Who, str, str, int | None]  # generator, layer, stimulus, seed of the search
_FIRST = ("sixteen", "sixteen_by_name", "classes", "fine")  # where several decisions would do


def read_own(path: Path, shown: Mapping[str, Shown], preferred: str) -> list[Judgement]:
    """The judgements of networks about what a study shows that they generated, by one decision.

    Args:
      path: `judgements.csv` of recognize_metamers, or its folder.
      shown: by file.
      preferred: the decision that is taken where it is there.

    Raises:
      InputError: no such file, no network in it judged what the study shows of it, or not by the
        classes of the study.
    """
    file = path / judgement.FILE if path.is_dir() else path
    generators = list(networks(shown).values())
    truths = {signal: one.truth for one in shown.values() for signal in signals(one, generators)}
    own = [
        one
        for one in read_judgements(file)
        if one.judge == one.generator and one.counted and _signal(one) in truths
    ]
    if not own:
        raise InputError(
            f"{file}: no network in it judged what the study shows of it; let recognize_metamers judge the "
            f"study's metamers"
        )
    fits = {one.decision for one in own} - {one.decision for one in own if one.truth != truths[_signal(one)]}
    for name in (preferred, *_FIRST):
        if name in fits:
            return [one for one in own if one.decision == name]
    had = ", ".join(sorted({one.decision for one in own}))
    raise InputError(f"{file}: holds no decision among the study's classes, only {one_line(had)}")


def networks(shown: Mapping[str, Shown]) -> dict[str, Who]:
    """The networks whose metamers are shown, by their name in conditions."""
    return {
        network_of(one.condition): Who(one.generator or "", one.generator_weights or "")
        for one in shown.values()
        if one.kind == "metamer"
    }


def signals(one: Shown, generators: Iterable[Who]) -> list[Signal]:
    """What judgements of a file are known by; of a natural signal, one for each network."""
    if one.kind == "natural":
        return [(generator, NATURAL, one.stimulus, None) for generator in generators]
    if one.kind != "metamer":
        return []
    generator = Who(one.generator or "", one.generator_weights or "")
    return [(generator, one.layer or "", one.stimulus, one.search_seed)]


def _signal(one: Judgement) -> Signal:
    return one.generator, one.layer, one.stimulus, one.search_seed


def right(own: Mapping[Signal, bool], one: Shown, network: str, who: Who) -> bool | None:
    """Whether a network was right about what a file shows; None where it is another's, or not known."""
    if one.kind == "metamer" and network_of(one.condition) != network:
        return None
    return next((own[signal] for signal in signals(one, [who]) if signal in own), None)


def by_signal(own: Sequence[Judgement]) -> dict[Signal, bool]:
    """Whether each judgement is right, by what it is of."""
    return {_signal(one): bool(one.correct) for one in own}


def columns(
    own: Sequence[Judgement], shown: Mapping[str, Shown], files: Sequence[Sequence[str]]
) -> dict[str, np.ndarray]:
    """Proportions correct by condition, [people], of the network on what each person saw.

    Natural signals are of each network by itself, under "NETWORK/natural".

    Args:
      own: of `read_own`.
      shown: by file.
      files: of each person, those whose answers count.
    """
    known, named = by_signal(own), networks(shown)
    found: dict[str, np.ndarray] = {}
    for person, names in enumerate(files):
        answers: dict[str, list[bool]] = {}
        for one in map(shown.__getitem__, names):
            for network, who in named.items():
                told = right(known, one, network, who)
                if told is not None:
                    condition = f"{network}/{NATURAL}" if one.kind == "natural" else one.condition
                    answers.setdefault(condition, []).append(told)
        for condition, held in answers.items():
            found.setdefault(condition, np.full(len(files), np.nan))[person] = np.mean(held)
    return found
