"""What messages say of names that there are not."""

import pytest

import model_metamers as mm
from model_metamers.errors import nearest


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("vgg19", "vgg_19"),
        ("resnet_v2_smal", "resnet_v2_small"),
        ("word_alaised_small", "word_aliased_small"),
        ("efficientnet-lite0", "efficientnet_lite0"),
    ],
)
def test_the_nearest_network_comes_first(name, first):
    with pytest.raises(mm.UnknownNetworkError) as error:
        mm.load_network(name)
    assert f"the nearest are {first}," in str(error.value) and len(str(error.value)) < 300


@pytest.mark.parametrize(("layer", "near"), [("conv54", "conv5_4"), ("fc_7", "fc7"), ("Conv3_4", "conv3_4")])
def test_the_nearest_layers_are_told(layer, near):
    network = mm.load_network("vgg_19_small")
    with pytest.raises(mm.UnknownLayerError) as error:
        network.check_layers([layer])
    assert near in str(error.value).partition("nearest are ")[2].split(", ")


def test_a_few_names_are_all_listed():
    assert nearest("x", ["a", "b"], "letters") == "there are a, b"


def test_names_unlike_all_others_have_nearest_ones_too():
    assert nearest("zzz", [f"conv{i}" for i in range(40)], "stages").startswith(
        "of 40 stages the nearest are conv"
    )
