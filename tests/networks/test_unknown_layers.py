"""Layers that a network has not: the message names what was typed and the nearest that there are."""

import json

import numpy as np
import pytest
import tensorflow as tf

import model_metamers as mm
from model_metamers.catalog import named_network

keras = tf.keras
L = keras.layers
IMAGE = mm.SignalSpec("image", (8, 8, 3), 0.0, 1.0)
STEPS = mm.SynthesisConfig(iterations=1)


def block(name: str) -> keras.Model:
    """A model of two layers, to be put into another."""
    i = keras.Input((8, 8, 3))
    x = L.Conv2D(3, 3, padding="same", name=f"{name}_conv")(i)
    return keras.Model(i, L.ReLU(name=f"{name}_relu")(x), name=name)


def deep() -> keras.Model:
    """A model of eight models in a model, beyond what a message lists in full."""
    i = x = keras.Input((8, 8, 3))
    for number in range(8):
        x = block(f"block_{number}")(x)
    backbone = keras.Model(i, x, name="backbone")
    j = keras.Input((8, 8, 3))
    return keras.Model(j, L.Dense(2, name="out")(L.Flatten(name="flat")(backbone(j))), name="deep")


@pytest.fixture(scope="module")
def network() -> mm.Network:
    return mm.from_keras(deep(), ["block_1_relu"], IMAGE)


def refused(what, *more) -> str:
    with pytest.raises(mm.UnknownLayerError) as error:
        what(*more)
    assert "\n" not in str(error.value) and len(str(error.value)) < 500
    return str(error.value)


@pytest.mark.parametrize(
    ("typed", "nearest"),
    [
        ("block_6_rleu", "backbone/block_6/block_6_relu"),
        ("bacbone/block_6/block_6_relu", "backbone/block_6/block_6_relu"),
        ("block_3/block_3_Conv2d", "backbone/block_3/block_3_conv"),
        ("BLOCK_5", "backbone/block_5"),
        ("backbone.block_2", "backbone/block_2"),
        ("outt", "out"),
        ("block_1_relu@0", "backbone/block_1/block_1_relu"),
    ],
)
def test_what_was_typed_and_the_nearest_are_named(network, typed, nearest):
    target = np.full([8, 8, 3], 0.5, np.float32)
    for call in (
        lambda: network.check_layers([typed]),
        lambda: network.chosen_layers([typed]),
        lambda: network.activations(target[np.newaxis], [typed]),
        lambda: network.relu_gradient(typed, "linear"),
        lambda: mm.synthesize(network, typed, target, STEPS, progress=False),
        lambda: mm.null_distribution(network, [typed], np.stack([target] * 3), progress=False),
    ):
        text = refused(call)
        assert text.startswith(f"deep has no layer {typed!r}; its metamer layers are backbone/block_1/")
        assert text.partition(" the nearest are ")[2].split(", ")[0] == nearest


def test_what_was_asked_for_is_not_told_as_the_networks_own(tmp_path):
    text = refused(mm.from_keras, deep(), ["out", "block_6_rleu"], IMAGE)
    assert text.startswith("deep has no layer 'block_6_rleu'; of 27 stages the nearest are backbone/block_6/")
    deep().save(tmp_path / "deep.keras")
    signal = tmp_path / "deep.signal.json"
    fed = {"kind": "image", "shape": [8, 8, 3], "low": 0, "high": 1, "layers": ["block_6_rleu"]}
    signal.write_text(json.dumps(fed))
    text = refused(named_network.load, str(tmp_path / "deep.keras"))
    assert text.startswith(f"{signal}: field \"layers\": deep has no layer 'block_6_rleu'; of 27 stages")


def test_a_short_name_does_where_a_layer_is_asked_about(network):
    assert network.relu_gradient("block_1_relu", "linear") == "linear"
    assert network.relu_gradient("block_1_conv", "linear") == "none"


def test_what_is_no_name_is_refused(network):
    assert "deep has no layer 3;" in refused(network.check_layers, [3])
    for layers in (3, None, [3], [None]):
        with pytest.raises(mm.InputError, match=r"layers=.*expected names of layers"):
            mm.from_keras(deep(), layers, IMAGE)
    for signal in ("image", (8, 8, 3), None):
        with pytest.raises(mm.InputError, match=r"signal=.*expected an mm\.SignalSpec"):
            mm.from_keras(deep(), [], signal)


def test_a_null_distribution_of_no_layers_says_which_there_are():
    network = mm.from_keras(deep(), [], IMAGE)
    with pytest.raises(mm.InputError, match="names no metamer layers of its own; say which"):
        mm.null_distribution(network, network.layers, np.zeros([3, 8, 8, 3]), progress=False)
