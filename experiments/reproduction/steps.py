"""The steps of a reproduction as tasks: what is run on what, what needs what, and what it costs."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from model_metamers import execution
from model_metamers.criteria.null_rule import MAXIMUM
from model_metamers.execution import Task, Value
from model_metamers.networks.names import view_name
from model_metamers.recognition import points
from model_metamers.runs.folder import NULL, RunFolder
from model_metamers_experiments import binary
from model_metamers_experiments.figures import figure_2
from model_metamers_experiments.reproduction import cast
from model_metamers_experiments.reproduction.cast import COCHLEAGRAM, Part, Scale
from model_metamers_experiments.reproduction.stimuli import StimulusSet

NULLS, METAMERS, RELU, RECOGNITION, VERDICTS, FIGURES = (
    "nulls",
    "metamers",
    "relu",
    "recognition",
    "verdicts",
    "figures",
)
CRITERIA = {"file": "", "none": "_all"}  # recognize_metamers --criteria -> end of the results' name
_PICTURES = 60_000  # bytes of a metamer's pictures and record
_START = 20.0  # seconds in which a binary loads TensorFlow and a network
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


@dataclasses.dataclass(frozen=True)
class _Work:
    """What a plan is made from.

    Attributes:
      scale: the scale, with the networks that have weights.
      stimuli: the natural signals by kind, "image" and "sound".
      contents: digest of the natural signals, by kind.
      out: folder of the reproduction.
    """

    scale: Scale
    stimuli: Mapping[str, StimulusSet]
    contents: Mapping[str, str]
    out: Path


def run(
    scale: Scale, stimuli: Mapping[str, StimulusSet], out: Path, jobs: int, progress: bool = True
) -> tuple[list[Task], dict[str, str]]:
    """Runs the planned tasks that are not done.

    Where the metamers of a network could not be made, a new plan is made and run without them.

    Args:
      scale, stimuli, out: see `plan`.
      jobs, progress: see `execution.run`.

    Returns:
      All tasks, and the errors of those that failed, by name.
    """
    tasks = plan(scale, stimuli, out)
    failures = execution.run(tasks, out, jobs, progress)
    failed = execution.causes(failures, tasks)
    lost = [name for name in failed if name.startswith(f"{METAMERS}/")]
    if lost:
        tasks = plan(scale, stimuli, out, lost)
        failures = execution.run(tasks, out, jobs, progress, failed)
    return tasks, failures


def plan(
    scale: Scale, stimuli: Mapping[str, StimulusSet], out: Path, without: Collection[str] = ()
) -> list[Task]:
    """All tasks of a reproduction, in order.

    Args:
      scale: the scale, with the networks that have weights.
      stimuli: the natural signals by kind, "image" and "sound".
      out: folder of the reproduction.
      without: names of tasks whose metamers could not be made; later tasks do not use them.
    """
    work = _Work(scale, stimuli, {kind: of_kind.content() for kind, of_kind in stimuli.items()}, out)
    searched = [part for part in scale.parts if part.layers != ()]
    made = {
        part: [role for role in runs_of(part) if f"{METAMERS}/{role}" not in without] for part in searched
    }
    tasks = [
        *(_null(work, part) for part in searched if stimuli[part.kind].training),
        *(_metamers(work, part, role) for part in searched for role in runs_of(part)),
        *(_relu(work, part) for part in scale.parts if part.role in scale.relu_layers),
        *_recognition(work, made),
        *(_verdicts(out, part, role) for part, roles in made.items() for role in roles),
    ]
    planned = {task.name for task in tasks}
    return tasks + [figure for figure in _figures(work, made) if planned.issuperset(figure.needs)]


def runs_of(part: Part) -> dict[str, str]:
    """The runs of make_metamers for a network: by name of the run, the folder of results within it."""
    runs = {part.role: part.network}
    if part.cochleagram_seconds:
        runs[f"{part.role}_{COCHLEAGRAM}"] = view_name(part.network)
    return runs


def _null(work: _Work, part: Part) -> Task:
    """The task that measures a network's null distribution on its training signals."""
    signals, count = work.stimuli[part.kind], work.scale.null_signals[part.kind]
    name = f"{NULLS}/{part.role}"
    return Task(
        name,
        binary.module("make_null_distribution"),
        {
            "network": part.spec,
            "checkpoint": part.checkpoint,
            "layers": [*dict.fromkeys([*cast.built(part).layers, *matched_layers(part)])],
            "inputs": list(signals.training),
            "pairs": count * (count - 1) // 2,
            "block_size": count,
            "out": work.out / name,
            "progress": False,
        },
        inputs=(part.weights, signals.training_content()),
        makes=work.out / name / NULL,
        # A signal costs a third of a step of the search, which also computes a gradient.
        seconds=_START + count * part.seconds / 3000,
        bytes=1e6,
    )


def _needed_null(part: Part, signals: StimulusSet) -> tuple[str, ...]:
    """The name of the task that measures a part's null distribution, if there is one."""
    return (f"{NULLS}/{part.role}",) if signals.training else ()


def _metamers(work: _Work, part: Part, role: str) -> Task:
    """The task that makes a network's metamers; of cochleagrams where `role` is not the network's own."""
    scale, signals = work.scale, work.stimuli[part.kind]
    layers, seconds = matched_layers(part), part.seconds
    optimize: dict[str, Value] = {}
    if role != part.role:  # a search that varies the cochleagram cannot also match it
        layers = tuple(layer for layer in layers if layer != COCHLEAGRAM)
        seconds = part.cochleagram_seconds
        optimize = {"optimize": COCHLEAGRAM, "learning_rate": scale.cochleagram_learning_rate}
    name = f"{METAMERS}/{role}"
    searches = signals.count * len(layers)
    return Task(
        name,
        binary.module("make_metamers"),
        {
            **_searched(work, part),
            **_ruled(scale, signals),
            "layers": layers,
            "iterations": scale.iterations[part.kind],
            "optimizer": scale.optimizer,
            "batch_size": scale.batch_size,
            "out": work.out / name,
            **optimize,
            "progress": False,
        },
        needs=_needed_null(part, signals),
        inputs=(part.weights, work.contents[part.kind]),
        makes=RunFolder(work.out / name, part.network).page,
        seconds=_START + searches * seconds * scale.iterations[part.kind] / 1000,
        bytes=searches * _bytes_of_metamer(part),
    )


def _relu(work: _Work, part: Part) -> Task:
    """The task of Figure 2: metamers of a few stimuli with both gradients of the ReLU."""
    scale, signals = work.scale, work.stimuli[part.kind]
    layers = scale.relu_layers[part.role]
    searches = 2 * min(signals.count, scale.relu_stimuli) * len(layers or cast.built(part).layers)
    name = f"{RELU}/{part.role}"
    return Task(
        name,
        binary.module("compare_relu_gradients"),
        {
            **_searched(work, part),
            "layers": layers,
            "stimuli": scale.relu_stimuli,
            "iterations": scale.relu_iterations[part.kind],
            "batch_size": scale.batch_size,
            "out": work.out / name,
            "progress": False,
        },
        needs=_needed_null(part, signals),
        inputs=(part.weights, work.contents[part.kind]),
        makes=work.out / name / figure_2.ROWS,
        seconds=_START + searches * part.seconds * scale.relu_iterations[part.kind] / 1000,
        bytes=searches * _bytes_of_metamer(part),
    )


def _searched(work: _Work, part: Part) -> dict[str, Value]:
    """Arguments that give the network and the stimuli of a search, and its null distribution."""
    signals = work.stimuli[part.kind]
    further = [signals.further] if signals.further and not signals.training else None
    return {
        "network": part.spec,
        "checkpoint": part.checkpoint,
        "inputs": [signals.matched],
        "null_inputs": further,
        "null": work.out / NULLS / part.role if signals.training else None,
    }


def _ruled(scale: Scale, signals: StimulusSet) -> dict[str, Value]:
    """Arguments that give another rule than the paper's, and the classes that it asks for."""
    if scale.null_rule == MAXIMUM:
        return {}
    return {"null_rule": scale.null_rule, "labels": None if signals.training else signals.labels}


def left_out(part: Part) -> list[str]:
    """The metamer layers of a network that are not matched; of one that only judges, none."""
    matched = matched_layers(part)
    return [layer for layer in cast.built(part).layers if layer not in matched] if part.layers != () else []


def matched_layers(part: Part) -> tuple[str, ...]:
    """The layers that are matched."""
    return part.layers or tuple(cast.built(part).layers)


def _bytes_of_metamer(part: Part) -> int:
    return 8 * math.prod(cast.built(part).signal.shape) + _PICTURES  # metamer and target in float32


def _recognition(work: _Work, made: Mapping[Part, Sequence[str]]) -> list[Task]:
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
    work: _Work,
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
        seconds=_START * len(judges) + signals.count * layers * sum(part.seconds for part in judges) / 3000,
        bytes=4e6,
    )


def _verdicts(out: Path, part: Part, role: str) -> Task:
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
        seconds=_START,
    )


def _figures(work: _Work, made: Mapping[Part, Sequence[str]]) -> list[Task]:
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
