"""Figure 4: people's recognition of metamers of word networks with other aliasing, training and task.

It reads the results of `analyze_human_experiment` and runs no network.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from model_metamers import InputError, plots
from model_metamers.recognition.judgement import Who
from model_metamers_experiments.figures import choosing, people_curves
from model_metamers_experiments.figures.people_curves import Line, Panel

# The networks by what they are, in the order of the legend: text, and how the name begins.
_KINDS = {
    "aliased": ("word-trained, aliased", ("word_aliased",)),
    "reduced": ("word-trained, reduced aliasing", ("word_reduced_aliasing",)),
    "untrained": ("random weights, reduced aliasing", ()),
    "sounds": ("AudioSet-trained, reduced aliasing", ("audioset_", "environmental_")),
    "both": ("trained on both tasks, reduced aliasing", ("both_tasks_",)),
}
_PANELS = {
    "aliasing": ("reduced", "aliased"),
    "training": ("reduced", "untrained"),
    "task": ("reduced", "sounds", "both"),
}


def draw(
    recognition: Sequence[str | Path],
    generators: Sequence[str] | None = None,
    judges: Sequence[str] | None = None,
    names: Mapping[str, str] | None = None,
) -> Figure:
    """Draws three panels, each with the trained word network with reduced aliasing beside others.

    A panel is left out where there are no others in the results.

    Args:
      recognition: `recognition.csv` files of analyze_human_experiment, or folders that hold one.
      generators: networks to choose from, "NAME" or "NAME=WEIGHTS", where several are of one kind; None
        for all.
      judges: whose answers are drawn; None where the results hold one study's.
      names: what networks are called in the figure, by "NAME" or "NAME=WEIGHTS".

    Raises:
      InputError: the files are no such results, people of several studies judged, two networks are of
        one kind, or no panel has two networks.
    """
    people, own = people_curves.read(recognition, "words", judges)
    shown = choosing.networks((p.generator for p in people), generators, "generating network")
    kinds = _kinds(shown)
    people, own = (people_curves.with_shared_cochleagram(points, shown) for points in (people, own))
    called = choosing.labels(
        list(kinds.values()), names, {who: _KINDS[kind][0] for kind, who in kinds.items()}
    )
    lines: dict[str, Line] = {}
    for place, kind in enumerate(_KINDS):
        if kind in kinds:
            who = kinds[kind]
            lines[kind] = people_curves.line(called[who], plots.line_style(place), who, people, own)
    panels = [
        Panel(title, [lines[kind] for kind in wanted if kind in lines])
        for title, wanted in _PANELS.items()
        if "reduced" in lines and any(kind in lines for kind in wanted[1:])
    ]
    if not panels:
        had = ", ".join(who.name for who in shown)
        raise InputError(
            f"Figure 4 compares a trained word network of reduced aliasing with others; here are {had}"
        )
    return people_curves.draw(panels)


def _kinds(shown: Sequence[Who]) -> dict[str, Who]:
    """The networks by what they are; others are passed over."""
    found: dict[str, Who] = {}
    for who in shown:
        kind = _kind(who)
        if kind in found:
            raise InputError(
                f"{found[kind].name}={found[kind].short} and {who.name}={who.short} are both "
                f"{_KINDS[kind][0]}; choose with --generators"
            )
        if kind:
            found[kind] = who
    return found


def _kind(who: Who) -> str:
    if who.untrained:
        return "untrained" if "reduced_aliasing" in who.name else ""
    return next((kind for kind, (_, starts) in _KINDS.items() if starts and who.name.startswith(starts)), "")
