"""A ReLU is known in whatever way a Keras model was written."""

import functools
import warnings

import numpy as np
import pytest
import tensorflow as tf

import model_metamers as mm

keras = tf.keras
L = keras.layers
SIGNAL = mm.SignalSpec("image", (4, 6, 3), -1.0, 1.0)
SIGNALS = np.random.default_rng(0).uniform(-1, 1, (2, 4, 6, 3)).astype(np.float32)


def conv(activation=None, **more):
    return L.Conv2D(4, 3, padding="same", activation=activation, **more)


def ended(make):
    """A network whose third stage from the end is what `make` makes of a convolution, and its values."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input(SIGNAL.shape)
    y = make(inputs)
    network = mm.from_keras(keras.Model(inputs, L.Dense(2)(L.Flatten()(y))), [], SIGNAL)
    stage = network.stages[-3]
    return network, stage, keras.Model(inputs, y)(SIGNALS).numpy()


class OwnActivation(L.Layer):
    def call(self, x):
        return tf.maximum(x, 0.0)


class OwnDense(L.Layer):
    """A layer with weights and an activation of its own."""

    def __init__(self, activation):
        super().__init__()
        self.dense, self.activation = L.Dense(4), keras.activations.get(activation)

    def call(self, x):
        return self.activation(self.dense(x))


class Hiding(L.Layer):
    """A ReLU that cannot be got at."""

    def __init__(self):
        super().__init__()
        self.dense = L.Dense(4)

    def build(self, shape):
        self.dense.build(shape)

    def compute_output_shape(self, shape):
        return (*shape[:-1], 4)

    def call(self, x):
        return tf.nn.relu(self.dense(x))


class Powered(keras.Model):
    """A model that does more than its graph says."""

    power = 2

    def call(self, x, training=None):
        return super().call(x, training=training) ** self.power


def sequential(*layers):
    return keras.Sequential([keras.Input([*SIGNAL.shape]), *layers])


relu, relu6 = keras.activations.relu, keras.activations.relu6

RELUS = {
    "name": (lambda x: conv("relu")(x), None),
    "tf.nn.relu": (lambda x: conv(tf.nn.relu)(x), None),
    "tf.nn.relu6": (lambda x: conv(tf.nn.relu6)(x), 6.0),
    "keras.ops.relu": (lambda x: conv(keras.ops.relu)(x), None),
    "keras.ops.relu6": (lambda x: conv(keras.ops.relu6)(x), 6.0),
    "max_value": (lambda x: conv(functools.partial(relu, max_value=0.5))(x), 0.5),
    "a lambda": (lambda x: conv(lambda v: tf.maximum(0.0, v))(x), None),
    "a layer as activation": (lambda x: conv(L.ReLU())(x), None),
    "a layer with a ceiling": (lambda x: conv(L.ReLU(max_value=0.25))(x), 0.25),
    "Dense": (lambda x: L.Dense(3, tf.nn.relu)(x), None),
    "DepthwiseConv2D": (lambda x: L.DepthwiseConv2D(3, activation=tf.nn.relu6)(x), 6.0),
    "Activation": (lambda x: L.Activation(tf.nn.relu)(conv()(x)), None),
    "Activation, partial": (lambda x: L.Activation(functools.partial(relu, max_value=3))(conv()(x)), 3.0),
    "ReLU": (lambda x: L.ReLU(6.0)(conv()(x)), 6.0),
    "Lambda": (lambda x: L.Lambda(tf.nn.relu)(conv()(x)), None),
    "Lambda of a ceiling": (lambda x: L.Lambda(lambda v: tf.clip_by_value(v, 0, 20.0))(conv()(x)), 20.0),
    "own layer": (lambda x: OwnActivation()(conv()(x)), None),
    "own layer with an activation": (lambda x: OwnDense(tf.nn.relu)(x), None),
    "operation": (lambda x: keras.ops.relu(conv()(x)), None),
    "operation relu6": (lambda x: keras.ops.relu6(conv()(x)), 6.0),
    "maximum": (lambda x: keras.ops.maximum(conv()(x), 0.0), None),
    "clip": (lambda x: keras.ops.clip(conv()(x), 0.0, 2.0), 2.0),
    "maximum of minimum": (lambda x: keras.ops.maximum(keras.ops.minimum(conv()(x), 2.0), 0.0), 2.0),
    "minimum of relu": (lambda x: keras.ops.minimum(keras.ops.relu(conv()(x)), 2.0), 2.0),
    "TimeDistributed": (lambda x: L.TimeDistributed(L.Dense(4, "relu"))(x), None),
    "TimeDistributed of a ReLU": (lambda x: L.TimeDistributed(L.ReLU(6.0))(conv()(x)), 6.0),
    "TimeDistributed of a model": (
        lambda x: L.TimeDistributed(keras.Sequential([L.Dense(4), L.ReLU()]))(x),
        None,
    ),
    "SpectralNormalization": (lambda x: L.SpectralNormalization(conv("relu"))(x), None),
    "inner Sequential": (lambda x: sequential(conv(), L.ReLU())(x), None),
    "inner Sequential, unbuilt": (lambda x: keras.Sequential([conv(), L.Activation("relu6")])(x), 6.0),
    "inner of inner": (lambda x: sequential(sequential(conv("relu")))(x), None),
    "model with a call of its own": (lambda x: powered(1)(x), None),
    "dropout": (lambda x: L.Dropout(0.5)(conv("relu")(x)), None),
    "spatial dropout": (lambda x: L.SpatialDropout2D(0.5)(L.ReLU(6.0)(conv()(x))), 6.0),
    "noise": (lambda x: L.GaussianNoise(1.0)(keras.ops.relu(conv()(x))), None),
    "regularization": (lambda x: L.ActivityRegularization(0.1)(conv("relu")(x)), None),
    "identity": (lambda x: L.Identity()(L.Activation("linear")(conv("relu")(x))), None),
    "dropout twice, inside": (
        lambda x: sequential(conv("relu"), L.Dropout(0.1), L.AlphaDropout(0.1))(x),
        None,
    ),
    "dropout before": (lambda x: keras.ops.relu(L.Dropout(0.1)(conv()(x))), None),
    "concatenation": (lambda x: L.Concatenate()([conv("relu")(x), L.Lambda(tf.nn.relu)(x)]), None),
    "concatenation after dropout": (
        lambda x: keras.ops.concatenate([L.Dropout(0.1)(conv("relu")(x)), keras.ops.relu(conv()(x))], axis=2),
        None,
    ),
}
NO_RELUS = {
    "linear": lambda x: conv()(x),
    "leaky": lambda x: L.LeakyReLU()(conv()(x)),
    "leaky, as an argument": lambda x: L.ReLU(negative_slope=0.1)(conv()(x)),
    "prelu": lambda x: L.PReLU()(conv()(x)),
    "elu": lambda x: conv("elu")(x),
    "gelu": lambda x: L.Activation("gelu")(conv()(x)),
    "swish": lambda x: L.Lambda(tf.nn.swish)(conv()(x)),
    "hard sigmoid": lambda x: conv("hard_sigmoid")(x),
    "hard tanh": lambda x: conv(keras.ops.hard_tanh)(x),
    "half of it": lambda x: keras.ops.minimum(conv()(x), 1.0),
    "square": lambda x: L.Lambda(lambda v: v**2)(conv()(x)),
    "softmax": lambda x: L.Softmax()(conv()(x)),
    "pooled": lambda x: L.MaxPooling2D(2)(conv("relu")(x)),
    "scaled": lambda x: 2.0 * conv("relu")(x),
    "unlike branches": lambda x: L.Concatenate()([conv("relu")(x), conv("tanh")(x)]),
    "unlike ceilings": lambda x: L.Concatenate()([conv("relu")(x), conv("relu6")(x)]),
    "recurrent, gated": lambda x: L.LSTM(3)(L.Reshape([4, 18])(x)),
}
HIDDEN = {
    "own layer": lambda x: Hiding()(x),
    "own layer, then dropout": lambda x: L.Dropout(0.1)(Hiding()(x)),
    "Lambda of more": lambda x: L.Lambda(lambda v: tf.nn.relu(2 * v - 0.1))(conv()(x)),
    "recurrent": lambda x: L.SimpleRNN(8, "relu")(L.Reshape([4, 18])(x)),
    "squared": lambda x: conv(lambda v: tf.nn.relu(v) ** 2)(x),
    "threshold": lambda x: L.Activation(functools.partial(relu, threshold=0.1))(conv()(x)),
    "threshold of the layer": lambda x: L.ReLU(threshold=0.1)(conv()(x)),
    "within a layer around it": lambda x: L.TimeDistributed(Hiding())(x),
    "at the end of a model with a call of its own": lambda x: powered(2)(x),
}


def powered(power):
    inputs = keras.Input(SIGNAL.shape)
    model = Powered(inputs, conv("relu")(inputs))
    model.power = power
    return model


@pytest.mark.parametrize("form", RELUS)
def test_every_form_of_a_relu_passes_every_gradient(form):
    make, ceiling = RELUS[form]
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        network, name, wanted = ended(make)
    with tf.GradientTape() as tape:
        stage = network.forward(tf.constant(SIGNALS))[name]
        tape.watch(stage.value)
        linear = stage.linear_gradient_output
    assert stage.relu and stage.ceiling == ceiling
    np.testing.assert_allclose(linear, wanted, atol=1e-6)
    assert float(tf.reduce_min(stage.value)) < 0  # the value before the ReLU
    np.testing.assert_array_equal(tape.gradient(linear, stage.value), np.ones(stage.value.shape))
    assert network.relu_gradient(name, "linear") == "linear"
    assert network.relu_gradient(name, "plain") == "plain"


@pytest.mark.parametrize("form", NO_RELUS)
def test_what_is_no_relu_stays_as_it_is(form):
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        network, name, wanted = ended(NO_RELUS[form])
    stage = network.forward(tf.constant(SIGNALS))[name]
    assert not stage.relu and network.relu_gradient(name, "linear") == "none"
    np.testing.assert_allclose(stage.value, wanted, atol=1e-6)


@pytest.mark.parametrize("form", HIDDEN)
def test_a_relu_that_cannot_be_got_at_is_named(form):
    with pytest.warns(UserWarning, match="seem to end in a ReLU that cannot be got at") as found:
        network, name, wanted = ended(HIDDEN[form])
    stage = network.forward(tf.constant(SIGNALS))[name]
    assert name in str(found[0].message) and "\n" not in str(found[0].message)
    assert not stage.relu and network.relu_gradient(name, "linear") == "plain"
    np.testing.assert_allclose(stage.value, wanted, atol=1e-6)


def test_the_layers_are_left_as_they_were():
    dense, wrapped = L.Dense(4, tf.nn.relu), L.ReLU()
    around = L.TimeDistributed(keras.Sequential([L.Dense(4), wrapped]))
    network, _, wanted = ended(lambda x: around(dense(x)))
    network.logits(SIGNALS)
    assert dense.activation is tf.nn.relu and "call" not in vars(wrapped)
    assert wanted.min() == 0


def test_training_draws_dropout():
    network, name, _ = ended(lambda x: L.Dropout(0.5)(conv("relu")(x)))
    still, drawn = (
        network.forward(tf.constant(SIGNALS), training)[name].output for training in (False, True)
    )
    assert np.mean(drawn == 0) > np.mean(still == 0) + 0.1


def test_masks_go_on_through_a_relu():
    keras.utils.set_random_seed(0)
    inputs = keras.Input([6, 3])
    x = L.LSTM(3)(L.Dense(4, "relu", name="dense")(L.Masking()(inputs)))
    model = keras.Model(inputs, L.Dense(2)(x))
    padded = np.random.default_rng(0).uniform(0.1, 1, (2, 6, 3)).astype(np.float32)
    padded[:, 4:] = 0
    signal = mm.SignalSpec("sound", (18,), -1.0, 1.0, sample_rate=100)
    network = mm.from_keras(model, ["dense"], signal, preprocess=lambda x: tf.reshape(x, [-1, 6, 3]))
    np.testing.assert_allclose(network.logits(padded.reshape(2, 18)), model(padded), atol=1e-6)
    assert not np.allclose(model(padded), model(padded[:, ::-1]), atol=1e-3)


@pytest.mark.parametrize(
    ("make", "layer", "used"),
    [
        (lambda x: conv(tf.nn.relu, name="layer")(x), "linear", "linear"),
        (lambda x: conv(tf.nn.relu, name="layer")(x), "plain", "plain"),
        (lambda x: conv("tanh", name="layer")(x), "linear", "none"),
        (lambda x: L.Lambda(lambda v: tf.nn.relu(2 * v - 0.1), name="layer")(conv()(x)), "linear", "plain"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*cannot be got at")
def test_the_record_says_which_gradient_was_used(tmp_path, make, layer, used):
    network, _, _ = ended(make)
    config = mm.SynthesisConfig(iterations=1, relu_gradient=layer)
    metamer = mm.synthesize(network, "layer", SIGNALS[0], config, progress=False)
    mm.save(metamer, tmp_path / "metamer")
    assert mm.load(tmp_path / "metamer").relu_gradient_used == metamer.relu_gradient_used == used
