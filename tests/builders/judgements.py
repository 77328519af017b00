"""Judgements whose answers are known, and the results that recognize_metamers would write of them."""

from pathlib import Path

import numpy as np

from model_metamers.recognition import points
from model_metamers.recognition.judgement import NATURAL, Judgement, Who

LAYERS = ("conv_2", "conv_10", "fc")  # not in the alphabet's order
STIMULI = 12
VGG, SEED1, OTHER, RANDOM = (
    Who("vgg_small", "sha256:aaaa1111"),
    Who("vgg_small_seed1", "sha256:bbbb2222"),
    Who("inception_small", "sha256:cccc3333"),
    Who("vgg_small", "random:0"),
)


def make_judgement(**changes) -> Judgement:
    """One that is right and counts; of a natural signal where the layer is "natural"."""
    natural = changes.get("layer") == NATURAL
    values = {
        "generator": OTHER,
        "layer": "conv_2",
        "layer_index": -1 if natural else 0,
        "stimulus": "s",
        "search_seed": None if natural else 0,
        "optimized": "image",
        "relu_gradient": "" if natural else "linear",
        "settings": "" if natural else "iterations=5",
        "included": True,
        "truth": "cat",
        "truth_source": "labels",
        "judge": VGG,
        "decision": "fine",
        "answer": "cat",
        "correct": True,
        "counted": True,
        "reason": "",
    }
    return Judgement(**{**values, **changes})


def write_results(
    path: Path, pairs, decisions=("fine",), optimized=("waveform",), failing=2, unknown=0
) -> Path:
    """`recognition.csv` of judgements drawn at random, of a (judge, generator) each.

    Of the stimuli the first `failing` fail at the second layer, and `unknown` have no truth.
    """
    random = np.random.default_rng(0)
    judgements = [
        _draw(random, index, layer, stimulus, failing, unknown, judge, generator, decision, way)
        for judge, generator in pairs
        for decision in decisions
        for way in optimized
        for index, layer in reversed(list(enumerate((NATURAL, *LAYERS), -1)))
        for stimulus in range(STIMULI)
    ]
    chance = {(judge, d): 0.1 if d == "fine" else 1 / 16 for judge, _ in pairs for d in decisions}
    points.write_points(path, points.of_judgements(judgements, chance, resamples=200))
    return path


def _draw(random, index, layer, stimulus, failing, unknown, judge, generator, decision, way) -> Judgement:
    included = index != 1 or stimulus >= failing
    told = stimulus < STIMULI - unknown
    correct = bool(random.random() < 0.9 - 0.2 * (index + 1)) if told else None
    return make_judgement(
        judge=judge,
        generator=generator,
        decision=decision,
        layer=layer,
        layer_index=index,
        optimized=way,
        stimulus=f"s{stimulus}",
        included=included,
        correct=correct,
        counted=included and told,
    )
