"""What the saved results say of the paper's claims.

A claim is told by contrasts: differences between shares of right answers, or between values of
rho, each with its standard error. One rule holds for all shares, and was fixed before any was seen:
more than two standard errors above zero, it holds; if the upper end of that interval lies below
`MARGIN`, it does not; all else cannot be told. Of rho, `statements` says the rules.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from model_metamers import bootstrap
from model_metamers_experiments.figures.points import Who
from model_metamers_experiments.reproduction import answers as a
from model_metamers_experiments.reproduction.answers import Answer, Correlations
from model_metamers_experiments.reproduction.statements import AT_CHANCE, FEWEST, MARGIN, NEAR_ONE

HOLDS, IN_PART, FAILS, UNTOLD = "holds", "holds in part", "does not hold", "cannot be told here"
Condition = tuple[str, float, Callable[[Answer], bool]]  # its name, weight, and answers


@dataclasses.dataclass(frozen=True)
class Finding:
    """A contrast.

    Attributes:
      text: what is compared.
      value, sem: of the contrast, of metamers that meet the paper's conditions.
      stimuli: the fewest in any of its conditions.
      verdict: one of the four.
      of_all: value and standard error over all metamers, whether they meet the conditions or not.
      parts: the means that are compared, by name.
    """

    text: str
    value: float
    sem: float
    stimuli: int
    verdict: str
    of_all: tuple[float, float] | None = None
    parts: tuple[tuple[str, float], ...] = ()


def together(findings: Sequence[Finding]) -> str:
    """The verdict of all contrasts that tell something."""
    told = {finding.verdict for finding in findings} - {UNTOLD}
    if not told:
        return UNTOLD
    return told.pop() if len(told) == 1 else IN_PART


def verdict(value: float, sem: float) -> str:
    """Whether a contrast of shares is above zero."""
    if not np.isfinite([value, sem]).all():
        return UNTOLD
    if value > 0 and value > 2 * sem:
        return HOLDS
    return FAILS if value + 2 * sem < MARGIN else UNTOLD


def matching(found: dict[str, Correlations]) -> list[Finding]:
    """1: rho at the matched, the later and the earliest layers.

    Args:
      found: by network, of those that are trained.
    """
    findings = []
    for name, one in found.items():
        at, later = [], []
        for layer, rho in one.rho.items():
            at.append(rho[layer])
            later += [rho[m] for m in one.measured[one.measured.index(layer) + 1 :]]
        for text, values in (("at the matched layer", at), ("at all later layers", later)):
            flat = np.concatenate([*values, np.empty(0)])
            flat = flat[np.isfinite(flat)]
            mean = float(flat.mean()) if len(flat) else float("nan")
            said = UNTOLD if len(flat) < FEWEST else HOLDS if mean >= NEAR_ONE else FAILS
            findings.append(Finding(f"{name}: mean rho {text}", mean, _sem(flat), len(flat), said))
        findings.append(_before(name, one))
    return findings


def _before(name: str, one: Correlations) -> Finding:
    """The latest layer's metamers at the earliest layer, against unrelated pairs."""
    first, last = one.measured[0], one.matched[-1]
    rho = one.rho[last][first]
    rho = rho[np.isfinite(rho)]
    above = (rho > one.null_maximum[first]).astype(float)
    share = float(above.mean()) if len(above) else float("nan")
    told = len(rho) >= FEWEST and first != last
    said = UNTOLD if not told else HOLDS if share <= AT_CHANCE else FAILS
    parts = (
        (f"mean rho of {last}'s metamers at {first}", float(rho.mean()) if len(rho) else float("nan")),
        ("of unrelated pairs", one.null_mean[first]),
        ("their maximum", one.null_maximum[first]),
    )
    text = f"{name}: share of {last}'s metamers above all unrelated pairs at {first}"
    return Finding(text, share, _sem(above), len(rho), said, None, parts)


def _sem(values: np.ndarray) -> float:
    return bootstrap.standard_error(values) if len(values) > 1 else float("nan")


def relu_gradient(rows: Sequence[dict[str, Any]]) -> list[Finding]:
    """2: the linear gradient of the matched layer's ReLU against the ordinary one.

    Args:
      rows: of compare_relu_gradients, of one network or several.
    """
    findings = []
    for network, _, layer in sorted({(row["network"], row["depth"], row["layer"]) for row in rows}):
        own = [row for row in rows if (row["network"], row["layer"]) == (network, layer)]
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


def other_architecture(judge: Who, generator: Who) -> bool:
    """Claim 3's judges."""
    return judge.architecture != generator.architecture


def other_seed(judge: Who, generator: Who) -> bool:
    """Claim 4's judges."""
    return judge.is_other_seed_of(generator)


def falls_with_depth(
    counted: Sequence[Answer],
    everything: Sequence[Answer],
    decision: str,
    related: Callable[[Who, Who], bool],
) -> list[Finding]:
    """3 and 4: recognition by others at the earliest and at a late layer, for each generating network.

    Args:
      counted, everything: judgements of metamers that meet the conditions, and of all.
      decision: of the judges.
      related: whether a judge is of the kind that the claim is about.
    """
    findings = []
    for generator in dict.fromkeys(answer.generator for answer in everything):

        def shown(x: Answer, generator: Who = generator) -> bool:
            return x.generator == generator and x.decision == decision and related(x.judge, generator)

        own, all_own = a.select(counted, shown), a.select(everything, shown)
        if not all_own:
            continue
        matched = a.layers(all_own)
        enough = [layer for layer in matched if a.stimuli([x for x in own if x.layer == layer]) >= FEWEST]
        first, late = matched[0], (enough or matched)[-1]
        finding = _contrast(
            f"metamers of {generator.name}, {decision} decision: {first} minus {late}",
            [(first, 1, lambda x, layer=first: x.layer == layer),
             (late, -1, lambda x, layer=late: x.layer == layer)], own, all_own,
        )  # fmt: skip
        findings.append(finding if late != first else dataclasses.replace(finding, verdict=UNTOLD))
    return findings


def transfer(
    counted: Sequence[Answer], everything: Sequence[Answer], names: dict[str, str]
) -> tuple[list[Finding], list[Finding]]:
    """5 and 6: what the word network recognises of untrained networks and other tasks.

    Args:
      counted, everything: judgements by the word network.
      names: of the networks of "both_tasks" and "backgrounds".
    """
    counted, everything = (a.select(rows, _waveform) for rows in (counted, everything))
    late = _late(everything)

    def of(who: Callable[[Answer], bool]) -> Callable[[Answer], bool]:
        return lambda x: x.layer in late and who(x)

    seed = of(lambda x: other_seed(x.judge, x.generator))
    untrained = of(lambda x: x.generator.untrained)
    both = of(lambda x: x.generator.name == names.get("both_tasks"))
    sounds = of(lambda x: x.generator.name == names.get("backgrounds"))

    def told(text: str, *conditions: Condition) -> Finding:
        return _contrast(f"{', '.join(late)}: {text}", conditions, counted, everything)

    fifth = told("another seed's minus the untrained network's",
                 ("another seed", 1, seed), ("untrained", -1, untrained))  # fmt: skip
    task = told("another seed's minus the background task's",
                ("another seed", 1, seed), ("background task", -1, sounds))  # fmt: skip
    between = told("both tasks' minus midway between another seed's and the background task's",
                   ("both tasks", 1, both), ("another seed", -0.5, seed),
                   ("background task", -0.5, sounds))  # fmt: skip
    return [fifth], [task, between]


def reduced_aliasing(counted: Sequence[Answer], everything: Sequence[Answer], aliased: str) -> list[Finding]:
    """7: metamers of either architecture, recognised by the other.

    Args:
      counted, everything: judgements of the word networks by one another.
      aliased: name of the network with aliasing.
    """
    counted, everything = (a.select(rows, _waveform) for rows in (counted, everything))
    late = {
        kind: _late([x for x in everything if (x.generator.name == aliased) == kind])
        for kind in (False, True)
    }

    def of(kind: bool) -> Callable[[Answer], bool]:
        return lambda x: (
            ((x.generator.name == aliased), (x.judge.name == aliased)) == (kind, not kind)
            and x.layer in late[kind]
        )

    text = f"{', '.join(late[False])} of reduced aliasing minus {', '.join(late[True])} with aliasing"
    return [_contrast(text, [("reduced aliasing", 1, of(False)), ("with aliasing", -1, of(True))],
                      counted, everything)]  # fmt: skip


def cochleagram(counted: Sequence[Answer], everything: Sequence[Answer]) -> list[Finding]:
    """8: metamers whose cochleagram was optimised, against those whose waveform was.

    Args:
      counted, everything: judgements by the word network.
    """
    both_ways = {x.generator for x in everything if not _waveform(x)}
    late = _late([x for x in everything if x.generator in both_ways and _waveform(x)])

    def of(waveform: bool) -> Callable[[Answer], bool]:
        return lambda x: (
            x.generator in both_ways
            and _waveform(x) == waveform
            and x.layer in late
            and other_seed(x.judge, x.generator)
        )

    conditions = [("waveform", 1, of(True)), ("cochleagram", -1, of(False))]
    text = f"{', '.join(late)}: waveform optimised minus cochleagram optimised"
    return [_contrast(text, conditions, counted, everything)]


def _contrast(
    text: str, conditions: Sequence[Condition], counted: Sequence[Answer], everything: Sequence[Answer]
) -> Finding:
    """A weighted sum of shares of right answers."""
    weights = [weight for _, weight, _ in conditions]
    chosen = [a.select(counted, keep) for *_, keep in conditions]
    value, sem = a.contrast(chosen, weights)
    of_all = a.contrast([a.select(everything, keep) for *_, keep in conditions], weights)
    fewest = min(map(a.stimuli, chosen))
    said = verdict(value, sem) if fewest >= FEWEST else UNTOLD
    parts = tuple((name, _share(found)) for (name, *_), found in zip(conditions, chosen, strict=True))
    return Finding(text, value, sem, fewest, said, of_all, parts)


def _share(found: Sequence[Answer]) -> float:
    return float(np.mean([answer.correct for answer in found])) if found else float("nan")


def _late(rows: Sequence[Answer]) -> list[str]:
    """The later half of the matched layers."""
    layers = a.layers(rows)
    return layers[len(layers) // 2 :]


def _waveform(answer: Answer) -> bool:
    return answer.optimized != "cochleagram"
