"""A null distribution in a line of text, and as a notebook's table."""

from __future__ import annotations

import html
import math
from typing import TYPE_CHECKING

from model_metamers.criteria.null_rule import MAXIMUM

if TYPE_CHECKING:
    from model_metamers.criteria.null import NullDistribution

_LONGEST = 40  # characters of a name


def line(null: NullDistribution) -> str:
    """What is known of a null distribution in at most 300 characters."""
    network = null.network if len(null.network) <= _LONGEST else f"{null.network[: _LONGEST - 1]}…"
    maxima = [rho.maximum for rho in null.layers.values() if not math.isnan(rho.maximum)]
    told = f", maximum {min(maxima):.4f} to {max(maxima):.4f}" if maxima else ""
    rule = "" if null.rule == MAXIMUM else f", rule {null.rule}"
    copies = f", {len(null.copies):,} pairs of copies left out" if null.copies else ""
    return (
        f"NullDistribution of {network}: rho of {null.pairs:,} pairs ({null.design}) at each of "
        f"{len(null.layers)} layers{told}{rule}{copies}"
    )


def page(null: NullDistribution) -> str:
    """HTML of a notebook's cell: a row for each layer."""
    rows = "".join(
        f"<tr><td style='text-align:left'>{html.escape(layer)}</td><td>{rho.pairs:,}</td>"
        f"<td>{rho.mean:.4f}</td><td>{rho.maximum:.4f}</td></tr>"
        for layer, rho in null.layers.items()
    )
    head = "<tr><th style='text-align:left'>layer</th><th>pairs</th><th>mean ρ</th><th>maximum ρ</th></tr>"
    return f"<table>{head}{rows}</table><div>{html.escape(line(null))}</div>"
