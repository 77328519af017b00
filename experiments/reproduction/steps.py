"""The steps of a reproduction as tasks: what is run on what, what needs what, and what it costs."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from model_metamers import execution
from model_metamers.criteria.null_rule import MAXIMUM
from model_metamers.execution import Task, Value
from model_metamers.runs.folder import NULL, RunFolder
from model_metamers_experiments import binary
from model_metamers_experiments.figures import figure_2
from model_metamers_experiments.reproduction import cast, judging
from model_metamers_experiments.reproduction.cast import COCHLEAGRAM, Part, Scale
from model_metamers_experiments.reproduction.stimuli import StimulusSet
from model_metamers_experiments.reproduction.work import (
    METAMERS,
    NULLS,
    RELU,
    START,
    Work,
    matched_layers,
    runs_of,
)

_PICTURES = 60_000  # bytes of a metamer's pictures and record


class RunTasks(Protocol):
    """Runs the tasks that are not done, as `execution.run`."""

    def __call__(
        self, tasks: Sequence[Task], out: Path, *, failed: Mapping[str, str] | None = None
    ) -> dict[str, str]:
        """Gives the errors of those that failed or were not begun, by name."""


def run(
    scale: Scale, stimuli: Mapping[str, StimulusSet], out: Path, run_tasks: RunTasks
) -> tuple[list[Task], dict[str, str]]:
    """Runs the planned tasks that are not done.

    Where the metamers of a network could not be made, a new plan is made and run without them.

    Args:
      scale, stimuli, out: see `plan`.
      run_tasks: on this machine or elsewhere.

    Returns:
      All tasks, and the errors of those that failed, by name.
    """
    tasks = plan(scale, stimuli, out)
    failures = run_tasks(tasks, out)
    failed = execution.causes(failures, tasks)
    lost = [name for name in failed if name.startswith(f"{METAMERS}/")]
    if lost:
        tasks = plan(scale, stimuli, out, lost)
        failures = run_tasks(tasks, out, failed=failed)
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
    work = Work(scale, stimuli, {kind: of_kind.content() for kind, of_kind in stimuli.items()}, out)
    searched = [part for part in scale.parts if part.layers != ()]
    made = {
        part: [role for role in runs_of(part) if f"{METAMERS}/{role}" not in without] for part in searched
    }
    tasks = [
        *(_null(work, part) for part in searched if stimuli[part.kind].training),
        *(_metamers(work, part, role) for part in searched for role in runs_of(part)),
        *(_relu(work, part) for part in scale.parts if part.role in scale.relu_layers),
        *judging.recognition(work, made),
        *(judging.verdicts(out, part, role) for part, roles in made.items() for role in roles),
    ]
    planned = {task.name for task in tasks}
    return tasks + [figure for figure in judging.figures(work, made) if planned.issuperset(figure.needs)]


def _null(work: Work, part: Part) -> Task:
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
        seconds=START + count * part.seconds / 3000,
        bytes=1e6,
    )


def _needed_null(part: Part, signals: StimulusSet) -> tuple[str, ...]:
    """The name of the task that measures a part's null distribution, if there is one."""
    return (f"{NULLS}/{part.role}",) if signals.training else ()


def _metamers(work: Work, part: Part, role: str) -> Task:
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
        seconds=START + searches * seconds * scale.iterations[part.kind] / 1000,
        bytes=searches * _bytes_of_metamer(part),
    )


def _relu(work: Work, part: Part) -> Task:
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
        seconds=START + searches * part.seconds * scale.relu_iterations[part.kind] / 1000,
        bytes=searches * _bytes_of_metamer(part),
    )


def _searched(work: Work, part: Part) -> dict[str, Value]:
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


def _bytes_of_metamer(part: Part) -> int:
    return 8 * math.prod(cast.built(part).signal.shape) + _PICTURES  # metamer and target in float32
