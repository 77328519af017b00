"""What a network is: weights under their checkpoint's names, and named stages."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import tensorflow as tf

from model_metamers.errors import InputError, UnknownLayerError, nearest
from model_metamers.networks import ways
from model_metamers.networks.layers import Training
from model_metamers.networks.stage import Stage
from model_metamers.signals.spec import SignalSpec

# Variables of batch normalisation, which stay float32 in mixed precision.
_NORMALIZATION = ("gamma", "beta", "moving_mean", "moving_variance")
_TOLD = 6  # layers named in a message
_Built = TypeVar("_Built")


class Network(tf.Module):
    """A network that starts from a signal and names its stages.

    A subclass creates its variables with `add_weight`, under the exact names of the
    checkpoint they come from, and implements `forward`. Variables hold zeros until
    `model_metamers.weights` fills them.

    Attributes:
      name: the network's name, in the catalog if it is there.
      signal: what the network is fed.
      layers: names of the metamer layers, early to late.
      classes: names of the logits' classes; empty where the logits do not stand for classes.
      answers_with_texts: whether `label` gives texts, as a speech recogniser does, and not classes.
      frontends: front ends that it can hear by, of which all but "exact" are for drafts alone.
      frontend_in_use: the one that `forward` is to use now; "exact" but while `drafting` lasts.
      learning_rate: learning rate of the metamer search; the paper gives some networks their own.
      folds_batch_norm: whether there are convolutions followed by a batch normalisation, which `folding`
        makes one operation.
      leaks: whether all ReLUs in `forward` are stages' outputs or `gradients.clipped_relu`, which a search
        can make leak or round off (`SynthesisConfig.hidden_relu`), and before each of which a signal's values
        lie together: [batch, ...], or [batch * parts, ...]. A network of one's own says so.
      takes_averages: whether a checkpoint's moving averages of the variables
        ("NAME/ExponentialMovingAverage") are taken in place of the variables, where it has them.
      weights: variables by checkpoint name.
      initializers: by variable name, the function that initialises it before training.
      checkpoint_digest: digest of the weights' values.
      checkpoint_place: what the weights were loaded from, as `registry.place_of` has it; None for the
        catalog's own.

    Example:
      >>> import model_metamers as mm
      >>> network = mm.load_network("vgg_19_small", "random:0")
      >>> network.layers[:3], len(network.stages)
      (('conv1_2', 'conv2_2', 'conv3_4'), 24)
      >>> grey = np.full([1, 32, 32, 3], 0.5, np.float32)
      >>> network.activations(grey, ["conv3_4", "fc8"])["fc8"].shape
      TensorShape([1, 10])
    """

    answers_with_texts = False
    frontends: tuple[str, ...] = ("exact",)
    frontend_in_use = "exact"
    folds_batch_norm = False
    leaks = False
    takes_averages = False

    def __init__(
        self,
        name: str,
        signal: SignalSpec,
        layers: Sequence[str],
        classes: Sequence[str],
        learning_rate: float = 0.001,
    ):
        super().__init__(name=None)  # tf.Module takes no name with slashes or dots
        self._label = name
        self.signal = signal
        self.layers = tuple(layers)
        self.classes = tuple(classes)
        self.learning_rate = learning_rate
        self.weights: dict[str, tf.Variable] = {}
        self.initializers: dict[str, Callable] = {}
        self.checkpoint_digest = ""
        self.checkpoint_place: str | None = None
        self._compiled: dict[tuple, Any] = {}

    @property
    def name(self) -> str:
        return self._label

    @name.setter
    def name(self, name: str) -> None:
        self._label = name

    def __repr__(self) -> str:
        weights = self.checkpoint_digest.removeprefix("sha256:")[:8] or "none"
        return (
            f"<{type(self).__name__} {self.name}: {self.signal.kind}s {list(self.signal.shape)}, "
            f"{len(self.layers)} metamer layers of {len(self.stages)} stages, {len(self.classes)} classes, "
            f"weights {weights}>"
        )

    def forward(self, signals: tf.Tensor, training: Training = False) -> dict[str, Stage]:
        """Computes every stage.

        Args:
          signals: [batch, *signal.shape] float32.
          training: False at test. In training, batch normalisation uses the batch's statistics,
            and dropout is drawn from this seed, int32 [2], or anew if True.

        Returns:
          Stages by name, early to late; `logits_stage` is among them.
        """
        raise NotImplementedError

    @property
    def torch_names(self) -> dict[str, str]:
        """Names in PyTorch's file of the same weights, by those of `weights`; {} where none are known."""
        return {}

    @property
    def logits_stage(self) -> str:
        """Name of the stage that holds the logits."""
        return self.layers[-1]

    @property
    def stages(self) -> tuple[str, ...]:
        """Every named stage, early to late."""
        return tuple(self.stage_shapes)

    @property
    def stage_shapes(self) -> dict[str, tuple[int | None, ...]]:
        """Shape of every stage, early to late."""
        return {name: shape for name, (shape, _) in self._traced.items()}

    def relu_gradient(self, layer: str, wanted: str) -> str:
        """The gradient that the ReLU at the end of a matched layer gets.

        Args:
          layer: name of the layer.
          wanted: the search's `relu_gradient`, "linear" or "plain".

        Returns:
          `wanted` where the layer ends in a ReLU; "none" where no ReLU is known there.

        Raises:
          UnknownLayerError: see `check_layers`.
        """
        (layer,) = self.check_layers([layer])
        _, relu = self._traced[layer]
        return wanted if relu else "none"

    @property
    def _traced(self) -> dict[str, tuple[tuple[int | None, ...], bool]]:
        """The shape of every stage and whether it ends in a ReLU; traced once, nothing is computed."""
        if not hasattr(self, "_traced_stages"):
            traced: dict[str, tuple] = {}

            def trace(signals):
                for name, stage in self.forward(signals).items():
                    traced[name] = (tuple(stage.value.shape), stage.relu)

            spec = tf.TensorSpec([None, *self.signal.shape], tf.float32)
            tf.function(trace, autograph=False).get_concrete_function(spec)
            # Set in this way because tf.Module would wrap a plain dict on assignment.
            object.__setattr__(self, "_traced_stages", traced)
        return self._traced_stages

    def check_layers(self, layers: Iterable[str]) -> tuple[str, ...]:
        """The layers as a tuple, by their full names.

        Raises:
          UnknownLayerError: the network has no stage of that name; the message lists the nearest.
        """
        layers = (layers,) if isinstance(layers, str) else tuple(layers)
        for layer in layers:
            if layer not in self.stages:
                own = f"its metamer layers are {', '.join(self.layers)}; " if self.layers else ""
                raise UnknownLayerError(
                    f"{self.name} has no layer {layer!r}; {own}{nearest(layer, self.stages, 'stages')}"
                )
        return layers

    def chosen_layers(self, asked: Iterable[str] | None = None) -> tuple[str, ...]:
        """The layers that were asked for, by their full names, or else the metamer layers.

        Raises:
          InputError: no layers were asked for, and the network has no metamer layers; or
            UnknownLayerError as `check_layers`.
        """
        layers = self.check_layers(asked or self.layers)
        if not layers:
            ended = [name for name, (_, relu) in self._traced.items() if relu] or list(self.stages)
            some = ", ".join(ended[:_TOLD]) + (", ..." if len(ended) > _TOLD else "")
            raise InputError(
                f"{self.name} names no metamer layers of its own; say which of its {len(self.stages)} stages "
                f"are matched (--layers), such as {some}"
            )
        return layers

    def activations(self, signals: tf.Tensor, layers: Iterable[str]) -> dict[str, tf.Tensor]:
        """Outputs of the named stages, after the ordinary ReLU.

        Args:
          signals: [batch, *signal.shape], in the range of `signal`.
          layers: names of stages.

        Returns:
          Float32 [batch, ...] by stage name, as it was given.

        Raises:
          UnknownLayerError: the network has no stage of that name.
        """
        asked = (layers,) if isinstance(layers, str) else tuple(layers)
        layers = self.check_layers(asked)

        def read(batch):
            stages = self.forward(batch)
            return {layer: stages[layer].output for layer in layers}

        spec = tf.TensorSpec([None, *self.signal.shape], tf.float32)
        compiled = self.compiled(
            ("activations", *layers), lambda: tf.function(read, input_signature=[spec], autograph=False)
        )
        values = compiled(tf.convert_to_tensor(signals, tf.float32))
        return {name: values[layer] for name, layer in zip(asked, layers, strict=True)}

    def compiled(self, key: tuple[str, ...], build: Callable[[], _Built]) -> _Built:
        """A compiled function, or what one takes: built once for a key, and kept as long as the network."""
        if key not in self._compiled:
            self._compiled[key] = build()
        return self._compiled[key]

    def logits(self, signals: tf.Tensor) -> tf.Tensor:
        """Logits [batch, classes] of signals [batch, *signal.shape]."""
        return self.activations(signals, [self.logits_stage])[self.logits_stage]

    def label(self, logits: np.ndarray) -> list[tuple[int | None, str]] | None:
        """The class that the network gives each signal; signals with the same label are of one class.

        Args:
          logits: logits of a batch, as `logits` returns them.

        Returns:
          (index, name) of each signal's largest logit. A subclass whose `answers_with_texts` is
          True returns (None, text). None where the network names no classes.
        """
        if not self.classes:
            return None
        best = np.reshape(logits, [len(logits), -1]).argmax(axis=1)
        return [(int(index), self.classes[index]) for index in best]

    def add_weight(
        self, name: str, shape: Sequence[int], initializer: Callable, trainable: bool = True
    ) -> tf.Variable:
        """Creates a float32 variable of zeros under the name it has in the checkpoint.

        Args:
          name: name in the checkpoint.
          shape: its shape.
          initializer: f(shape, seed) -> values, for `initialize`.
          trainable: False for moving averages.
        """
        # In training on several devices each has its own moving averages; their mean is saved.
        several = (
            {}
            if trainable
            else {
                "synchronization": tf.VariableSynchronization.ON_READ,
                "aggregation": tf.VariableAggregation.MEAN,
            }
        )
        variable = tf.Variable(tf.zeros(shape), name=name, trainable=trainable, **several)
        self.weights[name] = variable
        self.initializers[name] = initializer
        return variable

    @contextlib.contextmanager
    def computing_in(self, dtype: tf.DType) -> Iterator[None]:
        """While it lasts, `forward` computes in `dtype`; variables and signals stay float32.

        Kernels and biases are cast where they are used, so gradients reach the variables.
        The front end and batch normalisation stay float32.
        """
        own = self.weights
        cast = {
            name: v if name.rpartition("/")[2] in _NORMALIZATION else tf.cast(v, dtype)
            for name, v in own.items()
        }
        # Set in this way because tf.Module would keep track of the cast tensors.
        object.__setattr__(self, "weights", cast)
        try:
            yield
        finally:
            object.__setattr__(self, "weights", own)

    @contextlib.contextmanager
    def folding(self) -> Iterator[None]:
        """While it lasts, `forward` at test has batch normalisation in the kernels before it.

        It is the same function, but for rounding.
        """
        yield

    @contextlib.contextmanager
    def drafting(self, precision: str = "float32", frontend: str = "exact") -> Iterator[None]:
        """While it lasts, `forward` computes faster and less exactly, as most of a search may.

        Args:
          precision: "bfloat16" for what `computing_in` does, or "float32".
          frontend: one of `frontends`.
        """
        with contextlib.ExitStack() as stack:
            if precision != "float32":
                stack.enter_context(self.computing_in(tf.as_dtype(precision)))
            self.frontend_in_use = frontend
            try:
                yield
            finally:
                self.frontend_in_use = "exact"

    def check_ways(
        self, precision: str, frontend: str, batch_norm: str, convolutions: str = "direct"
    ) -> None:
        """Refuses a way to compute that this network or the machine has not, with an InputError."""
        ways.check(self, ways.Ways(precision, frontend, batch_norm, convolutions))

    def initialize(self, seed: int) -> None:
        """Fills every variable by its initialiser; the same seed gives the same values."""
        for name, variable in self.weights.items():
            own_seed = zlib.crc32(f"{seed}/{name}".encode()) & 0x7FFFFFFF
            variable.assign(self.initializers[name](variable.shape, own_seed))
        self.checkpoint_digest = f"random:{seed}"

    def set_weights(self, values: Mapping[str, np.ndarray]) -> None:
        """Assigns values to variables by name; names and shapes must be the network's own."""
        for name, value in values.items():
            self.weights[name].assign(value)
