"""Faster ways to compute: in bfloat16 or by a faster front end for a while, or with folded kernels."""

import functools
import logging

import numpy as np
import pytest
import tensorflow as tf

import model_metamers as mm
from model_metamers.frontends.cochleagram import cochleagram
from model_metamers.frontends.fast_cochleagram import fast_cochleagram
from model_metamers.networks import layers, ways
from model_metamers.networks.deepspeech import DeepSpeech
from model_metamers.networks.vggish import VGGish
from model_metamers.synthesis.matching import loss_and_gradient
from tests.conftest import make_tiny_vgg, make_tiny_word_cnn
from tests.goldens import seeded_sounds
from tests.networks.test_slim_networks import small_slim_network

_FAMILIES = {
    "vgg": (make_tiny_vgg, "conv3_4"),
    "inception": (lambda: small_slim_network("inception"), "Mixed_5b"),
    "resnet": (lambda: small_slim_network("resnet"), "block2"),
    "mobilenet": (lambda: small_slim_network("mobilenet"), "Conv2d_3_pointwise"),
    "word": (make_tiny_word_cnn, "conv_2"),
    "cochleagram": (lambda: mm.cochleagram_view(make_tiny_word_cnn()), "conv_2"),
    "vggish": (lambda: VGGish(widths=(3, 4, 5, 6), fc_width=8, embedding_size=7), "conv3"),
    "deepspeech": (lambda: DeepSpeech(hidden=12, num_samples=4000), "rnn_output"),
}


@functools.cache
def seeded(family: str) -> mm.Network:
    network = _FAMILIES[family][0]()
    network.initialize(0)
    if family == "vggish":  # its own start is so small that all activations vanish
        network.set_weights({n: seeded_sounds.weight(n, tuple(v.shape)) for n, v in network.weights.items()})
    return network


def signals_of(network: mm.Network) -> tf.Tensor:
    """Two signals between 0.1 and 0.9, or two sounds of noise."""
    drawn = np.random.RandomState(0).uniform(0.1, 0.9, [2, *network.signal.shape])
    return tf.constant(drawn - 0.5 if network.signal.kind == "sound" else drawn, tf.float32)


@pytest.mark.parametrize("family", sorted(_FAMILIES.keys() - {"inception"}))
def test_every_family_drafts_in_bfloat16_and_its_loss_and_gradient_are_nearly_the_same(family):
    network, layer = seeded(family), _FAMILIES[family][1]
    mm.SynthesisConfig(precision="bfloat16").for_network(network)
    signals = signals_of(network)
    wanted = tf.constant(0.1)
    exact = loss_and_gradient(network, layer, "linear", signals, wanted)
    with network.drafting("bfloat16"):
        assert network.forward(signals)[layer].value.dtype == tf.bfloat16
        loss, gradient = loss_and_gradient(network, layer, "linear", signals, wanted)
    assert loss.dtype == gradient.dtype == tf.float32
    np.testing.assert_allclose(loss, exact[0], rtol=0.05)
    assert np.corrcoef(gradient.numpy().ravel(), exact[1].numpy().ravel())[0, 1] > 0.99
    np.testing.assert_array_equal(loss_and_gradient(network, layer, "linear", signals, wanted)[0], exact[0])


def test_front_end_in_use_is_exact_but_while_a_draft_lasts():
    network = seeded("word")
    with network.drafting(frontend="fast"):
        assert network.frontend_in_use == "fast"
        assert all(isinstance(v, tf.Variable) for v in network.weights.values())
    assert network.frontend_in_use == "exact"
    with pytest.raises(ZeroDivisionError), network.drafting("bfloat16", "fast"):
        raise ZeroDivisionError
    assert network.frontend_in_use == "exact"
    assert all(isinstance(v, tf.Variable) for v in network.weights.values())


def test_a_draft_hears_by_the_fast_front_end():
    network = seeded("word")
    signals = signals_of(network)
    for frontend, front_end in (("fast", fast_cochleagram), ("exact", cochleagram)):
        with network.drafting(frontend=frontend):
            heard = network.forward(signals)["cochleagram"].value
        np.testing.assert_array_equal(heard, front_end(signals, network.frontend))
    assert not np.array_equal(fast_cochleagram(signals, network.frontend), heard)


@pytest.mark.parametrize("family", ["vgg", "resnet", "vggish", "deepspeech", "cochleagram"])
def test_a_fast_front_end_is_refused_where_there_is_no_cochleagram_to_compute(family):
    with pytest.raises(mm.InputError, match=r"frontend=fast: .* does not hear by a cochleagram"):
        mm.SynthesisConfig(frontend="fast").for_network(seeded(family))
    mm.SynthesisConfig(frontend="fast").for_network(seeded("word"))


class OwnNetwork(mm.Network):
    """One layer, computed as `product` says from the signals and the network."""

    def __init__(self, product):
        super().__init__("own", mm.SignalSpec("image", (4, 4, 3), 0.0, 1.0), ["logits"], ["a", "b"])
        self.kernel = self.add_weight("kernel", [4, 4, 3, 2], layers.initializer("ones"))
        self.product = product

    def forward(self, signals, training=False):
        return {"logits": mm.Stage(self.product(signals, self))}


def keras_model() -> mm.Network:
    inner = tf.keras.layers
    model = tf.keras.Sequential([inner.Input((4, 4, 3)), inner.Flatten(name="flat"), inner.Dense(2)])
    return mm.from_keras(model, ["flat"], mm.SignalSpec("image", (4, 4, 3), 0.0, 1.0))


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: OwnNetwork(lambda x, own: tf.nn.conv2d(x, own.weights["kernel"], 1, "VALID")), "bfloat16"),
        (lambda: OwnNetwork(lambda x, own: tf.nn.conv2d(x, own.kernel, 1, "VALID")), "from `weights`"),
        (lambda: OwnNetwork(lambda x, own: x[:, 0, 0] @ own.weights["kernel"][0, 0]), "cast what"),
        (keras_model, "from `weights`"),
    ],
)
def test_a_network_that_cannot_compute_in_bfloat16_is_refused_in_one_line(make, reason):
    with pytest.raises(mm.InputError, match=f"precision=bfloat16: .*{reason}.*precision=float32") as refusal:
        mm.SynthesisConfig(precision="bfloat16").for_network(make())
    assert "\n" not in str(refusal.value)


def test_drafts_stand_in_the_identity_and_in_the_record_only_where_there_are_some():
    plain, draft = mm.SynthesisConfig(), mm.SynthesisConfig(precision="bfloat16", frontend="fast")
    for values in (plain.identity(), plain.values()):
        assert "precision" not in values and "frontend" not in values
    for values in (draft.identity(), draft.values()):
        assert (values["precision"], values["frontend"]) == ("bfloat16", "fast")
    assert plain.draft_iterations == 0


@pytest.mark.parametrize(
    ("iterations", "drafts"), [(1, 0), (2, 1), (10, 9), (11, 9), (20, 18), (15000, 13500)]
)
def test_the_last_tenth_is_exact_and_at_least_one_iteration(iterations, drafts):
    assert mm.SynthesisConfig(iterations=iterations, precision="bfloat16").draft_iterations == drafts


@pytest.mark.parametrize(("slowness", "lines"), [(0.5, 0), (1.5, 1), (12.0, 1)])
def test_one_line_tells_where_the_machine_is_slower_in_bfloat16(monkeypatch, caplog, slowness, lines):
    monkeypatch.setattr(ways, "_slowness", lambda precision: slowness)
    with caplog.at_level(logging.INFO, logger="model_metamers"):
        mm.SynthesisConfig(precision="bfloat16").for_network(seeded("vgg"))
        mm.SynthesisConfig().for_network(seeded("vgg"))
    notes = [r.getMessage() for r in caplog.records if "precision=float32 is likely faster" in r.getMessage()]
    assert len(notes) == lines and all(f"{slowness:.1f} times as long" in note for note in notes)


def test_a_machine_that_cannot_compute_in_bfloat16_is_told_in_one_line(monkeypatch):
    def compute():
        raise tf.errors.UnimplementedError(None, None, "no convolution of this type")

    monkeypatch.setattr(ways, "_convolution", lambda dtype: compute)
    ways._slowness.cache_clear()
    try:
        with pytest.raises(mm.InputError, match=r"precision=bfloat16: TensorFlow cannot .*float32$"):
            mm.SynthesisConfig(precision="bfloat16").for_network(seeded("vgg"))
    finally:
        ways._slowness.cache_clear()


def test_how_slow_bfloat16_is_here_is_measured_once():
    measured = ways._slowness("bfloat16")
    assert 0.01 < measured < 1000 and ways._slowness("bfloat16") == measured


@pytest.mark.parametrize("family", ["resnet", "mobilenet", "inception"])
def test_folded_kernels_are_the_same_function_but_for_rounding(family):
    network = _FAMILIES[family][0]()
    network.initialize(0)
    random = np.random.RandomState(1)
    for name, variable in network.weights.items():  # moving averages as after training
        if "BatchNorm" in name or "norm/" in name:
            variable.assign(variable + random.uniform(0.1, 0.4, variable.shape))
    layer, signals, wanted = _FAMILIES[family][1], signals_of(network), tf.constant(0.1)
    exact = loss_and_gradient(network, layer, "linear", signals, wanted)
    with network.folding():
        folded = loss_and_gradient(network, layer, "linear", signals, wanted)
        assert len(network.weights) < len(network.initializers)
        with network.drafting("bfloat16"):
            assert network.forward(signals)[layer].value.dtype == tf.bfloat16
    np.testing.assert_allclose(folded[0], exact[0], rtol=1e-5)
    scale = np.abs(exact[1]).max()
    np.testing.assert_allclose(folded[1] / scale, exact[1] / scale, atol=1e-4)
    assert np.any(folded[1] != exact[1])
    np.testing.assert_array_equal(loss_and_gradient(network, layer, "linear", signals, wanted)[0], exact[0])


@pytest.mark.parametrize("family", ["vgg", "word", "cochleagram", "vggish", "deepspeech"])
def test_folding_is_refused_where_there_is_nothing_to_fold(family):
    with pytest.raises(mm.InputError, match=r"batch_norm=folded: .* has no batch normalisation"):
        mm.SynthesisConfig(batch_norm="folded").for_network(seeded(family))
