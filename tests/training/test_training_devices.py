"""Training in half precision and on two devices."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tests.builders import binaries
from tests.builders.small_training import (
    Plain,
    train,
)
from tests.conftest import make_tiny_vgg, make_tiny_word_cnn
from tests.networks.test_slim_networks import small_slim_network

_ROOT = Path(__file__).resolve().parents[2]


def test_mixed_precision_trains_float32_variables(tmp_path):
    exact, _ = train(tmp_path / "exact", 6)
    mixed, outcome = train(tmp_path / "mixed", 6, mixed_precision=True)
    assert all(v.dtype == tf.float32 for v in mixed.weights.values())
    assert outcome.metrics["accuracy"] > 0.9
    name = "hidden/kernel"
    start = Plain().weights[name].numpy()
    moved, expected = mixed.weights[name].numpy() - start, exact.weights[name].numpy() - start
    assert np.linalg.norm(moved) > 0 and np.corrcoef(moved.ravel(), expected.ravel())[0, 1] > 0.5


@pytest.mark.parametrize("family", ["vgg", "inception", "resnet", "mobilenet", "word"])
def test_half_precision_computes_nearly_the_same(family, small_images, small_sounds):
    tiny = {"vgg": make_tiny_vgg, "word": make_tiny_word_cnn}
    network = tiny[family]() if family in tiny else small_slim_network(family)
    network.initialize(0)
    signals = tf.constant(small_sounds if family == "word" else small_images)
    expected = network.logits(signals).numpy()
    with network.computing_in(tf.bfloat16):
        found = network.forward(signals)[network.logits_stage].value
    assert found.dtype == tf.bfloat16
    np.testing.assert_allclose(tf.cast(found, tf.float32), expected, atol=0.1 * np.abs(expected).max())
    np.testing.assert_array_equal(network.logits(signals), expected)  # as it was, afterwards


def test_two_devices_train_as_one(tmp_path):
    """Each takes half of every batch, and together they step as one device does with all of it.

    The halves are summed in another order, which rounds differently, and the steps are so large that
    every difference grows: one in the last bit of the first weights to 2e-7 after the 8 steps here
    (and to 2.5e-6 after 24). A learning rate that is off by a hundredth moves weights by over 1e-3.
    """
    program = f"""
import pathlib, sys
sys.path.insert(0, {str(_ROOT)!r})
import numpy as np, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from tests.builders import small_training as t

def run(strategy, name):
    with strategy.scope():
        # Neither dropout nor batch moments, which differ between the halves.
        network, optimizer = t.Plain(hidden=False), tf.keras.optimizers.SGD(0.5, momentum=0.9)
        training = t.training_plan(network, 1, schedule=lambda step: 0.5, weight_decay=0.01, clip_norm=1.0)
        folder = pathlib.Path({str(tmp_path)!r}) / name
        t.loop.train(network, optimizer, training, folder, {{}}, progress=False)
        return {{name: v.numpy() for name, v in network.weights.items()}}

one = run(tf.distribute.get_strategy(), "one")
two = run(tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]), "two")
assert np.abs(one["hidden/kernel"] - t.Plain().weights["hidden/kernel"].numpy()).max() > 0.05
for name in one:
    np.testing.assert_allclose(two[name], one[name], rtol=0, atol=1e-5)
print("equal")
"""
    result = binaries.run_program(program)
    assert result.stdout.strip().endswith("equal"), result.stderr[-3000:]


def test_moving_moments_of_two_devices_are_averaged(tmp_path):
    program = f"""
import pathlib, sys
sys.path.insert(0, {str(_ROOT)!r})
import numpy as np, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from tests.builders import small_training as t
with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
    network, outcome = t.train(pathlib.Path({str(tmp_path)!r}), 6)
    assert outcome.metrics["accuracy"] > 0.9, outcome
    assert np.abs(network.weights["norm/moving_mean"].numpy()).max() > 0.01
print("learned")
"""
    result = binaries.run_program(program)
    assert result.stdout.strip().endswith("learned"), result.stderr[-3000:]
