"""Convolutions by Winograd's algorithm, beside SciPy's correlation and TensorFlow's own."""

import numpy as np
import pytest
import scipy.signal
import tensorflow as tf

import model_metamers as mm
from model_metamers.networks import layers, transformed_kernels, ways, winograd
from model_metamers.networks.vgg import VGG
from model_metamers.networks.ways import Ways
from model_metamers.synthesis.matching import loss_and_gradient
from tests.conftest import make_tiny_vgg, make_tiny_word_cnn
from tests.networks.test_slim_networks import small_slim_network

WINOGRAD = Ways(convolutions="winograd")


def drawn(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.RandomState(seed).normal(size=shape).astype(np.float32)


def correlated(x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """The convolution in float64, by SciPy."""
    found = np.zeros([*x.shape[:3], kernel.shape[3]])
    for batch, into, out in np.ndindex(x.shape[0], *kernel.shape[2:]):
        one = scipy.signal.correlate2d(x[batch, ..., into].astype(float), kernel[..., into, out], "same")
        found[batch, ..., out] += one
    return found


@pytest.mark.parametrize(
    ("batch", "height", "width"), [(1, 1, 1), (3, 3, 2), (1, 4, 4), (2, 5, 8), (3, 14, 13), (1, 4, 30)]
)
def test_value_and_gradient_are_those_of_the_convolution(batch, height, width):
    x, kernel = drawn(batch, height, width, 5), drawn(3, 3, 5, 6, seed=1)
    dy = drawn(batch, height, width, 6, seed=2)
    with tf.GradientTape() as tape:
        signals = tf.constant(x)
        tape.watch(signals)
        found = winograd.conv2d(signals, winograd.transformed_kernel(tf.constant(kernel)))
    expected = correlated(x, kernel)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
    # The adjoint turns the kernel around and exchanges its channels.
    expected = correlated(dy, kernel[::-1, ::-1].transpose(0, 1, 3, 2))
    gradient = tape.gradient(found, signals, output_gradients=tf.constant(dy))
    np.testing.assert_allclose(gradient, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_it_is_as_near_to_float64_as_tensorflows_own_within_a_factor():
    x, kernel = drawn(1, 28, 28, 64), drawn(3, 3, 64, 64, seed=1)
    expected = tf.nn.conv2d(x.astype(float), kernel.astype(float), 1, "SAME").numpy()
    ours = winograd.conv2d(x, winograd.transformed_kernel(tf.constant(kernel)))
    errors = [
        np.linalg.norm(found.numpy() - expected) / np.linalg.norm(expected)
        for found in (ours, tf.nn.conv2d(x, kernel, 1, "SAME"))
    ]
    assert errors[1] < errors[0] < 5e-6, errors


def test_the_kernels_transform_is_the_papers():
    """Lavin & Gray's G, written out, on both sides of each kernel."""
    g = [
        [1 / 4, 0, 0],
        [-1 / 6, -1 / 6, -1 / 6],
        [-1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6],
        [1 / 24, -1 / 12, 1 / 6],
        [0, 0, 1],
    ]
    kernel = drawn(3, 3, 2, 4)
    expected = np.einsum("ai,ijcd,bj->abcd", g, kernel, g).reshape(36, 2, 4)
    np.testing.assert_allclose(winograd.transformed_kernel(tf.constant(kernel)), expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("x", "kernel", "strides", "padding", "suits"),
    [
        ((1, 14, 14, 64), (3, 3, 64, 32), 1, "SAME", True),
        ((1, 13, 16, 32), (3, 3, 32, 32), (1, 1), "SAME", True),
        ((4, 8, 8, 64), (3, 3, 64, 64), 1, "SAME", True),
        ((1, 8, 8, 64), (3, 3, 64, 64), 1, "SAME", False),  # 4 tiles
        ((1, 14, 14, 64), (3, 3, 64, 31), 1, "SAME", False),
        ((1, 14, 14, 3), (3, 3, 3, 64), 1, "SAME", False),
        ((1, 14, 14, 64), (5, 5, 64, 64), 1, "SAME", False),
        ((1, 14, 14, 64), (1, 3, 64, 64), 1, "SAME", False),
        ((1, 14, 14, 64), (3, 3, 64, 64), 2, "SAME", False),
        ((1, 14, 14, 64), (3, 3, 64, 64), (1, 2), "SAME", False),
        ((1, 14, 14, 64), (3, 3, 64, 64), 1, "VALID", False),
        ((None, 14, 14, 64), (3, 3, 64, 64), 1, "SAME", False),
    ],
)
def test_which_convolutions_are_taken_so(x, kernel, strides, padding, suits):
    assert winograd.suits(tf.TensorShape(x), kernel, strides, padding) is suits


def make_wide_vgg(seed: int = 0) -> mm.Network:
    """A VGG-19 whose conv2_2 and what follows have enough channels."""
    widths = (3, 32, 32, 32, 32)
    network = VGG("vgg_wide", ["a", "b"], 32, widths, 8, pixel_std=64.0, kernel_initializer="he_normal")
    network.initialize(seed)
    return network


def loss_and_gradient_in(network: mm.Network, layer: str, signals: tf.Tensor, how: Ways) -> list[np.ndarray]:
    """Of a loss at a layer, compiled as a search compiles its steps."""
    steps = tf.function(
        lambda x: loss_and_gradient(network, layer, "linear", x, tf.constant(0.1)), autograph=False
    )
    ways.prepare(network, how)
    return [value.numpy() for value in ways.compiled(network, steps, how)(signals)]


def number_of_convolutions(network: mm.Network, layer: str, signals: tf.Tensor, how: Ways) -> int:
    """Those that TensorFlow's own operation computes."""
    steps = tf.function(lambda x: network.forward(x)[layer].value, autograph=False)
    ways.prepare(network, how)
    graph = ways.compiled(network, steps, how).get_concrete_function(signals).graph
    return sum(operation.type == "Conv2D" for operation in graph.get_operations())


@pytest.mark.parametrize("layer", ["conv2_2", "conv3_4", "fc8"])
def test_a_networks_loss_and_gradient_are_the_same_but_for_rounding(layer):
    network = make_wide_vgg()
    signals = tf.constant(np.random.RandomState(0).uniform(0.1, 0.9, [2, 32, 32, 3]), tf.float32)
    direct = loss_and_gradient_in(network, layer, signals, Ways())
    other = loss_and_gradient_in(network, layer, signals, WINOGRAD)
    np.testing.assert_allclose(other[0], direct[0], rtol=1e-5)
    np.testing.assert_allclose(other[1], direct[1], rtol=0, atol=1e-4 * np.abs(direct[1]).max())
    assert np.any(other[1] != direct[1])
    np.testing.assert_array_equal(loss_and_gradient_in(network, layer, signals, Ways())[1], direct[1])


def test_only_those_that_suit_are_taken():
    network, signals = make_wide_vgg(), tf.zeros([2, 32, 32, 3])
    direct = number_of_convolutions(network, "conv5_4", signals, Ways())
    # conv2_2 of 16 x 16, conv3_1 to conv3_4 of 8 x 8 (8 tiles of two signals) and smaller.
    assert direct - number_of_convolutions(network, "conv5_4", signals, WINOGRAD) == 1
    more = tf.zeros([4, 32, 32, 3])
    assert direct - number_of_convolutions(network, "conv5_4", more, WINOGRAD) == 5


def test_transformed_kernels_are_made_anew_of_new_weights():
    network = make_wide_vgg()
    signals = tf.constant(np.random.RandomState(0).uniform(0.1, 0.9, [2, 32, 32, 3]), tf.float32)
    steps = tf.function(lambda x: network.forward(x)["conv2_2"].value, autograph=False)
    compiled = ways.compiled(network, steps, WINOGRAD)
    ways.prepare(network, WINOGRAD)
    before = compiled(signals)
    network.initialize(1)
    ways.prepare(network, WINOGRAD)
    after = compiled(signals)
    np.testing.assert_allclose(after, steps(signals), rtol=0, atol=1e-5 * np.abs(after).max())
    assert np.abs(after - before).max() > 0.1 * np.abs(after).max()


def test_bytes_of_work_are_told_for_each_kernel_and_signal():
    network = make_wide_vgg()
    taken = transformed_kernels.taken(network)
    assert "vgg_19/conv2/conv2_1/weights" not in taken  # of three channels
    assert taken["vgg_19/conv2/conv2_2/weights"] == 4 * 36 * 16 * (32 + 32)
    assert taken["vgg_19/conv3/conv3_1/weights"] == 4 * 36 * 4 * (32 + 32)
    assert "vgg_19/fc6/weights" not in taken


class OwnNetwork(mm.Network):
    """One convolution, computed as `convolve` says."""

    def __init__(self, convolve, kernel=(3, 3, 32, 32)):
        super().__init__("own", mm.SignalSpec("image", (16, 16, 32), 0.0, 1.0), ["logits"], ["a", "b"])
        self.add_weight("kernel", kernel, layers.initializer("glorot_uniform"))
        self.initialize(0)
        self.convolve = convolve

    def forward(self, signals, training=False):
        return {"logits": mm.Stage(self.convolve(signals, self.weights["kernel"]))}


def test_a_network_of_ones_own_has_it_where_it_takes_the_packages_convolution():
    given = mm.SynthesisConfig(convolutions="winograd")
    given.for_network(OwnNetwork(layers.convolution))
    given.for_network(OwnNetwork(lambda x, kernel: layers.conv2d_same(x, kernel)))
    given.for_network(OwnNetwork(lambda x, k: layers.dilated_conv2d(x, k, (1, 1), (1, 1), "SAME")))
    for network in (
        OwnNetwork(lambda x, kernel: tf.nn.conv2d(x, kernel, 1, "SAME")),
        OwnNetwork(lambda x, kernel: layers.convolution(x, kernel, 2)),
        OwnNetwork(lambda x, kernel: layers.dilated_conv2d(x, kernel, (1, 1), (2, 2), "SAME")),
        OwnNetwork(layers.convolution, (5, 5, 32, 32)),
    ):
        with pytest.raises(mm.InputError, match=r"convolutions=winograd: own has no convolution of 3 x 3"):
            given.for_network(network)


@pytest.mark.parametrize("make", [make_tiny_vgg, make_tiny_word_cnn, lambda: small_slim_network("mobilenet")])
def test_a_network_without_such_convolutions_is_refused(make):
    with pytest.raises(mm.InputError, match=r"convolutions=winograd: .* choose convolutions=direct"):
        mm.SynthesisConfig(convolutions="winograd").for_network(make())


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("vgg_19_small", "conv3_4"),
        ("resnet_v2_small", "block2"),
        pytest.param("inception_v3_small", "Logits", marks=pytest.mark.slow),
    ],
)
def test_the_networks_that_ship_have_it_also_with_folded_kernels(name, layer):
    network = mm.load_network(name)
    signals = tf.constant(np.random.RandomState(0).uniform(0.1, 0.9, [16, *network.signal.shape]), tf.float32)
    for batch_norm in ("separate", "folded")[: 1 + network.folds_batch_norm]:
        how = WINOGRAD._replace(batch_norm=batch_norm)
        direct = loss_and_gradient_in(network, layer, signals, Ways(batch_norm=batch_norm))
        other = loss_and_gradient_in(network, layer, signals, how)
        np.testing.assert_allclose(other[0], direct[0], rtol=1e-4)
        assert np.corrcoef(other[1].ravel(), direct[1].ravel())[0, 1] > 0.9999
    assert np.any(other[1] != direct[1])


def test_it_is_not_to_be_had_in_bfloat16():
    with pytest.raises(mm.InputError, match=r"convolutions=winograd: computes in float32 alone"):
        mm.SynthesisConfig(convolutions="winograd", precision="bfloat16")


def test_a_machine_without_xla_is_told_in_one_line(monkeypatch):
    def fail(*given):
        raise tf.errors.UnimplementedError(None, None, "no XLA")

    monkeypatch.setattr(winograd, "conv2d", fail)
    monkeypatch.setattr(ways, "taken", lambda network: {"kernel": 1})
    ways._compiles.cache_clear()
    try:
        with pytest.raises(mm.InputError, match=r"cannot compile by XLA here; choose convolutions=direct$"):
            mm.SynthesisConfig(convolutions="winograd").for_network(make_wide_vgg())
    finally:
        ways._compiles.cache_clear()
