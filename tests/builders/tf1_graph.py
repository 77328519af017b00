"""The metamer search as a TensorFlow 1 graph; see `benchmarks.references`, which times the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import scipy.signal
import tensorflow as tf

from benchmarks.references.tf1_networks import (
    Weights,
    auditory_cnn,
    efficientnet_lite0,
    plain_cochleagram,
    vgg_19,
)
from benchmarks.references.tf1_search import GraphSearch

__all__ = [
    "auditory_cnn",
    "efficientnet_lite0",
    "plain_cochleagram",
    "search_losses",
    "speech_like",
    "vgg_19",
]


def search_losses(
    find: Callable[[tf.Tensor, Weights], tf.Tensor],
    values: Mapping[str, np.ndarray],
    target: np.ndarray,
    start: np.ndarray,
    steps: int,
    bounds: tuple[float, float] | None,
    learning_rate: float = 0.001,
) -> np.ndarray:
    """Losses before each of `steps` steps of Adam and after the last one; see `GraphSearch`."""
    with GraphSearch(find, values, target, start, bounds, learning_rate) as search:
        return np.array([*(search.step() for _ in range(steps)), search.loss()])


def speech_like(num_samples: int, sample_rate: int) -> np.ndarray:
    """A buzz with a falling pitch, formants and syllables over faint noise; float32 of RMS 0.1."""
    seconds = np.arange(num_samples) / sample_rate
    pitch = 140 - 30 * seconds / seconds[-1]
    buzz = scipy.signal.sawtooth(2 * np.pi * np.cumsum(pitch) / sample_rate)
    sound = np.zeros(num_samples)
    for formant, width in ((500, 80), (1500, 120), (2500, 160)):
        radius = np.exp(-np.pi * width / sample_rate)
        poles = [1, -2 * radius * np.cos(2 * np.pi * formant / sample_rate), radius**2]
        sound += scipy.signal.lfilter([1 - radius], poles, buzz)
    sound *= np.maximum(np.sin(2 * np.pi * 4 * seconds), 0)  # four syllables a second
    sound += 0.01 * sound.std() * np.random.RandomState(0).standard_normal(num_samples)
    return (0.1 * sound / np.sqrt(np.mean(sound**2))).astype(np.float32)
