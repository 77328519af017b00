"""Figures S1 to S8: what is drawn of known values of rho."""

import math

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Polygon

from model_metamers.criteria.null import LayerNull, NullDistribution
from model_metamers_experiments.figures import figure_s1_s8

LAYERS = ("conv_10", "conv_2", "pool", "fc", "logits")  # not in the alphabet's order


def layer_null(place: int) -> tuple[np.ndarray, LayerNull]:
    """Rho of 300 unrelated pairs, each in the middle of a bin, and their distribution."""
    bins = 5 * np.random.RandomState(place).randint(180 + 10 * place, 300 + 10 * place, 300)  # on no edge
    edges = np.linspace(-1, 1, 2001)
    rho = (edges[bins] + edges[bins + 1]) / 2
    counts = np.bincount(bins, minlength=2000)
    found = LayerNull(counts, rho.min(), rho.max(), rho.mean(), 0, math.nan, math.nan, math.nan)
    return rho, found


@pytest.fixture
def drawn(tmp_path, monkeypatch):
    """The figure, and the values by layer that it was drawn from."""
    figures = []
    monkeypatch.setattr(
        figure_s1_s8, "Figure", lambda *args, **kwargs: figures.append(Figure(*args, **kwargs)) or figures[-1]
    )
    random = np.random.RandomState(9)
    unrelated = {layer: layer_null(place) for place, layer in enumerate(LAYERS)}
    rho = {layer: random.uniform(0.3 + 0.1 * place, 1.0, 12) for place, layer in enumerate(LAYERS)}
    rows = [
        {"network": "net", "weights": "sha256:1", "layer": layer, "rho": value}
        for layer, values in reversed(rho.items())
        for value in (*values, None)  # one has no rho
    ]
    nulls = [
        NullDistribution(
            "net", "sha256:1", {layer: null for layer, (_, null) in unrelated.items()}, "blocks"
        ),
        NullDistribution("net", "sha256:2", dict.fromkeys(LAYERS, layer_null(8)[1]), "blocks"),
    ]
    figure_s1_s8.draw(tmp_path, "net", rows, nulls)
    assert {path.name for path in tmp_path.iterdir()} == {"net_spearman.png", "net_spearman.pdf"}
    return figures[0], rho, {layer: values for layer, (values, _) in unrelated.items()}


def test_every_panel_shows_its_own_layer(drawn):
    figure, rho, unrelated = drawn
    assert [axes.get_title() for axes in figure.axes] == list(LAYERS)
    for axes in figure.axes:
        layer = axes.get_title()
        (outline,) = [patch for patch in axes.patches if isinstance(patch, Polygon)]
        edges, heights = outline.get_xy()[::2, 0], outline.get_xy()[1:-1:2, 1]
        np.testing.assert_allclose(heights, np.histogram(rho[layer], edges)[0] / 12, atol=1e-12)
        bars = [patch for patch in axes.patches if patch is not outline]
        np.testing.assert_allclose([bar.get_x() for bar in bars], edges[:-1], atol=1e-12)
        np.testing.assert_allclose(
            [bar.get_height() for bar in bars], np.histogram(unrelated[layer], edges)[0] / 300, atol=1e-12
        )
        (highest,) = axes.lines
        assert highest.get_xdata() == pytest.approx([unrelated[layer].max()] * 2)
        texts = [text.get_text() for text in axes.get_legend().get_texts()]
        assert "unrelated pairs (300)" in texts and "metamers (12)" in texts
