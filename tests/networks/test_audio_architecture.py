"""The grammar of the auditory architectures: what it takes, refuses, and computes."""

import numpy as np
import pytest
import tensorflow as tf

from model_metamers import InputError
from model_metamers.networks import audio_architecture
from model_metamers.networks.auditory_cnn import AuditoryCNN
from model_metamers.networks.tasks import WORD_TASK
from tests.weights.test_released_pickle import FRONTEND, SAMPLES, WORDS, small_word_architecture


@pytest.mark.parametrize(
    "layer, message",
    [
        ({"layer_type": "tf.py_func", "args": {"name": "x"}}, "unknown layer_type 'tf.py_func'"),
        ({"layer_type": "tf.layers.conv2d", "args": {"name": "x", "kernel_size": 3}}, "filters is missing"),
        ({"layer_type": "tf.layers.dense", "args": {"name": "x", "units": -3}}, "units must be a positive"),
        ({"layer_type": "tf.layers.dense", "args": {"name": "x", "units": True}}, "units must be"),
        ({"layer_type": "tf.layers.dense", "args": {"name": "x", "units": 10**30}}, "units must be"),
        ({"layer_type": "tf.layers.dense", "args": {"name": "x", "units": 3, "activation": "relu"}}, "None"),
        ({"layer_type": "tf.nn.relu", "args": {"name": "x", "speed": 3}}, "unknown argument speed=3"),
        ({"layer_type": "tf.nn.relu", "args": {"name": "conv_0"}}, "'conv_0' is taken"),
        ({"layer_type": "tf.nn.relu", "args": {"name": 7}}, "7 is no name"),
        ({"layer_type": "tf.nn.relu", "args": [1]}, "args must be a dict"),
        ({"layer_type": "tf.transpose", "args": {"name": "x", "perm": [1, 0]}}, "batch first"),
        ({"layer_type": "tf.pad", "args": {"name": "x", "paddings": [[1, 1], [0, 0]]}}, "none for the batch"),
        ({"layer_type": "tf.layers.flatten"}, "expected {layer_type, args}"),
        ("layer", "expected {layer_type, args}"),
        ({"layer_type": "hpool", "args": {"name": "x", "padding": "SIDEWAYS"}}, "VALID_TIME"),
        (
            {"layer_type": "fc_top_classification", "args": {"name": "x", "n_classes_dict": {"t": 2}}},
            "no other",
        ),
    ],
)
def test_layers_outside_the_grammar_are_refused(layer, message):
    architecture = small_word_architecture()
    with pytest.raises(InputError, match=message):
        audio_architecture.normalized([*architecture[:2], layer, *architecture[2:]])


def test_every_layer_type_against_tensorflow():
    """One architecture with all the rarer types; each stage against TensorFlow's own operation."""
    layers = [
        (
            "tf.layers.conv2d",
            {
                "filters": 3,
                "kernel_size": [3, 5],
                "strides": [2, 1],
                "padding": "VALID_TIME",
                "dilation_rate": [1, 1],
                "activation": None,
            },
        ),
        ("tf.nn.leaky_relu", {"name": "leaky"}),
        ("tf.pad", {"name": "pad", "paddings": [[0, 0], [1, 2], [0, 1], [0, 0]]}),
        ("tf.slice", {"name": "slice", "begin": [0, 1, 0, 0], "size": [16, 15, -1, -1]}),
        (
            "tf.nn.avg_pool",
            {"name": "average", "ksize": [1, 2, 3, 1], "strides": [1, 2, 3, 1], "padding": "SAME"},
        ),
        ("tf.transpose", {"name": "swap", "perm": [0, 2, 1, 3]}),
        (
            "tf.layers.conv2d",
            {"filters": 2, "kernel_size": 2, "padding": ["VALID", "SAME"], "use_bias": False},
        ),
        ("tf.nn.relu6", {"name": "relu6"}),
        (
            "hpool",
            {
                "name": "hann",
                "strides": [1, 2],
                "pool_size": [1, 4],
                "padding": "valid_time",
                "sqrt_window": True,
            },
        ),
        ("tf.layers.batch_normalization", {"name": None, "scale": False, "fused": False}),
        ("tf.layers.flatten", {}),
        ("tf.layers.dense", {"units": 4}),
        ("tf.layers.dropout", {}),
        ("fc_top_classification", {"name": "fc_top", "n_classes_dict": {WORD_TASK: 5}, "activation": None}),
    ]
    architecture = [{"layer_type": kind, "args": args} for kind, args in layers]
    network = AuditoryCNN("odd", architecture, ["logits"], WORDS[:5], FRONTEND, SAMPLES)
    network.initialize(0)
    sounds = np.random.RandomState(2).randn(2, SAMPLES).astype(np.float32) * 0.1
    out = network.activations(sounds, network.stages)
    weights = {name.removeprefix("brain_network/"): v for name, v in network.weights.items()}
    assert sorted(weights) == [
        "batch_normalization/beta",
        "batch_normalization/moving_mean",
        "batch_normalization/moving_variance",
        "conv2d/bias",
        "conv2d/kernel",
        "conv2d_1/kernel",
        "dense/bias",
        "dense/kernel",
        "fc_top/bias",
        "fc_top/kernel",
    ]
    x = out["cochleagram"]
    assert x.shape[1] == 31  # odd, so SAME at stride 2 and height 3 pads one above and one below
    expected = tf.nn.conv2d(
        tf.pad(x, [[0, 0], [1, 1], [0, 0], [0, 0]]), weights["conv2d/kernel"], (2, 1), "VALID"
    )
    np.testing.assert_allclose(out["conv2d"], expected + weights["conv2d/bias"], atol=1e-6)
    np.testing.assert_allclose(out["leaky"], tf.nn.leaky_relu(out["conv2d"], 0.2), atol=1e-6)
    padded = np.pad(out["leaky"], [(0, 0), (1, 2), (0, 1), (0, 0)])
    np.testing.assert_array_equal(out["slice"], padded[:, 1:16])
    np.testing.assert_allclose(out["average"], tf.nn.avg_pool2d(out["slice"], (2, 3), (2, 3), "SAME"))
    np.testing.assert_array_equal(out["swap"], np.swapaxes(out["average"], 1, 2))
    wide = tf.pad(out["swap"], [[0, 0], [0, 0], [0, 1], [0, 0]])
    convolved = tf.nn.conv2d(wide, weights["conv2d_1/kernel"], 1, "VALID")
    np.testing.assert_allclose(out["conv2d_1"], tf.nn.relu6(convolved), atol=1e-6)
    window = np.sqrt(0.5 * (1 - np.cos(2 * np.pi * np.arange(4) / 3))).astype(np.float32)
    steps = range(0, out["conv2d_1"].shape[2] - 3, 2)
    pooled = np.stack([np.tensordot(out["conv2d_1"][:, :, s : s + 4], window, [[2], [0]]) for s in steps], 2)
    np.testing.assert_allclose(out["hann"], pooled, rtol=1e-5, atol=1e-5)
    normal = out["hann"] / np.sqrt(1 + 1e-3)
    np.testing.assert_allclose(out["batch_normalization"], normal, rtol=1e-5, atol=1e-5)
    assert out["fc_top"].shape == (2, 5)
    np.testing.assert_array_equal(out["fc_top"], out["logits"])


def test_every_layer_type_lets_the_gradient_through():
    """Unequal strides and dilations too, which TensorFlow does not know on every machine."""
    architecture = [
        {"layer_type": kind, "args": args}
        for kind, args in [
            ("tf.layers.conv2d", {"filters": 3, "kernel_size": 3, "strides": [2, 1], "padding": "SAME"}),
            ("tf.layers.conv2d", {"filters": 4, "kernel_size": [2, 3], "dilation_rate": [1, 2]}),
            ("hpool", {"name": "across", "strides": [1, 2], "pool_size": [1, 8]}),
            ("hpool", {"name": "down", "strides": [3, 2], "pool_size": [6, 4], "padding": "VALID_TIME"}),
            ("tf.layers.flatten", {}),
            ("fc_top_classification", {"name": "fc_top", "n_classes_dict": {WORD_TASK: 5}}),
        ]
    ]
    network = AuditoryCNN("odd", architecture, ["logits"], WORDS[:5], FRONTEND, SAMPLES)
    network.initialize(0)
    sounds = tf.constant(np.random.RandomState(2).randn(2, SAMPLES).astype(np.float32) * 0.1)
    step = np.random.RandomState(3).randn(2, SAMPLES).astype(np.float32) * 1e-4

    @tf.function
    def loss_and_gradient(sounds):
        with tf.GradientTape() as tape:
            tape.watch(sounds)
            loss = tf.reduce_sum(tf.sin(network.logits(sounds)))
        return loss, tape.gradient(loss, sounds)

    gradient = loss_and_gradient(sounds)[1].numpy()
    change = loss_and_gradient(sounds + step)[0] - loss_and_gradient(sounds - step)[0]
    assert float(change) == pytest.approx(2 * float(np.sum(gradient * step)), rel=0.02)


def test_layer_that_does_not_fit_its_input_is_named():
    architecture = small_word_architecture()
    slice_ = {
        "layer_type": "tf.slice",
        "args": {"name": "cut", "begin": [0, 90, 0, 0], "size": [-1, 5, -1, -1]},
    }
    with pytest.raises(InputError, match=r"tf\.slice 'cut' does not fit its input of shape"):
        AuditoryCNN("x", [slice_, *architecture], ["logits"], WORDS, FRONTEND, SAMPLES)
    with pytest.raises(InputError, match="no task '/stimuli/other'"):
        AuditoryCNN("x", architecture, ["logits"], WORDS, FRONTEND, SAMPLES, task="/stimuli/other")
