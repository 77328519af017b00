"""What the saved judgements say of the paper's claims.

A claim is told by contrasts: differences between shares of right answers, or between values of
rho, each with its standard error. One rule holds for all shares: more than two standard errors above
zero, it holds; if the upper end of that interval lies below `MARGIN`, it does not; all else cannot
be told. Claims 1 and 2, of rho, are in `rho_claims`.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence

import numpy as np

from model_metamers_experiments.figures.points import Who
from model_metamers_experiments.reproduction import answers as a
from model_metamers_experiments.reproduction.answers import Answer
from model_metamers_experiments.reproduction.statements import FEWEST, MARGIN

HOLDS, IN_PART, FAILS, UNTOLD = "holds", "holds in part", "does not hold", "cannot be told here"
Condition = tuple[str, float, list[Callable[[Answer], bool]]]  # its name, weight, and answers by layer
Late = tuple[str, float, Callable[[Answer], bool]]  # the same of a condition at all late layers


@dataclasses.dataclass(frozen=True)
class Finding:
    """A contrast.

    Attributes:
      text: what is compared.
      value, sem: of the contrast, of metamers that meet the paper's conditions.
      stimuli: the fewest in any of its conditions, at any of their layers.
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


def together(findings: Sequence[Finding], every: bool = False) -> str:
    """The verdict of all contrasts that tell something.

    Args:
      findings: of a claim.
      every: whether the claim says all of them, so that one that cannot be told leaves it open.
    """
    verdicts = {finding.verdict for finding in findings}
    told = verdicts - {UNTOLD}
    if not told:
        return UNTOLD
    if len(told) > 1 or (every and UNTOLD in verdicts and told == {HOLDS}):
        return IN_PART
    return told.pop()


def verdict(value: float, sem: float, stimuli: int) -> str:
    """Whether a contrast of shares is above zero."""
    if not np.isfinite([value, sem]).all():
        return UNTOLD
    sem = at_least(sem, stimuli)
    if value > 2 * sem:
        return HOLDS
    return FAILS if value + 2 * sem < MARGIN else UNTOLD


def at_least(sem: float, stimuli: int) -> float:
    """A standard error of a share, not below what one that no stimulus showed could have."""
    return max(sem, 1 / (stimuli + 2))


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
            [(layer, weight, [functools.partial(_at, layer)]) for layer, weight in ((first, 1), (late, -1))],
            own,
            all_own,
        )
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

    def seed(x: Answer) -> bool:
        return other_seed(x.judge, x.generator)

    def untrained(x: Answer) -> bool:
        return x.generator.untrained

    def both(x: Answer) -> bool:
        return x.generator.name == names.get("both_tasks")

    def sounds(x: Answer) -> bool:
        return x.generator.name == names.get("backgrounds")

    def told(text: str, *conditions: Late) -> Finding:
        return _late_contrast(text, conditions, late, counted, everything)

    fifth = told(
        "another seed's minus the untrained network's",
        ("another seed", 1, seed),
        ("untrained", -1, untrained),
    )
    task = told(
        "another seed's minus the background task's",
        ("another seed", 1, seed),
        ("background task", -1, sounds),
    )
    between = told(
        "both tasks' minus midway between another seed's and the background task's",
        ("both tasks", 1, both),
        ("another seed", -0.5, seed),
        ("background task", -0.5, sounds),
    )
    return [fifth], [task, between]


def reduced_aliasing(counted: Sequence[Answer], everything: Sequence[Answer], aliased: str) -> list[Finding]:
    """7: metamers of either architecture, recognised by the other.

    Args:
      counted, everything: judgements of the word networks by one another.
      aliased: name of the network with aliasing.
    """
    counted, everything = (a.select(rows, _waveform) for rows in (counted, everything))

    def of(kind: bool) -> Callable[[Answer], bool]:
        return lambda x: ((x.generator.name == aliased), (x.judge.name == aliased)) == (kind, not kind)

    # The networks' late layers bear the same names (Tables S2, S3).
    late = [x for x in _late(a.select(everything, of(False))) if x in _late(a.select(everything, of(True)))]
    return [
        _late_contrast(
            "reduced aliasing minus aliased",
            [("reduced aliasing", 1, of(False)), ("with aliasing", -1, of(True))],
            late,
            counted,
            everything,
        )
    ]


def cochleagram(counted: Sequence[Answer], everything: Sequence[Answer]) -> list[Finding]:
    """8: metamers whose cochleagram was optimised, against those whose waveform was.

    Args:
      counted, everything: judgements by the word network.
    """
    both_ways = {x.generator for x in everything if not _waveform(x)}
    late = _late([x for x in everything if x.generator in both_ways and _waveform(x)])

    def of(waveform: bool) -> Callable[[Answer], bool]:
        return lambda x: (
            x.generator in both_ways and _waveform(x) == waveform and other_seed(x.judge, x.generator)
        )

    conditions = [("waveform", 1, of(True)), ("cochleagram", -1, of(False))]
    return [
        _late_contrast(
            "waveform optimised minus cochleagram optimised", conditions, late, counted, everything
        )
    ]


def _late_contrast(
    text: str,
    conditions: Sequence[Late],
    late: Sequence[str],
    counted: Sequence[Answer],
    everything: Sequence[Answer],
) -> Finding:
    """A contrast over the late layers at which every condition has enough metamers, each as weighty."""

    def at(who: Callable[[Answer], bool], layer: str) -> Callable[[Answer], bool]:
        return lambda x: _at(layer, x) and who(x)

    enough = [
        layer
        for layer in late
        if all(a.stimuli(a.select(counted, at(who, layer))) >= FEWEST for *_, who in conditions)
    ]
    layers = enough or list(late)
    by_layer = [(name, weight, [at(who, layer) for layer in layers]) for name, weight, who in conditions]
    finding = _contrast(f"{', '.join(layers)}: {text}", by_layer, counted, everything)
    return finding if enough else dataclasses.replace(finding, verdict=UNTOLD)


def _contrast(
    text: str, conditions: Sequence[Condition], counted: Sequence[Answer], everything: Sequence[Answer]
) -> Finding:
    """A weighted sum of shares of right answers, a condition's being the mean over its layers."""
    weights = [weight / len(keeps) for _, weight, keeps in conditions for _ in keeps]
    every_keep = [keep for *_, keeps in conditions for keep in keeps]
    chosen = [a.select(counted, keep) for keep in every_keep]
    value, sem = a.contrast(chosen, weights)
    of_all = a.contrast([a.select(everything, keep) for keep in every_keep], weights)
    fewest = min(map(a.stimuli, chosen), default=0)
    said = verdict(value, sem, fewest) if fewest >= FEWEST else UNTOLD
    parts = tuple(
        (name, float(np.mean([_share(a.select(counted, keep)) for keep in keeps])) if keeps else float("nan"))
        for name, _, keeps in conditions
    )
    return Finding(text, value, sem, fewest, said, of_all, parts)


def _share(found: Sequence[Answer]) -> float:
    return float(np.mean([answer.correct for answer in found])) if found else float("nan")


def _late(rows: Sequence[Answer]) -> list[str]:
    """The later half of the matched layers."""
    layers = a.layers(rows)
    return layers[len(layers) // 2 :]


def _at(layer: str, answer: Answer) -> bool:
    return answer.layer == layer


def _waveform(answer: Answer) -> bool:
    return answer.optimized != "cochleagram"
