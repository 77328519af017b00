"""EfficientNet-Lite0: the official checkpoint's variables, its arrangement, and its faster ways."""

import functools
import json
import math
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from model_metamers import catalog, gradients, weights
from model_metamers.networks.efficientnet import EfficientNetLite
from model_metamers.synthesis import starts
from model_metamers.synthesis.config import SynthesisConfig
from model_metamers.weights.tf_checkpoint import write_checkpoint
from tests.builders import tf1_graph

_GOLDEN = Path(__file__).parents[1] / "goldens" / "efficientnet_names.json"
_NORM = ("gamma", "beta", "moving_mean", "moving_variance")


@pytest.fixture(scope="module")
def small():
    """Of three classes and 70 pixels, which a stride of 2 does not divide evenly, with seeded weights."""
    network = EfficientNetLite("efficientnet", ("a", "b", "c"), image_size=70)
    network.initialize(0)
    random = np.random.RandomState(0)
    for name, variable in network.weights.items():
        if name.endswith(_NORM):
            drawn = random.uniform(0.5, 1.5, variable.shape)
            variable.assign(drawn - 1.0 if name.endswith(("beta", "moving_mean")) else drawn)
    return network


def _images(count=2, size=70):
    return tf.constant(np.random.RandomState(1).uniform(size=[count, size, size, 3]), tf.float32)


def test_the_catalogs_network_has_the_official_variables_and_end_points():
    """Those that the released code makes (goldens/make_efficientnet_names.py)."""
    golden = json.loads(_GOLDEN.read_text())
    network = catalog.build_network("efficientnet_lite0")
    shapes = {name: "x".join(map(str, variable.shape)) for name, variable in network.weights.items()}
    assert shapes == golden["variables"]
    assert sum(math.prod(v.shape) for v in network.weights.values() if v.trainable) == 4_652_008
    assert len(network.classes) == 1000 and network.classes[0] == "tench"
    assert set(network.torch_names) == set(shapes)
    assert len(set(network.torch_names.values())) == len(shapes)

    theirs = {"head_1x1": "head", "pooled_features": "pool", "head": "logits"}
    ends = {
        theirs.get(name, name.replace("expansion_output", "depthwise")): shape.removeprefix("1x1x")
        for name, shape in golden["end_points"].items()
        if not name.startswith("reduction") and name not in ("features", "global_pool")
    }
    stages = {name: "x".join(map(str, shape[1:])) for name, shape in network.stage_shapes.items()}
    assert ends == {name: shape for name, shape in stages.items() if not name.endswith("/expand")}


def test_stages_follow_each_block_and_each_relu():
    network = catalog.build_network("efficientnet_lite0")
    shapes = {name: shape[1:] for name, shape in network.stage_shapes.items()}
    assert shapes["stem"] == (112, 112, 32)
    assert shapes["block_2"] == (56, 56, 24)
    assert shapes["block_11/expand"] == (14, 14, 672) and shapes["block_11/depthwise"] == (7, 7, 672)
    assert shapes["block_15"] == (7, 7, 320) and shapes["head"] == (7, 7, 1280)
    relus = [name for name in shapes if network.relu_gradient(name, "linear") == "linear"]
    assert len(relus) == 1 + 1 + 2 * 15 + 1
    assert len(shapes) == len(relus) + 16 + 2
    assert set(network.layers) <= set(shapes) and network.logits_stage == "logits"


def test_every_stage_is_that_of_the_official_arrangement(small):
    """As `benchmarks.references` has it, from other operations."""
    images = _images()
    for name, stage in small.forward(images).items():
        expected = tf1_graph.efficientnet_lite0(images, small.weights.get, name).numpy()
        deviation = np.abs(stage.output - expected).max() / np.abs(expected).max()
        assert deviation < 1e-4, (name, deviation)


@pytest.mark.slow
@pytest.mark.parametrize("layer", ["block_2", "block_4/depthwise", "head"])
def test_a_search_goes_as_that_of_a_tf1_graph(small, layer):
    target, start = _images(1).numpy(), starts.start(small.signal, seed=0)[np.newaxis]
    find = functools.partial(tf1_graph.efficientnet_lite0, layer=layer)
    tf1_graph.check_steps(small, layer, SynthesisConfig(iterations=12), find, target, start, noise=1e-3)


@pytest.mark.parametrize("layer", ["block_5/expand", "block_11", "head", "logits"])
def test_the_gradient_of_a_search_is_that_of_the_official_arrangement(small, layer):
    """In float64: in float32 rounding decides on which side of a kink some of the ReLUs are."""
    exact = {name: tf.cast(tf.convert_to_tensor(v), tf.float64) for name, v in small.weights.items()}
    image = tf.cast(_images(1), tf.float64)

    def gradient(find):
        with tf.GradientTape() as tape:
            tape.watch(image)
            loss = tf.nn.l2_loss(find(image) - 0.1)
        return tape.gradient(loss, image).numpy()

    own = dict(small.weights)
    small.weights.update(exact)
    try:
        found = gradient(lambda batch: small.forward(batch)[layer].linear_gradient_output)
    finally:
        small.weights.update(own)
    expected = gradient(lambda batch: tf1_graph.efficientnet_lite0(batch, exact.get, layer))
    assert np.abs(found - expected).max() < 1e-10 * np.abs(expected).max()


def test_a_checkpoints_moving_averages_stand_for_the_variables(tmp_path):
    """As the official evaluation takes them; optimiser slots beside them are unused."""
    network = EfficientNetLite("efficientnet", ("a", "b", "c"), image_size=32)
    random = np.random.RandomState(0)
    averages = {
        name: random.standard_normal(v.shape).astype(np.float32) for name, v in network.weights.items()
    }
    saved = {name: np.zeros_like(value) for name, value in averages.items()}
    saved |= {f"{name}/ExponentialMovingAverage": value for name, value in averages.items()}
    slot = "efficientnet-lite0/head/dense/bias/RMSProp"
    prefix = tmp_path / "model.ckpt"
    write_checkpoint(prefix, {**saved, slot: np.zeros(3, np.float32)})
    report = weights.restore(network, prefix)
    assert report.complete and report.unused == (slot,)
    for name, variable in network.weights.items():
        np.testing.assert_array_equal(variable, averages[name])
    write_checkpoint(tmp_path / "plain.ckpt", averages)
    assert weights.restore(network, tmp_path / "plain.ckpt").complete


def test_the_linear_gradient_passes_a_matched_relu6_everywhere(small):
    stage = small.forward(_images())["block_3/depthwise"]
    value = stage.value
    assert float(tf.reduce_min(value)) < 0
    with tf.GradientTape() as tape:
        tape.watch(value)
        linear = gradients.linear_gradient_relu(value, stage.ceiling)
    np.testing.assert_array_equal(tape.gradient(linear, value), tf.ones_like(value))
    np.testing.assert_array_equal(linear, tf.clip_by_value(value, 0, 6))


def test_folded_and_separate_batch_normalisation_are_the_same_function(small):
    separate = {name: stage.value for name, stage in small.forward(_images()).items()}
    with small.folding():
        folded = {name: stage.value for name, stage in small.forward(_images()).items()}
    assert separate.keys() == folded.keys()
    for name, value in separate.items():
        largest = float(tf.reduce_max(tf.abs(value)))
        np.testing.assert_allclose(folded[name], value, atol=1e-4 * largest, err_msg=name)


def test_training_changes_the_averages_and_drops_blocks_by_its_seed(small):
    images, seed = _images(), tf.constant([0, 1])
    before = small.weights["efficientnet-lite0/stem/tpu_batch_normalization/moving_mean"].numpy()
    first = small.forward(images, training=seed)["logits"].value
    after = small.weights["efficientnet-lite0/stem/tpu_batch_normalization/moving_mean"].numpy()
    assert np.abs(after - before).max() > 0
    np.testing.assert_array_equal(small.forward(images, training=seed)["logits"].value, first)
    assert np.abs(small.forward(images, training=tf.constant([0, 2]))["logits"].value - first).max() > 0
