"""The truths that `python -m benchmarks.simulated_claims` draws from, and what the claims compare in each.

Nothing to be found means: of a claim that any comparison makes hold, that there is no difference in any; of
one that needs all of its comparisons, that one of them lies exactly at its margin (or is no difference) while
all others are true, which is the worst that can be. Stimuli differ in how hard they are, so that the sides
of a comparison are correlated.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from benchmarks import simulated_answers as drawn
from benchmarks.references import two_standard_errors as old
from model_metamers.recognition.judgement import NATURAL
from model_metamers_experiments.reproduction import claims, depth_claims, rho_claims
from model_metamers_experiments.reproduction.contrasts import Comparison
from model_metamers_experiments.reproduction.statements import (
    ABOVE_CHANCE,
    AMONG_UNRELATED,
    NEARLY,
    POORLY,
)

CHANCE_OF_IMAGES, CHANCE_OF_WORDS = 0.1, 0.05
_NAMES = {"both_tasks": drawn.BOTH.name, "backgrounds": drawn.SOUNDS.name}
_NETWORKS = 8  # in claim 1
_RELU_LAYERS = 9  # in claim 2
Random = np.random.Generator


@dataclasses.dataclass(frozen=True)
class Case:
    """A claim and a truth.

    Attributes:
      claim: its number.
      truth: in words.
      compared: f(random, stimuli) -> the claim's comparisons of what is drawn.
      before: f(comparisons) -> their verdicts by the rule before; None for a claim that was not there.
    """

    claim: int
    truth: str
    compared: Callable[[Random, int], list[Comparison]]
    before: Callable[[Sequence[Comparison]], list[str]] | None = None


def without_effect() -> list[Case]:
    """Cases in which a claim that holds is an error."""

    power = 1 / AMONG_UNRELATED - 1  # the mean of U ** k is 1 / (1 + k)
    poor = CHANCE_OF_WORDS + POORLY * (0.999 - CHANCE_OF_WORDS)
    return [
        Case(
            1,
            "one network's median rho is 0.9",
            lambda r, n: _matching(r, n, r.uniform(0.85, 0.95, n)),
            _of_1,
        ),
        Case(
            1,
            f"one network's late metamers exceed {AMONG_UNRELATED:.0%} of pairs",
            lambda r, n: _matching(r, n, None, r.random(n) ** power),
            _of_1,
        ),
        Case(2, "no difference at nine layers, heavy tails", lambda r, n: _relu(r, n, 0.0), _of_2),
        Case(
            3, "0.5 early and late, three networks", lambda r, n: _depth(r, n, 0.5, 0.5, _others), _of_shares
        ),
        Case(
            4, "0.5 early and late, three networks", lambda r, n: _depth(r, n, 0.5, 0.5, _seeds), _of_shares
        ),
        Case(5, "untrained as another seed, both poor", lambda r, n: _transfer(r, n, 0.2, 0.2)[0], _of_first),
        Case(5, "untrained at the margin of poor", lambda r, n: _transfer(r, n, 0.99, poor)[0], _of_first),
        Case(
            6,
            "all at chance, backgrounds as another seed",
            lambda r, n: _transfer(r, n, 0.05, 0.05, 0.05, 0.05)[1],
            _of_6,
        ),
        Case(
            6,
            "backgrounds at the margin of chance",
            lambda r, n: _transfer(r, n, 0.99, 0.1, CHANCE_OF_WORDS + ABOVE_CHANCE, 0.99)[1],
            _of_6,
        ),
        Case(
            6,
            "both tasks at the margin of nearly",
            lambda r, n: _transfer(r, n, 0.99, 0.1, 0.001, 0.99 - NEARLY)[1],
            _of_6,
        ),
        Case(7, "0.7 on both sides", lambda r, n: _aliasing(r, n, 0.7, 0.7), _of_shares),
        Case(8, "0.8 on both sides", lambda r, n: _cochleagram(r, n, 0.8, 0.8), _of_shares),
        Case(9, "one convolution at the margin", lambda r, n: _top(r, n, 0.999 - NEARLY, 0.001)),
        Case(9, "the top at the margin", lambda r, n: _top(r, n, 0.999, poor)),
        Case(10, "0.5 on both sides", lambda r, n: _sooner(r, n, 0.5, 0.5)),
        Case(
            11,
            "late metamers of three networks at the margin",
            lambda r, n: _hardly(r, n, CHANCE_OF_IMAGES + ABOVE_CHANCE),
        ),
    ]


def with_effect(effect: float) -> list[Case]:
    """Cases in which a claim that holds is right; of claims that need all, the comparison that is named."""
    up, down = 0.5 + effect / 2, 0.5 - effect / 2
    poor = CHANCE_OF_WORDS + POORLY * (0.999 - CHANCE_OF_WORDS)
    near, hardly = CHANCE_OF_WORDS + ABOVE_CHANCE - effect, CHANCE_OF_IMAGES + ABOVE_CHANCE - effect
    power = 1 / (AMONG_UNRELATED - effect) - 1
    cases = [
        Case(
            1,
            "one network's late metamers exceed fewer pairs by it",
            lambda r, n: _matching(r, n, None, r.random(n) ** power),
            _of_1,
        ),
        Case(2, "rho higher by it at nine layers, spread 0.02", lambda r, n: _relu(r, n, effect), _of_2),
        Case(2, "the same, spread 0.2", lambda r, n: _relu(r, n, effect, 0.2), _of_2),
        Case(3, "three networks fall by it", lambda r, n: _depth(r, n, up, down, _others), _of_shares),
        Case(4, "three networks fall by it", lambda r, n: _depth(r, n, up, down, _seeds), _of_shares),
        Case(
            5,
            "untrained beyond the margin of poor by it",
            lambda r, n: _transfer(r, n, 0.99, poor - effect)[0],
        ),
        Case(7, "the sides differ by it", lambda r, n: _aliasing(r, n, up, down), _of_shares),
        Case(8, "the sides differ by it", lambda r, n: _cochleagram(r, n, up, down), _of_shares),
        Case(9, "the top beyond the margin by it", lambda r, n: _top(r, n, 0.999, poor - effect)),
        Case(10, "the sides differ by it", lambda r, n: _sooner(r, n, up, down)),
    ]
    if effect <= NEARLY:
        convolution = 0.999 - NEARLY + effect
        cases.append(
            Case(9, "one convolution within the margin by it", lambda r, n: _top(r, n, convolution, 0.001))
        )
        both = 0.99 - NEARLY + effect
        cases.append(
            Case(
                6,
                "both tasks within the margin by it",
                lambda r, n: _transfer(r, n, 0.99, 0.1, 0.001, both)[1],
                _of_6,
            )
        )
    if effect <= ABOVE_CHANCE:
        cases.append(
            Case(6, "backgrounds at chance", lambda r, n: _transfer(r, n, 0.99, 0.1, near, 0.99)[1], _of_6)
        )
        cases.append(Case(11, "three networks at chance", lambda r, n: _hardly(r, n, hardly)))
    return sorted(cases, key=lambda case: case.claim)


def _matching(
    random: Random, stimuli: int, rho: np.ndarray | None = None, place: np.ndarray | None = None
) -> list[Comparison]:
    """Claim 1, of networks of which only one may be at a margin."""
    one = np.full(stimuli, 0.99)
    good = drawn.correlations(one, one, np.full(stimuli, 0.02))
    at_margin = drawn.correlations(
        one if rho is None else rho, one, np.full(stimuli, 0.02) if place is None else place
    )
    return rho_claims.matching({"0": at_margin, **{str(i): good for i in range(1, _NETWORKS)}})


def _relu(random: Random, stimuli: int, effect: float, spread: float = 0.02) -> list[Comparison]:
    """Claim 2, of differences with the tails of Student's t with three degrees of freedom."""
    rows = [
        {"network": "n", "depth": 0, "layer": f"l{layer}", "stimulus": f"s{i:03d}", "gradient": g, "rho": rho}
        for layer in range(_RELU_LAYERS)
        for i, difference in enumerate(effect + spread * random.standard_t(3, stimuli))
        for g, rho in (("linear", difference), ("plain", 0.0))
    ]
    return rho_claims.relu_gradient(rows)


def _others(generator: drawn.Who) -> list[drawn.Who]:
    known = (
        drawn.VGG,
        drawn.VGG_SEED,
        drawn.INCEPTION,
        drawn.INCEPTION_SEED,
        drawn.RESNET,
        drawn.RESNET_SEED,
    )
    return [who for who in known if who.is_other_architecture_than(generator)]


def _seeds(generator: drawn.Who) -> list[drawn.Who]:
    return [drawn.Who(f"{generator.name}_seed1", f"sha256:{generator.name}_seed1")]


def _images(
    random: Random, stimuli: int, early: float, late: float, judges: Callable[[drawn.Who], list[drawn.Who]]
) -> list[drawn.Judgement]:
    shares = {"early": early, "late": late}
    truth = {
        (judge, generator, "image"): shares
        for generator in (drawn.VGG, drawn.INCEPTION, drawn.RESNET)
        for judge in judges(generator)
    }
    return drawn.draw(random, truth, stimuli)


def _depth(random: Random, stimuli: int, early: float, late: float, judges: Callable) -> list[Comparison]:
    rows = _images(random, stimuli, early, late, judges)
    related = depth_claims.other_architecture if judges is _others else depth_claims.other_seed
    return depth_claims.falls_with_depth(rows, _of_one(rows), ["fine"], related)


def _hardly(random: Random, stimuli: int, late: float) -> list[Comparison]:
    rows = _images(random, stimuli, 0.7, late, _others)
    chance = {"fine": CHANCE_OF_IMAGES}
    return depth_claims.hardly_recognised(rows, _of_one(rows), chance, depth_claims.other_architecture)


def _transfer(
    random: Random, stimuli: int, seed: float, untrained: float, sounds: float = 0.05, both: float = 0.9
) -> tuple[list[Comparison], list[Comparison]]:
    """Claims 5 and 6, by both word networks."""
    shares = {drawn.UNTRAINED: untrained, drawn.SOUNDS: sounds, drawn.BOTH: both}
    judges = (drawn.WORD, drawn.SEED)
    truth = {
        (judge, who, "waveform"): drawn.everywhere(share) for who, share in shares.items() for judge in judges
    }
    truth |= {(judge, other, "waveform"): drawn.everywhere(seed) for judge, other in (judges, judges[::-1])}
    rows = drawn.draw(random, truth, stimuli, (NATURAL, *drawn.LATE))
    return claims.transfer(rows, _of_one(rows), _NAMES, CHANCE_OF_WORDS)


def _aliasing(random: Random, stimuli: int, reduced: float, aliased: float) -> list[Comparison]:
    truth = {
        (drawn.ALIASED, drawn.WORD, "waveform"): drawn.everywhere(reduced),
        (drawn.ALIASED, drawn.SEED, "waveform"): drawn.everywhere(reduced),
        (drawn.WORD, drawn.ALIASED, "waveform"): drawn.everywhere(aliased),
        (drawn.SEED, drawn.ALIASED, "waveform"): drawn.everywhere(aliased),
    }
    rows = drawn.draw(random, truth, stimuli, drawn.LATE)
    return claims.reduced_aliasing(rows, _of_one(rows), drawn.ALIASED.name)


def _cochleagram(random: Random, stimuli: int, waveform: float, cochleagram: float) -> list[Comparison]:
    truth = {
        (drawn.WORD, drawn.SEED, "waveform"): drawn.everywhere(waveform),
        (drawn.WORD, drawn.SEED, "cochleagram"): drawn.everywhere(cochleagram),
    }
    rows = drawn.draw(random, truth, stimuli, drawn.LATE)
    return claims.cochleagram(rows, _of_one(rows))


def _top(random: Random, stimuli: int, convolution: float, top: float) -> list[Comparison]:
    shares = {**drawn.everywhere(0.999), "conv_4": convolution, "fc_intermediate": top}
    truth = {(judge, drawn.UNTRAINED, "waveform"): shares for judge in (drawn.WORD, drawn.SEED)}
    rows = drawn.draw(random, truth, stimuli)
    return claims.until_the_top(rows, _of_one(rows), CHANCE_OF_WORDS)


def _sooner(random: Random, stimuli: int, seed: float, sounds: float) -> list[Comparison]:
    truth = {
        (drawn.WORD, drawn.SEED, "waveform"): drawn.everywhere(seed),
        (drawn.SEED, drawn.WORD, "waveform"): drawn.everywhere(seed),
        (drawn.WORD, drawn.SOUNDS, "waveform"): drawn.everywhere(sounds),
        (drawn.SEED, drawn.SOUNDS, "waveform"): drawn.everywhere(sounds),
    }
    rows = drawn.draw(random, truth, stimuli, drawn.LAYERS[:3])
    return claims.sooner_unrecognisable(rows, _of_one(rows), _NAMES)


def _of_one(rows: Sequence[drawn.Judgement]) -> list[drawn.Judgement]:
    """In the place of all metamers, beside those that count: the verdicts do not depend on these."""
    return [row for row in rows if row.stimulus == rows[0].stimulus]


def _of_shares(comparisons: Sequence[Comparison]) -> list[str]:
    return [old.difference(one.counted) for one in comparisons]


def _of_first(comparisons: Sequence[Comparison]) -> list[str]:
    return _of_shares(comparisons[:1])


def _of_6(comparisons: Sequence[Comparison]) -> list[str]:
    """Another seed's minus the background task's, and both tasks' above midway between these."""
    task, _, both = (one.counted for one in comparisons)
    return [old.difference(task), old.difference(both + 0.5 * task)]


def _of_1(comparisons: Sequence[Comparison]) -> list[str]:
    """The values at the earliest layer are places among pairs that are evenly spread, below one for all."""
    return [
        old.at_chance(one.counted, 1.0) if number % 3 == 2 else old.near_one(one.counted)
        for number, one in enumerate(comparisons)
    ]


def _of_2(comparisons: Sequence[Comparison]) -> list[str]:
    return [old.better(one.counted) for one in comparisons]
