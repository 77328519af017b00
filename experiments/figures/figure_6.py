"""Figure 6: a word network judges metamers of another seed, of other tasks and of untrained networks.

It reads the results of `recognize_metamers` and runs no network.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from model_metamers import InputError, plots
from model_metamers.recognition.judgement import Who
from model_metamers.recognition.points import read_points
from model_metamers_experiments.figures import choosing, curves


def draw(
    recognition: Sequence[str | Path],
    judge: str | None = None,
    generators: Sequence[str] | None = None,
    decisions: Sequence[str] | None = None,
    names: Mapping[str, str] | None = None,
) -> Figure:
    """Draws a curve over the layers for each generating network; error bars are bootstrapped SEM.

    Args:
      recognition: `recognition.csv` files, or folders that hold one.
      judge: the network that judges, "NAME" or "NAME=WEIGHTS"; None if there is only one.
      generators: networks whose metamers are shown, in this order. None for all: first the judge
        itself, then another seed, other networks and untrained ones.
      decisions: decisions to show, a row for each; None for all.
      names: what networks are called in the figure, by "NAME" or "NAME=WEIGHTS".

    Raises:
      InputError: the files are no such results, the judge is not in them, several networks judge
        and none is named, or it judged no metamers but its own.
    """
    points = [point for point in read_points(recognition) if point.of_signal]
    looking = choosing.networks((p.judge for p in points), [judge] if judge else None, "judge")
    if len(looking) > 1:
        had = ", ".join(f"{who.name}={who.short}" for who in looking)
        raise InputError(f"several networks judge here ({had}); name the one whose figure this is")
    (listener,) = looking
    points = [point for point in points if point.judge == listener]
    shown = choosing.networks((p.generator for p in points), generators, "generating network")
    if set(shown) <= {listener}:
        raise InputError(
            f"{listener.name} judged no metamers but its own; give recognize_metamers those of "
            f"another seed, task or an untrained network"
        )
    if not generators:
        shown = sorted(shown, key=lambda who: _kinship(who, listener))
    points = [point for point in points if point.generator in shown]
    rows = choosing.decisions(points, decisions)
    called = choosing.labels(shown, names, {who: _role(who, listener) for who in shown})
    lines = [
        curves.line(called[who], plots.line_style(i, i), [p for p in points if p.generator == who], rows)
        for i, who in enumerate(shown)
    ]
    title = f"judged by {choosing.labels([listener], names)[listener]}"
    with matplotlib.rc_context(curves.PRINT):
        return curves.draw([curves.Panel(title, lines, own_counts=True)], rows)


def _kinship(who: Who, judge: Who) -> int:
    """How distant a generating network is from the judge: 0 for the judge itself, up to 3."""
    if who == judge:
        return 0
    return 3 if who.untrained else 1 if who.is_other_seed_of(judge) else 2


def _role(who: Who, judge: Who) -> str:
    """What a generating network is called beside the judge, such as "another seed"."""
    name = f"{who.name}, untrained" if who.untrained else who.name
    if who == judge:
        return "the same network"
    if who.is_other_seed_of(judge):
        return "another seed"
    return "untrained" if who.untrained and who.architecture == judge.architecture else name
