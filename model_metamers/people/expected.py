"""What people are expected to recognise, for the plan's power: as in 2019, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from model_metamers.people.curves_2019 import curve_of, curves
from model_metamers.people.plan import layer_of, network_of
from model_metamers.recognition.judgement import NATURAL

# The networks' own recognition of their metamers was 0.94 to 0.995.
NETWORK_ACCURACY = 0.95
# Whose curve stands for networks that 2019 did not have.
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
    otherwise = curves()[_OTHERWISE[task]]
    accuracies = {NATURAL: otherwise.natural}
    for conditions in networks:
        network = network_of(conditions[0])
        curve = (curve_of(network) or otherwise).layers
        places = np.linspace(0, 1, len(curve))
        for place, condition in zip(np.linspace(0, 1, len(conditions)), conditions, strict=True):
            layer = layer_of(condition)
            between = float(np.interp(place, places, list(curve.values())))
            accuracies[condition] = max(curve.get(layer, between), chance)
    return accuracies
