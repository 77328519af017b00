"""DeepSpeech against its release's graph, its LSTM, its alphabet and its transcripts."""

import functools
import math
import pathlib

import numpy as np
import pytest
import tensorflow as tf

import model_metamers as mm
from model_metamers import InputError, criteria, weights
from model_metamers.criteria.null import LayerNull
from model_metamers.frontends.mfcc import MfccConfig
from model_metamers.networks import deepspeech
from model_metamers.networks.deepspeech import DeepSpeech
from model_metamers.synthesis import starts
from tests.builders import tf1_audio, tf1_graph
from tests.builders.tf1_checkpoints import write_tf1_checkpoint
from tests.goldens import seeded_sounds

_GOLDEN = pathlib.Path(__file__).parents[1] / "goldens" / "deepspeech.npz"
_LAYERS = ("layer_1", "layer_2", "layer_3", "rnn_output", "layer_5", "logits")


@functools.cache
def _seeded():
    network = DeepSpeech()
    network.set_weights({n: seeded_sounds.weight(n, tuple(v.shape)) for n, v in network.weights.items()})
    return network


def _tiny(**values):
    network = DeepSpeech("deepspeech_tiny", hidden=12, **values)
    network.initialize(0)
    return network


def _sounds():
    sounds = seeded_sounds.sounds()
    return np.stack([sounds["harmonic"], sounds["noise"]])


@functools.cache
def _stages():
    return _seeded().forward(tf.constant(_sounds()))


@functools.cache
def _activations():
    return {layer: _stages()[layer].output.numpy() for layer in _LAYERS}


def test_stages_layers_and_variables():
    network = DeepSpeech()
    assert network.stages == ("mfcc", *_LAYERS) and network.layers == _LAYERS
    assert network.learning_rate == 0.0001 and network.logits_stage == "logits"
    assert network.stage_shapes["layer_3"] == (None, 100, 2048)
    assert network.stage_shapes["logits"] == (None, 100, 29)
    # docs/sources.md 4b: names and shapes of the release's checkpoint.
    assert {name: tuple(v.shape) for name, v in network.weights.items()} == {
        "h1": (494, 2048),
        "b1": (2048,),
        "h2": (2048, 2048),
        "b2": (2048,),
        "h3": (2048, 2048),
        "b3": (2048,),
        "lstm_fused_cell/kernel": (4096, 8192),
        "lstm_fused_cell/bias": (8192,),
        "h5": (2048, 2048),
        "b5": (2048,),
        "h6": (2048, 29),
        "b6": (29,),
    }


@pytest.mark.parametrize("stage", _LAYERS)
def test_stages_equal_the_releases_graph(stage):
    golden = np.load(_GOLDEN)
    summary = seeded_sounds.summary(stage, _activations()[stage])
    largest = golden[f"{stage}/totals"][0]
    np.testing.assert_array_equal(summary[f"{stage}/shape"], golden[f"{stage}/shape"])
    np.testing.assert_allclose(summary[f"{stage}/values"], golden[f"{stage}/values"], atol=1e-4 * largest)
    np.testing.assert_allclose(summary[f"{stage}/totals"], golden[f"{stage}/totals"], rtol=1e-4)


def test_gradient_equals_the_releases_graph():
    golden = np.load(_GOLDEN)
    waveforms = tf.constant(_sounds())
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(waveforms)
        loss = tf.nn.l2_loss(_seeded().forward(waveforms)["logits"].output)
    gradient = tape.gradient(loss, waveforms).numpy()
    expected = golden["gradient/values"]
    found = seeded_sounds.summary("gradient", gradient, len(expected))["gradient/values"]
    assert np.linalg.norm(found - expected) < 1e-3 * np.linalg.norm(expected)
    assert np.abs(gradient).max() == pytest.approx(golden["gradient/totals"][0], rel=1e-3)


def test_transcripts_equal_tensorflows_greedy_decoder():
    expected = ["".join(deepspeech.ENGLISH[i] for i in row if i >= 0) for row in np.load(_GOLDEN)["labels"]]
    assert _seeded().label(_activations()["logits"]) == [(None, text) for text in expected]


def test_clipped_relus_have_both_bounds_and_the_linear_gradient():
    stages = _stages()
    for name in ("layer_1", "layer_2", "layer_3", "layer_5"):
        assert stages[name].relu and stages[name].ceiling == 20.0
    values = stages["layer_1"].value
    assert values.numpy().min() < 0 and values.numpy().max() > 20
    with tf.GradientTape() as tape:
        tape.watch(values)
        output = mm.Stage(values, relu=True, ceiling=20.0).linear_gradient_output
    assert output.numpy().min() == 0 and output.numpy().max() == 20
    assert (tape.gradient(output, values).numpy() == 1).all()


@pytest.mark.parametrize(("batch", "frames", "inputs", "units"), [(1, 7, 5, 5), (3, 20, 6, 4)])
def test_lstm_equals_block_lstm(batch, frames, inputs, units):
    random = np.random.RandomState(0)
    x = random.randn(batch, frames, inputs).astype(np.float32)
    kernel = random.randn(inputs + units, 4 * units).astype(np.float32)
    bias = random.randn(4 * units).astype(np.float32)
    zeros, none = tf.zeros([batch, units]), tf.zeros([units])

    def block_lstm(x):
        found = tf.raw_ops.BlockLSTM(
            seq_len_max=tf.constant(frames, tf.int64),
            x=tf.transpose(x, [1, 0, 2]),
            cs_prev=zeros,
            h_prev=zeros,
            w=kernel,
            wci=none,
            wcf=none,
            wco=none,
            b=bias,
            forget_bias=1.0,
            cell_clip=-1.0,
            use_peephole=False,
        )
        return tf.transpose(found.h, [1, 0, 2])

    def with_gradient(function):
        waves = tf.constant(x)
        with tf.GradientTape() as tape:
            tape.watch(waves)
            found = function(waves)
            loss = tf.nn.l2_loss(found)
        return found.numpy(), tape.gradient(loss, waves).numpy()

    found, gradient = with_gradient(lambda x: deepspeech.lstm(x, tf.constant(kernel), tf.constant(bias)))
    expected, expected_gradient = with_gradient(block_lstm)
    assert found.shape == (batch, frames, units)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_allclose(gradient, expected_gradient, atol=1e-6)


def test_context_is_in_time_order_between_zeros():
    features = np.arange(1, 11, dtype=np.float32).reshape(1, 5, 2)
    found = deepspeech.with_context(tf.constant(features), 2).numpy()
    assert found.shape == (1, 5, 10)
    np.testing.assert_array_equal(found[0, 0], [0, 0, 0, 0, 1, 2, 3, 4, 5, 6])
    np.testing.assert_array_equal(found[0, 2], np.arange(1, 11))
    np.testing.assert_array_equal(found[0, 4], [5, 6, 7, 8, 9, 10, 0, 0, 0, 0])


@pytest.mark.parametrize(
    ("classes", "text"),
    [("aab", "ab"), ("a_ab", "aab"), ("__ab__", "ab"), ("___", ""), ("abba", "aba"), ("a_bb_b", "abb")],
)
def test_greedy_transcript(classes, text):
    logits = np.eye(3)[["ab_".index(c) for c in classes]]
    assert deepspeech.greedy_transcript(logits, "ab") == text


def test_same_class_is_the_same_transcript():
    network = _tiny()
    same = criteria.measure(network, *_sounds()[[0, 0]])
    assert same.same_class and same.target_label is None and isinstance(same.target_class, str)
    texts = iter(["yes", "no"])
    network.label = lambda logits: [(None, next(texts)) for _ in logits]
    other = criteria.measure(network, *_sounds()[[0, 0]])
    found = LayerNull(np.ones(1, int), -0.1, 0.5, 0.2, 0, math.nan, math.nan, math.nan)
    null = mm.NullDistribution(network.name, "", {"layer_1": found}, "blocks")
    verdict = criteria.verdict_on(other, "layer_1", null)
    assert not verdict.passes and verdict.reasons == ("class no, the target's is yes",)
    assert criteria.class_text("") == "(nothing)"


def test_alphabet_file(tmp_path):
    path = tmp_path / "alphabet.txt"
    path.write_text("# comment\n \na\n\\#\n# another\nü\n'\n# the end\n", encoding="utf-8")
    assert deepspeech.read_alphabet(path) == (" ", "a", "#", "ü", "'")
    path.write_text("# no line's end after the last\na\nb", encoding="utf-8")
    assert deepspeech.read_alphabet(path) == ("a", "b")
    network = DeepSpeech(hidden=4, alphabet=deepspeech.read_alphabet(path))
    assert network.weights["h6"].shape == (4, 3)
    assert len(deepspeech.ENGLISH) == 28


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a\n\nb\n", "one character a line, got ''"),
        (b"a\nbc\n", "got 'bc'"),
        (b"a\n" + b"b" * 2000, "got 'b{20}'"),
        (b"a\na\n", "distinct characters"),
        (b"# nothing\n", "distinct characters, got 0"),
        (b"a\n\xff\n", r"alphabet.txt:2: no utf-8 text"),
        (None, "cannot be read"),
    ],
)
def test_spoilt_alphabets_are_refused(tmp_path, content, message):
    path = tmp_path / "alphabet.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        deepspeech.read_alphabet(path)


def test_checkpoint_loads_by_name(tmp_path):
    network = _tiny()
    values = {
        n: np.arange(v.shape.num_elements(), dtype=np.float32).reshape(v.shape) / 100
        for n, v in network.weights.items()
    }
    values_there = {**values, "global_step": np.array(3.0, np.float32), "h1/Adam": values["h1"]}
    loaded = weights.restore(network, write_tf1_checkpoint(tmp_path / "model.v0.4.1", values_there))
    assert loaded.complete and loaded.unused == ("global_step", "h1/Adam")
    for name, value in values.items():
        np.testing.assert_array_equal(network.weights[name].numpy(), value)


def test_front_end_of_v05_and_a_search_through_the_lstm():
    """Half a second, since the gradient through each unrolled step of the LSTM has to be compiled."""
    assert MfccConfig("v0.5").num_frames(32000) == 99
    network = _tiny(mfcc=MfccConfig("v0.5"), num_samples=8000)
    assert network.stage_shapes["logits"] == (None, 24, 29)
    config = mm.SynthesisConfig(iterations=20, log_every=1)
    metamers = mm.synthesize(network, "rnn_output", _sounds()[:, :8000], config, progress=False)
    for metamer in metamers:
        assert metamer.config.learning_rate == 0.0001
        assert metamer.loss[-1] < metamer.loss[0]


@pytest.mark.slow
def test_search_goes_as_that_of_a_tensorflow_1_graph():
    network = DeepSpeech()
    network.initialize(0)
    target = tf1_graph.speech_like(32000, 16000)[np.newaxis]
    start = starts.start(network.signal, seed=0)[np.newaxis]

    def find(signal, weight):
        features = tf1_audio.mfcc(tf.cast(signal, tf.float64))
        return tf1_audio.deepspeech(tf.cast(features, tf.float32), weight, "layer_3")

    config = mm.SynthesisConfig(iterations=60)
    tf1_graph.check_steps(network, "layer_3", config, find, target, start, fall=0.5)
