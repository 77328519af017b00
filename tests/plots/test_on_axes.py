"""Names in figures stand as they are written."""

import html
import io

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

from model_metamers import plots
from model_metamers.criteria.null import BINS, LayerNull

NAMES = ("cost $5 and $6", "$x^2$", "a$", "$", "$$", "50% {a}_b^c", "\\alpha", "conv_1/relu", '#1 "it\'s"')


def texts_of(figure: Figure) -> str:
    """What an SVG of the figure holds, its texts as texts."""
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        file = io.StringIO()
        figure.savefig(file, format="svg")
    return html.unescape(file.getvalue())


def histogram(axes, name: str) -> None:
    counts = np.histogram([0.1, 0.2], BINS)[0]
    null = LayerNull(counts, 0.1, 0.2, 0.15, 0, np.nan, np.nan, np.nan)
    plots.spearman_histogram(axes, np.array([0.4, 0.5]), null, name)


def ticks(axes, name: str) -> None:
    plots.recognition_axes(axes, ["natural", name], [0.1], "proportion")


def legend(axes, name: str) -> None:
    style = plots.line_style(0)
    plots.recognition_curve(axes, np.arange(2), np.array([0.9, 0.5]), np.full(2, 0.1), name, style)
    axes.legend()


def counts(axes, name: str) -> None:
    plots.counts(axes, ["natural", name], [["3", "2"]], [None])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("draw", [histogram, ticks, legend, counts])
def test_names_are_no_mathematics(draw, name):
    figure = Figure()
    draw(figure.add_subplot(), name)
    assert f">{name}<" in texts_of(figure)


def test_the_loss_keeps_its_powers_of_ten():
    figure = Figure()
    plots.loss_curve(figure.add_subplot(), np.arange(3), np.array([1e3, 10.0, 0.1]))
    texts = texts_of(figure)
    assert ">$" not in texts and "<tspan" in texts  # mathematics is set in parts
