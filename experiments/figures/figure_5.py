"""Figure 5: recognition of metamers by networks of other architectures, and of another seed.

Reads what `recognize_metamers` left; runs no network.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from model_metamers import InputError, plots
from model_metamers.recognition.judgement import Who
from model_metamers.recognition.points import Point, read_points
from model_metamers_experiments.figures import choosing, curves


def draw(
    recognition: Sequence[str | Path],
    generators: Sequence[str] | None = None,
    judges: Sequence[str] | None = None,
    decisions: Sequence[str] | None = None,
    names: Mapping[str, str] | None = None,
) -> Figure:
    """A column for each generating network, a row for each decision, a curve for each judge.

    The judge's own classes are the bottom row. Judges of one architecture share colour and
    symbol; another seed is dashed, with open symbols.

    Args:
      recognition: each a `recognition.csv` or the folder that holds one.
      generators: whose metamers are shown, "NAME" or "NAME=WEIGHTS"; None for all that another
        network judged.
      judges: that must have judged every one of them; None for all there are.
      decisions: top to bottom; None for all.
      names: what networks are called in the figure, by "NAME" or "NAME=WEIGHTS".

    Raises:
      InputError: results of another kind, a network that is not there or did not judge, or
        metamers that no network but their own judged.
    """
    points = [point for point in read_points(recognition) if point.of_signal]
    shown = choosing.networks((p.generator for p in points), generators, "generating network")
    points = [point for point in points if point.generator in shown]
    if not generators:
        shown = [who for who in shown if _others(who, points)] or shown
        points = [point for point in points if point.generator in shown]
    looking = choosing.networks((p.judge for p in points), judges, "judge")
    if not judges:
        looking = _ordered(shown, looking)
    points = [point for point in points if point.judge in looking]
    for generator in shown:
        _check(generator, looking if judges else (), points)
    rows = choosing.decisions(points, decisions)
    called = choosing.labels(list(dict.fromkeys([*shown, *looking])), names)
    styles = _styles(shown, looking)
    panels = []
    for generator in shown:
        own = [point for point in points if point.generator == generator]
        lines = [
            curves.line(called[judge], styles[judge], [p for p in own if p.judge == judge], rows)
            for judge in looking
            if any(point.judge == judge for point in own)
        ]
        panels.append(curves.Panel(f"metamers of\n{called[generator]}", lines, own_counts=False))
    with matplotlib.rc_context(curves.PRINT):
        return curves.draw(panels, rows)


def _others(generator: Who, points: Sequence[Point]) -> set[Who]:
    """The networks that judged the metamers of another."""
    return {point.judge for point in points if point.generator == generator} - {generator}


def _check(generator: Who, asked: Sequence[Who], points: Sequence[Point]) -> None:
    """Every judge that was asked for judged the metamers, and not their own network alone."""
    judged = {point.judge for point in points if point.generator == generator}
    missing = [judge for judge in asked if judge not in judged]
    if missing:
        raise InputError(
            f"{missing[0].name} ({missing[0].short}) did not judge the metamers of "
            f"{generator.name}; recognize_metamers --judges lets it"
        )
    if not _others(generator, points):
        raise InputError(
            f"no network but {generator.name} itself judged its metamers; recognize_metamers "
            f"--judges names others"
        )


def _ordered(generators: Sequence[Who], judges: Sequence[Who]) -> list[Who]:
    """The generating networks in their order, each followed by its other seeds, then other networks."""
    architectures = list(dict.fromkeys(who.architecture for who in [*generators, *judges]))
    return sorted(judges, key=lambda who: (architectures.index(who.architecture), who not in generators))


def _styles(generators: Sequence[Who], judges: Sequence[Who]) -> dict[Who, dict]:
    """Colour by architecture, dashes by seed; a generating network is a first seed."""
    ordered = sorted(judges, key=lambda who: who not in generators)
    architectures = list(dict.fromkeys(who.architecture for who in _ordered(generators, judges)))
    styles: dict[Who, dict] = {}
    for line, architecture in enumerate(architectures):
        seeds = [who for who in ordered if who.architecture == architecture]
        styles |= {who: plots.line_style(line, variant) for variant, who in enumerate(seeds)}
    return styles
