"""VGGish and DeepSpeech as TensorFlow 1 graphs, written independently of the package.

Front ends from tf.signal and loops over bins, the LSTM from the operation that the release
ran; float32 or float64, after the waveforms. Used by the searches of the slow tests, and
by the scripts of the goldens for gradients.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf

tf1 = tf.compat.v1

# f(name of a checkpoint variable) -> the variable
Weights = Callable[[str], tf.Tensor]


def log_mel(waveforms: tf.Tensor) -> tf.Tensor:
    """VGGish's examples [batch * 2, 96, 64] of two seconds."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    spectra = tf.signal.stft(waveforms, 400, 160, 512, lambda _, dtype: tf.constant(window, dtype))
    filters = tf.signal.linear_to_mel_weight_matrix(64, 257, 16000, 125.0, 7500.0, waveforms.dtype)
    mels = clipped_log(tf.tensordot(tf.abs(spectra), filters, 1) + 0.01)
    return tf.reshape(mels[:, :192], [-1, 96, 64])


def mfcc(waveforms: tf.Tensor) -> tf.Tensor:
    """MFCCs [batch, frames, 26] as DeepSpeech v0.4.1 had python_speech_features make them."""
    dtype = waveforms.dtype
    samples = waveforms * 32768
    emphasised = tf.concat([samples[:, :1], samples[:, 1:] - 0.97 * samples[:, :-1]], axis=1)
    frames = tf.signal.frame(emphasised, 512, 320, pad_end=True)
    frames = frames[:, : 1 + -(-(waveforms.shape[1] - 512) // 320)]  # tf.signal pads for further ones
    spectra = tf.signal.rfft(frames * tf.constant(np.hamming(512), dtype))
    power = tf.abs(spectra) ** 2 / 512
    corners_mel = np.linspace(0, 2595 * np.log10(1 + 8000 / 700), 28)
    corners = np.floor(513 * 700 * (10 ** (corners_mel / 2595) - 1) / 16000).astype(int)
    filters = np.zeros([257, 26])
    for band, (low, peak, high) in enumerate(zip(corners[:-2], corners[1:-1], corners[2:], strict=True)):
        for k in range(low, high):
            filters[k, band] = (k - low) / (peak - low) if k < peak else (high - k) / (high - peak)
    epsilon = np.finfo(np.float64).eps
    bands = tf.maximum(tf.tensordot(power, tf.constant(filters, dtype), 1), epsilon)
    cepstra = tf.signal.dct(clipped_log(bands), type=2, norm="ortho")
    cepstra *= tf.constant(1 + 11 * np.sin(np.pi * np.arange(26) / 22), dtype)
    energy = tf.maximum(tf.reduce_sum(power, axis=-1, keepdims=True), epsilon)
    return tf.concat([clipped_log(energy), cepstra[..., 1:]], axis=-1)


def vggish(examples: tf.Tensor, weight: Weights, layer: str) -> tf.Tensor:
    """Activations of VGGish at the last convolution of a block, of [examples, 96, 64]."""
    net = examples[..., tf.newaxis]
    for block, names in enumerate((("",), ("",), ("_1", "_2"), ("_1", "_2")), start=1):
        for name in names:
            scope = f"vggish/conv{block}" + (f"/conv{block}{name}" if name else "")
            net = tf.nn.conv2d(net, weight(f"{scope}/weights"), 1, "SAME") + weight(f"{scope}/biases")
            if layer == f"conv{block}" and name == names[-1]:
                return jittered_relu(net)
            net = tf.nn.relu(net)
        net = tf.nn.max_pool2d(net, 2, 2, "SAME")
    raise ValueError(layer)


def deepspeech(features: tf.Tensor, weight: Weights, layer: str = "") -> tf.Tensor | dict[str, tf.Tensor]:
    """Activations of DeepSpeech v0.4.1 at layer_1 to layer_3, or all of them by name.

    Args:
      features: [batch, frames, 26].
      weight: by name.
      layer: whose ReLU is to pass every gradient; "" returns every layer, [frames, batch,
        units] as the release has it.
    """
    frames = features.shape[1]
    padded = tf.pad(features, [[0, 0], [9, 9], [0, 0]])
    windows = tf.stack([tf.reshape(padded[:, t : t + 19], [-1, 494]) for t in range(frames)])
    net, found = windows, {}
    for i in (1, 2, 3):
        value = tf.tensordot(net, weight(f"h{i}"), 1) + weight(f"b{i}")
        if layer == f"layer_{i}":
            return tf.transpose(jittered_relu(value, 20.0), [1, 0, 2])
        net = found[f"layer_{i}"] = tf.minimum(tf.nn.relu(value), 20.0)
    units, batch = net.shape[2], net.shape[1]
    none, zeros = tf.zeros([units]), tf.zeros([batch, units])
    block = tf.raw_ops.BlockLSTM(
        seq_len_max=tf.constant(frames, tf.int64),
        x=net,
        cs_prev=zeros,
        h_prev=zeros,
        w=weight("lstm_fused_cell/kernel"),
        wci=none,
        wcf=none,
        wco=none,
        b=weight("lstm_fused_cell/bias"),
        forget_bias=1.0,
        cell_clip=-1.0,
        use_peephole=False,
    )
    found["rnn_output"] = block.h
    value = tf.tensordot(block.h, weight("h5"), 1) + weight("b5")
    found["layer_5"] = tf.minimum(tf.nn.relu(value), 20.0)
    found["logits"] = tf.tensordot(found["layer_5"], weight("h6"), 1) + weight("b6")
    return found


def jittered_relu(x: tf.Tensor, ceiling: float = np.inf) -> tf.Tensor:
    @tf.custom_gradient
    def relu(value):
        return tf.minimum(tf.nn.relu(value), ceiling), lambda dy: tf.where(value <= 0, dy, dy)

    return relu(x)


@tf.custom_gradient
def clipped_log(x: tf.Tensor) -> tf.Tensor:
    """log of positive values, its slope clipped to 1."""
    return tf.math.log(x), lambda dy: dy * tf.minimum(1 / x, 1)
