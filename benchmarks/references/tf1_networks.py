"""Networks as operations of TensorFlow 1, arranged as the authors' released code has them.

Written independently of the package (docs/sources.md 1b, 1c, 1e and 4): convolutions where the package
multiplies matrices, dense identity kernels where it pools by channel, TensorFlow's own gradients. Only
the ERB filters are the package's; the goldens hold those to the authors' own.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.signal
import tensorflow as tf

from model_metamers.frontends.erb_filters import cochleagram_filters
from model_metamers.signals.cochleagram_config import CochleagramConfig

# f(name of a checkpoint variable) -> the variable
Weights = Callable[[str], tf.Tensor]


def vgg_19(image: tf.Tensor, weight: Weights, layer: str, pixel_std: float = 1.0) -> tf.Tensor:
    """Activations of TF-slim's VGG-19 at a metamer layer, of an image in [0, 1]."""
    net = (image * 255.0 - [123.68, 116.779, 103.939]) / pixel_std
    names = [
        f"conv{block}/conv{block}_{i}"
        for block, count in enumerate((2, 2, 4, 4, 4), start=1)
        for i in range(1, count + 1)
    ]
    last_convs = ("conv1_2", "conv2_2", "conv3_4", "conv4_4", "conv5_4")
    for name in [*names, "fc6", "fc7", "fc8"]:
        padding = "SAME" if name.startswith("conv") else "VALID"
        net = tf.nn.conv2d(net, weight(f"vgg_19/{name}/weights"), 1, padding)
        net += weight(f"vgg_19/{name}/biases")
        end_point = name.split("/")[-1]
        if end_point == layer:
            return net if layer == "fc8" else jittered_relu(net)
        net = tf.nn.relu(net)
        if end_point in last_convs:
            net = tf.nn.max_pool2d(net, 2, 2, "VALID")
    raise ValueError(layer)


def efficientnet_lite0(image: tf.Tensor, weight: Weights, layer: str) -> tf.Tensor:
    """Activations of the official EfficientNet-Lite0 at a stage, of an image in [0, 1].

    Zeros are laid around by hand, batch normalisation divides by a root, the pooling is an average
    pooling. Stages are called as the package calls them.
    """

    def conv(x, scope, kernel, number, stride=1):
        values = weight(f"efficientnet-lite0/{scope}/{kernel}")
        size, pads = values.shape[0], []
        for length in x.shape[1:3]:
            total = max((-(-length // stride) - 1) * stride + size - length, 0)
            pads.append((total // 2, total - total // 2))
        x = tf.pad(x, [(0, 0), *pads, (0, 0)])
        if "depthwise" in kernel:
            x = tf.nn.depthwise_conv2d(x, values, [1, stride, stride, 1], "VALID")
        else:
            x = tf.nn.conv2d(x, values, stride, "VALID")
        norm = f"efficientnet-lite0/{scope}/tpu_batch_normalization{f'_{number}' if number else ''}"
        parts = ("gamma", "beta", "moving_mean", "moving_variance")
        gamma, beta, mean, variance = (weight(f"{norm}/{part}") for part in parts)
        return (x - mean) / tf.sqrt(variance + 1e-3) * gamma + beta

    strides = {1: 2, 3: 2, 5: 2, 11: 2}
    net = conv((image * 255.0 - 127.0) / 128.0, "stem", "conv2d/kernel", 0, 2)
    if layer == "stem":
        return jittered_relu6(net)
    net = tf.minimum(tf.nn.relu(net), 6.0)
    for i in range(16):
        scope, before, number = f"blocks_{i}", net, 0
        if i > 0:
            net = conv(net, scope, "conv2d/kernel", number)
            if layer == f"block_{i}/expand":
                return jittered_relu6(net)
            net, number = tf.minimum(tf.nn.relu(net), 6.0), 1
        net = conv(net, scope, "depthwise_conv2d/depthwise_kernel", number, strides.get(i, 1))
        if layer == f"block_{i}/depthwise":
            return jittered_relu6(net)
        net = tf.minimum(tf.nn.relu(net), 6.0)
        net = conv(net, scope, "conv2d_1/kernel" if i > 0 else "conv2d/kernel", number + 1)
        if net.shape == before.shape:
            net += before
        if layer == f"block_{i}":
            return net
    net = conv(net, "head", "conv2d/kernel", 0)
    if layer == "head":
        return jittered_relu6(net)
    net = tf.minimum(tf.nn.relu(net), 6.0)
    net = tf.nn.avg_pool2d(net, net.shape[1:3], 1, "VALID")[:, 0, 0]
    if layer == "pool":
        return net
    return net @ weight("efficientnet-lite0/head/dense/kernel") + weight("efficientnet-lite0/head/dense/bias")


def auditory_cnn(
    waveforms: tf.Tensor, weight: Weights, layer: str, config: CochleagramConfig, reduced_aliasing: bool
) -> tf.Tensor:
    """Activations of the paper's word network at a metamer layer."""
    net = plain_cochleagram(waveforms, config)
    if layer == "cochleagram":
        return net
    net = _batch_norm(net, weight, "batch_norm_data")
    for i, stride in enumerate((3, 2, 1, 1, 1)):
        net = tf.nn.conv2d(
            net, weight(f"brain_network/conv_{i}/kernel"), 1 if reduced_aliasing else stride, "SAME"
        )
        net += weight(f"brain_network/conv_{i}/bias")
        if layer == f"conv_{i}":
            return jittered_relu(net)
        net = tf.nn.relu(net)
        if reduced_aliasing and stride > 1:
            net = _hann_pool(net, stride)
            if layer == f"pool_{i}_0":
                return net
        if i in (0, 1, 4):
            plain_pool = tf.nn.avg_pool2d if i == 4 else tf.nn.max_pool2d
            net = _hann_pool(net, 2) if reduced_aliasing else plain_pool(net, (2, 5), 2, "SAME")
        if i < 2:
            net = _batch_norm(net, weight, f"batch_norm_{i}")
    net = tf.reshape(net, [-1, np.prod(net.shape[1:])])
    net = net @ weight("brain_network/fc_intermediate/kernel") + weight("brain_network/fc_intermediate/bias")
    if layer == "fc_intermediate":
        return jittered_relu(net)
    net = tf.nn.relu(net)
    return net @ weight("brain_network/fc_top_0/kernel") + weight("brain_network/fc_top_0/bias")


def plain_cochleagram(waveforms: tf.Tensor, config: CochleagramConfig) -> tf.Tensor:
    """The cochleagram from ordinary operations, with TensorFlow's own gradients; float32 or float64."""
    num_samples = waveforms.shape[1]
    complex_type = tf.complex128 if waveforms.dtype == tf.float64 else tf.complex64
    filters = cochleagram_filters(num_samples, config)
    subbands = tf.signal.rfft(waveforms)[:, tf.newaxis] * tf.constant(filters, complex_type)
    analytic = tf.signal.ifft(tf.pad(subbands, [[0, 0], [0, 0], [0, num_samples // 2 - 1]]))
    stride, size = config.sample_rate // config.envelope_rate, config.window_size
    times = np.arange(-size / 2, size // 2)
    window = scipy.signal.windows.kaiser(size, 5) * np.sinc(times / stride) / stride
    kernel = tf.constant(window[np.newaxis, :, np.newaxis, np.newaxis], waveforms.dtype)
    frames = tf.nn.conv2d(tf.abs(analytic)[..., tf.newaxis], kernel, [1, 1, stride, 1], "SAME")
    return _power(tf.nn.relu(frames) * config.scale)


@tf.custom_gradient
def jittered_relu(x: tf.Tensor) -> tf.Tensor:
    return tf.nn.relu(x), lambda dy: tf.where(x <= 0, dy, dy)


@tf.custom_gradient
def jittered_relu6(x: tf.Tensor) -> tf.Tensor:
    return tf.minimum(tf.nn.relu(x), 6.0), lambda dy: tf.where(x <= 0, dy, dy)


@tf.custom_gradient
def _power(x: tf.Tensor) -> tf.Tensor:
    rectified = tf.nn.relu(x)
    slope = tf.clip_by_value(0.3 * rectified**-0.7, -1, 1)
    return rectified**0.3, lambda dy: dy * slope


def _batch_norm(x: tf.Tensor, weight: Weights, name: str) -> tf.Tensor:
    gamma, beta, mean, variance = (
        weight(f"brain_network/{name}/{part}") for part in ("gamma", "beta", "moving_mean", "moving_variance")
    )
    return (x - mean) * gamma / tf.sqrt(variance + 1e-3) + beta


def _hann_pool(x: tf.Tensor, stride: int) -> tf.Tensor:
    """Hann pooling as a dense convolution that mixes no channels."""
    size, channels = 4 * stride, x.shape[-1]
    window = 0.5 * (1 - np.cos(2 * np.pi * np.arange(size) / (size - 1)))
    kernel = np.outer(window, window)
    dense = (kernel / kernel.sum())[:, :, np.newaxis, np.newaxis] * np.eye(channels)
    return tf.nn.conv2d(x, tf.constant(dense, tf.float32), stride, "SAME")
