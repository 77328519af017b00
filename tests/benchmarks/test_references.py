"""The references give the numbers that ours gives, so that the same work is timed."""

import numpy as np
import pytest

from benchmarks.agreement import error_of_norm
from benchmarks.our_search import OurSearch
from benchmarks.references.tf1_forms import form
from benchmarks.references.tf1_search import GraphSearch
from model_metamers.networks.mobilenet import MobileNetV1
from model_metamers.synthesis.config import SynthesisConfig
from tests.conftest import make_tiny_word_cnn


def _tiny_mobilenet():
    network = MobileNetV1("tiny", [f"class_{i}" for i in range(3)], depth_multiplier=0.25, image_size=32)
    network.initialize(0)
    random = np.random.RandomState(0)
    for name, variable in network.weights.items():
        if "moving" in name or name.endswith(("gamma", "beta")):
            variable.assign(random.uniform(0.5, 1.5, variable.shape))
    return network


def _check(search, ours):
    expected = ours.gradient()
    assert np.abs(expected).max() > 0
    assert error_of_norm(search.gradient(), expected) < 1e-4
    losses = [search.step() for _ in range(4)]
    np.testing.assert_allclose(losses, ours.steps(4).sum(axis=1), rtol=1e-3)
    assert losses[3] != losses[0]


def _values(network):
    return {name: variable.numpy() for name, variable in network.weights.items()}


def _starts(targets, seed=0):
    return np.random.RandomState(seed).uniform(0.3, 0.7, targets.shape).astype(np.float32)


@pytest.mark.parametrize("layer", ["conv2_2", "fc8"])
def test_images_in_tf1(tiny_vgg, small_images, layer):
    targets = small_images[:2]
    ours = OurSearch(tiny_vgg, layer, targets, _starts(targets))
    with GraphSearch(
        form(tiny_vgg, layer), _values(tiny_vgg), targets, _starts(targets), (0.0, 1.0)
    ) as search:
        _check(search, ours)


@pytest.mark.parametrize("reduced_aliasing", [False, True])
def test_sounds_in_tf1(reduced_aliasing):
    """Noise, since in silence the graph's float32 Fourier transforms leave what the compression raises."""
    network = make_tiny_word_cnn(reduced_aliasing)
    targets, starts = (0.1 * np.random.RandomState(0).randn(2, 2, 1000)).astype(np.float32)
    ours = OurSearch(network, "conv_2", targets, starts)
    with GraphSearch(form(network, "conv_2"), _values(network), targets, starts, None) as search:
        _check(search, ours)


def test_slim_networks_in_tf1():
    network = _tiny_mobilenet()
    layer = network.stages[2]
    targets = np.random.RandomState(1).uniform(size=[1, *network.signal.shape]).astype(np.float32)
    ours = OurSearch(network, layer, targets, _starts(targets))
    with GraphSearch(form(network, layer), _values(network), targets, _starts(targets), (0.0, 1.0)) as search:
        _check(search, ours)


@pytest.mark.parametrize("layer", ["conv2_2", "fc8"])
def test_images_in_pytorch(tiny_vgg, small_images, layer):
    pytest.importorskip("torch")
    from benchmarks.references import torch_vgg

    targets = small_images[:2]
    model = torch_vgg.VGG19(_values(tiny_vgg), layer, pixel_std=64.0)
    ours = OurSearch(tiny_vgg, layer, targets, _starts(targets))
    _check(torch_vgg.TorchSearch(model, targets, _starts(targets)), ours)


def test_drafts_are_near_and_not_the_same(tiny_vgg, small_images):
    targets = small_images[:2]
    exact, draft = (
        OurSearch(tiny_vgg, "conv2_2", targets, _starts(targets), SynthesisConfig(precision=precision)).steps(
            3
        )
        for precision in ("float32", "bfloat16")
    )
    np.testing.assert_allclose(draft, exact, rtol=0.1)
    assert np.abs(draft - exact).max() > 0


def test_plenoptic_goes_on_with_its_search(tiny_vgg, small_images):
    pytest.importorskip("plenoptic")
    from benchmarks.references import torch_vgg

    targets = small_images[:1]
    model = torch_vgg.VGG19(_values(tiny_vgg), "conv2_2", pixel_std=64.0)
    search = torch_vgg.plenoptic_metamer(model, targets, _starts(targets))
    first, second = search(2), search(3)
    ours = OurSearch(tiny_vgg, "conv2_2", targets, _starts(targets)).steps(2).sum(axis=1)
    np.testing.assert_allclose(first, ours, rtol=1e-3)
    assert len(second) == 3
    assert second[-1] < first[0]
