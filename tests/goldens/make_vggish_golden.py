"""Writes vggish.npz: the released VGGish on seeded weights and seeded sounds.

Run it in an environment with TensorFlow 2.12, tf_slim 1.1, numpy below 1.24 and absl, with
mel_features.py, vggish_params.py and vggish_slim.py of github.com/tensorflow/models,
research/audioset/vggish, in one folder:

  python tests/goldens/make_vggish_golden.py --vggish=DIR

Weights and sounds come from seeded_sounds.py, which the tests use too, so neither is
stored. The file holds, of the released log-mel of four sounds, of every stage of the
network on two of them, and of the gradient of l2_loss(embedding) to the waveforms: shape,
largest absolute value, sum, and values at seeded positions. The gradient goes through the
log-mel of tf1_audio.py in float64, which is first held to the released one: TensorFlow
2.12's float32 FFT on the CPU is off by 1e-4.
"""

import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "builders"))

import numpy as np
import seeded_sounds
import tensorflow as tf
import tf1_audio
from absl import app, flags

_VGGISH = flags.DEFINE_string("vggish", None, "Folder with the released files.", required=True)
_OUT = flags.DEFINE_string("out", str(pathlib.Path(__file__).with_name("vggish.npz")), "File to write.")

tf1 = tf.compat.v1
_STAGES = {
    "conv1": "conv1/Relu",
    "pool1": "pool1/MaxPool",
    "conv2": "conv2/Relu",
    "pool2": "pool2/MaxPool",
    "conv3_1": "conv3/conv3_1/Relu",
    "conv3_2": "conv3/conv3_2/Relu",
    "pool3": "pool3/MaxPool",
    "conv4_1": "conv4/conv4_1/Relu",
    "conv4_2": "conv4/conv4_2/Relu",
    "pool4": "pool4/MaxPool",
    "fc1_1": "fc1/fc1_1/Relu",
    "fc1_2": "fc1/fc1_2/Relu",
    "fc2": "fc2/BiasAdd",
}


def released_log_mel(sound, mel_features, params):
    """[frames, bands], as vggish_input computes it from a waveform."""
    return mel_features.log_mel_spectrogram(
        sound.astype(np.float64),
        audio_sample_rate=params.SAMPLE_RATE,
        log_offset=params.LOG_OFFSET,
        window_length_secs=params.STFT_WINDOW_LENGTH_SECONDS,
        hop_length_secs=params.STFT_HOP_LENGTH_SECONDS,
        num_mel_bins=params.NUM_MEL_BINS,
        lower_edge_hertz=params.MEL_MIN_HZ,
        upper_edge_hertz=params.MEL_MAX_HZ,
    )


def network(sounds, expected_examples, vggish_slim):
    """Stages by name, and gradients of both forms of the embedding, of [batch, samples] sounds."""
    with tf.Graph().as_default() as graph, tf1.Session() as session:
        waveforms = tf.constant(sounds, tf.float64)
        examples = tf1_audio.log_mel(waveforms)
        embedding = vggish_slim.define_vggish_slim(tf.cast(examples, tf.float32), training=False)
        losses = {"linear": tf.nn.l2_loss(embedding), "relu": tf.nn.l2_loss(tf.nn.relu(embedding))}
        fetches = {name: graph.get_tensor_by_name(f"vggish/{op}:0") for name, op in _STAGES.items()}
        fetches |= {f"gradient_{form}": tf.gradients(loss, waveforms)[0] for form, loss in losses.items()}
        for variable in tf1.global_variables():
            value = seeded_sounds.weight(variable.op.name, variable.shape.as_list())
            variable.load(value, session)
        np.testing.assert_allclose(session.run(examples), expected_examples, atol=1e-9)
        found = session.run(fetches)
        names = sorted((v.op.name, v.shape.as_list()) for v in tf1.global_variables())
    return found, names


def main(_):
    sys.path.insert(0, _VGGISH.value)
    import mel_features
    import vggish_params
    import vggish_slim

    sounds, golden = seeded_sounds.sounds(), {}
    mels = {name: released_log_mel(sound, mel_features, vggish_params) for name, sound in sounds.items()}
    for name, mel in mels.items():
        golden |= seeded_sounds.summary(f"log_mel/{name}", mel, 200)
    chosen = ("harmonic", "noise")
    examples = np.concatenate([mels[name][:192].reshape(2, 96, 64) for name in chosen])
    found, names = network(np.stack([sounds[name] for name in chosen]), examples, vggish_slim)
    for name, value in found.items():
        count = 400 if name.startswith("gradient") else 50
        golden |= seeded_sounds.summary(name, value, count)
        print(f"{name:16} {value.shape}  mean |x| {np.abs(value).mean():.3g}, max {np.abs(value).max():.3g}")
    golden["variables"] = np.array([f"{name} {shape}" for name, shape in names])
    np.savez_compressed(_OUT.value, **golden)
    print(f"{_OUT.value}: {pathlib.Path(_OUT.value).stat().st_size} bytes")


if __name__ == "__main__":
    app.run(main)
