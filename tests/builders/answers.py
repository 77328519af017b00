"""Judgements with known answers, for the claims of the reproduction."""

import functools
from types import ModuleType, SimpleNamespace

import numpy as np

from model_metamers.criteria.null import BINS, LayerNull
from model_metamers.recognition.judgement import NATURAL, Judgement, Who
from model_metamers_experiments.reproduction.answers import Correlations
from model_metamers_experiments.reproduction.contrasts import judge
from tests.builders.judgements import make_judgement

WORD, SEED, BOTH, SOUNDS, UNTRAINED, ALIASED = (
    Who(name, weights)
    for name, weights in (
        ("word_small", "sha256:1"),
        ("word_small_seed1", "sha256:2"),
        ("both_small", "sha256:3"),
        ("sounds_small", "sha256:4"),
        ("word_small", "random:0"),
        ("aliased_small", "sha256:5"),
    )
)
NAMES = {"both_tasks": BOTH.name, "backgrounds": SOUNDS.name}
LAYERS = ("pool_0", "conv_2", "conv_4", "fc")


def judging(module: ModuleType) -> SimpleNamespace:
    """A module's functions that give comparisons, which give findings here; other functions as they are."""

    def wrapped(function):
        @functools.wraps(function)
        def told(*args):
            compared = function(*args)
            if isinstance(compared, tuple):
                return tuple(map(judge, compared))
            return judge(compared) if isinstance(compared, list) else compared

        return told

    names = [name for name in vars(module) if not name.startswith("_") and callable(vars(module)[name])]
    return SimpleNamespace(**{name: wrapped(vars(module)[name]) for name in names})


def answered(judge: Who, generator: Who, right: dict[str, np.ndarray], **about) -> list[Judgement]:
    """A judgement of each stimulus at each layer, early to late; NATURAL may be among the layers.

    Args:
      judge, generator: who.
      right: by layer, [stimuli] whether the answer is right.
      about: other values of all judgements.
    """
    depth = {layer: index for index, layer in enumerate(name for name in right if name != NATURAL)}
    return [
        make_judgement(
            judge=judge,
            generator=generator,
            layer=layer,
            layer_index=depth.get(layer, -1),
            stimulus=f"s{number:03d}",
            correct=bool(one),
            **{"optimized": "waveform", **about},
        )
        for layer, answers in right.items()
        for number, one in enumerate(answers)
    ]


def judged(judge, generator, shares, count=40, layers=LAYERS, **about) -> list[Judgement]:
    """Answers of which the given share of each layer, early to late, is right; of natural signals, all."""
    right = {
        layer: np.arange(count) < round(share * count) for layer, share in zip(layers, shares, strict=True)
    }
    return answered(judge, generator, {NATURAL: np.ones(count), **right}, **about)


def even_null(low=-0.5, high=0.5) -> LayerNull:
    """A null distribution that is even between two values."""
    counts = np.where((BINS[:-1] >= low - 1e-9) & (BINS[1:] <= high + 1e-9), 100, 0)
    return LayerNull(counts, low, high, (low + high) / 2, 0, 1e4, high, high)


def correlations(matched, measured, values, null=None, passed=True, stimuli=20) -> Correlations:
    """Rho by matched and measured layer; a number stands for as many stimuli of that rho."""
    rho = {
        a: {b: np.array(np.broadcast_to(v, stimuli), float) for b, v in of.items()}
        for a, of in values.items()
    }
    nulls = {layer: null or even_null() for layer in measured}
    return Correlations(
        list(matched), list(measured), rho, nulls, {layer: np.full(stimuli, passed) for layer in rho}
    )
