"""Writes deepspeech.npz: DeepSpeech v0.4.1's graph on seeded weights and seeded sounds.

Run it in an environment with TensorFlow 2.12, python_speech_features 0.6, numpy below 1.24
and absl:

  python tests/goldens/make_deepspeech_golden.py

Weights and sounds come from seeded_sounds.py, which the tests use too, so neither is
stored. The file holds, of the MFCCs of python_speech_features as v0.4.1 calls it on four
sounds, of every layer of the network on two of them (its LSTM is tf.raw_ops.BlockLSTM, the
operation of the release's LSTMBlockFusedCell), and of the gradient of l2_loss(logits) to
the waveforms: shape, largest absolute value, sum, and values at seeded positions; and the
labels that TensorFlow's greedy CTC decoder reads. The gradient goes through the MFCC of
tf1_audio.py in float64, which is first held to python_speech_features.
"""

import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "builders"))

import numpy as np
import python_speech_features
import seeded_sounds
import tensorflow as tf
import tf1_audio
from absl import app, flags

_OUT = flags.DEFINE_string("out", str(pathlib.Path(__file__).with_name("deepspeech.npz")), "File to write.")

tf1 = tf.compat.v1
_UNITS, _CLASSES = 2048, 29
_VARIABLES = {
    "h1": [494, _UNITS],
    "b1": [_UNITS],
    "h2": [_UNITS, _UNITS],
    "b2": [_UNITS],
    "h3": [_UNITS, _UNITS],
    "b3": [_UNITS],
    "lstm_fused_cell/kernel": [2 * _UNITS, 4 * _UNITS],
    "lstm_fused_cell/bias": [4 * _UNITS],
    "h5": [_UNITS, _UNITS],
    "b5": [_UNITS],
    "h6": [_UNITS, _CLASSES],
    "b6": [_CLASSES],
}


def released_mfcc(sound):
    """[frames, 26] of the sound's 16-bit values, not rounded to them."""
    return python_speech_features.mfcc(
        sound.astype(np.float64) * 32768,
        samplerate=16000,
        numcep=26,
        winlen=0.032,
        winstep=0.02,
        winfunc=np.hamming,
    )


def network(sounds, expected_mfcc):
    """Layers by name, the gradient, and decoded labels, of [batch, samples] sounds."""
    with tf.Graph().as_default(), tf1.Session() as session:
        weights = {
            name: tf1.get_variable(name, shape, initializer=tf1.zeros_initializer())
            for name, shape in _VARIABLES.items()
        }
        waveforms = tf.constant(sounds, tf.float64)
        features = tf1_audio.mfcc(waveforms)
        layers = tf1_audio.deepspeech(tf.cast(features, tf.float32), weights.__getitem__)
        logits = layers["logits"]
        gradient = tf.gradients(tf.nn.l2_loss(logits), waveforms)[0]
        lengths = tf.fill([len(sounds)], logits.shape[0])
        decoded = tf.nn.ctc_greedy_decoder(logits, lengths)[0][0]
        for name, variable in weights.items():
            variable.load(seeded_sounds.weight(name, _VARIABLES[name]), session)
        np.testing.assert_allclose(session.run(features), expected_mfcc, atol=1e-7)
        fetches = {**{name: tf.transpose(x, [1, 0, 2]) for name, x in layers.items()}, "gradient": gradient}
        return session.run(fetches), session.run(tf.sparse.to_dense(decoded, default_value=-1))


def main(_):
    sounds, golden = seeded_sounds.sounds(), {}
    mfccs = {name: released_mfcc(sound) for name, sound in sounds.items()}
    for name, values in mfccs.items():
        golden |= seeded_sounds.summary(f"mfcc/{name}", values, 200)
    chosen = ("harmonic", "noise")
    found, labels = network(
        np.stack([sounds[name] for name in chosen]), np.stack([mfccs[name] for name in chosen])
    )
    for name, value in found.items():
        golden |= seeded_sounds.summary(name, value, 400 if name == "gradient" else 50)
        print(f"{name:16} {value.shape}  mean |x| {np.abs(value).mean():.3g}, max {np.abs(value).max():.3g}")
    golden["labels"] = labels
    print("labels", labels.tolist())
    np.savez_compressed(_OUT.value, **golden)
    print(f"{_OUT.value}: {pathlib.Path(_OUT.value).stat().st_size} bytes")


if __name__ == "__main__":
    app.run(main)
