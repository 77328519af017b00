"""A sound network that begins at its cochleagram, for metamers made there.

The paper's discussion (section 5, Figure S9) says that metamers whose cochleagram was
optimised, rather than the sound, are less recognisable to a network trained from another
seed. It says no more, so the rest is inferred here. The search, its learning rate, loss and
number of steps are those for sounds. What is optimised is the stage "cochleagram", after its
compression, as the network reads it. The search starts from the cochleagram of the noise that a
search for a sound would start from. Values below zero are set to zero after each step, as images
are kept in their range. The result need not be the cochleagram of any sound, so there is no sound
to listen to.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from model_metamers.errors import InputError
from model_metamers.networks.auditory_cnn import AuditoryCNN
from model_metamers.networks.layers import Training
from model_metamers.networks.names import view_name
from model_metamers.networks.network import Network
from model_metamers.networks.stage import Stage
from model_metamers.signals.spec import SignalSpec


def cochleagram_view(network: Network, signal: SignalSpec | None = None) -> Network:
    """A network that takes cochleagrams in place of sounds; it shares the given network's variables.

    Args:
      network: an auditory CNN that has its weights.
      signal: what the cochleagrams to be judged are, for example those of a stored metamer; None
        leaves them unchecked.

    Returns:
      A network named "<network>@cochleagram" whose signals are [filters, frames, 1]
      cochleagrams, at least 0. Stages, layers and classes are the network's.

    Raises:
      InputError: the network has no cochleagram, or `signal` is of cochleagrams made by another
        front end, whose values mean something else.

    Example:
      >>> import model_metamers as mm
      >>> view = cochleagram_view(mm.load_network("word_reduced_aliasing_small"))
      >>> view.name, view.signal.kind
      ('word_reduced_aliasing_small@cochleagram', 'cochleagram')
    """
    if not isinstance(network, AuditoryCNN):
        raise InputError(f"{network.name} has no cochleagram to begin at; choose a network that hears by one")
    view = _CochleagramView(network)
    if signal is not None and signal != view.signal:
        raise InputError(
            f"{network.name} cannot judge this {signal.kind}, which is not made as its own cochleagrams "
            f"are ({_differences(signal, view.signal)}); choose a network with the same front end"
        )
    return view


def to_cochleagram(network: Network, sound: np.ndarray) -> np.ndarray:
    """The cochleagram of a sound, bit for bit as the network itself computes it.

    Args:
      network: an auditory CNN.
      sound: [samples] at the network's rate and length.

    Returns:
      float32 [filters, frames, 1].
    """
    batch = network.signal.check(sound, "sound")
    return network.activations(batch, ["cochleagram"])["cochleagram"][0].numpy()


class _CochleagramView(Network):
    """See `cochleagram_view`."""

    leaks = True

    def __init__(self, network: AuditoryCNN):
        frames = network.frontend.num_frames(network.signal.shape[0])
        shape = (network.frontend.num_filters, frames, 1)
        super().__init__(
            name=view_name(network.name),
            signal=SignalSpec("cochleagram", shape, 0.0, np.inf, frontend=network.frontend),
            layers=network.layers,
            classes=network.classes,
            learning_rate=network.learning_rate,
        )
        self._network = network
        self.weights, self.initializers = network.weights, network.initializers
        self.checkpoint_digest = network.checkpoint_digest
        self.checkpoint_place = network.checkpoint_place
        self.answers_with_texts = network.answers_with_texts

    @property
    def logits_stage(self) -> str:
        return self._network.logits_stage

    def forward(self, signals: tf.Tensor, training: Training = False) -> dict[str, Stage]:
        """Stages from "cochleagram" to "logits" of [batch, filters, frames, 1] cochleagrams."""
        return self._network.forward_cochleagram(signals, training)

    @contextlib.contextmanager
    def computing_in(self, dtype: tf.DType) -> Iterator[None]:
        with self._network.computing_in(dtype):
            yield

    def label(self, logits: np.ndarray) -> list[tuple[int | None, str]] | None:
        return self._network.label(logits)


def _differences(given: SignalSpec, own: SignalSpec) -> str:
    """How given cochleagrams differ from those that a network makes, for a message."""
    values: dict[str, tuple] = {"shape": (given.shape, own.shape)}
    if given.frontend and own.frontend:
        names = [field.name for field in dataclasses.fields(own.frontend)]
        values |= {name: (getattr(given.frontend, name), getattr(own.frontend, name)) for name in names}
    return ", ".join(f"{name} {a}, not {b}" for name, (a, b) in values.items() if a != b)
