"""The published curves that ship."""

import pytest

from model_metamers.people.curves_2019 import curve_of, curves
from model_metamers.people.expected import expected


def test_every_curve_falls_from_natural_signals_to_the_last_layer():
    assert list(curves()) == [
        *("vgg_19", "inception_v3", "resnet_v2", "word_aliased", "word_reduced_aliasing")
    ]
    for one in curves().values():
        values = list(one.layers.values())
        assert all(0 < value < 1 for value in values)
        assert min(one.natural, values[0]) > 0.77 and values[-1] < 0.11 and values[-1] < values[-2] + 0.02


@pytest.mark.parametrize(
    ("network", "layer", "value"),
    [
        ("vgg_19_small_seed1", "conv5_4", 0.507),
        ("resnet_v2_101", "block4", 0.681),
        ("word_aliased_small", "conv_2", 43 / 80),
        ("word_reduced_aliasing_released", "pool_1_0", 0.9),
    ],
)
def test_a_network_has_the_curve_of_its_kind(network, layer, value):
    assert curve_of(network).layers[layer] == pytest.approx(value)
    assert expected([[f"{network}/{layer}"]], curve_of(network).task, 0.01)[f"{network}/{layer}"] == value


def test_other_networks_have_none():
    assert curve_of("audioset_reduced_aliasing") is None and curve_of("mobilenet_v1") is None
