"""A training that takes a second: a network of one hidden layer tells bright images from dark ones."""

import numpy as np
import tensorflow as tf

import model_metamers as mm
from model_metamers.networks import layers
from model_metamers.training import evaluation, loop, losses, plan, schedules

SETTINGS = {"command": ["--seed=0"]}


class Plain(mm.Network):
    """One hidden layer with batch normalisation and dropout, or without them two products alone."""

    def __init__(self, hidden: bool = True):
        super().__init__("plain", mm.SignalSpec("image", (4, 4, 3), 0.0, 1.0), ["logits"], ["dark", "bright"])
        self._hidden = hidden
        glorot, zeros, ones = (layers.initializer(kind) for kind in ("glorot_uniform", "zeros", "ones"))
        self.add_weight("hidden/kernel", [48, 16], glorot)
        self.add_weight("norm/beta", [16], zeros)
        self.add_weight("norm/moving_mean", [16], zeros, trainable=False)
        self.add_weight("norm/moving_variance", [16], ones, trainable=False)
        self.add_weight("top/kernel", [16, 2], glorot)
        self.initialize(0)

    def forward(self, signals, training=False):
        kernel = self.weights["hidden/kernel"]
        x = tf.cast(tf.reshape(signals, [-1, 48]), kernel.dtype) @ kernel
        if self._hidden:
            norm = [self.weights[f"norm/{part}"] for part in ("beta", "moving_mean", "moving_variance")]
            x = tf.nn.relu(layers.batch_norm(x, None, *norm, training, momentum=0.9))
            x = layers.dropout(x, 0.2, training, "hidden")
        return {"logits": mm.Stage(tf.cast(x, kernel.dtype) @ self.weights["top/kernel"])}


def bright_and_dark(count: int = 64) -> tuple[np.ndarray, np.ndarray]:
    """Noise images float32 [count, 4, 4, 3], every second one brighter, and their labels."""
    random = np.random.RandomState(0)
    labels = np.arange(count) % 2
    return np.clip(random.rand(count, 4, 4, 3) * 0.5 + labels[:, None, None, None] * 0.2, 0, 1).astype(
        np.float32
    ), labels


def training_plan(network, epochs: int, **changes) -> plan.TrainingPlan:
    """A plan to tell bright images from dark ones; `changes` replace its values."""
    images, labels = bright_and_dark()

    def batches(epoch, first):
        order = np.random.RandomState(epoch).permutation(len(images))
        return tf.data.Dataset.from_tensor_slices((images[order], labels[order])).batch(8).skip(first)

    def evaluate():
        return {"accuracy": evaluation.accuracy(network.logits(images).numpy(), labels)}

    values = dict(
        batches=batches,
        steps_per_epoch=8,
        num_epochs=epochs,
        objective=losses.classification(),
        schedule=schedules.warmup_cosine(1e-2, 8 * 60),
        evaluate=evaluate,
    )
    return plan.TrainingPlan(**{**values, **changes})


def train(folder, epochs: int, **changes):
    network = Plain()
    optimizer = tf.keras.optimizers.Adam(1e-2)
    outcome = loop.train(
        network, optimizer, training_plan(network, epochs, **changes), folder, SETTINGS, progress=False
    )
    return network, outcome


def values_of(network) -> dict[str, np.ndarray]:
    return {name: variable.numpy() for name, variable in network.weights.items()}


def assert_same_weights(ours, expected):
    for name, value in values_of(expected).items():
        np.testing.assert_array_equal(ours.weights[name].numpy(), value, err_msg=name)
