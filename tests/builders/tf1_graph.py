"""Our search beside the same search as a TensorFlow 1 graph, which `benchmarks.references` times."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable

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
from model_metamers.networks.network import Network
from model_metamers.synthesis import adam
from model_metamers.synthesis.config import SynthesisConfig
from model_metamers.synthesis.search import Search
from model_metamers.synthesis.state import SearchState

__all__ = [
    "auditory_cnn",
    "check_steps",
    "efficientnet_lite0",
    "plain_cochleagram",
    "speech_like",
    "vgg_19",
]


def check_steps(
    network: Network,
    layer: str,
    config: SynthesisConfig,
    find: Callable[[tf.Tensor, Weights], tf.Tensor],
    target: np.ndarray,
    start: np.ndarray,
    fall: float = 1.0,
    noise: float = 1e-4,
) -> None:
    """Asserts that a search by Adam takes each of its steps as a graph does from the same state.

    Two programs that are left to themselves drift apart: where a unit's value is within rounding errors of
    a bend, they may step to either side of it, and in networks of random weights that makes some per cent
    of the loss a few steps later. So the graph takes every step anew from where the search was.

    Args:
      find: the graph's function of the layer, see `GraphSearch`.
      target, start: one each, [1, *shape].
      fall: the loss at the end is below this share of the first one.
      noise: most steps, and moments after them, are within this share of theirs of the graph's. The deeper
        a layer, the more often some unit is at a bend.
    """
    states: list[SearchState] = []
    search = Search(network, layer, dataclasses.replace(config, save_every=1))
    spec, config = network.signal, search.config
    first = SearchState.fresh(start, config.iterations, adam.fresh(start))
    search.run(target, start, save=states.append, progress=False)
    states.insert(0, first)
    losses = states[-1].losses[:, 0]
    values = {name: variable.numpy() for name, variable in network.weights.items()}
    bounds = (spec.low, spec.high) if spec.bounded else None
    deviations = []
    with GraphSearch(find, values, target, start, bounds, config.learning_rate) as graph:
        for now, after in itertools.pairwise(states):
            graph.put(now)
            before, then, there = graph.step(), graph.loss(), graph.state()
            np.testing.assert_allclose(there["beta_powers"], after.optimizer["beta_powers"], rtol=1e-6)
            deviations.append(
                {
                    "loss before a step": abs(before / losses[now.step] - 1),
                    "loss after it": abs(then / losses[after.step] - 1),
                    **{name: _apart(there[name], after, now, name) for name in ("signals", "m", "v")},
                }
            )
    largest = {name: max(one[name] for one in deviations) for name in deviations[0]}
    typical = {name: float(np.median([one[name] for one in deviations])) for name in deviations[0]}
    told = ", ".join(f"{name} {largest[name]:.1e} ({typical[name]:.1e})" for name in largest)
    print(f"{network.name} {layer}: {losses[0]:.6g} -> {losses[-1]:.6g}; largest (median) deviation: {told}")
    assert len(deviations) == config.iterations and losses[-1] < fall * losses[0]
    assert largest["loss before a step"] < 1e-4 and largest["loss after it"] < 2e-3
    assert max(typical["signals"], typical["m"], typical["v"]) < noise


def _apart(found: np.ndarray, after: SearchState, now: SearchState, name: str) -> float:
    """How far an array is from that of a state, as a share of the way that it came."""
    ours, before = after.arrays[name], now.arrays[name]
    return float(np.linalg.norm(found - ours) / np.linalg.norm(ours - before))


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
