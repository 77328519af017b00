"""What the saved values of rho say about claims 1 and 2; the rules are in `statements`.

A stimulus is the unit, because the layers of one stimulus are not independent. Rho is that of the files that
people are shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from model_metamers.statistics.finite import mean
from model_metamers_experiments.reproduction.answers import Correlations
from model_metamers_experiments.reproduction.contrasts import Comparison
from model_metamers_experiments.reproduction.hypotheses import Better, LessThan, MedianAbove
from model_metamers_experiments.reproduction.statements import AMONG_UNRELATED, NEAR_ONE


def matching(by_network: Mapping[str, Correlations]) -> list[Comparison]:
    """Claim 1: rho at the matched layer, at later layers and at the earliest layer.

    Args:
      by_network: rho of each trained network's metamers, by name.
    """
    comparisons = []
    for name, one in by_network.items():
        later = {layer: one.measured[one.measured.index(layer) + 1 :] for layer in one.rho}
        own = {layer: [layer] for layer in one.rho}
        comparisons.append(_near_one(f"{name}: median rho at the matched layer", one, own))
        comparisons.append(_near_one(f"{name}: median rho at all later layers", one, later))
        comparisons.append(_before(name, one))
    return comparisons


def _near_one(text: str, one: Correlations, places: Mapping[str, Sequence[str]]) -> Comparison:
    """Whether rho is near one: the mean over places of a stimulus, then the median over stimuli."""
    values = _means([one.rho[layer][m] for layer, measured in places.items() for m in measured])
    passed = _means(
        [
            np.where(one.passed[layer], one.rho[layer][m], np.nan)
            for layer, measured in places.items()
            for m in measured
        ]
    )
    parts = (
        ("mean", mean(values)),
        ("least", float(np.nanmin(values)) if np.isfinite(values).any() else float("nan")),
        ("mean of those that meet the conditions", mean(passed)),
    )
    return Comparison(text, MedianAbove(NEAR_ONE), values, None, parts)


def _before(name: str, one: Correlations) -> Comparison:
    """Whether the latest layer's metamers match at the earliest layer no better than unrelated pairs."""
    first, last = one.measured[0], one.matched[-1]
    rho, null = one.rho[last][first], one.null[first]
    parts = (
        (f"mean rho of {last}'s metamers at {first}", mean(rho)),
        ("of unrelated pairs", null.mean),
        ("their maximum", null.maximum),
        ("mean rho of those that meet the conditions", mean(np.where(one.passed[last], rho, np.nan))),
    )
    text = f"{name}: share of unrelated pairs that {last}'s metamers exceed at {first}"
    untold = "Only one layer was matched." if first == last else ""
    return Comparison(text, LessThan(AMONG_UNRELATED, 0.0, 1.0), null.place(rho), None, parts, untold)


def relu_gradient(rows: Sequence[Mapping[str, Any]]) -> list[Comparison]:
    """Claim 2: rho with the linear gradient of the matched layer's ReLU minus rho with the ordinary one.

    Args:
      rows: the rows of compare_relu_gradients, of one or several networks, with the rho of files.

    Returns:
      A comparison for each network and layer.
    """
    comparisons = []
    for network, _, layer in sorted({(row["network"], row["depth"], row["layer"]) for row in rows}):
        own = [row for row in rows if row["network"] == network and row["layer"] == layer]
        rho = {g: {r["stimulus"]: r["rho"] for r in own if r["gradient"] == g} for g in ("linear", "plain")}
        both = sorted(s for s in rho["linear"] if None not in (rho["linear"][s], rho["plain"].get(s)))
        linear, plain = (np.array([rho[g][s] for s in both], np.float64) for g in ("linear", "plain"))
        parts = (("linear", mean(linear)), ("plain", mean(plain)))
        text = f"{network}, {layer}: mean rho, linear minus plain"
        comparisons.append(Comparison(text, Better(), linear - plain, None, parts))
    return comparisons


def _means(of_places: Sequence[np.ndarray]) -> np.ndarray:
    """Each stimulus's mean over the places at which it has a value, [stimuli]; NaN where it has none."""
    values = np.array(of_places, np.float64).reshape(len(of_places), -1 if of_places else 0)
    held = np.isfinite(values).sum(axis=0)
    return np.where(held > 0, np.nansum(values, axis=0) / np.maximum(held, 1), np.nan)
