"""Draws a figure of the paper from saved results; no network is run.

  draw_figure --figure=3 --metamers=metamers --out=figure_3.pdf
  draw_figure --figure=5 --recognition=seen --out=figure_5.pdf
  draw_figure --figure=6 --recognition=heard --judges=word_reduced_aliasing_small --out=figure_6.png
  draw_figure --figure=S9 --recognition=heard --out=figure_s9.pdf
  draw_figure --figure=3b --recognition=results --out=figure_3b.pdf

3: example metamers over the layers, pictures (a) and sounds as cochleagrams (c), from folders
of make_metamers. A metamer that fails the two conditions says so.

5: recognition by other networks. A column for each generating network, a row for each
decision (the judges' own classes below), a curve for each judge.

6: one network judges metamers of others: another seed, other tasks, untrained. With several
judges in the results, --judges names the one.

S9: a network of another seed judges metamers whose waveform and metamers whose cochleagram
was optimised.

3b, 3d, 4: people's recognition of metamers of image networks, of word networks, and of word
networks with other aliasing, training and task, from results of analyze_human_experiment. Bars
are standard errors over people; the network's own recognition is dashed, people's of 2019 grey.

searches: metamers of a layer by several searches, such as make_metamers with --optimizer=adam and with
lbfgs: examples, histograms of their values, and spectra (not in the paper).

5, 6 and S9 read `recognition.csv` of recognize_metamers. The x axis is "natural", then the
layers, early to late; bars are bootstrapped standard errors over stimuli; the dotted line is
chance; below each layer stands how many metamers passed the two conditions, in brackets how
many of them count where a judge cannot tell right from wrong for all.

A network is named as in the results, NAME, or NAME=WEIGHTS with the beginning of its weights'
digest where several bear the name, such as vgg_19_small=random:0.

The ending of --out decides: .pdf, .png or .svg.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

import model_metamers as mm
from model_metamers.storage.whole import make_folder
from model_metamers_experiments import binary

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DPI = 300
_FORMATS = ("pdf", "png", "svg")
# What a figure may be told; --metamers and --recognition may be given together to any.
_OPTIONS = {
    "3": ("names", "stimuli", "layers"),
    "5": ("names", "generators", "judges", "decision"),
    "6": ("names", "generators", "judges", "decision"),
    "S9": ("names", "generators", "judges", "decision"),
    "3b": ("names", "generators", "judges"),
    "3d": ("names", "generators", "judges"),
    "4": ("names", "generators", "judges"),
    "searches": ("names",),
}

_FIGURE = flags.DEFINE_enum("figure", None, list(_OPTIONS), "Which one.", required=True, case_sensitive=False)
_METAMERS = flags.DEFINE_list("metamers", [], "Folders with metamers, at any depth; for 3 and searches.")
_RECOGNITION = flags.DEFINE_list(
    "recognition",
    [],
    "Results of recognize_metamers (5, 6, S9) or analyze_human_experiment (3b, 3d, 4), each a folder or its "
    "recognition.csv.",
)
_GENERATORS = flags.DEFINE_list(
    "generators", [], "Networks whose metamers are shown, in order. Without it, all."
)
_JUDGES = flags.DEFINE_list("judges", [], "Networks that judge, in order. Without it, all; for 6, one.")
_DECISION = flags.DEFINE_list(
    "decision", [], "Decisions of recognize_metamers, top to bottom. Without it, all."
)
_STIMULI = flags.DEFINE_list(
    "stimuli",
    [],
    "Of 3, by name. Without it, of each network the one whose metamers pass at the most layers.",
)
_LAYERS = flags.DEFINE_list("layers", [], "Of 3. Without it, all.")
_NAMES = flags.DEFINE_list(
    "names", [], 'What networks are called, each "NETWORK as TEXT", such as "vgg_19 as VGG-19".'
)
_OUT = flags.DEFINE_string("out", None, "File of the figure.", required=True)


def main() -> None:
    out = Path(_OUT.value)
    _check(out)
    for library in ("fontTools", "matplotlib"):  # their notes on every table of a font, and on lists of fonts
        logging.getLogger(library).setLevel(logging.WARNING)
    figure = _draw(_names())
    _save(figure, out)
    print(f"Written: {out}")


def _check(out: Path) -> None:
    number = _FIGURE.value
    needed = _METAMERS if number in ("3", "searches") else _RECOGNITION
    if not needed.value:
        raise mm.InputError(f"--figure={number} needs --{needed.name}")
    for flag in (_GENERATORS, _JUDGES, _DECISION, _STIMULI, _LAYERS):
        if flag.value and flag.name not in _OPTIONS[number]:
            raise mm.InputError(f"--figure={number} knows no --{flag.name}")
    if number == "6" and len(_JUDGES.value) > 1:
        raise mm.InputError(f"--judges={','.join(_JUDGES.value)}: one network judges in Figure 6")
    if out.suffix.removeprefix(".") not in _FORMATS:
        raise mm.InputError(f"{out}: expected a file that ends in .{', .'.join(_FORMATS)}")


def _names() -> dict[str, str]:
    names = {}
    for text in _NAMES.value:
        who, between, called = text.partition(" as ")
        if not (who.strip() and between and called.strip()):
            raise mm.InputError(f'--names={text}: expected "NETWORK as TEXT"')
        names[who.strip()] = called.strip()
    return names


def _draw(names: dict[str, str]) -> Figure:
    # Here, so that --help need not wait for Matplotlib and SciPy.
    from model_metamers_experiments.figures import (
        figure_3,
        figure_3b,
        figure_4,
        figure_5,
        figure_6,
        figure_s9,
        two_searches,
    )

    if _FIGURE.value == "3":
        return figure_3.draw(_METAMERS.value, _STIMULI.value, _LAYERS.value, names)
    if _FIGURE.value == "searches":
        return two_searches.draw(_METAMERS.value, names)
    if _FIGURE.value in ("3b", "3d"):
        task = "images" if _FIGURE.value == "3b" else "words"
        return figure_3b.draw(_RECOGNITION.value, task, _GENERATORS.value, _JUDGES.value, names)
    if _FIGURE.value == "4":
        return figure_4.draw(_RECOGNITION.value, _GENERATORS.value, _JUDGES.value, names)
    generators, decisions = _GENERATORS.value, _DECISION.value
    if _FIGURE.value == "6":
        judge = next(iter(_JUDGES.value), None)
        return figure_6.draw(_RECOGNITION.value, judge, generators, decisions, names)
    module = {"5": figure_5, "S9": figure_s9}[_FIGURE.value]
    return module.draw(_RECOGNITION.value, generators, _JUDGES.value, decisions, names)


def _save(figure: Figure, path: Path) -> None:
    """Whole or not at all; text stays text in a PDF, and the same results give the same bytes."""
    import matplotlib

    from model_metamers import plots

    make_folder(path.parent)
    with matplotlib.rc_context({"pdf.fonttype": 42, "svg.hashsalt": path.stem}):
        plots.save_figure(figure, path, dpi=_DPI)


def run() -> None:
    binary.run(main, binary.STARTS_OVER, tensorflow=False)


if __name__ == "__main__":
    run()
