"""What compare_with_original prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from model_metamers_experiments import binary


def show(comparison: dict[str, Any]) -> None:
    """The losses of every seed beside the original's, and what was checked."""
    print(f"\n{comparison['network']} {comparison['layer']} ({comparison['notebook']})")
    seeds = comparison["seeds"]
    columns = zip(*(seed["rows"] for seed in seeds), strict=False)
    rows = [
        [
            str(of_seeds[0]["iteration"]),
            _text(of_seeds[0]["original_loss"]),
            *(_text(r["loss"]) for r in of_seeds),
        ]
        for of_seeds in columns
    ]
    binary.print_table([["iteration", "original loss", *(f"seed {seed['seed']}" for seed in seeds)], *rows])
    show_checks(comparison["checks"])


def show_checks(checks: Sequence[dict[str, Any]]) -> None:
    """What was checked, and where the original lies among ours, as far as it was placed."""
    print()
    header = ["check", "original", "ours", "agrees"]
    rows = [[_text(check[key]) for key in header] for check in checks]
    if any("place" in check for check in checks):
        header += ["rank", "standard deviations", "ours lie in", "interval"]
        rows = [[*row, *_where(check.get("place"))] for row, check in zip(rows, checks, strict=True)]
    binary.print_table([header, *rows])
    print(flush=True)


def show_rho(score: Mapping[str, Any]) -> None:
    """Rho at every layer, beside what the notebook printed."""
    rows = [
        [layer, f"{rho:.6f}", _text(recorded) if (recorded := score["recorded_rho"].get(layer)) else ""]
        for layer, rho in score["rho"].items()
    ]
    binary.print_table([["layer", "rho", "recorded"], *rows])
    print()


def _where(place: Mapping[str, Any] | None) -> list[str]:
    """Where the original lies among ours, in four columns."""
    if place is None:
        return [""] * 4
    return [
        f"{place['rank']} of {place['of'] + 1}",
        _text(place["score"]),
        f"{_text(place['least'])} to {_text(place['most'])}",
        f"{_text(place['low'])} to {_text(place['high'])}",
    ]


def _text(value: object) -> str:
    if value is None:
        return "not told"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
