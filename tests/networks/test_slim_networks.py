"""TF-slim's networks against TF-slim itself on seeded weights (goldens/make_slim_goldens.py).

The gradient is held to slim's in float64: in float32 rounding decides on which side of zero a
few of the millions of ReLUs are, and the gradient is only as good as that.
"""

import functools
import json
import os
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import model_metamers as mm
from model_metamers import catalog, weights
from model_metamers.errors import InputError
from model_metamers.networks import layers
from model_metamers.networks.inception import InceptionV3
from model_metamers.networks.mobilenet import MobileNetV1
from model_metamers.networks.resnet import ResNetV2
from tests.goldens import seeded

_FOLDER = Path(__file__).parents[1] / "goldens"
_CLASSES = catalog.build_network("mobilenet_v1_025").classes
_ELEVEN = _CLASSES[:11]
_BUILD = {
    "vgg_19": lambda: catalog.build_network("vgg_19"),
    "inception_v3": lambda: InceptionV3("inception_v3", _CLASSES, aux_logits=True),
    "inception_v3_139": lambda: InceptionV3("inception_v3", _CLASSES, image_size=139, aux_logits=True),
    "inception_v3_narrow": lambda: InceptionV3("inception_v3", _ELEVEN, 0.25, 107, aux_logits=True),
    "resnet_v2_101": lambda: catalog.build_network("resnet_v2_101"),
    "resnet_v2_101_65": lambda: ResNetV2("resnet_v2_101", _CLASSES, image_size=65),
    "resnet_v2_narrow": lambda: ResNetV2(
        "resnet_v2_narrow", _ELEVEN, (2, 2, 2, 2), 64, (8, 16, 16, 64), scope="resnet_v2_narrow"
    ),
    "mobilenet_v1_025": lambda: catalog.build_network("mobilenet_v1_025"),
    "mobilenet_v1_064": lambda: MobileNetV1("mobilenet_v1", _CLASSES, 0.5, 64),
}
_SLOW = ("vgg_19", "inception_v3", "resnet_v2_101")
_CASES = [pytest.param(case, marks=pytest.mark.slow if case in _SLOW else ()) for case in _BUILD]


@functools.lru_cache(maxsize=1)
def _golden():
    return dict(np.load(_FOLDER / "slim_networks.npz"))


@functools.lru_cache(maxsize=1)
def _names():
    return json.loads((_FOLDER / "slim_names.json").read_text())


def _assign_seeded(network):
    for name, variable in network.weights.items():
        variable.assign(seeded.weight(name, tuple(variable.shape)))


def _stages_and_gradient(network, images):
    """Outputs of every stage, and the gradient of l2_loss(logits) to the images.

    Computed without a graph, which would take longer to compile than it runs.
    """
    batch = tf.constant(images)
    with tf.GradientTape() as tape:
        tape.watch(batch)
        stages = network.forward(batch)
        loss = tf.nn.l2_loss(stages[network.logits_stage].output)
    return {k: v.output.numpy() for k, v in stages.items()}, tape.gradient(loss, batch).numpy()


def _deviation(name, value, shape, totals, picked):
    """Largest deviation of the picked values and of the mean, per the largest value."""
    assert list(value.shape) == [n for n in shape if n], name
    largest, total = totals
    ours = value.reshape(-1)[seeded.positions(name, value.size)]
    return max(
        np.abs(ours - picked).max() / largest,
        abs(np.abs(value).max() - largest) / largest,
        abs(value.sum(dtype=np.float64) - total) / value.size / largest,
    )


@pytest.mark.parametrize("case", _CASES)
def test_every_end_point_and_the_input_gradient(case):
    network = _BUILD[case]()
    _assign_seeded(network)
    golden = {key.partition("/")[2]: value for key, value in _golden().items() if key.startswith(case + "/")}
    images = seeded.images(0, 2, network.signal.shape[0])
    values, gradient = _stages_and_gradient(network, images)

    assert list(values) == list(golden["names"])
    summaries = zip(golden["shapes"], golden["totals"], golden["values"], strict=True)
    expected = dict(zip([*values, "gradient"], summaries, strict=True))
    deviations = {name: _deviation(name, value, *expected[name]) for name, value in values.items()}
    worst = max(deviations, key=deviations.get)
    rounded = _deviation("gradient", gradient, *expected["gradient"])

    network.weights.update({name: tf.cast(value, tf.float64) for name, value in network.weights.items()})
    values, gradient = _stages_and_gradient(network, images.astype(np.float64))
    exact = max(_deviation(name, value, *expected[name]) for name, value in values.items())
    of_gradient = _deviation("gradient", gradient, *expected["gradient"])
    print(
        f"{case}: {len(values)} end points within {deviations[worst]:.1e} ({worst}), logits "
        f"{deviations[network.logits_stage]:.1e}, gradient {rounded:.1e}; in float64 {exact:.1e}, "
        f"gradient {of_gradient:.1e}"
    )
    assert deviations[worst] < 1e-4, deviations
    assert rounded < 0.2  # no more than a few units on the other side
    assert exact < 1e-7
    assert of_gradient < 1e-7
    np.testing.assert_allclose(np.linalg.norm(gradient), golden["gradient_norm"], rtol=1e-7)


def _shapes(network):
    return {name: "x".join(map(str, variable.shape)) for name, variable in network.weights.items()}


@pytest.mark.parametrize("name", ["vgg_19", "inception_v3", "resnet_v2_101", "mobilenet_v1_025"])
def test_the_catalogs_networks_have_slims_names(name):
    """The catalog's Inception is without the auxiliary classifier."""
    network, names = catalog.build_network(name), _names()[name]
    assert list(network.stages) == [stage for stage in names["stages"] if stage != "AuxLogits"]
    assert _shapes(network) == {v: s for v, s in names["variables"].items() if "/AuxLogits/" not in v}
    assert set(network.layers) <= set(network.stages)
    assert network.signal == mm.SignalSpec("image", network.signal.shape, 0.0, 1.0)
    if name != "vgg_19":
        assert len(network.classes) == 1001
        assert network.classes[:2] == ("background", "tench")


def test_inception_with_its_auxiliary_classifier_has_slims_names():
    network, names = _BUILD["inception_v3"](), _names()["inception_v3"]
    assert list(network.stages) == names["stages"]
    assert _shapes(network) == names["variables"]


@pytest.mark.parametrize("name", ["vgg_19", "inception_v3", "resnet_v2_101", "mobilenet_v1_025"])
def test_checkpoint_of_slims_saver(name):
    """A checkpoint that make_slim_goldens.py wrote; only the auxiliary classifier is unused."""
    folder = os.environ.get("METAMERS_SLIM_CHECKPOINTS")
    if not folder:
        pytest.skip("METAMERS_SLIM_CHECKPOINTS names no folder of make_slim_goldens.py --checkpoints")
    network = catalog.build_network(name)
    report = weights.restore(network, Path(folder) / f"{name}.ckpt")
    assert len(report.restored) == len(network.weights)
    assert all("/AuxLogits/" in unused for unused in report.unused)
    for variable in list(network.weights)[::40]:
        expected = seeded.weight(variable, tuple(network.weights[variable].shape))
        np.testing.assert_array_equal(network.weights[variable], expected)


def small_slim_network(family):
    """A network at 32 pixels, as one would train it on CIFAR."""
    if family == "inception":
        return InceptionV3("inception_small", _ELEVEN, 0.125, 32, stem_strides=(1, 1, 2))
    if family == "resnet":
        return ResNetV2("resnet_small", _ELEVEN, (1, 1, 1, 1), 32, (4, 8, 16, 32), 8, (1, 1))
    return MobileNetV1("mobilenet_small", _ELEVEN, 0.25, 32, 1, "he_normal")


@pytest.fixture(scope="module")
def small_inception():
    network = small_slim_network("inception")
    network.initialize(0)
    return network


@pytest.mark.parametrize("family", ["inception", "resnet", "mobilenet"])
def test_small_networks_train(family, small_images):
    network = small_slim_network(family)
    network.initialize(0)
    before = {name: variable.numpy() for name, variable in network.weights.items()}
    decay = 0.997 if family == "resnet" else 0.9997
    with tf.GradientTape() as tape:
        stages = network.forward(tf.constant(small_images), training=True)
        loss = tf.nn.l2_loss(stages[network.logits_stage].output)
    trained = [v for v in network.weights.values() if v.trainable]
    assert all(g is not None and np.isfinite(g).all() for g in tape.gradient(loss, trained))
    moved = [n for n, v in network.weights.items() if not np.array_equal(v, before[n])]
    assert moved == [n for n in before if "/moving_" in n]
    first = next(n for n in moved if n.endswith("moving_mean"))
    if family != "resnet":  # whose first normalisation is not the first convolution's
        kernel = network.weights[first.replace("BatchNorm/moving_mean", "weights")]
        padding = "VALID" if family == "inception" else "SAME"
        batch_mean = tf.reduce_mean(
            tf.nn.conv2d(small_images * 2.0 - 1.0, kernel, 1, padding), axis=[0, 1, 2]
        )
        np.testing.assert_allclose(network.weights[first], (1 - decay) * batch_mean, rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("family", ["inception", "resnet", "mobilenet"])
def test_moving_averages_stand_in_for_the_batch(family, small_images):
    """Training with a batch's moments is inference with those moments as moving averages.

    The moving variance is the unbiased one, as slim's, so the batch repeats the images until
    the difference is small.
    """
    network = small_slim_network(family)
    network.initialize(3)
    network._norm = type(network._norm)(network._norm.epsilon, 0.0, network._norm.scale)
    trained = network.forward(tf.tile(small_images, [256, 1, 1, 1]), training=True)
    evaluated = network.forward(tf.constant(small_images))
    stage = network.layers[-2]
    expected = trained[stage].output[:4]
    np.testing.assert_allclose(evaluated[stage].output, expected, atol=5e-3 * float(np.abs(expected).max()))


def test_linear_gradient_passes_the_concatenation(small_inception, small_images):
    stage = small_inception.forward(tf.constant(small_images))["Mixed_5d"]
    np.testing.assert_array_equal(stage.output, stage.linear_gradient_output)
    assert (stage.value.numpy() < 0).any()
    gradients = {}
    for kind in ("output", "linear_gradient_output"):
        with tf.GradientTape() as tape:
            tape.watch(stage.value)
            loss = tf.reduce_sum(getattr(stage, kind))
        gradients[kind] = tape.gradient(loss, stage.value).numpy()
    np.testing.assert_array_equal(gradients["linear_gradient_output"], 1.0)
    np.testing.assert_array_equal(gradients["output"], stage.value.numpy() > 0)


@pytest.mark.parametrize("block", ["Mixed_6a", "Mixed_7a"])
def test_pooling_branches_are_the_same_before_and_after_the_relu(block, small_inception, small_images):
    stages = small_inception.forward(tf.constant(small_images))
    before = list(stages)[list(stages).index(block) - 1]
    pooled = tf.nn.max_pool2d(stages[before].output, 3, 2, "VALID")
    np.testing.assert_array_equal(stages[block].value[..., -pooled.shape[-1] :], pooled)


def test_mobilenet_reaches_its_ceiling():
    network = _BUILD["mobilenet_v1_064"]()
    _assign_seeded(network)
    stages = network.forward(tf.constant(seeded.images(0, 1, 64)))
    stage = stages["Conv2d_5_pointwise"]
    assert 0.01 < np.mean(stage.value.numpy() > 6) < 0.9
    assert stage.output.numpy().max() == 6.0
    np.testing.assert_array_equal(stage.output, stage.linear_gradient_output)


def test_background_shifts_every_class_by_one():
    names = catalog.build_network("vgg_19").classes
    assert catalog.build_network("resnet_v2_50").classes[1:] == names


def test_too_small_images_are_refused():
    with pytest.raises(InputError, match="image_size=32"):
        InceptionV3("inception", _ELEVEN, image_size=32)
    with pytest.raises(InputError, match="needs 5"):
        InceptionV3("inception", _ELEVEN, image_size=90, aux_logits=True)


def test_depthwise_initialiser_sees_one_channel():
    kernel = layers.depthwise_initializer(layers.initializer("he_normal"))([3, 3, 400, 1], 0).numpy()
    assert kernel.shape == (3, 3, 400, 1)
    np.testing.assert_allclose(kernel.std(), np.sqrt(2 / 9), rtol=0.1)
