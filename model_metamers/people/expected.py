"""What people are expected to recognise, for the plan's power: as in 2019, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from model_metamers.recognition.judgement import NATURAL

# Proportion correct of 16 people, read off the authors' published figures, within 0.005 (docs/sources.md 3);
# of sounds, eightieths (80 trials a condition). Layers early to late.
_IMAGES_NATURAL, _WORDS_NATURAL = 0.886, 69 / 80
HUMAN_CURVES: dict[str, dict[str, float]] = {
    "vgg_19": {
        "conv1_2": 0.909,
        "conv2_2": 0.886,
        "conv3_4": 0.909,
        "conv4_4": 0.832,
        "conv5_4": 0.507,
        "fc6": 0.135,
        "fc7": 0.089,
        "fc8": 0.108,
    },
    "inception_v3": {
        "Conv2d_1a_3x3": 0.886,
        "Conv2d_2b_3x3": 0.905,
        "Conv2d_3b_1x1": 0.905,
        "Conv2d_4a_3x3": 0.897,
        "Mixed_5d": 0.851,
        "Mixed_6e": 0.445,
        "Logits": 0.058,
    },
    "resnet_v2": {
        "conv1": 0.905,
        "block1": 0.924,
        "block2": 0.886,
        "block3": 0.835,
        "block4": 0.681,
        "global_pool": 0.093,
        "logits": 0.076,
    },
    "word_aliased": {
        "cochleagram": 62 / 80,
        "conv_0": 69 / 80,
        "conv_1": 64 / 80,
        "conv_2": 43 / 80,
        "conv_3": 28 / 80,
        "conv_4": 15 / 80,
        "fc_intermediate": 3 / 80,
        "logits": 2 / 80,
    },
    "word_reduced_aliasing": {
        "cochleagram": 62 / 80,
        "pool_0_0": 64 / 80,
        "pool_1_0": 72 / 80,
        "conv_2": 63 / 80,
        "conv_3": 54 / 80,
        "conv_4": 32 / 80,
        "fc_intermediate": 9 / 80,
        "logits": 3 / 80,
    },
}
# The networks' own recognition of their metamers was 0.94 to 0.995.
NETWORK_ACCURACY = 0.95
_OTHERWISE = {"images": "vgg_19", "words": "word_reduced_aliasing"}


def expected(networks: Sequence[Sequence[str]], task: str, chance: float) -> dict[str, float]:
    """Expected proportion correct by condition.

    A layer of a network of 2019, small ones too, has that layer's. Another has that of its place between the
    network's first and last layer: of VGG-19 for images, of the word network with reduced aliasing for
    sounds.

    Args:
      networks: of each its conditions, "NETWORK/LAYER", early to late.
      task: "images" or "words".
      chance: of a right guess; nothing is expected to be below.
    """
    accuracies = {NATURAL: _IMAGES_NATURAL if task == "images" else _WORDS_NATURAL}
    for conditions in networks:
        network = conditions[0].partition("/")[0]
        family = next((name for name in HUMAN_CURVES if network.startswith(name)), _OTHERWISE[task])
        curve = HUMAN_CURVES[family]
        places = np.linspace(0, 1, len(curve))
        for place, condition in zip(np.linspace(0, 1, len(conditions)), conditions, strict=True):
            layer = condition.partition("/")[2]
            between = float(np.interp(place, places, list(curve.values())))
            accuracies[condition] = max(curve.get(layer, between), chance)
    return accuracies
