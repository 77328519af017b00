"""The training loop: it learns, goes on to the same weights, stops, and refuses to lose a state."""

import json
from pathlib import Path

import numpy as np
import pytest
import sklearn.metrics
import tensorflow as tf

import model_metamers as mm
from model_metamers import InputError
from model_metamers.networks import layers
from model_metamers.networks.inception import InceptionV3
from model_metamers.training import evaluation, export, loop, losses, schedules, state, stopping
from model_metamers.weights import manifest, restore
from tests.builders import binaries
from tests.conftest import make_tiny_vgg, make_tiny_word_cnn
from tests.networks.test_slim_networks import _small_networks

_ROOT = Path(__file__).resolve().parents[2]
_SETTINGS = {"command": ["--seed=0"]}


class Plain(mm.Network):
    """One hidden layer with batch normalisation and dropout, or a product alone."""

    def __init__(self, hidden: bool = True):
        super().__init__("plain", mm.SignalSpec("image", (4, 4, 3), 0.0, 1.0), ["logits"], ["dark", "bright"])
        self._hidden = hidden
        glorot, zeros, ones = (layers.initializer(kind) for kind in ("glorot_uniform", "zeros", "ones"))
        self.add_weight("hidden/kernel", [48, 16], glorot)
        self.add_weight("norm/beta", [16], zeros)
        self.add_weight("norm/moving_mean", [16], zeros, trainable=False)
        self.add_weight("norm/moving_variance", [16], ones, trainable=False)
        self.add_weight("top/kernel", [16, 2], glorot)
        self.initialize(0)

    def forward(self, signals, training=False):
        kernel = self.weights["hidden/kernel"]
        x = tf.cast(tf.reshape(signals, [-1, 48]), kernel.dtype) @ kernel
        if self._hidden:
            norm = [self.weights[f"norm/{part}"] for part in ("beta", "moving_mean", "moving_variance")]
            x = tf.nn.relu(layers.batch_norm(x, None, *norm, training, momentum=0.9))
            x = layers.dropout(x, 0.2, training, "hidden")
        return {"logits": mm.Stage(tf.cast(x, kernel.dtype) @ self.weights["top/kernel"])}


def bright_and_dark(count: int = 64) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.RandomState(0)
    labels = np.arange(count) % 2
    return np.clip(random.rand(count, 4, 4, 3) * 0.5 + labels[:, None, None, None] * 0.2, 0, 1).astype(
        np.float32
    ), labels


def _training(network, epochs: int, **changes) -> loop.TrainingPlan:
    """It tells bright images from dark ones."""
    images, labels = bright_and_dark()

    def batches(epoch, first):
        order = np.random.RandomState(epoch).permutation(len(images))
        return tf.data.Dataset.from_tensor_slices((images[order], labels[order])).batch(8).skip(first)

    def evaluate():
        return {"accuracy": evaluation.accuracy(network.logits(images).numpy(), labels)}

    values = dict(
        batches=batches,
        steps_per_epoch=8,
        num_epochs=epochs,
        objective=losses.classification(),
        schedule=schedules.warmup_cosine(1e-2, 8 * 60),
        evaluate=evaluate,
    )
    return loop.TrainingPlan(**{**values, **changes})


def _train(folder, epochs: int, **changes):
    network = Plain()
    optimizer = tf.keras.optimizers.Adam(1e-2)
    outcome = loop.train(
        network, optimizer, _training(network, epochs, **changes), folder, _SETTINGS, progress=False
    )
    return network, outcome


def _values(network) -> dict[str, np.ndarray]:
    return {name: variable.numpy() for name, variable in network.weights.items()}


def _assert_same(found, expected):
    for name, value in _values(expected).items():
        np.testing.assert_array_equal(found.weights[name].numpy(), value, err_msg=name)


def test_training_learns_and_follows_the_data(tmp_path):
    network, outcome = _train(tmp_path, 60)
    assert outcome.steps == 480 and outcome.metrics["accuracy"] > 0.95
    assert outcome.reason == "60 epochs are done"
    assert np.abs(network.weights["norm/moving_mean"].numpy()).max() > 0.01
    history = json.loads((tmp_path / "history.json").read_text())
    assert [entry["step"] for entry in history] == list(range(8, 481, 8))
    assert list((tmp_path / "summaries").glob("events*"))


@pytest.mark.parametrize("clip_norm", [None, 0.4])
def test_steps_are_those_written_out(tmp_path, clip_norm):
    """Descent on cross-entropy and half the squared kernels, clipped together, at each step's rate."""
    rates, decay = [0.5, 0.2, 0.1], 0.3
    network, (images, labels) = Plain(hidden=False), bright_and_dark(24)
    network.weights["norm/beta"].assign(np.ones(16))  # no kernel: it does not decay
    hidden, top = (network.weights[f"{name}/kernel"].numpy().astype(np.float64) for name in ("hidden", "top"))
    norms = []
    for rate, x, own in zip(rates, images.reshape(3, 8, 48), labels.reshape(3, 8), strict=True):
        logits = x @ hidden @ top
        wrong = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True) - np.eye(2)[own]
        gradients = [x.T @ wrong @ top.T / 8 + decay * hidden, hidden.T @ x.T @ wrong / 8 + decay * top]
        norms.append(np.sqrt(sum(np.sum(g**2) for g in gradients)))
        shrunk = min(1.0, (clip_norm or np.inf) / norms[-1])
        hidden, top = (w - rate * shrunk * g for w, g in zip((hidden, top), gradients, strict=True))
    assert min(norms) > 0.45  # so that 0.4 clips every one
    changes = {
        "batches": lambda epoch, first: tf.data.Dataset.from_tensor_slices((images, labels)).batch(8),
        "steps_per_epoch": 3,
        "schedule": lambda step: rates[step],
        "weight_decay": decay,
        "clip_norm": clip_norm,
    }
    optimizer = tf.keras.optimizers.SGD(1.0)
    loop.train(network, optimizer, _training(network, 1, **changes), tmp_path, _SETTINGS, progress=False)
    np.testing.assert_allclose(network.weights["hidden/kernel"], hidden, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(network.weights["top/kernel"], top, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(network.weights["norm/beta"], np.ones(16))


class _Stop(Exception):
    pass


@pytest.mark.parametrize("stop_at", [5, 8, 19])
def test_interrupted_training_goes_on_to_the_same_weights(tmp_path, stop_at):
    """Dropout, the order of the batches, Adam's moments and the moving averages all go on."""
    whole, _ = _train(tmp_path / "whole", 4, saves_per_epoch=2)
    taken = []

    def failing(number):
        taken.append(number)
        if number == stop_at:
            raise _Stop
        return 1e-2

    plain = _training(Plain(), 4).schedule
    with pytest.raises(_Stop):
        _train(tmp_path / "broken", 4, saves_per_epoch=2, schedule=lambda n: failing(n) and plain(n))
    assert taken[-1] == stop_at
    found, outcome = _train(tmp_path / "broken", 4, saves_per_epoch=2)
    assert outcome.steps == 32
    _assert_same(found, whole)
    assert (tmp_path / "broken" / "history.json").read_bytes() == (
        tmp_path / "whole" / "history.json"
    ).read_bytes()


def test_finished_training_takes_no_more_steps(tmp_path):
    first, _ = _train(tmp_path, 2)
    again, outcome = _train(tmp_path, 2, schedule=lambda step: pytest.fail("a step was taken"))
    assert outcome.steps == 16
    _assert_same(again, first)


def test_dropout_depends_on_the_seed(tmp_path):
    first, _ = _train(tmp_path / "a", 1, seed=1)
    other, _ = _train(tmp_path / "b", 1, seed=2)
    assert not np.array_equal(first.weights["top/kernel"], other.weights["top/kernel"])


def test_training_stops_where_it_is_good_enough(tmp_path):
    _, outcome = _train(tmp_path, 60, stopping=stopping.Stopping({"accuracy": 0.9}), evaluations_per_epoch=2)
    assert outcome.steps < 480 and outcome.metrics["accuracy"] >= 0.9
    assert "accuracy" in outcome.reason and "reached 0.9" in outcome.reason
    history = json.loads((tmp_path / "history.json").read_text())
    assert all(entry["accuracy"] < 0.9 for entry in history[:-1])
    _, again = _train(tmp_path, 60, stopping=stopping.Stopping({"accuracy": 0.9}), evaluations_per_epoch=2)
    assert again == outcome


@pytest.mark.parametrize(
    ("accuracies", "expected"),
    [
        ([0.5, 0.6, 0.6], None),
        ([0.5, 0.6, 0.6, 0.55], "did not improve in 2"),
        ([0.5, 0.6, 0.604, 0.605], "did not improve in 2"),  # less than min_delta is no improvement
        ([0.5, 0.6, 0.6, 0.62, 0.61], None),
    ],
)
def test_patience(accuracies, expected):
    rule = stopping.Stopping(watched="accuracy", patience=2, min_delta=0.01)
    reason = rule.reason([{"accuracy": a} for a in accuracies])
    assert reason is None if expected is None else expected in reason


def test_both_targets_must_be_reached():
    rule = stopping.Stopping(stopping.PAPER_TARGETS)
    assert rule.reason([{"word_accuracy": 0.6, "mean_auc": 0.8}]) is None
    assert "0.83" in rule.reason([{"word_accuracy": 0.6, "mean_auc": 0.83}])
    assert "0.57" in rule.reason([{"word_accuracy": 0.57, "mean_auc": 0.9}])  # paper 3.3
    for below in ({"word_accuracy": 0.5699, "mean_auc": 0.9}, {"word_accuracy": 0.6, "mean_auc": 0.8299}):
        assert rule.reason([below]) is None
    with pytest.raises(InputError, match="cannot stop at 'mean_auc'; measured are word_accuracy"):
        rule.reason([{"word_accuracy": 0.6}])


@pytest.mark.parametrize(
    ("times", "expected"), [(1, [8, 16]), (2, [4, 8, 12, 16]), (0.5, [16]), (3, [3, 6, 8, 11, 14, 16])]
)
def test_what_is_due(times, expected):
    training = _training(Plain(), 2)
    assert [step for step in range(1, 17) if training.is_due(step, times)] == expected


def test_another_training_in_the_folder_is_refused(tmp_path):
    _train(tmp_path, 1)
    network = Plain()
    with pytest.raises(
        InputError, match=r"other settings \(command=\['--seed=0'\] there, \['--seed=1'\] now\)"
    ):
        state.TrainingState(tmp_path, network, tf.keras.optimizers.Adam(), {"command": ["--seed=1"]})


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_state(tmp_path):
    _train(tmp_path, 1)
    with pytest.raises(InputError, match=r"no longer a number|hold NaN"):
        _train(tmp_path, 5, schedule=lambda step: 1e38)
    network = Plain()
    optimizer = tf.keras.optimizers.Adam()
    optimizer.build([v for v in network.weights.values() if v.trainable])
    kept = state.TrainingState(tmp_path, network, optimizer, _SETTINGS)
    assert int(kept.step) == 8 and all(np.isfinite(value).all() for value in _values(network).values())


def test_a_full_disk_stops_it_with_a_line_and_a_good_state(tmp_path):
    """A limit on the size of files stands in for the full disk: the write fails the same way."""
    _train(tmp_path, 1)
    program = f"""
import pathlib, resource, sys
sys.path.insert(0, {str(_ROOT)!r})
from tests.training import test_training as t
resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))
try:
    t._train(pathlib.Path({str(tmp_path)!r}), 3)
except t.InputError as error:
    print("refused:", error)
"""
    result = binaries.run_program(program)
    assert "refused:" in result.stdout and "cannot be saved" in result.stdout, result.stderr[-2000:]
    assert "goes on from ckpt-8" in result.stdout
    _, outcome = _train(tmp_path, 3)
    assert outcome.steps == 24


def test_summaries_that_cannot_be_written_hide_no_other_error(tmp_path):
    program = f"""
import pathlib, resource, sys
sys.path.insert(0, {str(_ROOT)!r})
from model_metamers.training import loop
folder = pathlib.Path({str(tmp_path)!r})
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
for count, ending in ((5, "its own"), (5, "none"), (500, "none")):
    try:
        with loop._summaries(folder / f"{{ending}} {{count}}"):
            for step in range(count):  # the tenth is written at once
                loop._scalar("loss", 1.0, step)
            if ending == "its own":
                raise loop.InputError("another one")
    except loop.InputError as error:
        print(ending, "refused:", error)
"""
    result = binaries.run_program(program)
    lines = result.stdout.strip().splitlines()
    assert lines[:1] == ["its own refused: another one"], result.stderr[-2000:]
    assert len(lines) == 3 and all("summaries cannot be written" in line for line in lines[1:])


def test_a_metric_without_a_value_is_no_improvement():
    watching = stopping.Stopping({"accuracy": 0.9}, "accuracy", 2)
    assert watching.reason([{"accuracy": 0.5}, {"accuracy": None}]) is None
    assert "did not improve" in watching.reason([{"accuracy": x} for x in (0.5, None, float("nan"))])


def test_mixed_precision_trains_float32_variables(tmp_path):
    exact, _ = _train(tmp_path / "exact", 6)
    mixed, outcome = _train(tmp_path / "mixed", 6, mixed_precision=True)
    assert all(v.dtype == tf.float32 for v in mixed.weights.values())
    assert outcome.metrics["accuracy"] > 0.9
    name = "hidden/kernel"
    start = Plain().weights[name].numpy()
    moved, expected = mixed.weights[name].numpy() - start, exact.weights[name].numpy() - start
    assert np.linalg.norm(moved) > 0 and np.corrcoef(moved.ravel(), expected.ravel())[0, 1] > 0.5


@pytest.mark.parametrize("family", ["vgg", "inception", "resnet", "mobilenet", "word"])
def test_half_precision_computes_nearly_the_same(family, small_images, small_sounds):
    slim = _small_networks()
    networks = {
        "vgg": make_tiny_vgg(),
        "word": make_tiny_word_cnn(),
        **{k: v for k, v in slim.items() if k != "vgg"},
    }
    network = networks[family]
    network.initialize(0)
    signals = tf.constant(small_sounds if family == "word" else small_images)
    expected = network.logits(signals).numpy()
    with network.computing_in(tf.bfloat16):
        found = network.forward(signals)[network.logits_stage].value
    assert found.dtype == tf.bfloat16
    np.testing.assert_allclose(tf.cast(found, tf.float32), expected, atol=0.1 * np.abs(expected).max())
    np.testing.assert_array_equal(network.logits(signals), expected)  # as it was, afterwards


def test_two_devices_train_as_one(tmp_path):
    """Each takes half of every batch, and together they step as one device does with all of it.

    The halves are summed in another order, which rounds differently, and the steps are so large that
    every difference grows: one in the last bit of the first weights to 2e-7 after the 8 steps here
    (and to 2.5e-6 after 24). A learning rate that is off by a hundredth moves weights by over 1e-3.
    """
    program = f"""
import pathlib, sys
sys.path.insert(0, {str(_ROOT)!r})
import numpy as np, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from tests.training import test_training as t

def run(strategy, name):
    with strategy.scope():
        # Neither dropout nor batch moments, which differ between the halves.
        network, optimizer = t.Plain(hidden=False), tf.keras.optimizers.SGD(0.5, momentum=0.9)
        training = t._training(network, 1, schedule=lambda step: 0.5, weight_decay=0.01, clip_norm=1.0)
        folder = pathlib.Path({str(tmp_path)!r}) / name
        t.loop.train(network, optimizer, training, folder, {{}}, progress=False)
        return {{name: v.numpy() for name, v in network.weights.items()}}

one = run(tf.distribute.get_strategy(), "one")
two = run(tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]), "two")
assert np.abs(one["hidden/kernel"] - t.Plain().weights["hidden/kernel"].numpy()).max() > 0.05
for name in one:
    np.testing.assert_allclose(two[name], one[name], rtol=0, atol=1e-5)
print("equal")
"""
    result = binaries.run_program(program)
    assert result.stdout.strip().endswith("equal"), result.stderr[-3000:]


def test_moving_moments_of_two_devices_are_averaged(tmp_path):
    program = f"""
import pathlib, sys
sys.path.insert(0, {str(_ROOT)!r})
import numpy as np, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from tests.training import test_training as t
with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
    network, outcome = t._train(pathlib.Path({str(tmp_path)!r}), 10)
    assert outcome.metrics["accuracy"] > 0.9, outcome
    assert np.abs(network.weights["norm/moving_mean"].numpy()).max() > 0.01
print("learned")
"""
    result = binaries.run_program(program)
    assert result.stdout.strip().endswith("learned"), result.stderr[-3000:]


def test_trained_networks_are_filed_with_their_numbers(tmp_path):
    network = make_tiny_word_cnn(seed=4)
    values = export.round_weights(network, "float16")
    prefix = export.write_network(tmp_path, network, values, {"seed": 4, "metrics": {"accuracy": 0.5}})
    entry = manifest.read_manifest(tmp_path)[prefix.name]
    assert entry["dtype"] == "float16" and entry["parameters"] == sum(v.size for v in values.values())
    other = make_tiny_word_cnn(seed=5)
    assert restore(other, prefix).complete
    _assert_same(other, network)


def test_weights_that_half_precision_cannot_hold_are_refused():
    network = make_tiny_word_cnn()
    network.weights["brain_network/conv_0/bias"].assign([1e6, 0.0, 0.0])
    with pytest.raises(InputError, match="conv_0/bias holds values beyond float16"):
        export.round_weights(network, "float16")


def test_area_under_the_curve():
    labels = np.array([[1, 0, 1], [1, 1, 1], [0, 0, 1], [0, 1, 1]])
    logits = np.array([[3.0, 0.0, 9], [2, 1, 9], [1, 2, 9], [0, 3, 9]])
    # Class 0 is ranked perfectly. Of class 1's four pairs three are in order. Class 2 is always there.
    assert evaluation.mean_auc(logits, labels) == pytest.approx((1.0 + 0.75) / 2)
    assert np.isnan(evaluation.mean_auc(logits, np.ones_like(labels)))
    assert evaluation.pooled_auc(labels + 0.0, labels) == 1.0


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_mean_area_is_the_mean_of_sklearns_and_not_the_pooled_one(seed):
    """Classes whose logits lie at other heights: each is ranked by itself."""
    random = np.random.RandomState(seed)
    labels = (random.rand(200, 6) < [0.05, 0.1, 0.2, 0.4, 0.6, 0.8]).astype(int)
    logits = random.randn(200, 6) + labels + 4 * random.randn(6)
    areas = [sklearn.metrics.roc_auc_score(labels[:, i], logits[:, i]) for i in range(6)]
    assert evaluation.mean_auc(logits, labels) == pytest.approx(sum(areas) / 6, abs=1e-12)
    assert evaluation.mean_auc(logits + np.arange(6), labels) == pytest.approx(sum(areas) / 6, abs=1e-12)
    pooled = sklearn.metrics.roc_auc_score(labels.ravel(), logits.ravel())
    assert evaluation.pooled_auc(logits, labels) == pytest.approx(pooled, abs=1e-12)
    assert abs(pooled - sum(areas) / 6) > 0.02


def test_confusions_are_written_with_the_names(tmp_path):
    counts = evaluation.confusions(np.eye(3)[[0, 1, 1, 2]], np.array([0, 0, 1, 2]))
    np.testing.assert_array_equal(counts, [[1, 1, 0], [0, 1, 0], [0, 0, 1]])
    evaluation.write_confusions(tmp_path / "c.csv", counts, ["a", "b", "c"])
    assert (tmp_path / "c.csv").read_text().splitlines()[:2] == ["label,a,b,c", "a,1,1,0"]


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
