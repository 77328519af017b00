"""The steps of a reproduction that judge metamers and draw figures of them, as tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from model_metamers.execution import Task
from model_metamers.recognition import points
from model_metamers.runs.folder import RunFolder
from model_metamers_experiments import binary
from model_metamers_experiments.reproduction.cast import Part
from model_metamers_experiments.reproduction.work import (
    FIGURES,
    METAMERS,
    RECOGNITION,
    START,
    VERDICTS,
    Work,
    matched_layers,
    runs_of,
)

CRITERIA = {"file": "", "none": "_all"}  # recognize_metamers --criteria -> end of the results' name
_WORDS = ("word", "word_other_seed", "word_aliased")
_TASKS = ("word", "word_other_seed", "both_tasks", "backgrounds", "untrained")
# By name of the results: (roles of the networks that judge, roles of those whose metamers are judged);
# None for all networks of images.
JUDGEMENTS: dict[str, tuple[Sequence[str] | None, Sequence[str] | None]] = {
    "images": (None, None),
    "sounds": (("word",), _TASKS),  # one judge, as Figure 6 has it
    "sounds_by_other_seed": (("word_other_seed",), _TASKS),
    "architectures": (_WORDS, _WORDS),
}


def recognition(work: Work, made: Mapping[Part, Sequence[str]]) -> list[Task]:
    """The tasks that judge metamers: those that meet the conditions, and all of them."""
    tasks = []
    for name, (judging, generating) in JUDGEMENTS.items():
        judges = [part for part in work.scale.parts if _takes_part(part, judging)]
        generators = {part: roles for part, roles in made.items() if _takes_part(part, generating) and roles}
        if judges and generators:
            tasks += [
                _judgements(work, f"{RECOGNITION}/{name}{ending}", criteria, judges, generators)
                for criteria, ending in CRITERIA.items()
            ]
    return tasks


def _takes_part(part: Part, roles: Sequence[str] | None) -> bool:
    return part.kind == "image" if roles is None else part.role in roles


def _judgements(
    work: Work,
    name: str,
    criteria: str,
    judges: Sequence[Part],
    generators: Mapping[Part, Sequence[str]],
) -> Task:
    kind = judges[0].kind
    signals = work.stimuli[kind]
    judged = tuple(f"{METAMERS}/{role}" for roles in generators.values() for role in roles)
    layers = sum(len(matched_layers(part)) for part in generators)
    return Task(
        name,
        binary.module("recognize_metamers"),
        {
            "metamers": [work.out / run for run in judged],
            "judges": [part.spec + (f"={part.checkpoint}" if part.checkpoint else "") for part in judges],
            "without_self": True,
            "decision": work.scale.decisions if kind == "image" else ["fine"],
            "criteria": criteria,
            "labels": signals.labels,
            "out": work.out / name,
            "progress": False,
        },
        needs=judged,
        inputs=(*(part.weights for part in judges), work.contents[kind]),
        makes=work.out / name / points.FILE,
        # A judgement costs a third of a step of the search, which also computes a gradient.
        seconds=START * len(judges) + signals.count * layers * sum(part.seconds for part in judges) / 3000,
        bytes=4e6,
    )


def verdicts(out: Path, part: Part, role: str) -> Task:
    """The task of Tables S4, S5 and Figures S1 to S8 for a run.

    Every run has a task of its own, because networks of one name may differ in their weights.
    """
    run = f"{METAMERS}/{role}"
    name = f"{VERDICTS}/{role}"
    return Task(
        name,
        binary.module("check_metamers"),
        {
            "metamers": out / run,
            "null": [RunFolder(out / run, runs_of(part)[role]).null],
            "out": out / name,
        },
        needs=(run,),
        makes=out / name / "table.csv",
        seconds=START,
    )


def figures(work: Work, made: Mapping[Part, Sequence[str]]) -> list[Task]:
    """The tasks of all figures that would have something to compare, if what they need is planned."""
    whole = [part for part, roles in made.items() if part.role in roles]
    tasks = []
    for kind in dict.fromkeys(part.kind for part in whole):
        shown = [f"{METAMERS}/{part.role}" for part in whole if part.kind == kind]
        tasks += _figure(work.out, f"figure_3_{kind}s", "3", "metamers", shown)
    if sum(part.kind == "image" for part in work.scale.parts) > 1:
        tasks += _figure(work.out, "figure_5", "5", "recognition", [f"{RECOGNITION}/images"])
    if sum(part.kind == "sound" for part in whole) > 1:
        tasks += _figure(work.out, "figure_6", "6", "recognition", [f"{RECOGNITION}/sounds"])
    if any(len(roles) > 1 for roles in made.values()):
        tasks += _figure(work.out, "figure_s9", "S9", "recognition", [f"{RECOGNITION}/sounds"])
    return tasks


def _figure(out: Path, figure: str, number: str, flag: str, shown: Sequence[str]) -> list[Task]:
    """The tasks that draw a figure, as PDF and as PNG."""
    return [
        Task(
            f"{FIGURES}/{figure}.{form}",
            binary.module("draw_figure"),
            {
                "figure": number,
                flag: [out / results for results in shown],
                "out": out / FIGURES / f"{figure}.{form}",
            },
            needs=tuple(shown),
            makes=out / FIGURES / f"{figure}.{form}",
            seconds=15.0,
        )
        for form in ("pdf", "png")
    ]
