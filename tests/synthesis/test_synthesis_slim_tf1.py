"""The search against the same search in TF-slim's TensorFlow 1 graphs, at paper size.

The losses to meet are goldens/make_slim_search_goldens.py's. With random weights a search is
chaotic; at these layers sixty steps leave the programs within 1 % of each other.
"""

from pathlib import Path

import numpy as np
import pytest

from model_metamers import catalog
from model_metamers.synthesis.config import SynthesisConfig
from model_metamers.synthesis.search import Search
from tests.goldens import seeded

_GOLDEN = Path(__file__).parents[1] / "goldens" / "slim_search.npz"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("inception_v3", "Mixed_5d"),
        ("inception_v3", "Mixed_6e"),
        ("resnet_v2_101", "block1"),
        ("resnet_v2_101", "global_pool"),
    ],
)
def test_same_losses_as_slim(name, layer):
    network = catalog.build_network(name)
    for weight, variable in network.weights.items():
        variable.assign(seeded.weight(weight, tuple(variable.shape)))
    expected = np.load(_GOLDEN)[f"{name}/{layer}"]
    config = SynthesisConfig(iterations=len(expected) - 1)
    size = network.signal.shape[0]
    search = Search(network, layer, config)
    state, _ = search.run(seeded.images(0, 1, size), seeded.noise(0, size), progress=False)
    deviation = np.abs(state.losses[:, 0] / expected - 1)
    print(f"{name} {layer}: {expected[0]:.6g} -> {expected[-1]:.6g}, largest deviation {deviation.max():.1e}")
    assert expected[-1] < 0.9 * expected[0]
    np.testing.assert_allclose(state.losses[:, 0], expected, rtol=0.01)
