"""The search against the same search in a TensorFlow 1 graph, step by step; see `tf1_graph.check_steps`."""

import functools

import numpy as np
import pytest
import skimage.data
import skimage.transform

from model_metamers import catalog
from model_metamers.synthesis import starts
from model_metamers.synthesis.config import SynthesisConfig
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


def _check(name, layer, steps=60):
    network = _network(name)
    target, start = _target(network.signal), starts.start(network.signal, seed=0)[np.newaxis]
    config = SynthesisConfig(iterations=steps)
    tf1_graph.check_steps(network, layer, config, _finder(network, layer), target, start)


@pytest.mark.parametrize("layer", ["conv1_2", "conv3_4", "conv5_4", "fc6", "fc8"])
def test_images(layer):
    _check("vgg_19_small", layer)


# A step through a cochleagram of ordinary operations costs a tenth of a second.
_STEPS = pytest.mark.parametrize("steps", [20, pytest.param(60, marks=pytest.mark.slow)])


@_STEPS
@pytest.mark.parametrize("layer", ["cochleagram", "conv_0", "conv_2", "fc_intermediate", "logits"])
def test_sounds_aliased(layer, steps):
    _check("word_aliased_small", layer, steps)


@_STEPS
@pytest.mark.parametrize("layer", ["pool_0_0", "pool_1_0", "conv_2", "fc_intermediate", "logits"])
def test_sounds_reduced_aliasing(layer, steps):
    _check("word_reduced_aliasing_small", layer, steps)


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
    _check(name, layer)
