"""How an experiment is run: the paper's in the laboratory, and that of its authors on the web."""

from __future__ import annotations

import dataclasses

from model_metamers.errors import InputError
from model_metamers.people.plan import Exclusions
from model_metamers.people.study import PROTOCOLS, TASKS, Timing

HEADPHONE_TRIALS, HEADPHONE_MARK = 6, 5  # Woods et al. 2017 (doi:10.3758/s13414-017-1361-2)
_LEAST_CATCH = 0.75  # ours; the authors' is not published
_FASTEST_MS = 100.0


@dataclasses.dataclass(frozen=True)
class Protocol:
    """Settings of an experiment.

    Attributes:
      name: one of `study.PROTOCOLS`.
      task: one of `study.TASKS`.
      trials: of each condition for each person.
      practice: trials with natural signals and feedback.
      demonstration: trials with natural signals and metamers before the main ones.
      pass_mark: right answers that the demonstration needs; None without.
      catch: trials among the main ones that attentive people get right.
      headphones: trials of the headphone check.
      breaks: how many, at equal distances.
      timing: of pictures; None for words.
      image_px: side of a picture, in CSS pixels; None for words.
    """

    name: str
    task: str
    trials: int
    practice: int
    demonstration: int
    pass_mark: int | None
    catch: int
    headphones: int
    breaks: int
    timing: Timing | None
    image_px: int | None

    @property
    def pass_marks(self) -> dict[str, int]:
        """How many must be right to go on, by part."""
        marks = {"headphones": HEADPHONE_MARK if self.headphones else None, "demonstration": self.pass_mark}
        return {part: mark for part, mark in marks.items() if mark is not None}

    @property
    def exclusions(self) -> Exclusions:
        """Who and what does not count."""
        return Exclusions(
            unfinished=True,
            least_catch=_LEAST_CATCH if self.catch else None,
            fastest_ms=_FASTEST_MS,
            unfocused=True,
            most_frames_off=None if self.timing is None else 1.0,
        )

    def break_places(self, trials: int) -> tuple[int, ...]:
        """After how many of the main and catch trials a break is offered."""
        places = (round(trials * part / (self.breaks + 1)) for part in range(1, self.breaks + 1))
        return tuple(sorted({place for place in places if 0 < place < trials}))


def protocol(name: str, task: str, categories: int) -> Protocol:
    """The settings of a name.

    Args:
      name: "paper": in the laboratory (paper 3.4, 3.5; times of Geirhos et al. 2018, arXiv:1808.08750);
        "turk": on the web, as the authors' later work (doi:10.1038/s41593-023-01442-0).
      task: "images" or "words".
      categories: how many choices there are; pictures are practised once each.

    Raises:
      InputError: another name.
    """
    if name not in PROTOCOLS or task not in TASKS:
        names, tasks = ", ".join(PROTOCOLS), ", ".join(TASKS)
        raise InputError(f"protocol {name!r} for {task!r}: expected one of {names}, and one of {tasks}")
    images, web = task == "images", name == "turk"
    timing = Timing(300.0, 300.0, 300.0, None) if web else Timing(300.0, 200.0, 200.0, 1500.0)
    return Protocol(
        name=name,
        task=task,
        trials=10 if images else 5,
        practice=categories if images else 10,
        demonstration=12 if web else 0,
        pass_mark=(7 if images else 5) if web else None,
        catch=16 if web else 0,
        headphones=HEADPHONE_TRIALS if web and not images else 0,
        breaks=3 if web else 0,
        timing=timing if images else None,
        image_px=(224 if web else 256) if images else None,
    )


def check(settings: Protocol) -> None:
    """Raises InputError where settings contradict one another."""
    if settings.trials < 1:
        raise InputError(f"{settings.trials} trials of a condition; expected at least 1")
    if settings.pass_mark is not None and not 0 < settings.pass_mark <= settings.demonstration:
        raise InputError(
            f"a pass mark of {settings.pass_mark} for {settings.demonstration} demonstration trials; "
            f"expected 1 to {settings.demonstration}, or demonstration trials"
        )
    for name, value in dataclasses.asdict(settings.timing).items() if settings.timing else ():
        if value is not None and not 0 < value <= 60_000:
            raise InputError(f"{name} is {value:g}; expected more than 0 and at most 60000 milliseconds")
