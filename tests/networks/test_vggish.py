"""VGGish against the released network, its names, and a network without classes."""

import functools
import math
import pathlib

import numpy as np
import pytest
import tensorflow as tf

import model_metamers as mm
from model_metamers import InputError, criteria, runs, weights
from model_metamers.criteria.null import LayerNull
from model_metamers.networks.vggish import VGGish
from model_metamers.runs import report, verdict_table
from model_metamers.synthesis import starts
from tests.builders import tf1_audio, tf1_graph
from tests.builders.tf1_checkpoints import write_tf1_checkpoint
from tests.goldens import seeded_sounds

_GOLDEN = pathlib.Path(__file__).parents[1] / "goldens" / "vggish.npz"
_SLIM_STAGES = [
    "conv1",
    "pool1",
    "conv2",
    "pool2",
    "conv3_1",
    "conv3_2",
    "pool3",
    "conv4_1",
    "conv4_2",
    "pool4",
    "fc1_1",
    "fc1_2",
    "fc2",
]


@functools.lru_cache(maxsize=1)
def _seeded(embedding="linear"):
    network = VGGish(embedding=embedding)
    network.set_weights({n: seeded_sounds.weight(n, tuple(v.shape)) for n, v in network.weights.items()})
    return network


def _tiny(**values):
    network = VGGish("vggish_tiny", widths=(3, 4, 5, 6), fc_width=8, embedding_size=7, **values)
    network.set_weights({n: seeded_sounds.weight(n, tuple(v.shape)) for n, v in network.weights.items()})
    network.checkpoint_digest = "seeded"
    return network


def _sounds(count=2):
    sounds = seeded_sounds.sounds()
    return np.stack([sounds[name] for name in ("harmonic", "noise", "gap")[:count]])


def test_stages_and_layers():
    network = VGGish()
    blocks = {"conv3": "conv3_2", "conv4": "conv4_2", "fc1": "fc1_2"}
    assert set(network.stages) == {"log_mel", *_SLIM_STAGES, *blocks}
    assert [stage for stage in network.stages if stage in _SLIM_STAGES] == _SLIM_STAGES
    assert network.layers == ("conv1", "conv2", "conv3", "conv4", "fc1", "fc2")
    assert network.forward(tf.constant(_sounds()))["fc2"].relu  # the form of 2019
    assert network.learning_rate == 0.01 and network.classes == () and network.logits_stage == "fc2"
    assert network.stage_shapes["conv4"] == (None, 2, 12, 8, 512)
    assert network.stage_shapes["fc2"] == (None, 2, 128)
    stages = _tiny().forward(tf.constant(_sounds()))
    for block, last in blocks.items():
        assert stages[block] is stages[last]


def test_variables_are_those_of_the_released_graph():
    ours = sorted(f"{name} {list(variable.shape)}" for name, variable in VGGish().weights.items())
    assert ours == np.load(_GOLDEN)["variables"].tolist()


@pytest.mark.parametrize("stage", _SLIM_STAGES)
def test_stages_equal_the_released_network(stage):
    golden = np.load(_GOLDEN)
    found = _activations()[stage]
    found = found.reshape([-1, *found.shape[2:]])  # the released network has only examples
    if stage == "fc2":
        np.testing.assert_array_equal(_seeded().logits(_sounds()).numpy().reshape(found.shape), found)
    summary, largest = seeded_sounds.summary(stage, found), golden[f"{stage}/totals"][0]
    np.testing.assert_array_equal(summary[f"{stage}/shape"], golden[f"{stage}/shape"])
    np.testing.assert_allclose(summary[f"{stage}/values"], golden[f"{stage}/values"], atol=1e-4 * largest)
    np.testing.assert_allclose(summary[f"{stage}/totals"], golden[f"{stage}/totals"], rtol=1e-4)


@functools.cache
def _activations():
    return {k: v.numpy() for k, v in _seeded().activations(_sounds(), _SLIM_STAGES).items()}


@pytest.mark.parametrize("embedding", ["linear", "relu"])
def test_gradient_equals_the_released_network(embedding):
    golden, name = np.load(_GOLDEN), f"gradient_{embedding}"
    network = _seeded() if embedding == "linear" else _with_relu(_seeded())
    waveforms = tf.constant(_sounds())
    with tf.GradientTape() as tape:
        tape.watch(waveforms)
        loss = tf.nn.l2_loss(network.forward(waveforms)["fc2"].output)
    gradient = tape.gradient(loss, waveforms).numpy()
    expected = golden[f"{name}/values"]
    found = seeded_sounds.summary(name, gradient, len(expected))[f"{name}/values"]
    assert np.linalg.norm(found - expected) < 1e-3 * np.linalg.norm(expected)
    assert np.abs(gradient).max() == pytest.approx(golden[f"{name}/totals"][0], rel=1e-3)


def _with_relu(network):
    """The 2019 form with the same variables, which are large."""
    form = VGGish(embedding="relu", widths=(1, 1, 1, 1), fc_width=1)
    form.weights = network.weights
    return form


def test_both_forms_of_the_embedding():
    linear, relu = (_tiny(embedding=form).logits(_sounds()).numpy() for form in ("linear", "relu"))
    assert linear.shape == (2, 2, 7) and linear.min() < 0
    np.testing.assert_array_equal(relu, np.maximum(linear, 0))
    stage = _tiny(embedding="relu").forward(tf.constant(_sounds()))["fc2"]
    assert stage.relu and stage.value.numpy().min() < 0
    with pytest.raises(InputError, match="embedding='softmax': expected one of relu, linear"):
        VGGish(embedding="softmax")


def test_first_axis_is_the_signals():
    network = _tiny(num_samples=48000)
    sounds = np.pad(_sounds(), [[0, 0], [0, 16000]], mode="reflect")
    together = network.activations(sounds, network.stages)
    alone = network.activations(sounds[1:], network.stages)
    for stage, values in together.items():
        assert values.shape[:2] == (2, 3), stage
        np.testing.assert_allclose(values[1], alone[stage][0], atol=1e-5, err_msg=stage)


def test_checkpoint_loads_by_name(tmp_path):
    network = _tiny()
    values = {
        n: np.arange(v.shape.num_elements(), dtype=np.float32).reshape(v.shape) / 100
        for n, v in network.weights.items()
    }
    prefix = write_tf1_checkpoint(tmp_path / "vggish_model.ckpt", values, version=1)  # as the release
    loaded = weights.restore(network, prefix)
    assert loaded.complete and not loaded.unused and len(loaded.restored) == 18
    for name, value in values.items():
        np.testing.assert_array_equal(network.weights[name].numpy(), value)


def test_random_weights_are_the_released_initialiser():
    network = VGGish(widths=(8, 8, 8, 8), fc_width=64)
    network.initialize(0)
    kernel = network.weights["vggish/fc1/fc1_1/weights"].numpy()
    # A normal distribution cut at two of its deviations, as TF1 and Keras have it.
    assert kernel.std() == pytest.approx(0.01 * 0.8796, rel=0.02) and np.abs(kernel).max() <= 0.02
    assert not network.weights["vggish/fc2/biases"].numpy().any()


def test_sound_shorter_than_an_example_is_refused():
    with pytest.raises(InputError, match="shorter than one example"):
        VGGish(num_samples=15000)


def test_network_without_classes_is_judged_by_rho_alone(tmp_path):
    network, sounds = _tiny(), _sounds(3)
    assert network.label(network.logits(sounds).numpy()) is None
    measured = criteria.measure(network, sounds[0], sounds[0])
    assert measured.same_class is None and measured.target_class is None
    found = LayerNull(np.ones(1, int), -0.1, 0.9, 0.5, 0, math.nan, math.nan, math.nan)
    null = mm.NullDistribution(network.name, "seeded", {"conv4": found}, "blocks")
    verdict = criteria.verdict_on(measured, "conv4", null)
    assert verdict.passes and verdict.same_class is None and verdict.reasons == ()
    other = criteria.verdict_on(criteria.measure(network, sounds[0], sounds[1]), "conv4", null)
    assert not other.passes and other.same_class is None and len(other.reasons) == 1

    run = runs.Run(
        network,
        ("conv4",),
        {"a": sounds[0], "b": sounds[1]},
        {"c": sounds[2]},
        tmp_path,
        mm.SynthesisConfig(iterations=3),
    )
    runs.prepare(run)
    null = runs.measure_null(run, progress=False)
    records = list(runs.make(run, null, progress=False))
    assert [made.record.floats.verdict.same_class for made in records] == [None, None]
    loaded = mm.load(run.folder.metamer("conv4", "a").path)
    assert loaded.measurement == records[0].record.floats.measurement
    assert verdict_table.verdict_rows(records)[1][4:6] == ["none", "none"]
    page = report.write_report(tmp_path, [report.network_results(run, null)], "title", "command")
    assert "names no classes" in page.read_text() and "the network says" not in page.read_text()


@pytest.mark.slow
@pytest.mark.parametrize("learning_rate", [0.001, 0.01])
def test_search_goes_as_that_of_a_tensorflow_1_graph(learning_rate):
    """At VGGish's own rate, 0.01, too: there the first step alone is as long as the start is loud."""
    network = VGGish()
    network.initialize(0)
    target = tf1_graph.speech_like(32000, 16000)[np.newaxis]
    start = starts.start(network.signal, seed=0)[np.newaxis]
    config = mm.SynthesisConfig(iterations=60, learning_rate=learning_rate)

    def find(signal, weight):
        examples = tf1_audio.log_mel(tf.cast(signal, tf.float64))
        return tf1_audio.vggish(tf.cast(examples, tf.float32), weight, "conv4")

    tf1_graph.check_steps(network, "conv4", config, find, target, start, fall=0.5)
