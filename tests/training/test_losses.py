"""What training minimises, against the formulas written out in float64."""

import numpy as np
import pytest
import tensorflow as tf

from model_metamers.frontends.decimated import decimated_cochleagram
from model_metamers.networks.auditory_cnn import AuditoryCNN, word_architecture
from model_metamers.networks.inception import InceptionV3
from model_metamers.networks.tasks import AUDIOSET_TASK, WORD_TASK
from model_metamers.signals.cochleagram_config import CochleagramConfig
from model_metamers.training import losses
from model_metamers.training.recipes import RECIPES

_WORDS = np.array([0, 1, 2, 5])
_SOUNDS = np.array([[0, 1, 0], [1, 1, 0], [0, 0, 1], [0, 0, 0]], np.float64)  # several labels, one, none


@pytest.fixture(scope="module")
def both_tasks() -> AuditoryCNN:
    """A tiny network of both tasks whose logits lie apart, from class to class and from sound to sound."""
    network = AuditoryCNN(
        "both_tiny",
        word_architecture(True, (3, 4, 4, 5, 4), 8, {WORD_TASK: 6, AUDIOSET_TASK: 3}),
        ("conv_2",),
        [f"word_{i}" for i in range(6)],
        CochleagramConfig(sample_rate=4000, num_filters=31, high_hz=1800.0, window_size=201),
        num_samples=1000,
    )
    network.initialize(0)
    random = np.random.RandomState(0)
    kernel = network.weights["brain_network/fc_intermediate/kernel"]
    kernel.assign(1e5 * kernel)
    for stage, classes in network.tasks.values():
        network.weights[f"brain_network/{stage}/bias"].assign(2 * random.randn(classes))
    return network


def logits(network: AuditoryCNN, sounds: np.ndarray) -> dict[str, np.ndarray]:
    """Float64 [sounds, classes] by task."""
    stages = {task: stage for task, (stage, _) in network.tasks.items()}
    found = network.activations(sounds, list(stages.values()))
    values = {task: found[stage].numpy().astype(np.float64) for task, stage in stages.items()}
    assert all(z.std(axis=0).min() > 0.05 and z.std(axis=1).min() > 0.3 for z in values.values())
    return values


def word_loss(z: np.ndarray, labels: np.ndarray, smoothing: float = 0.0) -> float:
    """Cross-entropy: of each label 1 - smoothing is its own, and smoothing is spread over all classes."""
    logs = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    own = logs[np.arange(len(z)), labels]
    return -np.mean((1 - smoothing) * own + smoothing * logs.mean(axis=1))


def sounds_loss(z: np.ndarray, labels: np.ndarray) -> float:
    """Each class is there or not for itself: sigmoids, mean over examples and classes."""
    there = 1 / (1 + np.exp(-z))
    return -np.mean(labels * np.log(there) + (1 - labels) * np.log(1 - there))


def found_loss(network, sounds, weights, **settings) -> float:
    labels = {WORD_TASK: tf.constant(_WORDS, tf.int64), AUDIOSET_TASK: tf.constant(_SOUNDS, tf.float32)}
    return float(losses.tasks(weights, **settings)(network, tf.constant(sounds), labels, False))


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_labels_of_words_are_smoothed(both_tasks, small_sounds, smoothing):
    expected = word_loss(logits(both_tasks, small_sounds)[WORD_TASK], _WORDS, smoothing)
    found = found_loss(both_tasks, small_sounds, {WORD_TASK: 1.0}, label_smoothing=smoothing)
    assert found == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_backgrounds_are_told_one_by_one_and_not_smoothed(both_tasks, small_sounds, smoothing):
    expected = sounds_loss(logits(both_tasks, small_sounds)[AUDIOSET_TASK], _SOUNDS)
    found = found_loss(both_tasks, small_sounds, {AUDIOSET_TASK: 1.0}, label_smoothing=smoothing)
    assert found == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("weights", [(1.0, 1.0), (3.0, 0.5), (0.25, 2.0)])
def test_losses_of_both_tasks_are_added_by_their_weights(both_tasks, small_sounds, weights):
    own = logits(both_tasks, small_sounds)
    expected = weights[0] * word_loss(own[WORD_TASK], _WORDS) + weights[1] * sounds_loss(
        own[AUDIOSET_TASK], _SOUNDS
    )
    found = found_loss(both_tasks, small_sounds, dict(zip((WORD_TASK, AUDIOSET_TASK), weights, strict=True)))
    assert found == pytest.approx(expected, rel=1e-4)


def test_decimation_is_that_of_the_front_end(both_tasks, small_sounds):
    stage = both_tasks.tasks[WORD_TASK][0]
    heard = decimated_cochleagram(tf.constant(small_sounds), both_tasks.frontend, 2)
    z = both_tasks.forward_cochleagram(heard)[stage].value.numpy().astype(np.float64)
    found = found_loss(both_tasks, small_sounds, {WORD_TASK: 1.0}, decimation=2)
    assert found == pytest.approx(word_loss(z, _WORDS), rel=1e-5)
    exact = found_loss(both_tasks, small_sounds, {WORD_TASK: 1.0})
    assert found != pytest.approx(exact, rel=1e-6)  # the two front ends do differ


def test_recipes_smooth_labels_where_their_source_does():
    """Szegedy et al. 2016, section 7: 0.1; the others' sources know no smoothing."""
    smoothed = {name: recipe.label_smoothing for name, recipe in RECIPES.items() if recipe.label_smoothing}
    assert smoothed == {"inception_v3": 0.1, "small_sounds": 0.1}


def test_tasks_share_the_network_by_weight(tiny_word_cnn, small_sounds):
    labels = {"/stimuli/word_int": tf.constant([0, 1, 2, 3], tf.int64)}
    once = losses.tasks({"/stimuli/word_int": 1.0})(tiny_word_cnn, tf.constant(small_sounds), labels, False)
    twice = losses.tasks({"/stimuli/word_int": 2.0})(tiny_word_cnn, tf.constant(small_sounds), labels, False)
    logits = tiny_word_cnn.logits(small_sounds).numpy()
    expected = np.mean(np.log(np.exp(logits).sum(axis=1)) - logits[range(4), range(4)])
    assert float(once) == pytest.approx(expected, rel=1e-4) and float(twice) == pytest.approx(
        2 * expected, rel=1e-4
    )


def test_label_smoothing_and_auxiliary_loss(small_images):
    network = InceptionV3("i", ["a", "b", "c"], depth_multiplier=0.05, image_size=107, aux_logits=True)
    network.initialize(0)
    images, labels = tf.random.uniform([2, 107, 107, 3]), tf.constant([0, 2])
    stages = network.forward(images)

    def entropy(stage, smoothing):
        logs = tf.nn.log_softmax(stages[stage].value).numpy()
        wanted = np.eye(3)[[0, 2]] * (1 - smoothing) + smoothing / 3
        return -np.mean(np.sum(wanted * logs, axis=1))

    found = float(losses.classification(0.1, 0.4)(network, images, labels, False))
    assert found == pytest.approx(entropy("Logits", 0.1) + 0.4 * entropy("AuxLogits", 0.1), rel=1e-4)
