"""The runs of a reproduction: which commands, after one another or side by side, and what they cost."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Sequence
from pathlib import Path

from model_metamers import catalog
from model_metamers_experiments.figures import figure_2, points
from model_metamers_experiments.reproduction.cast import COCHLEAGRAM, Part, Scale
from model_metamers_experiments.reproduction.stimuli import Stimuli

METAMERS, RELU, RECOGNITION, VERDICTS, FIGURES = "metamers", "relu", "recognition", "verdicts", "figures"
CRITERIA = {"file": "", "none": "_all"}  # verdict that counts -> ending of the results' name
_PICTURES = 60_000  # bytes of the pictures and numbers of a metamer
_ARCHITECTURES = ("vgg", "inception", "resnet")
_IMAGES = (*_ARCHITECTURES, *(f"{role}_other_seed" for role in _ARCHITECTURES))
_WORDS = ("word", "word_other_seed", "word_aliased")
# Results -> roles of the networks that judge, and of those whose metamers are judged.
JUDGEMENTS = {
    "images": (_IMAGES, _IMAGES),
    "sounds": (("word",), ("word", "word_other_seed", "both_tasks", "backgrounds", "untrained")),
    "architectures": (_WORDS, _WORDS),
}


@dataclasses.dataclass(frozen=True)
class Step:
    """A command.

    Attributes:
      name: of it, and of its log.
      stage: steps of one stage need none of one another.
      command: binary and flags.
      seconds: on one core, an estimate.
      bytes: on the disk, an estimate.
      made: a file that it leaves, None where nobody asks.
      inputs: digests of what it reads and no other step makes.
    """

    name: str
    stage: int
    command: tuple[str, ...]
    seconds: float
    bytes: float = 0.0
    made: Path | None = None
    inputs: tuple[str, ...] = ()


def plan(scale: Scale, stimuli: dict[str, Stimuli], out: Path, without: Collection[str] = ()) -> list[Step]:
    """All steps, in order.

    Args:
      scale: with the parts whose weights are there.
      stimuli: by kind, "image" and "sound".
      out: folder of the reproduction.
      without: names of steps of metamers that later ones are to do without.
    """
    steps = []
    for part in scale.parts:
        if part.layers == ():
            continue
        steps.append(_metamers(part, scale, stimuli[part.kind], out, part.role, part.seconds))
        if part.cochleagram_seconds:
            role = f"{part.role}_{COCHLEAGRAM}"
            flags = ["--optimize=cochleagram"]
            if scale.cochleagram_learning_rate:
                flags.append(f"--learning_rate={scale.cochleagram_learning_rate:g}")
            steps.append(
                _metamers(part, scale, stimuli[part.kind], out, role, part.cochleagram_seconds, flags)
            )
    for part in scale.parts:
        if part.role in scale.relu_layers:
            steps.append(_relu(part, scale, stimuli[part.kind], out))
    made = {
        part: [role for role in runs_of(part) if f"{METAMERS}/{role}" not in without]
        for part in scale.parts
        if part.layers != ()
    }
    steps += _recognition(scale, made, stimuli, out)
    for part, roles in made.items():
        steps += [_verdicts(role, runs_of(part)[role], out) for role in roles]
    return steps + _figures(scale, made, [step.name for step in steps], out)


def runs_of(part: Part) -> dict[str, str]:
    """Runs of make_metamers of a part: their names, and where the results are below each."""
    found = {part.role: part.network}
    if part.cochleagram_seconds:
        found[f"{part.role}_{COCHLEAGRAM}"] = f"{part.network}@{COCHLEAGRAM}"
    return found


def _verdicts(role: str, folder: str, out: Path) -> Step:
    """Tables S4, S5 and Figures S1 to S8 of a run; one each, as networks of one name differ in weights."""
    run = out / METAMERS / role
    return Step(
        f"{VERDICTS}/{role}",
        2,
        (
            "check_metamers",
            f"--metamers={run}",
            f"--null={run / folder / 'null.npz'}",
            f"--out={out / VERDICTS / role}",
        ),
        20,
        made=out / VERDICTS / role / "table.csv",
    )


def _metamers(
    part: Part,
    scale: Scale,
    signals: Stimuli,
    out: Path,
    role: str,
    seconds: float,
    flags: Sequence[str] = (),
) -> Step:
    network = catalog.build_network(part.network)
    layers = part.layers or network.layers
    if flags:  # the cochleagram is no layer of a search that varies it
        layers = tuple(layer for layer in layers if layer != "cochleagram")
    command = [
        "make_metamers",
        *_weights(part),
        f"--inputs={signals.matched}",
        f"--layers={','.join(layers)}",
        f"--iterations={scale.iterations}",
        f"--batch_size={scale.batch_size}",
        f"--out={out / METAMERS / role}",
        *flags,
    ]
    if signals.further:
        command.append(f"--null_inputs={signals.further}")
    searches = signals.count * len(layers)
    size = 8 * math.prod(network.signal.shape) + _PICTURES
    return Step(
        f"{METAMERS}/{role}",
        0,
        tuple(command),
        20 + searches * seconds * scale.iterations / 1000,
        searches * size,
        out / METAMERS / role / "report.html",
        (part.weights, signals.identity),
    )


def _weights(part: Part) -> list[str]:
    return [f"--network={part.network}", *([f"--checkpoint={part.checkpoint}"] if part.checkpoint else [])]


def _relu(part: Part, scale: Scale, signals: Stimuli, out: Path) -> Step:
    network = catalog.build_network(part.network)
    layers = scale.relu_layers[part.role]
    searches = 2 * min(signals.count, scale.relu_stimuli) * len(layers or network.layers)
    command = [
        "compare_relu_gradients",
        *_weights(part),
        f"--inputs={signals.matched}",
        f"--stimuli={scale.relu_stimuli}",
        f"--iterations={scale.iterations}",
        f"--batch_size={scale.batch_size}",
        f"--out={out / RELU / part.role}",
    ]
    if layers:
        command.append(f"--layers={','.join(layers)}")
    if signals.further:
        command.append(f"--null_inputs={signals.further}")
    return Step(
        f"{RELU}/{part.role}",
        0,
        tuple(command),
        20 + searches * part.seconds * scale.iterations / 1000,
        searches * (8 * math.prod(network.signal.shape) + _PICTURES),
        out / RELU / part.role / figure_2.ROWS,
        (part.weights, signals.identity),
    )


def _recognition(
    scale: Scale, made: dict[Part, list[str]], stimuli: dict[str, Stimuli], out: Path
) -> list[Step]:
    """Judgements of metamers that meet the conditions, and of all."""
    steps = []
    for name, (judging, generating) in JUDGEMENTS.items():
        judges = [part for part in scale.parts if part.role in judging]
        generators = {part: roles for part, roles in made.items() if part.role in generating and roles}
        if judges and generators:
            for criteria, ending in CRITERIA.items():
                steps.append(
                    _judgement(
                        f"{RECOGNITION}/{name}{ending}",
                        criteria,
                        judges,
                        generators,
                        scale,
                        stimuli[judges[0].kind],
                        out,
                    )
                )
    return steps


def _judgement(
    name: str,
    criteria: str,
    judges: Sequence[Part],
    generators: dict[Part, list[str]],
    scale: Scale,
    signals: Stimuli,
    out: Path,
) -> Step:
    folders = [str(out / METAMERS / role) for roles in generators.values() for role in roles]
    named = [part.network + (f"={part.checkpoint}" if part.checkpoint else "") for part in judges]
    decisions = scale.decisions if judges[0].kind == "image" else ("fine",)
    command = [
        "recognize_metamers",
        f"--metamers={','.join(folders)}",
        f"--judges={','.join(named)}",
        "--without_self",
        f"--decision={','.join(decisions)}",
        f"--criteria={criteria}",
        f"--out={out / name}",
    ]
    if signals.labels:
        command.append(f"--labels={signals.labels}")
    layers = sum(len(part.layers or catalog.build_network(part.network).layers) for part in generators)
    shown = signals.count * layers
    # A look costs a third of a step of the search, forward without backward.
    seconds = 20 * len(judges) + shown * sum(part.seconds for part in judges) / 3000
    return Step(
        name,
        1,
        tuple(command),
        seconds,
        4e6,
        out / name / points.FILE,
        (*(part.weights for part in judges), signals.identity),
    )


def _figures(scale: Scale, made: dict[Part, list[str]], names: Sequence[str], out: Path) -> list[Step]:
    """Each as PDF and PNG, where the steps that it reads are there."""
    whole = [part for part, roles in made.items() if part.role in roles]
    drawn = {
        f"figure_3_{kind}s": ("3", "metamers", [f"{METAMERS}/{p.role}" for p in whole if p.kind == kind])
        for kind in dict.fromkeys(part.kind for part in whole)
    }
    if sum(part.kind == "image" for part in scale.parts) > 1:
        drawn["figure_5"] = ("5", "recognition", [f"{RECOGNITION}/images"])
    if sum(part.kind == "sound" for part in whole) > 1:
        drawn["figure_6"] = ("6", "recognition", [f"{RECOGNITION}/sounds"])
    if any(len(roles) > 1 for roles in made.values()):
        drawn["figure_s9"] = ("S9", "recognition", [f"{RECOGNITION}/sounds"])
    return [
        Step(
            f"{FIGURES}/{figure}.{form}",
            2,
            (
                "draw_figure",
                f"--figure={number}",
                f"--{flag}={','.join(str(out / s) for s in sources)}",
                f"--out={out / FIGURES / figure}.{form}",
            ),
            15,
            made=out / FIGURES / f"{figure}.{form}",
        )
        for figure, (number, flag, sources) in drawn.items()
        if set(sources) <= set(names)
        for form in ("pdf", "png")
    ]


def total(steps: Sequence[Step]) -> tuple[float, float]:
    """Seconds on one core, and bytes, of all steps."""
    return sum(step.seconds for step in steps), sum(step.bytes for step in steps)
