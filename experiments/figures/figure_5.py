"""Figure 5: recognition of metamers by networks of other architectures and of another seed.

It reads the results of `recognize_metamers` and runs no network.
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
    """Draws a column for each generating network, a row for each decision, a curve for each judge.

    The bottom row is the decision among the judge's own classes. Judges of one architecture have
    the same colour and symbol; those of another seed are dashed, with open symbols.

    Args:
      recognition: `recognition.csv` files, or folders that hold one.
      generators: networks whose metamers are shown, "NAME" or "NAME=WEIGHTS"; None for all that
        another network judged.
      judges: networks that judge; each must have judged the metamers of every generator. None for
        all that are in the results.
      decisions: decisions to show, top to bottom; None for all.
      names: what networks are called in the figure, by "NAME" or "NAME=WEIGHTS".

    Raises:
      InputError: the files are no such results, a network is not in them or did not judge, or no
        network but its own judged a generator's metamers.
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
    """The networks, other than the generator itself, that judged its metamers."""
    return {point.judge for point in points if point.generator == generator} - {generator}


def _check(generator: Who, asked: Sequence[Who], points: Sequence[Point]) -> None:
    """Raises InputError unless every judge asked for, and one other than the generator, judged."""
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
    generators_first = sorted(judges, key=lambda who: who not in generators)
    return sorted(generators_first, key=lambda who: architectures.index(who.architecture))


def _styles(generators: Sequence[Who], judges: Sequence[Who]) -> dict[Who, dict]:
    """Line styles: a colour for each architecture, dashes for other seeds than the generator's."""
    ordered = sorted(judges, key=lambda who: who not in generators)
    architectures = list(dict.fromkeys(who.architecture for who in _ordered(generators, judges)))
    styles: dict[Who, dict] = {}
    for line, architecture in enumerate(architectures):
        seeds = [who for who in ordered if who.architecture == architecture]
        styles |= {who: plots.line_style(line, variant) for variant, who in enumerate(seeds)}
    return styles
