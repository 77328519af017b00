"""Mozilla's DeepSpeech v0.4.1 (after Hannun et al., 2014), with its release's variables.

Source: docs/sources.md 4b and the source of the tag v0.4.1. Stages are named as the release's layers;
"logits" is its layer_6, also called raw_logits there.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from model_metamers.errors import InputError
from model_metamers.frontends.mfcc import MfccConfig, mfcc
from model_metamers.networks import layers
from model_metamers.networks.network import Network
from model_metamers.networks.stage import Stage
from model_metamers.signals.spec import SignalSpec
from model_metamers.storage.reading import read_text

_MOST_ALPHABET = 1 << 20  # bytes

# The release's alphabet.txt; the blank of CTC is the class after the last character.
ENGLISH = tuple(" abcdefghijklmnopqrstuvwxyz'")
_CONTEXT = 9  # frames either side
_RELU_CEILING = 20.0
_FORGET_BIAS = 1.0
_SPEECH_RMS = 0.1  # level of the paper's sounds, docs/sources.md 6


class DeepSpeech(Network):
    """DeepSpeech from a waveform to the logits of characters; the release at the defaults.

    The class of a sound is its transcript: two sounds are of the same class where greedy
    CTC decoding reads the same text in both.

    Args:
      name: the name in the catalog.
      num_samples: length of a sound at 16 kHz.
      hidden: number of units of every hidden layer.
      alphabet: characters, without the blank; see `read_alphabet`.
      mfcc: settings of the front end; None for the release's.
    """

    answers_with_texts = True

    leaks = True

    def __init__(
        self,
        name: str = "deepspeech",
        num_samples: int = 32000,
        hidden: int = 2048,
        alphabet: Sequence[str] = ENGLISH,
        mfcc: MfccConfig | None = None,
    ):
        self.mfcc = mfcc or MfccConfig()
        super().__init__(
            name=name,
            signal=SignalSpec("sound", (num_samples,), -1.0, 1.0, self.mfcc.sample_rate, _SPEECH_RMS),
            layers=["layer_1", "layer_2", "layer_3", "rnn_output", "layer_5", "logits"],
            classes=(),  # it answers with transcripts, see `label`
            learning_rate=0.0001,  # paper 3.1
        )
        self.alphabet = tuple(alphabet)
        inputs = (2 * _CONTEXT + 1) * self.mfcc.num_coefficients
        self._add("1", inputs, hidden)
        self._add("2", hidden, hidden)
        self._add("3", hidden, hidden)
        glorot, zeros = map(layers.initializer, ("glorot_uniform", "zeros"))
        self.add_weight("lstm_fused_cell/kernel", [2 * hidden, 4 * hidden], glorot)
        self.add_weight("lstm_fused_cell/bias", [4 * hidden], zeros)
        self._add("5", hidden, hidden)
        self._add("6", hidden, len(self.alphabet) + 1)

    def _add(self, layer: str, inputs: int, units: int) -> None:
        self.add_weight(f"h{layer}", [inputs, units], layers.initializer("glorot_uniform"))
        self.add_weight(f"b{layer}", [units], layers.initializer("zeros"))

    def forward(self, signals: tf.Tensor, training: bool = False) -> dict[str, Stage]:
        """Stages mfcc, layer_1 .. logits, each [batch, frames, units], of [batch, samples] waveforms.

        `training` changes nothing: the release's dropout is not part of this program.
        """
        features = mfcc(signals, self.mfcc)
        stages = {"mfcc": Stage(features)}
        x = with_context(features, _CONTEXT)
        for layer in ("1", "2", "3"):
            stages[f"layer_{layer}"] = self._clipped_relu_stage(layer, x)
            x = stages[f"layer_{layer}"].output
        x = lstm(x, self.weights["lstm_fused_cell/kernel"], self.weights["lstm_fused_cell/bias"])
        stages["rnn_output"] = Stage(x)
        stages["layer_5"] = self._clipped_relu_stage("5", x)
        stages["logits"] = Stage(self._dense("6", stages["layer_5"].output))
        return stages

    def _dense(self, layer: str, x: tf.Tensor) -> tf.Tensor:
        kernel = self.weights[f"h{layer}"]
        return tf.tensordot(tf.cast(x, kernel.dtype), kernel, 1) + self.weights[f"b{layer}"]

    def _clipped_relu_stage(self, layer: str, x: tf.Tensor) -> Stage:
        return Stage(self._dense(layer, x), relu=True, ceiling=_RELU_CEILING)

    def label(self, logits: np.ndarray) -> list[tuple[int | None, str]]:
        """(None, transcript) of each sound, from logits [batch, frames, characters + 1]."""
        return [(None, greedy_transcript(one, self.alphabet)) for one in logits]


def with_context(features: tf.Tensor, context: int) -> tf.Tensor:
    """Every frame joined with its neighbours, early to late; beyond the ends they are zeros.

    Args:
      features: [batch, frames, coefficients].
      context: number of neighbours on each side.

    Returns:
      [batch, frames, (2 * context + 1) * coefficients].
    """
    frames = features.shape[1]
    padded = tf.pad(features, [[0, 0], [context, context], [0, 0]])
    return tf.concat([padded[:, i : i + frames] for i in range(2 * context + 1)], axis=-1)


def lstm(x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """An LSTM that starts from zeros, as TF1's LSTMBlockFusedCell and `tf.raw_ops.BlockLSTM`.

    The steps are unrolled: the gradient of a loop would also accumulate the kernel's gradient,
    which the metamer search does not use.

    Args:
      x: [batch, frames, inputs].
      kernel: [inputs + units, 4 * units], gates in the order input, new value, forget, output.
      bias: [4 * units]; 1 is added to the forget gate's.

    Returns:
      Outputs [batch, frames, units].
    """
    units = bias.shape[0] // 4
    input_kernel, recurrent_kernel = kernel[:-units], kernel[-units:]
    # One product for the inputs of all frames.
    inputs = tf.cast(x, kernel.dtype)
    gates_from_inputs = tf.unstack(tf.tensordot(inputs, input_kernel, 1) + bias, axis=1)
    output = cell = tf.zeros_like(gates_from_inputs[0][:, :units])
    outputs = []
    for from_input in gates_from_inputs:
        gates = from_input + tf.matmul(output, recurrent_kernel)
        input_gate, new_value, forget_gate, output_gate = tf.split(gates, 4, axis=1)
        cell = tf.sigmoid(forget_gate + _FORGET_BIAS) * cell + tf.sigmoid(input_gate) * tf.tanh(new_value)
        output = tf.sigmoid(output_gate) * tf.tanh(cell)
        outputs.append(output)
    return tf.stack(outputs, axis=1)


def greedy_transcript(logits: np.ndarray, alphabet: Sequence[str]) -> str:
    """The text that greedy CTC decoding reads in logits [frames, characters + 1].

    It takes the likeliest class of every frame, counts repetitions once, then leaves out the
    blanks (the last class).
    """
    best = np.asarray(logits).argmax(axis=-1)
    changed = np.append(True, best[1:] != best[:-1])
    return "".join(alphabet[i] for i in best[changed] if i < len(alphabet))


def read_alphabet(path: str | os.PathLike) -> tuple[str, ...]:
    r"""The characters in a release's alphabet.txt, in the order of the logits.

    The file has one character a line. A line that starts with # is a comment; `\#` stands for #.

    Raises:
      InputError: the file is missing or is not UTF-8 text, a line is empty or has several
        characters, a character stands twice, or there are none.
    """
    try:
        lines = read_text(path, _MOST_ALPHABET).split("\n")
    except InputError as error:
        raise InputError(f"alphabet {error}") from error
    if lines[-1] == "":
        del lines[-1]  # after the last line's end
    characters = ["#" if line.startswith("\\#") else line for line in lines if not line.startswith("#")]
    for character in characters:
        if len(character) != 1:
            raise InputError(f"alphabet {path}: expected one character a line, got {character[:20]!r}")
    if not characters or len(set(characters)) < len(characters):
        raise InputError(f"alphabet {path}: expected distinct characters, got {len(characters)}")
    return tuple(characters)
