"""A judgement: what one judge answered to one metamer or natural signal, and whether that is right.

A judge is a network with its weights, or a person.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

from model_metamers.errors import InputError
from model_metamers.recognition.columns import TEXT, WHOLE, YES_OR_NO, one_of, or_nothing, read_table
from model_metamers.storage.writing import write_table

FILE = "judgements.csv"
NATURAL = "natural"  # in the place of a layer: the natural signal itself
# What a search varied. Of a natural signal: what the search for its metamers varied.
OPTIMIZED = ("image", "waveform", "cochleagram")
_UNTRAINED = "random:"
_PERSON = "person"


@dataclasses.dataclass(frozen=True, order=True)
class Who:
    """A network that metamers were made for, or a judge.

    Attributes:
      name: of the network or the person.
      weights: digest of the network's weights ("sha256:..."), "random:SEED" of an untrained one;
        "person", or "person:STUDY", of a person.
    """

    name: str
    weights: str

    @property
    def kind(self) -> str:
        """ "network" or "person"."""
        return _PERSON if self.weights.partition(":")[0] == _PERSON else "network"

    @property
    def architecture(self) -> str:
        """The name without the seed: the same for networks that differ in nothing else."""
        return re.sub(r"_seed\d+$", "", self.name)

    @property
    def untrained(self) -> bool:
        """Whether the weights are random."""
        return self.weights.startswith(_UNTRAINED)

    @property
    def short(self) -> str:
        """The beginning of the digest, by which a person may name the weights."""
        return self.weights.removeprefix("sha256:")[:8]

    def is_named(self, spec: str) -> bool:
        """Whether "NAME" or "NAME=WEIGHTS", the beginning of the digest, means this one."""
        name, _, weights = spec.partition("=")
        return self.name == name and (self.weights.startswith(weights) or self.short.startswith(weights))

    def is_other_seed_of(self, other: Who) -> bool:
        """Whether both are trained networks of one architecture, and not the same."""
        return (
            self != other
            and self.kind == other.kind == "network"
            and self.architecture == other.architecture
            and not self.untrained
            and not other.untrained
        )

    def is_other_architecture_than(self, other: Who) -> bool:
        """Whether both are networks, of different architectures."""
        return self.kind == other.kind == "network" and self.architecture != other.architecture

    def cells(self, role: str) -> dict[str, str]:
        """The two columns, ROLE and ROLE_weights, of a table."""
        return {role: self.name, f"{role}_weights": self.weights}

    @classmethod
    def from_cells(cls, role: str, row: Mapping[str, Any]) -> Who:
        """What `cells` wrote."""
        return cls(row[role], row[f"{role}_weights"])


@dataclasses.dataclass(frozen=True)
class Judgement:
    """One answer of one judge.

    Attributes:
      generator: the network that the metamer was made for.
      layer: that was matched; "natural" for a natural signal.
      layer_index: of it, counted from the earliest metamer layer, 0; -1 for a natural signal.
      stimulus: name of the natural signal.
      search_seed: of the noise that the search began from; None for a natural signal.
      optimized: what the search varied, one of `OPTIMIZED`.
      relu_gradient: of the search, "linear" or "plain"; empty for a natural signal.
      settings: of the search, but for its seed, as text; empty for a natural signal.
      included: whether the metamer meets the paper's two conditions; a natural signal does.
      truth: the true class, in the words of the decision; None where it is not known, or none of
        the classes that the decision allows.
      truth_source: "labels", or "generator" where it is the class that the generating network gave to
        the natural signal.
      judge: who answered.
      decision: the rule by which a class was chosen, such as "fine" or "sixteen".
      answer: the class chosen.
      correct: whether it is the true one; None where that cannot be told.
      counted: whether the judgement counts: only one of a metamer that is included, whose `correct`
        can be told, does.
      reason: why it does not count; empty where it does.

    Raises:
      InputError: it counts although it cannot, or what was optimised is none of `OPTIMIZED`.
    """

    generator: Who
    layer: str
    layer_index: int
    stimulus: str
    search_seed: int | None
    optimized: str
    relu_gradient: str
    settings: str
    included: bool
    truth: str | None
    truth_source: str
    judge: Who
    decision: str
    answer: str
    correct: bool | None
    counted: bool
    reason: str

    def __post_init__(self) -> None:
        if self.counted and (self.correct is None or not self.included):
            raise InputError("counted is True, but it is not included, or nobody knows whether it is correct")
        if self.optimized not in OPTIMIZED:
            raise InputError(f"optimized is {self.optimized!r}, expected one of {', '.join(OPTIMIZED)}")

    @property
    def of_signal(self) -> bool:
        """Whether the search varied the signal itself, not its cochleagram."""
        return self.optimized != "cochleagram"

    def cells(self) -> dict[str, Any]:
        """Plain values by column, in the order of the file."""
        values = {**vars(self), **self.generator.cells("generator"), **self.judge.cells("judge")}
        return {column: values[column] for column in COLUMNS}


COLUMNS = {
    "generator": TEXT,
    "generator_weights": TEXT,
    "layer": TEXT,
    "layer_index": WHOLE,
    "stimulus": TEXT,
    "search_seed": or_nothing(WHOLE),
    "optimized": one_of(*OPTIMIZED),
    "relu_gradient": TEXT,
    "settings": TEXT,
    "included": YES_OR_NO,
    "truth": TEXT,
    "truth_source": TEXT,
    "judge": TEXT,
    "judge_weights": TEXT,
    "decision": TEXT,
    "answer": TEXT,
    "correct": or_nothing(YES_OR_NO),
    "counted": YES_OR_NO,
    "reason": TEXT,
}


def write_judgements(path: str | os.PathLike, judgements: Iterable[Judgement]) -> None:
    """Writes a CSV file, a row for each judgement; StorageError where it cannot be written."""
    write_table(path, [list(COLUMNS), *(list(judgement.cells().values()) for judgement in judgements)])


def read_judgements(path: str | os.PathLike) -> list[Judgement]:
    """The judgements of a CSV file, in order; those that do not count, too.

    An empty truth is None where `correct` is not told, and else the empty text, which a network that
    answers with texts may say.

    Raises:
      InputError: it cannot be read, lacks a column, or holds a value of another type; the message
        names file and line.
    """
    judgements = []
    for line, row in read_table(path, COLUMNS, f"{FILE} of recognize_metamers"):
        who = {role: Who.from_cells(role, row) for role in ("judge", "generator")}
        values = {name: value for name, value in row.items() if not name.endswith("_weights")}
        if not row["truth"] and row["correct"] is None:
            values["truth"] = None
        try:
            judgements.append(Judgement(**{**values, **who}))
        except InputError as error:
            raise InputError(f"{path}, line {line}: {error}") from error
    return judgements
