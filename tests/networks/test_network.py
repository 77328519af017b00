"""What every network shares: of its stages, only what is asked for is computed."""

import numpy as np
import pytest
import tensorflow as tf

import model_metamers as mm
from model_metamers.synthesis.search import Search


class Counting(mm.Network):
    """Three stages; the last two write down that they were computed."""

    def __init__(self):
        super().__init__("counting", mm.SignalSpec("image", (4, 4, 3), 0.0, 1.0), ["a", "b", "logits"], ["x"])
        self.computed = []

    def forward(self, signals, training=False):
        first = tf.reduce_sum(signals, axis=[1, 2])
        second = self._noted("b", first)
        return {
            "a": mm.Stage(first),
            "b": mm.Stage(second),
            "logits": mm.Stage(self._noted("logits", second)),
        }

    def _noted(self, name, x):
        def note(x):
            self.computed.append(name)
            return x

        noted = tf.numpy_function(note, [x], tf.float32, stateful=False)
        noted.set_shape(x.shape)
        return noted


SIGNALS = np.random.RandomState(0).rand(2, 4, 4, 3).astype(np.float32)


@pytest.mark.parametrize(
    ("asked", "computed"),
    [(["a"], []), (["b"], ["b"]), (["a", "b"], ["b"]), (["logits"], ["b", "logits"])],
)
def test_activations_compute_only_what_leads_to_the_layers_asked_for(asked, computed):
    network = Counting()
    network.activations(SIGNALS, asked)
    assert network.computed == computed


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_a_search_computes_nothing_beyond_its_layer(optimizer):
    network = Counting()
    config = mm.SynthesisConfig(iterations=5, optimizer=optimizer)
    state, finished = Search(network, "a", config).run(SIGNALS, progress=False)
    assert finished and state.step == 5 and not network.computed
