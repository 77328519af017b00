"""Answers and rho that are drawn by a known truth, as the comparisons of the claims take them."""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping, Sequence

import numpy as np
from scipy import special

from model_metamers.criteria.null import BINS, LayerNull
from model_metamers.recognition.judgement import NATURAL, Judgement, Who
from model_metamers_experiments.reproduction.answers import Correlations

VGG, VGG_SEED, INCEPTION, INCEPTION_SEED, RESNET, RESNET_SEED = (
    Who(name, f"sha256:{name}")
    for name in ("vgg", "vgg_seed1", "inception", "inception_seed1", "resnet", "resnet_seed1")
)
WORD, SEED, BOTH, SOUNDS, UNTRAINED, ALIASED = (
    Who(name, weights)
    for name, weights in (
        ("word", "sha256:1"),
        ("word_seed1", "sha256:2"),
        ("both", "sha256:3"),
        ("sounds", "sha256:4"),
        ("word", "random:0"),
        ("aliased", "sha256:5"),
    )
)
LAYERS = ("pool_0_0", "conv_2", "conv_4", "fc_intermediate")
LATE = LAYERS[2:]
_ALIKE = 0.3  # correlation of what makes a stimulus hard for different judges and metamers
# (judge, generator, what was optimised) -> the true share of right answers at each layer.
Truth = Mapping[tuple[Who, Who, str], Mapping[str, float]]


def draw(
    random: np.random.Generator, truth: Truth, stimuli: int, compared: Collection[str] | None = None
) -> list[Judgement]:
    """A judgement of every stimulus in every condition; stimuli are hard or easy in all conditions.

    Args:
      random: source of the draws.
      truth: what is true.
      stimuli: number of them.
      compared: layers that matter; of others, which only tell how many layers there are, one stimulus is
        judged. None for all.
    """
    hard = np.sqrt(_ALIKE) * random.normal(size=stimuli)
    rows: list[Judgement] = []
    for (judge, generator, optimized), shares in truth.items():
        for layer, share in shares.items():
            count = stimuli if compared is None or layer in compared else 1
            own = np.sqrt(1 - _ALIKE) * random.normal(size=count)
            right = hard[:count] + own < special.ndtri(share)
            both = _either(judge, generator, optimized, layer)
            rows += [both[stimulus][one] for stimulus, one in enumerate(right.tolist())]
    return rows


@functools.cache
def _either(judge: Who, generator: Who, optimized: str, layer: str) -> list[tuple[Judgement, Judgement]]:
    """The wrong and the right answer to each stimulus."""
    places = (*LAYERS, "early", "late")
    index = -1 if layer == NATURAL else places.index(layer)
    return [
        tuple(
            Judgement(
                generator,
                layer,
                index,
                f"s{stimulus:03d}",
                None if layer == NATURAL else 0,
                optimized,
                "",
                "",
                True,
                "yes",
                "labels",
                judge,
                "fine",
                "yes" if right else "no",
                right,
                True,
                "",
            )
            for right in (False, True)
        )
        for stimulus in range(400)
    ]


def everywhere(share: float, layers: Sequence[str] = LAYERS) -> dict[str, float]:
    """The same share at all layers; of natural signals nearly all."""
    return {NATURAL: 0.999, **dict.fromkeys(layers, share)}


def correlations(matched: np.ndarray, later: np.ndarray, place: np.ndarray) -> Correlations:
    """Rho of metamers of two layers.

    Args:
      matched, later: [stimuli] rho at the matched layers, and of the early metamers at the later one.
      place: [stimuli] of the late metamers at the early layer, among unrelated pairs, 0 to 1; these
        are evenly spread from -0.5 to 0.5.
    """
    counts = np.where((BINS[:-1] >= -0.5 - 1e-9) & (BINS[1:] <= 0.5 + 1e-9), 100, 0)
    null = LayerNull(counts, -0.5, 0.5, 0.0, 0, 1e4, 0.5, 0.5)
    rho = {"early": {"early": matched, "late": later}, "late": {"early": place - 0.5, "late": matched}}
    passed = dict.fromkeys(rho, np.ones(len(place), bool))
    return Correlations(["early", "late"], ["early", "late"], rho, {"early": null, "late": null}, passed)
