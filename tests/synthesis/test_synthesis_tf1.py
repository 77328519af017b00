"""The search against the same search in a TensorFlow 1 graph, loss by loss.

With random weights a search is chaotic once its loss has fallen far: a start that differs by
1e-8 then ends as far from itself as the two programs do. Where that comes within 60 steps,
fewer are compared; the logits of word_aliased_small are not, since theirs falls a
thousandfold in 15 steps.
"""

import functools

import numpy as np
import pytest
import skimage.data
import skimage.transform

from model_metamers import catalog
from model_metamers.synthesis import starts
from model_metamers.synthesis.config import SynthesisConfig
from model_metamers.synthesis.search import Search
from tests.builders import tf1_graph

_VGG_SMALL_STD = 64.0  # vgg_19_small divides its pixels by it


@functools.lru_cache(maxsize=1)  # tests of one network stand together
def _network(name):
    return catalog.load_network(name, "random:0")


def _photograph(size):
    return skimage.transform.resize(skimage.data.astronaut(), (size, size), anti_aliasing=True)


def _target(spec):
    target = (
        _photograph(spec.shape[0])
        if spec.kind == "image"
        else tf1_graph.speech_like(*spec.shape, spec.sample_rate)
    )
    return target[np.newaxis].astype(np.float32)


def _finder(network, layer):
    """The TF1 graph's function of a network."""
    if network.name.startswith("vgg"):
        std = _VGG_SMALL_STD if network.name.endswith("small") else 1.0
        return functools.partial(tf1_graph.vgg_19, layer=layer, pixel_std=std)
    reduced = "reduced" in network.name
    return functools.partial(
        tf1_graph.auditory_cnn, layer=layer, config=network.frontend, reduced_aliasing=reduced
    )


def _check_same_losses(name, layer, steps=60, seed=0):
    network = _network(name)
    target, start = _target(network.signal), starts.start(network.signal, seed=seed)[np.newaxis]
    search = Search(network, layer, SynthesisConfig(iterations=steps))
    state, _ = search.run(target, start, progress=False)
    expected = tf1_graph.search_losses(
        _finder(network, layer),
        {k: v.numpy() for k, v in network.weights.items()},
        target,
        start,
        steps,
        bounds=(0.0, 1.0) if network.signal.kind == "image" else None,
    )
    found = state.losses[:, 0]
    deviation = np.abs(found / expected - 1)
    print(
        f"{name} {layer}: {expected[0]:.6g} -> {expected[-1]:.6g}, largest deviation {deviation.max():.1e}, "
        f"in the first half {deviation[: steps // 2].max():.1e}"
    )
    assert expected[-1] < expected[0]
    np.testing.assert_allclose(found, expected, rtol=0.01)


@pytest.mark.parametrize("layer", ["conv1_2", "conv3_4", "conv5_4", "fc6", "fc8"])
def test_images(layer):
    _check_same_losses("vgg_19_small", layer)


# A step through a cochleagram of ordinary operations costs a tenth of a second: one layer of each network
# is searched to the end, the others for a part of it, and for all of it in the slow tests.
# From seed 0 the search of fc_intermediate meets a kink at its third step, and a second run of it in
# one process may leave the first by 3 %; from seed 2 moved starts stay within 1e-3 for 22 steps.
@pytest.mark.parametrize(
    ("layer", "steps", "seed"),
    [
        ("cochleagram", 60, 0),
        ("conv_0", 25, 0),
        ("conv_2", 25, 0),
        ("fc_intermediate", 20, 2),
        pytest.param("conv_0", 60, 0, marks=pytest.mark.slow),
        pytest.param("conv_2", 50, 0, marks=pytest.mark.slow),
    ],
)
def test_sounds_aliased(layer, steps, seed):
    _check_same_losses("word_aliased_small", layer, steps, seed)


@pytest.mark.parametrize(
    ("layer", "steps"),
    [
        ("conv_2", 60),
        *((layer, 25) for layer in ("pool_0_0", "pool_1_0", "fc_intermediate", "logits")),
        *(
            pytest.param(layer, 60, marks=pytest.mark.slow)
            for layer in ("pool_0_0", "pool_1_0", "fc_intermediate", "logits")
        ),
    ],
)
def test_sounds_reduced_aliasing(layer, steps):
    _check_same_losses("word_reduced_aliasing_small", layer, steps)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("vgg_19", "conv3_4"),
        ("vgg_19", "fc6"),
        ("word_aliased", "conv_2"),
        ("word_aliased", "fc_intermediate"),
        ("word_reduced_aliasing", "conv_2"),
        ("word_reduced_aliasing", "fc_intermediate"),
    ],
)
def test_paper_size(name, layer):
    _check_same_losses(name, layer)
