"""The natural signals of a reproduction where they are the user's: all files of a folder, or some."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from model_metamers import InputError
from model_metamers.recognition.decisions import decision
from model_metamers.recognition.labels import read_labels
from model_metamers.signals import files
from model_metamers.signals.spec import SignalSpec
from model_metamers_experiments.reproduction.stimuli import NO_LABELS, SEED, StimulusSet, fill


def own(signal: SignalSpec, matched: str, further: str | None, labels: str | None) -> StimulusSet:
    """The user's own files.

    Args:
      signal: what the networks take, which tells which files count.
      matched, further: files or folders of them.
      labels: table of the true classes.

    Raises:
      InputError: a folder, the table or any signal is missing.
    """
    for path in filter(None, (matched, further, labels)):
        if not Path(path).exists():
            raise InputError(f"{path}: no such file or folder")
    counts = {given: len(files.find_files([given], signal)) for given in (matched, further) if given}
    truth = f"labels of {labels}" if labels else NO_LABELS
    return StimulusSet(
        signal,
        Path(matched),
        Path(further) if further else None,
        Path(labels) if labels else None,
        counts[matched],
        f"files of {matched}; {truth}",
    )


def some_of_own(
    signal: SignalSpec, given: str, apart: str | None, labels: str | None, out: Path, count: int, further: int
) -> StimulusSet:
    """Some of the user's files, drawn at random (always the same); others serve the null distribution.

    One of each class is drawn in turn, images of ImageNet by their entry-level category where they have one.

    Args:
      signal: what the networks take, which tells which files count.
      given: folder of the files.
      apart: folder of others for the null distribution; None to take those of `given` that are left.
      labels: table of the true classes.
      out: folder for copies of the files.
      count: number of files to match.
      further: the largest number of further ones that are drawn.

    Raises:
      InputError: the folder or table is missing, or holds no more than `count` files.
    """
    everything = own(signal, given, apart, labels)
    if everything.count <= count:
        raise InputError(
            f"{given}: holds {everything.count} {signal.kind}s, and {count} are to be drawn; expected more, "
            f"or a smaller --stimuli"
        )
    by_name = files.find_files([given], signal)
    turn = _in_turn(list(by_name), read_labels(labels) if labels else {})
    chosen, others = turn[:count], turn[count : count + further]

    def prepare() -> None:
        for folder, names in (("matched", chosen), *([] if apart else [("further", others)])):
            fill(out / folder, functools.partial(_copy, {name: by_name[name] for name in names}))

    source = f"{count} of the {everything.count} {everything.source}"
    rest = everything.further or out / "further"
    return StimulusSet(signal, out / "matched", rest, everything.labels, count, source, prepare)


def _in_turn(names: Sequence[str], truths: Mapping[str, str]) -> list[str]:
    """All names, one of each class in turn, in a random order that is always the same."""
    category = decision("sixteen")
    by_class: dict[str, list[str]] = {}
    for i in np.random.RandomState(SEED).permutation(len(names)):
        truth = truths.get(names[i], "")
        by_class.setdefault(category.answer_of(truth) or truth, []).append(names[i])
    longest = max(map(len, by_class.values()))
    return [of_class[i] for i in range(longest) for of_class in by_class.values() if i < len(of_class)]


def _copy(by_name: Mapping[str, Path], folder: Path) -> None:
    for name, path in by_name.items():
        shutil.copy(path, folder / f"{name}{path.suffix}")
