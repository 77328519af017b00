"""A study's folder: what is shown to whom, what is right, and what was planned.

| file | holds | who may see it |
|---|---|---|
| `study.json` | `Study` | everybody |
| `lists.json` | for each list, its `Trial`s in order | each person their own list |
| `answers.json` | `Shown` by name of file; read and written by its owner alone | nobody but the server |
| `plan.json` | what was planned before anybody took part | everybody |
| `files/` | pictures and sounds under random names | everybody |
| `left_out.csv` | which metamers take no part, and why | the experimenter |
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from model_metamers.errors import InputError
from model_metamers.storage.reading import read_json
from model_metamers.storage.writing import write_json, write_private_json

FORMAT = "1"
TASKS = ("images", "words")
PROTOCOLS = ("paper", "turk")
LAYOUTS = ("icons", "buttons", "typing")
# In the order in which a person meets them; catch trials stand among the main ones.
PARTS = ("headphones", "practice", "demonstration", "main", "catch")
KINDS = ("metamer", "natural", "catch", "tones")


@dataclasses.dataclass(frozen=True)
class Timing:
    """How long a picture's phases last, in milliseconds.

    Attributes:
      fixation_ms, image_ms, mask_ms: of the phases.
      answer_ms: in which an answer is taken; None without a limit.
    """

    fixation_ms: float
    image_ms: float
    mask_ms: float
    answer_ms: float | None


@dataclasses.dataclass(frozen=True)
class Study:
    """What the page, and so everybody, may know of a study.

    Attributes:
      format: of the folder.
      title: shown to people.
      task: one of `TASKS`.
      protocol: one of `PROTOCOLS`, from which the settings came.
      choices: what may be answered, in the order of the screen.
      layout: one of `LAYOUTS`: sixteen icons (column by column), up to 20 buttons, or a box to type into.
      timing: of pictures; None for words.
      image_px: side of a picture on the screen, in CSS pixels; None for words.
      pass_marks: for "headphones" and "demonstration", how many must be right to go on; parts without a
        mark cannot be failed.
      breaks: after so many main and catch trials a break is offered.
      texts: "consent", "instructions", "thanks": paragraphs, plain text, parted by blank lines.
      seed: of the lists.
      plan_sha256: of `plan.json`.
    """

    format: str
    title: str
    task: str
    protocol: str
    choices: tuple[str, ...]
    layout: str
    timing: Timing | None
    image_px: int | None
    pass_marks: dict[str, int]
    breaks: tuple[int, ...]
    texts: dict[str, str]
    seed: int
    plan_sha256: str


@dataclasses.dataclass(frozen=True)
class Trial:
    """One trial of a list, as its person's page may know it.

    Attributes:
      position: in the list, from 0.
      part: one of `PARTS`.
      file: name in `files/`.
      mask: name in `files/` of the noise after a picture; None for sounds.
    """

    position: int
    part: str
    file: str
    mask: str | None


@dataclasses.dataclass(frozen=True)
class Shown:
    """What a file is; never told to a page.

    Attributes:
      kind: one of `KINDS`.
      truth: the right answer: a choice; of tones "1", "2" or "3".
      condition: that it belongs to: "natural", or "NETWORK/LAYER"; empty for catch trials and tones.
      stimulus: name of the natural signal; empty for tones.
      instead_of: the condition whose metamer did not pass, where a natural signal stands in its place.
      generator, generator_weights, layer, layer_index, search_seed, optimized, relu_gradient, settings,
        truth_source: as in `recognition.judgement.Judgement`; of catch trials and tones None.
    """

    kind: str
    truth: str
    condition: str
    stimulus: str
    instead_of: str = ""
    generator: str | None = None
    generator_weights: str | None = None
    layer: str | None = None
    layer_index: int | None = None
    search_seed: int | None = None
    optimized: str | None = None
    relu_gradient: str | None = None
    settings: str | None = None
    truth_source: str | None = None


@dataclasses.dataclass(frozen=True)
class StudyFolder:
    """Where a study's files are."""

    path: Path

    @property
    def study(self) -> Path:
        """`Study`."""
        return self.path / "study.json"

    @property
    def lists(self) -> Path:
        """Lists of `Trial`s."""
        return self.path / "lists.json"

    @property
    def answers(self) -> Path:
        """`Shown` by file."""
        return self.path / "answers.json"

    @property
    def plan(self) -> Path:
        """What was planned."""
        return self.path / "plan.json"

    @property
    def files(self) -> Path:
        """Pictures and sounds."""
        return self.path / "files"

    @property
    def left_out(self) -> Path:
        """Metamers that take no part."""
        return self.path / "left_out.csv"

    def read_study(self) -> Study:
        """What everybody may know.

        Raises:
          InputError: no study, a damaged one, or one of another format.
        """
        study: Study = read_json(self.study, "study of prepare_human_experiment", Study)
        if study.format != FORMAT:
            raise InputError(f"{self.study}: is of format {study.format!r}, expected {FORMAT!r}")
        return study

    def read_lists(self) -> list[list[Trial]]:
        """Each list's trials; InputError where they cannot be read."""
        return read_json(self.lists, "lists of prepare_human_experiment", list[list[Trial]])

    def read_answers(self) -> dict[str, Shown]:
        """What each file is; InputError where that cannot be read."""
        return read_json(self.answers, "answers of prepare_human_experiment", dict[str, Shown])

    def digest(self) -> str:
        """sha256 of all that a result depends on, hex; the random names of files stand for the files."""
        digest = hashlib.sha256()
        for path in (self.study, self.lists, self.answers, self.plan):
            try:
                digest.update(hashlib.sha256(path.read_bytes()).digest())
            except OSError as error:
                raise InputError(f"{path}: cannot be read ({error.strerror})") from error
        return digest.hexdigest()


def write_tables(
    folder: StudyFolder, study: Study, lists: Sequence[Sequence[Trial]], answers: Mapping[str, Shown]
) -> None:
    """Writes `study.json`, `lists.json` and `answers.json`; StorageError where that fails."""
    write_private_json(folder.answers, {name: dataclasses.asdict(shown) for name, shown in answers.items()})
    write_json(folder.lists, [[dataclasses.asdict(trial) for trial in trials] for trials in lists])
    write_json(folder.study, dataclasses.asdict(study))
