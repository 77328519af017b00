"""What training minimises (docs/sources.md 1d): functions (network, signals, labels, training) -> scalar."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import tensorflow as tf

from model_metamers.frontends.decimated import decimated_cochleagram
from model_metamers.networks.auditory_cnn import AuditoryCNN
from model_metamers.networks.layers import Training
from model_metamers.networks.network import Network
from model_metamers.networks.tasks import WORD_TASK

Objective: TypeAlias = Callable[[Any, tf.Tensor, Any, Training], tf.Tensor]
_AUX_STAGE = "AuxLogits"


def classification(label_smoothing: float = 0.0, aux_weight: float = 0.0) -> Objective:
    """Mean cross-entropy with labels int64 [batch].

    Args:
      label_smoothing: share of each label that is spread over all classes.
      aux_weight: weight of the auxiliary classifier's cross-entropy, where the network has one.
    """

    def objective(network: Network, signals: tf.Tensor, labels: tf.Tensor, training: Training) -> tf.Tensor:
        stages = network.forward(signals, training)

        def entropy(stage: str) -> tf.Tensor:
            logits = tf.cast(stages[stage].value, tf.float32)
            return tf.reduce_mean(_cross_entropy(labels, logits, label_smoothing))

        loss = entropy(network.logits_stage)
        return loss + aux_weight * entropy(_AUX_STAGE) if aux_weight and _AUX_STAGE in stages else loss

    return objective


def _cross_entropy(labels: tf.Tensor, logits: tf.Tensor, label_smoothing: float) -> tf.Tensor:
    """Cross-entropy [batch] of labels int64 [batch] and logits [batch, classes]."""
    classes = logits.shape[-1]
    wanted = tf.one_hot(labels, classes) * (1.0 - label_smoothing) + label_smoothing / classes
    return tf.nn.softmax_cross_entropy_with_logits(wanted, logits)


def tasks(weights: Mapping[str, float], decimation: int = 1, label_smoothing: float = 0.0) -> Objective:
    """Weighted sum of the losses of an auditory network's tasks.

    The loss of words is the mean cross-entropy with labels int64 [batch]. That of backgrounds is
    the sigmoid cross-entropy with labels of 0 or 1 [batch, classes], the mean over both axes.

    Args:
      weights: weight of each task; other tasks are not trained.
      decimation: decimation of the front end, see `decimated_cochleagram`; 1 for the exact one.
      label_smoothing: share of each word's label that is spread over all words.
    """

    def objective(
        network: AuditoryCNN, signals: tf.Tensor, labels: Mapping[str, tf.Tensor], training: Training
    ) -> tf.Tensor:
        if decimation > 1:
            sounds = decimated_cochleagram(signals, network.frontend, decimation)
            stages = network.forward_cochleagram(sounds, training)
        else:
            stages = network.forward(signals, training)
        total = tf.constant(0.0)
        for task, weight in weights.items():
            logits = tf.cast(stages[network.tasks[task][0]].value, tf.float32)
            if task == WORD_TASK:
                entropy = _cross_entropy(labels[task], logits, label_smoothing)
            else:
                entropy = tf.nn.sigmoid_cross_entropy_with_logits(labels[task], logits)
            total += weight * tf.reduce_mean(entropy)
        return total

    return objective
