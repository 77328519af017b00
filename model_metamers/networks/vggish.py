"""VGGish (Hershey et al., 2017), the AudioSet embedding network, with its released variables.

Stages have the names of TF-slim's end points without the block (`conv3_1`, `conv3_2`). A block of
several layers is also a stage under its own name, which stands for its last layer: `conv3` is
`conv3_2`, `conv4` is `conv4_2`, `fc1` is `fc1_2`. The metamer layers are the blocks
(docs/sources.md 4c).
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from model_metamers import gradients
from model_metamers.errors import InputError
from model_metamers.frontends.log_mel import LogMelConfig, log_mel_examples
from model_metamers.networks import layers
from model_metamers.networks.max_pooling import max_pool2d
from model_metamers.networks.network import Network
from model_metamers.networks.stage import Stage
from model_metamers.signals.spec import SignalSpec

_CONVS_PER_BLOCK = (1, 1, 2, 2)  # each of the four blocks ends in a max pooling
_NUM_FC = 2  # dense layers before the embedding
_SPEECH_RMS = 0.1  # level of the paper's sounds, docs/sources.md 6
_KERNEL_STDDEV = 0.01  # INIT_STDDEV of the released vggish_params
EMBEDDING_FORMS = ("relu", "linear")


class VGGish(Network):
    """VGGish from a waveform to its embeddings; the defaults give the network as it was in 2019.

    A sound is cut into examples of 0.96 s. Every stage is [batch, examples, ...], so that a
    signal's activations are those of all its examples.

    VGGish has no classes: of the paper's two conditions only the one on rho applies.

    Args:
      name: the name in the catalog.
      embedding: "relu" as in the code of 2019, which the paper probably used (docs/sources.md 4c),
        or "linear" as in the code released today; the checkpoint is the same.
      num_samples: length of a sound at 16 kHz; two seconds hold two examples.
      widths: channels of the four blocks.
      fc_width: number of units of the dense layers.
      embedding_size: number of units of fc2.
      log_mel: settings of the front end; None for the released ones.

    Raises:
      InputError: the sounds are shorter than one example.
    """

    leaks = True

    def __init__(
        self,
        name: str = "vggish",
        embedding: str = "relu",
        num_samples: int = 32000,
        widths: Sequence[int] = (64, 128, 256, 512),
        fc_width: int = 4096,
        embedding_size: int = 128,
        log_mel: LogMelConfig | None = None,
    ):
        if embedding not in EMBEDDING_FORMS:
            raise InputError(f"embedding={embedding!r}: expected one of {', '.join(EMBEDDING_FORMS)}")
        self.log_mel = log_mel or LogMelConfig()
        super().__init__(
            name=name,
            signal=SignalSpec("sound", (num_samples,), -1.0, 1.0, self.log_mel.sample_rate, _SPEECH_RMS),
            layers=["conv1", "conv2", "conv3", "conv4", "fc1", "fc2"],
            classes=(),
            learning_rate=0.01,  # paper 3.1
        )
        self._embedding_relu = embedding == "relu"
        self._num_examples = self.log_mel.num_examples(num_samples)

        height, width, channels = self.log_mel.example_frames, self.log_mel.num_bands, 1
        for block, (count, block_width) in enumerate(zip(_CONVS_PER_BLOCK, widths, strict=True), start=1):
            for variable, _ in _conv_names(block, count):
                self._add(variable, [3, 3, channels, block_width])
                channels = block_width
            height, width = -(-height // 2), -(-width // 2)  # poolings are "SAME"
        units = height * width * channels
        for i in range(1, _NUM_FC + 1):
            self._add(f"fc1/fc1_{i}", [units, fc_width])
            units = fc_width
        self._add("fc2", [units, embedding_size])

    def _add(self, name: str, kernel_shape: Sequence[int]) -> None:
        self.add_weight(f"vggish/{name}/weights", kernel_shape, layers.truncated_normal(_KERNEL_STDDEV))
        self.add_weight(f"vggish/{name}/biases", kernel_shape[-1:], layers.initializer("zeros"))

    def _weights_of(self, name: str) -> tuple[tf.Variable, tf.Variable]:
        return tuple(self.weights[f"vggish/{name}/{part}"] for part in ("weights", "biases"))

    def forward(self, signals: tf.Tensor, training: bool = False) -> dict[str, Stage]:
        """Stages log_mel, conv1 .. fc2 of [batch, samples] waveforms.

        `training` changes nothing: the released network has neither dropout nor batch
        statistics.
        """
        examples = log_mel_examples(signals, self.log_mel)
        stages = {"log_mel": Stage(examples)}
        # Convolutions see the examples of all signals as one batch.
        x = tf.reshape(examples, [-1, *examples.shape[2:], 1])
        for block, count in enumerate(_CONVS_PER_BLOCK, start=1):
            for variable, stage in _conv_names(block, count):
                value = layers.conv2d(x, *self._weights_of(variable))
                stages[stage] = self._stage(value, relu=True)
                x = gradients.clipped_relu(value)
            stages[f"conv{block}"] = stages[stage]
            x = max_pool2d(x, 2, 2, "SAME")
            stages[f"pool{block}"] = self._stage(x)

        x = tf.reshape(x, [-1, x.shape[1:].num_elements()])
        for i in range(1, _NUM_FC + 1):
            value = self._dense(f"fc1/fc1_{i}", x)
            stages[f"fc1_{i}"] = self._stage(value, relu=True)
            x = gradients.clipped_relu(value)
        stages["fc1"] = stages[f"fc1_{_NUM_FC}"]
        stages["fc2"] = self._stage(self._dense("fc2", x), relu=self._embedding_relu)
        return stages

    def _dense(self, name: str, x: tf.Tensor) -> tf.Tensor:
        kernel, bias = self._weights_of(name)
        return tf.matmul(x, kernel) + bias

    def _stage(self, value: tf.Tensor, relu: bool = False) -> Stage:
        """A stage [signals, examples, ...] of a value [signals * examples, ...]."""
        return Stage(tf.reshape(value, [-1, self._num_examples, *value.shape[1:]]), relu=relu)


def _conv_names(block: int, count: int) -> list[tuple[str, str]]:
    """(scope of the variables, name of the stage) of each convolution of a block."""
    if count == 1:
        return [(f"conv{block}", f"conv{block}")]
    return [(f"conv{block}/conv{block}_{i}", f"conv{block}_{i}") for i in range(1, count + 1)]
