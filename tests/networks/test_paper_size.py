"""The paper's networks at their size: stages, shapes, variables and number of parameters."""

import math

import pytest

from model_metamers import catalog
from model_metamers.networks.auditory_cnn import AuditoryCNN, word_architecture
from model_metamers.signals.cochleagram_config import CochleagramConfig


def _shapes(network):
    return {name: shape[1:] for name, shape in network.stage_shapes.items()}


def _maps(sizes, names_and_channels):
    return {name: (*sizes[i], channels) for name, i, channels in names_and_channels}


# Height and width of the maps at full size, after the first to fourth halving (docs/sources.md 1b).
_MAP_SIZES = {
    211: [(211, 400), (71, 134), (36, 67), (18, 34), (9, 17), (5, 9)],
    171: [(171, 400), (57, 134), (29, 67), (15, 34), (8, 17), (4, 9)],
}
_TOP = {"fc_intermediate": (4096,), "dropout": (4096,), "fc_top_0": (794,), "logits": (794,)}
_STAGES = {
    False: [
        ("cochleagram", 0, 1),
        ("batch_norm_data", 0, 1),
        ("conv_0", 1, 96),
        ("pool_0", 2, 96),
        ("batch_norm_0", 2, 96),
        ("conv_1", 3, 256),
        ("pool_1", 4, 256),
        ("batch_norm_1", 4, 256),
        ("conv_2", 4, 512),
        ("conv_3", 4, 1024),
        ("conv_4", 4, 512),
        ("pool_2", 5, 512),
    ],
    True: [
        ("cochleagram", 0, 1),
        ("batch_norm_data", 0, 1),
        ("conv_0", 0, 96),
        ("pool_0_0", 1, 96),
        ("pool_0", 2, 96),
        ("batch_norm_0", 2, 96),
        ("conv_1", 2, 256),
        ("pool_1_0", 3, 256),
        ("pool_1", 4, 256),
        ("batch_norm_1", 4, 256),
        ("conv_2", 4, 512),
        ("conv_3", 4, 1024),
        ("conv_4", 4, 512),
        ("pool_2", 5, 512),
    ],
}


@pytest.mark.parametrize("num_filters", [171, 211])
@pytest.mark.parametrize("reduced_aliasing", [False, True], ids=["aliased", "reduced"])
def test_auditory_cnn_at_paper_size(reduced_aliasing, num_filters):
    name = "word_reduced_aliasing" if reduced_aliasing else "word_aliased"
    if num_filters == 171:
        network = catalog.build_network(name)
    else:
        words = [f"word_{i}" for i in range(794)]
        network = AuditoryCNN(
            name,
            word_architecture(reduced_aliasing),
            ["conv_0", "logits"],
            words,
            CochleagramConfig(num_filters=num_filters),
        )
    sizes = _MAP_SIZES[num_filters]
    flat = sizes[-1][0] * sizes[-1][1] * 512
    expected = {**_maps(sizes, _STAGES[reduced_aliasing]), "flatten_end_conv": (flat,), **_TOP}
    assert _shapes(network) == expected
    assert list(network.stages) == list(expected)
    assert flat == {171: 18432, 211: 23040}[num_filters]
    assert network.weights["brain_network/fc_intermediate/kernel"].shape == (flat, 4096)
    # docs/sources.md 1b counts kernels and biases; batch normalisation adds two each to its 353 channels.
    counts = {n: math.prod(v.shape) for n, v in network.weights.items() if v.trainable}
    kernels_and_biases = 110_223_674 - (23040 - flat) * 4096
    assert sum(size for n, size in counts.items() if n.endswith(("/kernel", "/bias"))) == kernels_and_biases
    assert sum(counts.values()) == kernels_and_biases + 2 * (1 + 96 + 256)


def test_auditory_cnn_variable_names():
    network = catalog.build_network("word_aliased_small")
    names = {
        f"{layer}/{part}"
        for layer in ("batch_norm_data", "batch_norm_0", "batch_norm_1")
        for part in ("gamma", "beta", "moving_mean", "moving_variance")
    }
    convs = [f"conv_{i}" for i in range(5)]
    names |= {
        f"{layer}/{part}" for layer in [*convs, "fc_intermediate", "fc_top_0"] for part in ("kernel", "bias")
    }
    assert set(network.weights) == {f"brain_network/{name}" for name in names}


def test_vgg_19_at_paper_size():
    network = catalog.build_network("vgg_19")
    assert network.layers == ("conv1_2", "conv2_2", "conv3_4", "conv4_4", "conv5_4", "fc6", "fc7", "fc8")
    expected = {}
    for block, (count, width) in enumerate(zip((2, 2, 4, 4, 4), (64, 128, 256, 512, 512), strict=True)):
        side = 224 // 2**block
        expected |= {f"conv{block + 1}_{i}": (side, side, width) for i in range(1, count + 1)}
        expected[f"pool{block + 1}"] = (side // 2, side // 2, width)
    expected |= {"fc6": (1, 1, 4096), "fc7": (1, 1, 4096), "fc8": (1000,)}
    assert _shapes(network) == expected
    assert list(network.stages) == list(expected)
    assert sum(math.prod(v.shape) for v in network.weights.values()) == 143_667_240
    assert network.weights["vgg_19/conv1/conv1_1/weights"].shape == (3, 3, 3, 64)
    assert network.weights["vgg_19/fc6/weights"].shape == (7, 7, 512, 4096)
