"""A network whose search diverges where the learning rate is too high for a target."""

import numpy as np
import tensorflow as tf

import model_metamers as mm
from model_metamers.criteria.null import BINS, LayerNull, NullDistribution

LIMIT = 0.8
SHAPE = (4, 4, 3)
# Steps of Adam are about as long as this, whatever the gradient: a few lead from the noise to a target.
RATE = 0.02


class Logarithm(mm.Network):
    """log(0.8 - pixel), which is no number beyond 0.8; it names the brightest colour."""

    def __init__(self):
        signal = mm.SignalSpec("image", SHAPE, 0.0, 1.0)
        super().__init__("logarithm", signal, ("log", "logits"), ("red", "green", "blue"))
        self.checkpoint_digest = "none"

    def forward(self, signals, training=False):
        del training
        return {
            "log": mm.Stage(tf.math.log(LIMIT - signals)),
            "logits": mm.Stage(tf.reduce_mean(signals, axis=[1, 2])),
        }


def targets(count: int, diverging: int | None = None) -> np.ndarray:
    """Pictures [count, 4, 4, 3] that the search reaches, but for one at the limit, which it overshoots."""
    pictures = np.random.RandomState(0).uniform(0.3, 0.6, [count, *SHAPE]).astype(np.float32)
    if diverging is not None:
        pictures[diverging] = LIMIT - 1e-3
    return pictures


def null_of(maximum: float, layer: str = "log") -> NullDistribution:
    """A null distribution of the network with this maximum at one layer."""
    counts = np.zeros(len(BINS) - 1, np.int64)
    rho = LayerNull(counts, -1.0, maximum, 0.0, 0, 1.0, maximum, maximum)
    return NullDistribution("logarithm", "none", {layer: rho}, "all_pairs")
