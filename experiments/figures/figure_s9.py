"""Figure S9: recognition by another seed of metamers whose waveform or cochleagram was optimised.

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

_OPTIMIZED = ("waveform", "cochleagram")


def draw(
    recognition: Sequence[str | Path],
    generators: Sequence[str] | None = None,
    judges: Sequence[str] | None = None,
    decisions: Sequence[str] | None = None,
    names: Mapping[str, str] | None = None,
) -> Figure:
    """Draws a column for each generating network and judge of another seed.

    Each has two curves: one for metamers whose waveform was optimised, one for those whose
    cochleagram was.

    Args:
      recognition: `recognition.csv` files, or folders that hold one.
      generators: networks whose metamers are shown, "NAME" or "NAME=WEIGHTS"; None for all that
        have metamers of both ways.
      judges: networks that judge; None for all trained ones of the generator's architecture and
        another seed.
      decisions: decisions to show, a row for each; None for all.
      names: what networks are called in the figure, by "NAME" or "NAME=WEIGHTS".

    Raises:
      InputError: the files are no such results, there are metamers of one way only, or no judge
        of another seed.
    """
    points = read_points(recognition)
    pairs = _pairs(points, generators, judges)
    rows = choosing.decisions((p for p in points if (p.generator, p.judge) in pairs), decisions)
    called = choosing.labels(list(dict.fromkeys(who for pair in pairs for who in pair)), names)
    panels = []
    for generator, judge in pairs:
        own = [p for p in points if (p.generator, p.judge) == (generator, judge)]
        lines = [
            curves.line(
                f"{way} optimised", plots.line_style(i, i), [p for p in own if p.optimized == way], rows
            )
            for i, way in enumerate(_OPTIMIZED)
        ]
        title = f"metamers of {called[generator]}\njudged by {called[judge]}"
        panels.append(curves.Panel(title, lines, own_counts=True))
    with matplotlib.rc_context(curves.PRINT):
        return curves.draw(panels, rows)


def _pairs(
    points: Sequence[Point], generators: Sequence[str] | None, judges: Sequence[str] | None
) -> list[tuple[Who, Who]]:
    """Generators with metamers of both ways, each with a judge of another seed."""
    shown = choosing.networks((p.generator for p in points), generators, "generating network")
    looking = choosing.networks((p.judge for p in points), judges, "judge")
    both = [who for who in shown if _ways(points, who) >= set(_OPTIMIZED)]
    lacking = [who for who in shown if who not in both] if generators else []
    if lacking or not both:
        who = (lacking or shown)[0]
        ways = " and ".join(sorted(_ways(points, who))) or "nothing"
        raise InputError(
            f"of {who.name}, these are judgements of metamers whose {ways} was optimised; "
            f"Figure S9 compares waveform with cochleagram; see make_metamers"
        )
    pairs = [(who, judge) for who in both for judge in looking if judge.is_other_seed_of(who)]
    seen = {(p.generator, p.judge, p.optimized) for p in points}
    pairs = [pair for pair in pairs if all((*pair, way) in seen for way in _OPTIMIZED)]
    if not pairs:
        raise InputError(
            f"no trained network of another seed judged the metamers of {both[0].name}, both "
            f"those whose waveform and those whose cochleagram was optimised"
        )
    return pairs


def _ways(points: Sequence[Point], generator: Who) -> set[str]:
    return {p.optimized for p in points if p.generator == generator and p.layer_index >= 0}
