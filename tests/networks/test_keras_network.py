"""Keras models as networks."""

import importlib
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import model_metamers as mm
from model_metamers import InputError, criteria

keras = tf.keras
SIGNAL = mm.SignalSpec("image", (32, 32, 3), 0.0, 1.0)
EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def model():
    """Branches, and every way a layer can end in a ReLU."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input([32, 32, 3])
    x = keras.layers.Rescaling(2.0, -1.0, name="rescaling")(inputs)
    x = keras.layers.Conv2D(4, 3, activation="relu", name="argument")(x)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.ReLU(max_value=6.0, name="relu6")(x)
    a = keras.layers.Conv2D(3, 1, activation="relu", name="narrow")(x)
    b = keras.layers.Conv2D(5, 3, padding="same", name="wide_conv")(x)
    b = keras.layers.Activation("relu", name="wide")(b)
    x = keras.layers.Concatenate(name="joined")([a, b])
    c = keras.layers.Conv2D(3, 1, activation="tanh", name="tanh")(x)
    x = keras.layers.Concatenate(name="mixed")([x, c])
    x = keras.layers.LeakyReLU(name="leaky")(x)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    x = keras.layers.Dense(6, activation="relu", name="dense")(x)
    return keras.Model(inputs, keras.layers.Dense(3, name="top")(x), name="mine")


@pytest.fixture(scope="module")
def network(model):
    return mm.from_keras(model, ["argument", "joined", "dense", "top"], SIGNAL, ["a", "b", "c"])


def test_every_layer_is_a_stage_with_keras_own_values(model, network, small_images):
    assert network.stages == tuple(layer.name for layer in model.layers[1:])
    assert network.name == "mine" and network.logits_stage == "top"
    reference = keras.Model(model.inputs, [layer.output for layer in model.layers[1:]])
    expected = reference(small_images, training=False)
    values = network.activations(small_images, network.stages)
    for name, wanted in zip(network.stages, expected, strict=True):
        np.testing.assert_allclose(values[name], wanted, atol=1e-6, err_msg=name)
    np.testing.assert_allclose(network.logits(small_images), model(small_images), atol=1e-6)


def test_layers_that_end_in_a_relu_are_known(network, small_images):
    stages = network.forward(tf.constant(small_images))
    ends = {name: (stage.relu, stage.ceiling) for name, stage in stages.items() if stage.relu}
    assert ends == {
        "argument": (True, None),
        "relu6": (True, 6.0),
        "narrow": (True, None),
        "wide": (True, None),
        "joined": (True, None),
        "dense": (True, None),
    }
    assert float(tf.reduce_min(stages["joined"].value)) < 0  # the value before the ReLU
    assert not stages["mixed"].relu and not stages["leaky"].relu


@pytest.mark.parametrize("layer", ["argument", "relu6", "joined", "dense"])
def test_matched_relu_passes_every_gradient(network, small_images, layer):
    signals = tf.constant(small_images[:1])
    with tf.GradientTape() as tape:
        tape.watch(signals)
        stage = network.forward(signals)[layer]
        gradient = tape.gradient(stage.linear_gradient_output, stage.value)
    np.testing.assert_array_equal(gradient, np.ones(stage.value.shape))


def test_search_matches_a_branching_layer(network, small_images):
    config = mm.SynthesisConfig(iterations=300)
    metamer = mm.synthesize(network, "joined", small_images[0], config, progress=False)
    assert metamer.loss[-1] < 0.05 * metamer.loss[0] and metamer.spearman["joined"] > 0.9
    assert metamer.checkpoint.startswith("sha256:")


def test_weights_stay_the_models(network, model, small_images):
    before = network.logits(small_images).numpy()
    kernel = model.get_layer("top").kernel
    kernel.assign(2.0 * kernel)
    bias = model.get_layer("top").bias.numpy()
    np.testing.assert_allclose(network.logits(small_images), 2 * (before - bias) + bias, rtol=1e-5)
    kernel.assign(0.5 * kernel)


def test_preprocessing_stays_in_the_graph(model, small_images):
    wide = mm.SignalSpec("image", (64, 64, 3), 0.0, 255.0)
    network = mm.from_keras(
        model, ["top"], wide, preprocess=lambda x: tf.nn.avg_pool2d(x, 2, 2, "VALID") / 255.0
    )
    big = np.repeat(np.repeat(small_images, 2, axis=1), 2, axis=2) * 255.0
    np.testing.assert_allclose(network.logits(big), model(small_images), atol=1e-5)
    with tf.GradientTape() as tape:
        signals = tf.constant(big)
        tape.watch(signals)
        total = tf.reduce_sum(network.forward(signals)["top"].value)
    assert np.any(tape.gradient(total, signals).numpy())


def test_sequential_sound_model(small_sounds):
    model = keras.Sequential(
        [
            keras.Input([1000]),
            keras.layers.Reshape([1000, 1]),
            keras.layers.Conv1D(4, 16, 4, activation="relu", name="conv"),
            keras.layers.GlobalAveragePooling1D(),
            keras.layers.Dense(2, name="top"),
        ]
    )
    network = mm.from_keras(model, ["conv", "top"], mm.SignalSpec("sound", (1000,), -1, 1, sample_rate=4000))
    metamer = mm.synthesize(
        network, "conv", small_sounds[0], mm.SynthesisConfig(iterations=20), progress=False
    )
    assert metamer.signal.shape == (1000,) and metamer.loss[-1] < metamer.loss[0]


def test_keras_applications_model_works():
    model = keras.applications.MobileNetV2(weights=None, input_shape=(64, 64, 3), alpha=0.35, classes=5)
    spec = mm.SignalSpec("image", (64, 64, 3), 0.0, 1.0)
    network = mm.from_keras(model, ["block_1_expand_relu", "out_relu"], spec, preprocess=lambda x: 2 * x - 1)
    stages = network.forward(tf.zeros([1, 64, 64, 3]))
    assert stages["out_relu"].relu and stages["out_relu"].ceiling == 6.0
    assert network.logits_stage == "predictions" and len(network.stages) == len(model.layers) - 1


def small(top, features=3, preprocess=None, **more):
    """A small network on 32 x 32 images, `top` being its last layer, or what makes the output."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input([32, 32, 3])
    x = keras.layers.Conv2D(features, 8, 8, activation="relu", name="conv")(inputs)
    model = keras.Model(inputs, top(keras.layers.Flatten()(x)), name="small")
    return model, mm.from_keras(model, ["conv"], SIGNAL, preprocess=preprocess, **more)


@pytest.mark.parametrize(
    "preprocess",
    [
        lambda x: tf.round(x * 255.0) / 255.0,
        lambda x: tf.cast(x * 255.0, tf.uint8),
        lambda x: tf.cast(tf.cast(x * 255.0, tf.int32), tf.float32),
        tf.stop_gradient,
        tf.sign,
        lambda x: tf.clip_by_value(x, 1.0, 255.0),
        lambda x: tf.zeros([2, 32, 32, 3]),
        lambda x: tf.ensure_shape(tf.numpy_function(lambda v: 2 * v, [x], tf.float32), x.shape),
    ],
)
def test_preprocessing_without_a_gradient_is_refused(preprocess):
    with pytest.raises(InputError, match=r"no gradient comes back through preprocess.*TensorFlow operations"):
        small(keras.layers.Dense(3), preprocess=preprocess)


@pytest.mark.parametrize(
    ("preprocess", "message"),
    [
        (lambda x: np.asarray(x) / 255.0, "preprocess cannot be computed.*TensorFlow operations"),
        (lambda x: x.numpy() / 255.0, "preprocess cannot be computed.*TensorFlow operations"),
        (lambda x: x / 0.0, r"NaN or infinite values.*\[0, 1\]; does it expect another range"),
        (lambda x: None, "preprocess cannot be computed"),
        ("caffe", "preprocess='caffe': expected a function"),
        (lambda x: tf.numpy_function(np.square, [x], tf.float32), "gives an unknown shape after preproc"),
    ],
)
def test_preprocessing_that_cannot_be_computed_is_refused(preprocess, message):
    with pytest.raises(InputError, match=message) as error:
        small(keras.layers.Dense(3), preprocess=preprocess)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "preprocess",
    [
        lambda x: x - tf.reduce_mean(x, axis=[1, 2, 3], keepdims=True),
        tf.image.per_image_standardization,
        keras.layers.Rescaling(2.0, -1.0),
        keras.applications.vgg16.preprocess_input,
        lambda x: tf.cast(x, tf.float64),
    ],
)
def test_preprocessing_with_a_gradient_is_taken(small_images, preprocess):
    model, network = small(keras.layers.Dense(3), preprocess=preprocess)
    wanted = model(tf.cast(preprocess(tf.constant(small_images)), tf.float32))
    np.testing.assert_allclose(network.logits(small_images), wanted, atol=1e-4)


@pytest.mark.parametrize(
    ("blocked", "message"),
    [
        (lambda x: keras.ops.round(x * 9.0), "round rounds"),
        (
            lambda x: keras.ops.cast(keras.ops.cast(x * 255.0, "uint8"), "float32"),
            "cast.* rounds, turns",
        ),
        (keras.layers.Lambda(tf.stop_gradient, name="halt"), "halt rounds"),
        (keras.layers.Activation(tf.sign, name="signs"), "signs rounds"),
    ],
)
def test_layers_that_no_gradient_leaves_are_refused(blocked, message):
    inputs = keras.Input([32, 32, 3])
    x = keras.layers.Conv2D(2, 8, 8, name="before")(inputs)
    x = keras.layers.Conv2D(2, 1, name="behind")(blocked(x))
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(x)))
    assert mm.from_keras(model, ["before"], SIGNAL).layers == ("before",)
    with pytest.raises(InputError, match=f"no gradient comes from behind of .*{message}"):
        mm.from_keras(model, ["before", "behind"], SIGNAL)


def test_search_at_a_stage_without_a_gradient_is_refused(small_images):
    _, network = small(lambda x: keras.layers.Dense(3, name="top")(keras.ops.round(x)))
    with pytest.raises(InputError, match="small top: no gradient comes back to the signal"):
        mm.synthesize(network, "top", small_images[0], progress=False)


def test_model_that_takes_integers_is_refused():
    inputs = keras.Input([32, 32, 3], dtype="uint8")
    x = keras.layers.Conv2D(2, 8, name="conv")(keras.layers.Rescaling(1 / 255)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(x)))
    with pytest.raises(InputError, match="the model takes uint8; let it take float32"):
        mm.from_keras(model, ["conv"], SIGNAL)


SIGMOIDS = {
    "name": lambda x: keras.layers.Dense(1, "sigmoid")(x),
    "function": lambda x: keras.layers.Dense(1, tf.math.sigmoid)(x),
    "layer": lambda x: keras.layers.Activation("sigmoid", dtype="float32")(keras.layers.Dense(1)(x)),
    "operation": lambda x: keras.ops.sigmoid(keras.layers.Dense(1)(x)),
    "hard": lambda x: keras.layers.Dense(1, "hard_sigmoid")(x),
    "with dropout": lambda x: keras.layers.Dropout(0.1)(keras.layers.Dense(1, "sigmoid")(x)),
}
LOGITS = {
    "plain": lambda x: keras.layers.Dense(1)(x),
    "linear": lambda x: keras.layers.Activation("linear", dtype="float32")(keras.layers.Dense(1)(x)),
    "tanh": lambda x: keras.layers.Dense(1, "tanh")(x),
    "scaled": lambda x: 2.0 * keras.layers.Dense(1)(x),
}


@pytest.mark.parametrize("form", [*SIGMOIDS, *LOGITS])
def test_one_output_makes_two_classes(small_images, form):
    top, threshold = (SIGMOIDS[form], 0.5) if form in SIGMOIDS else (LOGITS[form], 0.0)
    model, network = small(top, classes=["cat", "dog"])
    # The bias is moved so that two of the four images lie on either side of the threshold.
    dense = next(layer for layer in model.layers if isinstance(layer, keras.layers.Dense))
    before = keras.Model(model.input, dense.input)(small_images) @ dense.kernel
    dense.bias.assign([-np.median(before)])
    above = np.ravel(model(small_images)) > threshold
    logits = network.logits(small_images)
    assert sorted(above) == [False, False, True, True] and logits.shape == (4, 2)
    assert [label for _, label in network.label(logits.numpy())] == ["dog" if up else "cat" for up in above]
    np.testing.assert_allclose(logits[:, 1], np.ravel(model(small_images)), atol=1e-6)
    np.testing.assert_allclose(logits[:, 0], 1 - logits[:, 1] if threshold else np.zeros(4), atol=1e-6)
    low, high = small_images[np.argmin(above)], small_images[np.argmax(above)]
    measured = criteria.measure(network, low, high, "conv")
    assert (measured.target_class, measured.signal_class) == ("cat", "dog")
    assert mm.recognize(network, small_images[above]) == ["dog", "dog"]


def test_names_of_the_classes_of_one_output():
    assert small(SIGMOIDS["name"])[1].classes == ("class_0", "class_1")
    assert small(SIGMOIDS["name"], classes=["cat"])[1].classes == ("not cat", "cat")
    assert small(SIGMOIDS["name"], classes="cat")[1].classes == ("not cat", "cat")
    with pytest.raises(InputError, match=r"3 class names were given for 1 outputs.*two, below and above"):
        small(SIGMOIDS["name"], classes=["a", "b", "c"])
    with pytest.raises(InputError, match="is 1 for every signal; a softmax takes two outputs"):
        small(lambda x: keras.layers.Dense(1, "softmax")(x))


def test_weights_are_digested_when_they_are_used(small_images):
    model, network = small(keras.layers.Dense(3, name="top"))
    first = network.checkpoint_digest
    assert first == network.checkpoint_digest and first.startswith("sha256:")
    kernel = model.get_layer("top").kernel
    kernel.assign_add(tf.ones_like(kernel))
    second = network.checkpoint_digest
    config = mm.SynthesisConfig(iterations=1)
    null = mm.null_distribution(network, ["conv"], small_images, pairs=3, progress=False)
    metamer = mm.synthesize(network, "conv", small_images[0], config, progress=False)
    assert first != second == metamer.checkpoint == null.checkpoint
    mm.check(metamer, null)
    model.set_weights([2 * w for w in model.get_weights()])
    changed = mm.synthesize(network, "conv", small_images[0], config, progress=False)
    assert changed.checkpoint not in (first, second)
    with pytest.raises(InputError, match="null distribution"):
        mm.check(changed, null)
    model.set_weights([w / 2 for w in model.get_weights()])
    assert network.checkpoint_digest == second


def test_an_assigned_digest_holds_while_the_weights_do():
    model, network = small(keras.layers.Dense(3, name="top"))
    network.checkpoint_digest = "sha256:of a file"
    assert network.checkpoint_digest == "sha256:of a file"
    model.get_layer("top").bias.assign([1.0, 2.0, 3.0])
    assert network.checkpoint_digest != "sha256:of a file"


def test_digest_is_of_weights_alone():
    """The random state of dropout is none; of two layers called the same, both are."""

    def inner(name):
        inputs = keras.Input([6])
        return keras.Model(inputs, keras.layers.Dense(6, name="same")(inputs), name=name)

    def build(seed):
        keras.utils.clear_session()  # so that Keras gives layers the same names again
        keras.utils.set_random_seed(0)
        drop, one, two = keras.layers.Dropout(0.1, seed=seed), inner("one"), inner("two")
        return small(lambda x: keras.layers.Dense(3)(two(one(drop(keras.layers.Dense(6)(x))))))

    (model, network), (_, again) = build(1), build(2)
    assert network.checkpoint_digest == again.checkpoint_digest
    assert len(network.weights) == len(model.weights)
    for variable in model.weights:
        before = network.checkpoint_digest
        variable.assign(variable + 1.0)
        assert network.checkpoint_digest != before


def test_model_that_draws_at_random_is_refused():
    noisy = keras.layers.Lambda(lambda x: x + tf.random.normal(tf.shape(x)))
    with pytest.raises(InputError, match="does not answer as its layers do one by one"):
        small(lambda x: noisy(keras.layers.Dense(3)(x)))


def two_inputs():
    a, b = keras.Input([4]), keras.Input([4])
    return keras.Model([a, b], keras.layers.Add()([a, b]), name="two")


def image_to_image():
    inputs = keras.Input([32, 32, 3])
    return keras.Model(inputs, keras.layers.Conv2D(1, 1)(inputs), name="map")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: keras.Sequential([keras.layers.Dense(3)], name="unbuilt"), "no graph of layers"),
        (two_inputs, "2 inputs and 1 outputs"),
        (image_to_image, r"expected \[batch, classes\]"),
        (lambda: "model.h5", "expected a Keras model"),
    ],
)
def test_models_that_cannot_be_read_are_refused(make, message):
    with pytest.raises(InputError, match=message):
        mm.from_keras(make(), [], SIGNAL)


def test_arguments_that_do_not_fit_are_refused(model):
    with pytest.raises(InputError, match="no layer 'conv9'"):
        mm.from_keras(model, ["conv9"], SIGNAL)
    with pytest.raises(InputError, match="2 class names were given for 3 outputs"):
        mm.from_keras(model, ["top"], SIGNAL, ["a", "b"])
    with pytest.raises(InputError, match=r"takes \[32, 32, 3\], but the signal gives \[64, 64, 3\]"):
        mm.from_keras(model, ["top"], mm.SignalSpec("image", (64, 64, 3), 0.0, 1.0))


def example(name: str):
    sys.path.insert(0, str(EXAMPLES))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(EXAMPLES))


def test_own_network_example_works(small_images):
    network = example("own_network").TwoConvolutions()
    network.initialize(0)
    config = mm.SynthesisConfig(iterations=100)
    metamer = mm.synthesize(network, "conv2", small_images[0], config, progress=False)
    assert network.stages == ("conv1", "conv2", "logits") and metamer.loss[-1] < metamer.loss[0]


@pytest.mark.skipif("METAMERS_DATA" not in os.environ, reason="METAMERS_DATA is not set")
def test_squeezenet_example_knows_imagenet():
    data = Path(os.environ["METAMERS_DATA"])
    network = example("squeezenet").network(data / "imagenet_networks" / "squeezenet_v1_0.npz")
    rows = [
        line.split("\t") for line in (data / "imagenet_sample" / "labels.tsv").read_text().splitlines()[1:]
    ]
    images = np.stack([mm.load_image(data / "imagenet_sample" / row[0], network.signal) for row in rows])
    correct = network.logits(images).numpy().argmax(axis=1) == [int(row[1]) for row in rows]
    assert correct.mean() > 0.6  # 0.655 on 1000 such images
    stage = network.forward(tf.constant(images[:1]))["fire9"]
    assert stage.relu and float(tf.reduce_min(stage.value)) < 0
