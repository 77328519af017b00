"""Figures 3a and 3c: example metamers of each layer, as pictures and as cochleagrams.

It reads folders of metamers and runs no network.
"""

from __future__ import annotations

import itertools
import operator
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from model_metamers import InputError, plots
from model_metamers.frontends.picture import picture_frontend, sound_picture
from model_metamers.recognition import presentations
from model_metamers.recognition.judgement import NATURAL, Who
from model_metamers.recognition.presentations import Presentation
from model_metamers.runs import shown_files
from model_metamers.runs.folder import MetamerFolder
from model_metamers.runs.intact import check_nulls
from model_metamers.runs.record import read_record
from model_metamers.signals.cochleagram_config import CochleagramConfig
from model_metamers.storage.reading import read_arrays
from model_metamers_experiments.figures import choosing, curves

# Sizes in inches.
_PAGE_WIDTH = 7.6
_PICTURE_HEIGHT, _COCHLEAGRAM_HEIGHT = 1.35, 1.3  # of a row, at most
_TITLE_HEIGHT = 0.42
_LINE = 22  # most characters in a line beside a row


class _Group(NamedTuple):
    """Whose metamers share rows: one network's, searched for in one way."""

    generated_by: Who
    optimized: str
    settings: str

    @property
    def order(self) -> tuple[Who, bool, str]:
        """The order of the groups: where the cochleagram was optimised, after the others."""
        return self.generated_by, self.optimized == "cochleagram", self.settings


def draw(
    metamers: Sequence[str | Path],
    stimuli: Sequence[str] | None = None,
    layers: Sequence[str] | None = None,
    names: Mapping[str, str] | None = None,
) -> Figure:
    """Draws a row for each network and stimulus: the natural signal, then its metamers, early to late.

    Pictures are part a. Sounds are part c, as in the paper; they are drawn as cochleagrams, with one
    scale of brightness in each row. The metamers drawn are the files that people are shown, and rho is
    that of the files. Titles also say where the file fails the criteria or has no verdict. Where there
    are several seeds, the first one is shown.

    Args:
      metamers: folders with metamers, at any depth.
      stimuli: names of the stimuli to show. None shows one for each network: the one whose
        metamers pass at the most layers, the first by name if several do.
      layers: layers to show; None for all.
      names: what networks are called in the figure, by "NAME" or "NAME=WEIGHTS".

    Raises:
      InputError: there are no metamers, none of a stimulus or layer, a record is damaged, or the
        verdicts at one layer were given by different null distributions.
    """
    shown = [p for p in presentations.find(metamers, "none") if p.layer != NATURAL]
    for what, asked in (("stimulus", stimuli), ("layer", layers)):
        there = list(dict.fromkeys(getattr(p, what) for p in shown))
        missing = [name for name in asked or () if name not in there]
        if missing:
            raise InputError(f"no metamers of the {what} {missing[0]!r}; there are {', '.join(there)}")
    shown = [p for p in shown if not layers or p.layer in layers]
    check_nulls((p.folder, read_record(p.folder)) for p in shown)
    rows = _rows(shown, stimuli)
    whos = list(dict.fromkeys(row[0].generated_by for row in rows))
    called = choosing.labels(whos, names)
    parts = {
        "a": [r for r in rows if r[0].spec.kind == "image"],
        "c": [r for r in rows if r[0].spec.kind != "image"],
    }
    parts = {letter: part for letter, part in parts.items() if part}
    heights = [_height(part) for part in parts.values()]
    with matplotlib.rc_context(
        {
            **curves.PRINT,
            "axes.titlesize": 6.5,
            "axes.labelsize": 7,
            "xtick.labelsize": 6,
            "ytick.labelsize": 6,
        }
    ):
        figure = Figure(figsize=(_PAGE_WIDTH, sum(heights)), layout="constrained")
        subfigures = figure.subfigures(len(parts), 1, squeeze=False, height_ratios=heights)[:, 0]
        for subfigure, (letter, part) in zip(subfigures, parts.items(), strict=True):
            _part(subfigure, letter, part, called)
    return figure


def _rows(shown: Sequence[Presentation], stimuli: Sequence[str] | None) -> list[list[Presentation]]:
    """The rows of the figure: the metamers of one group and one stimulus each, early to late."""
    groups: dict[_Group, list[Presentation]] = {}
    for p in shown:
        groups.setdefault(_Group(p.generated_by, p.optimized, p.settings), []).append(p)
    rows = []
    for key in sorted(groups, key=lambda key: key.order):
        group = groups[key]
        for stimulus in stimuli or [_example(group)]:
            row = sorted(
                (p for p in group if p.stimulus == stimulus),
                key=operator.attrgetter("layer_index", "search_seed"),
            )
            firsts = [next(same) for _, same in itertools.groupby(row, key=lambda p: p.layer)]
            if firsts:
                rows.append(firsts)
    return rows


def _example(group: Sequence[Presentation]) -> str:
    """The stimulus whose metamers pass at the most layers; the first by name if several do."""
    passing = {(p.stimulus, p.layer) for p in group if _verdict(p)}
    names = sorted({p.stimulus for p in group})
    return max(names, key=lambda name: sum(stimulus == name for stimulus, _ in passing))


def _verdict(metamer: Presentation) -> bool | None:
    """Whether the metamer's file passes the criteria; None where that was not measured."""
    verdict = read_record(metamer.folder).file.verdict
    return None if verdict is None else verdict.passes


def _height(part: Sequence[Sequence[Presentation]]) -> float:
    columns = 1 + max(map(len, part))
    highest = _PICTURE_HEIGHT if part[0][0].spec.kind == "image" else _COCHLEAGRAM_HEIGHT
    return 0.3 + len(part) * (min(highest, _PAGE_WIDTH / columns) + _TITLE_HEIGHT)


def _part(
    part: SubFigure, letter: str, rows: Sequence[Sequence[Presentation]], called: Mapping[Who, str]
) -> None:
    panels = part.subplots(len(rows), 1 + max(map(len, rows)), squeeze=False)
    draw_one = _picture if letter == "a" else _cochleagram
    for number, (line, row) in enumerate(zip(panels, rows, strict=True)):
        for axes, metamer in zip(line[1:], row, strict=False):
            draw_one(axes, metamer, "metamer")
            axes.set_title(plots.as_written(f"{metamer.layer}\n{_about(metamer)}"))
        draw_one(line[0], row[0], "target")
        line[0].set_title(plots.as_written(f"natural\n{row[0].stimulus}"))
        for axes in line[1:]:
            axes.set_ylabel("")
            axes.tick_params(labelleft=False)
        if number < len(rows) - 1:
            for axes in line:
                axes.set_xlabel("")
        for axes in line[len(row) + 1 :]:
            axes.remove()
        searched = "\n(cochleagram optimised)" if row[0].optimized == "cochleagram" else ""
        unit = f"\n{line[0].get_ylabel()}" if line[0].get_ylabel() else ""
        line[0].set_ylabel(plots.as_written(_in_lines(called[row[0].generated_by]) + searched) + unit)
    part.suptitle(f"$\\bf{{{letter}}}$", x=0.01, ha="left", fontsize=10)


def _in_lines(name: str) -> str:
    """A name, broken after an underscore or space where a line would be too long for its row."""
    lines = [""]
    for piece in re.findall(r"[^_ ]+[_ ]?|[_ ]", name):
        if lines[-1] and len(lines[-1] + piece.rstrip()) > _LINE:
            lines.append("")
        lines[-1] += piece
    return "\n".join(line.rstrip(" ") for line in lines)


def _about(metamer: Presentation) -> str:
    """Rho of the metamer's file at the matched layer, and whether the file fails the criteria."""
    measured = read_record(metamer.folder).file.measurement
    rho = measured.spearman.get(metamer.layer, np.nan) if measured else np.nan
    text = "ρ –" if np.isnan(rho) else f"ρ {rho:.3f}"
    return text + {True: "", False: ", fails", None: ", no verdict"}[_verdict(metamer)]


def shown_signal(metamer: Presentation, stem: str) -> np.ndarray:
    """The "metamer" or its "target" as a person is shown it; of a cochleagram, its values."""
    if metamer.spec.kind == "cochleagram":
        array = "target" if stem == "target" else "signal"
        return read_arrays(MetamerFolder(metamer.folder).arrays, (array,))[array]
    return shown_files.read_shown(MetamerFolder(metamer.folder).shown(stem, metamer.spec.kind), metamer.spec)


def _picture(axes: Axes, metamer: Presentation, stem: str) -> None:
    spec = metamer.spec
    axes.imshow((shown_signal(metamer, stem) - spec.low) / (spec.high - spec.low), interpolation="nearest")
    axes.set(xticks=[], yticks=[])


def _cochleagram(axes: Axes, metamer: Presentation, stem: str) -> None:
    """Draws a cochleagram; a sound's is made with the paper's filters up to half its sample rate."""
    frontend = metamer.spec.frontend or picture_frontend(metamer.spec.rate_hz)
    values, brightest = (sound_values(shown_signal(metamer, s), metamer, frontend) for s in (stem, "target"))
    plots.cochleagram(axes, values, frontend, float(brightest.max()))


def sound_values(signal: np.ndarray, metamer: Presentation, frontend: CochleagramConfig) -> np.ndarray:
    """The cochleagram [filters, frames] of a sound, or of what is a cochleagram already."""
    if metamer.spec.kind == "cochleagram":
        return signal[:, :, 0]
    return sound_picture(signal, metamer.spec.rate_hz, frontend)
