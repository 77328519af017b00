"""A study from folders of metamers: everything is checked and drawn first, then its folder is written whole.

The only module of `people` that may load TensorFlow.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Sequence

import numpy as np

from model_metamers.errors import InputError
from model_metamers.people import choices, conditions, protocols, simulated
from model_metamers.people.conditions import Gathered
from model_metamers.people.design import Aside, check_enough, set_aside
from model_metamers.people.expected import NETWORK_ACCURACY, expected
from model_metamers.people.lists import draw_lists
from model_metamers.people.materials import generator
from model_metamers.people.plan import FORMAT as PLAN_FORMAT
from model_metamers.people.plan import Plan, usual_contrasts
from model_metamers.people.protocols import Protocol
from model_metamers.people.trials import Due, in_order
from model_metamers.recognition import decisions, labels, presentations
from model_metamers.storage.digests import file_digest

_EXPERIMENTS, _MOST_PERMUTATIONS = 100, 1000  # of the power
_ASSUMED = (
    "accuracies of 2019 by layer, standard deviations of 0.5 logits between people and 0.8 between stimuli; "
    "networks right in 0.95"
)


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
      secret: what all is drawn from: the seed, and the metamers, which nobody has who takes part. From the
        seed alone, which everybody may know, nobody can tell the order of trials or a file's name.
    """

    request: Request
    gathered: Gathered
    aside: Aside
    lists: list[list[Due]]
    choices: tuple[str, ...]
    layout: str
    plan: Plan
    notes: tuple[str, ...]
    secret: bytes


def prepare(request: Request, progress: bool = False) -> Prepared:
    """Draws a study; nothing is written.

    Args:
      request: what the study is to be.
      progress: whether to show a bar while the power is simulated, which takes a minute for many networks.

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
    conditions.check_kind(found, task)
    truths = labels.truths(found, known)
    gathered = conditions.gather(found, truths, _answer_of(shown, layout).get, task, request.missing)
    check_enough(gathered.design, request.protocol.trials)
    secret = _secret(request.seed, gathered)
    lists, aside, notes = _draw(request, gathered, secret)
    plan = _plan(request, gathered, len(shown), progress)
    return Prepared(request, gathered, aside, lists, shown, layout, plan, notes, secret)


def _answer_of(shown: Sequence[str], layout: str) -> dict[str, str]:
    """The choice that each label stands for."""
    own = {choice: choice for choice in shown}
    return {**(decisions.decision("sixteen").answers or {}), **own} if layout == "icons" else own


def _secret(seed: int, gathered: Gathered) -> bytes:
    digest = hashlib.sha256(str(seed).encode())
    for key, one in sorted(gathered.stimuli.items()):
        digest.update(repr((key, one.shown)).encode() + bytes.fromhex(file_digest(one.path)))
    return digest.digest()


def _draw(
    request: Request, gathered: Gathered, secret: bytes
) -> tuple[list[list[Due]], Aside, tuple[str, ...]]:
    try:
        aside, main = _chosen(request, gathered, secret, spare=True)
    except InputError:  # what is left would be enough for the counts, but not for lists without repeats
        aside, main = _chosen(request, gathered, secret, spare=False)
    lists = in_order(main, aside, request.protocol.headphones, generator(secret, "order"))
    return lists, aside, tuple(_notes(gathered, aside, main))


def _chosen(request: Request, gathered: Gathered, secret: bytes, spare: bool) -> tuple[Aside, np.ndarray]:
    """What is shown beside the main trials, and these, int [people, trials, 2]."""
    settings, design = request.protocol, gathered.design
    counts = settings.practice, settings.demonstration, settings.catch
    aside = set_aside(design, settings.trials, *counts, generator(secret, "aside"), spare)
    kept = np.setdiff1d(np.arange(len(design.stimuli)), aside.spared)
    rest = design.without(aside.spared)
    main = draw_lists(rest, settings.trials, request.participants, generator(secret, "lists"))
    main[..., 1] = kept[main[..., 1]]
    return aside, main


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


def _plan(request: Request, gathered: Gathered, choices_there: int, progress: bool) -> Plan:
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
        progress=progress,
    )
    return dataclasses.replace(plan, powers=powers)
