"""What the saved values of rho say about claims 1 and 2; the rules are in `statements`.

Standard errors are over stimuli, because the layers of one stimulus are not independent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from model_metamers.statistics import bootstrap
from model_metamers_experiments.reproduction.answers import Correlations
from model_metamers_experiments.reproduction.contrasts import FAILS, HOLDS, UNTOLD, Finding, at_least
from model_metamers_experiments.reproduction.statements import AT_CHANCE, FEWEST, NEAR_ONE


def matching(by_network: dict[str, Correlations]) -> list[Finding]:
    """Claim 1: rho at the matched layer, at later layers and at the earliest layer.

    Args:
      by_network: rho of each trained network's metamers, by name.
    """
    findings = []
    for name, one in by_network.items():
        at = [rho[layer] for layer, rho in one.rho.items()]
        later = [
            rho[m] for layer, rho in one.rho.items() for m in one.measured[one.measured.index(layer) + 1 :]
        ]
        findings.append(_near_one(f"{name}: mean rho at the matched layer", at))
        findings.append(_near_one(f"{name}: mean rho at all later layers", later))
        findings.append(_before(name, one))
    return findings


def _near_one(text: str, of_layers: Sequence[np.ndarray]) -> Finding:
    """Whether mean rho is near one: the mean over layers, then over the stimuli that have any."""
    rho = np.array(of_layers, np.float64).reshape(len(of_layers), -1 if of_layers else 0)
    rho = rho[:, np.isfinite(rho).any(axis=0)]
    means = np.nanmean(rho, axis=0) if rho.size else np.empty(0)
    mean = _mean(means)
    said = UNTOLD if len(means) < FEWEST else HOLDS if mean >= NEAR_ONE else FAILS
    return Finding(text, mean, _sem(means), len(means), said)


def _before(name: str, one: Correlations) -> Finding:
    """Whether the latest layer's metamers match at the earliest layer no better than unrelated pairs."""
    first, last = one.measured[0], one.matched[-1]
    rho = one.rho[last][first]
    rho = rho[np.isfinite(rho)]
    above = (rho > one.null_maximum[first]).astype(float)
    share, sem = _mean(above), _sem(above)
    if len(rho) < FEWEST or first == last:
        said = UNTOLD
    elif share <= AT_CHANCE:
        said = HOLDS
    else:
        said = FAILS if share - 2 * at_least(sem, len(rho)) > AT_CHANCE else UNTOLD
    parts = (
        (f"mean rho of {last}'s metamers at {first}", _mean(rho)),
        ("of unrelated pairs", one.null_mean[first]),
        ("their maximum", one.null_maximum[first]),
    )
    text = f"{name}: share of {last}'s metamers above all unrelated pairs at {first}"
    return Finding(text, share, sem, len(rho), said, None, parts)


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _sem(values: np.ndarray) -> float:
    return bootstrap.standard_error(values) if len(values) > 1 else float("nan")


def relu_gradient(rows: Sequence[dict[str, Any]]) -> list[Finding]:
    """Claim 2: rho with the linear gradient of the matched layer's ReLU minus rho with the ordinary one.

    Args:
      rows: the rows of compare_relu_gradients, of one or several networks.

    Returns:
      A finding for each network and layer.
    """
    findings = []
    for network, _, layer in sorted({(row["network"], row["depth"], row["layer"]) for row in rows}):
        own = [row for row in rows if row["network"] == network and row["layer"] == layer]
        rho = {g: {r["stimulus"]: r["rho"] for r in own if r["gradient"] == g} for g in ("linear", "plain")}
        both = sorted(s for s in rho["linear"] if None not in (rho["linear"][s], rho["plain"].get(s)))
        text = f"{network}, {layer}: mean rho, linear minus plain"
        if not both:
            findings.append(Finding(text, float("nan"), float("nan"), 0, UNTOLD))
            continue
        linear, plain = (np.array([[rho[g][s]] for s in both], np.float64) for g in ("linear", "plain"))
        value, sem = bootstrap.contrast([linear, plain], (1, -1))
        told = len(both) >= FEWEST and abs(value) > 2 * sem
        said = UNTOLD if not told else HOLDS if value > 0 else FAILS
        parts = (("linear", float(linear.mean())), ("plain", float(plain.mean())))
        findings.append(Finding(text, value, sem, len(both), said, None, parts))
    return findings
