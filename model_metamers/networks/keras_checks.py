"""Checks of a Keras model and its preprocessing before any work starts."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from model_metamers.errors import InputError
from model_metamers.networks.keras_graph import KerasGraph, has_graph
from model_metamers.networks.keras_probe import is_float, passes_gradients
from model_metamers.networks.keras_relu import clip_of
from model_metamers.signals.spec import SignalSpec
from model_metamers.storage.reading import one_line

if TYPE_CHECKING:
    from model_metamers.networks.network import Network

keras = tf.keras

_PAGE = "docs/your_network.md"
_MEND = (
    "it must be made of TensorFlow operations with a gradient, without NumPy, rounding, integer types or "
    "stop_gradient"
)


def check_arguments(layers: Any, signal: Any) -> None:
    """Refuses layers that are no names, and what is no SignalSpec, with an InputError."""
    names = (layers,) if isinstance(layers, str) else layers
    if not isinstance(names, Iterable) or not all(isinstance(name, str) for name in names):
        raise InputError(f"layers={layers!r}: expected names of layers, such as ['conv_1', 'conv_2']; or []")
    if not isinstance(signal, SignalSpec):
        expected = "an mm.SignalSpec, such as mm.SignalSpec('image', (224, 224, 3), low=0.0, high=1.0)"
        raise InputError(f"signal={signal!r}: expected {expected}")


def check_model(model: Any) -> None:
    """Checks that a model has one input, one output of classes, and a graph of layers.

    Raises:
      InputError: it does not.
    """
    if not isinstance(model, keras.Model):
        raise InputError(f"expected a Keras model on the TensorFlow backend, got {_what_it_is(model)}")
    if not has_graph(model):
        raise InputError(f"{model.name} has no graph of layers: {_without_graph(model)}")
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise InputError(
            f"{model.name} has {len(model.inputs)} inputs and {len(model.outputs)} outputs; expected one of "
            f"each: keras.Model(input, output) makes such a model of a part of it, a Network takes any "
            f"({_PAGE})"
        )
    if len(model.outputs[0].shape) != 2 or model.outputs[0].shape[-1] is None:
        raise InputError(
            f"{model.name} gives {list(model.outputs[0].shape)}; expected [batch, classes]: of a sequence, "
            f"take the last answer or the mean, of a map, pool it"
        )
    if model.outputs[0] is model.inputs[0]:
        raise InputError(f"{model.name} gives what it is given; expected a model with layers")


def _what_it_is(thing: Any) -> str:
    """What was given in place of a Keras model, and what to do."""
    kinds = [f"{kind.__module__}.{kind.__qualname__}" for kind in type(thing).__mro__]
    if isinstance(thing, (str, os.PathLike)):
        return f"the text {one_line(repr(os.fspath(thing)))}: load it first, keras.saving.load_model(...)"
    if any(kind.startswith("torch.nn.") for kind in kinds):
        return (
            f"{type(thing).__name__} of PyTorch: write it as a Keras model or a Network, and give that the "
            f"weights (docs/weights_from_pytorch.md)"
        )
    if isinstance(thing, Mapping):
        return (
            f"{type(thing).__name__}, which may hold weights, but no model: write it as a Keras model or a "
            f"Network, and give that the weights (docs/weights_from_pytorch.md)"
        )
    return type(thing).__name__


def _without_graph(model: Any) -> str:
    """Why a Keras model has no graph of layers, and what to do."""
    if isinstance(model, keras.Sequential):
        return "it was never built; begin it with keras.Input(shape)"
    return (
        "it is a subclass of keras.Model; build it of layers, keras.Model(input, output), or write a Network "
        f"({_PAGE})"
    )


def check_states(graph: KerasGraph, model: str) -> None:
    """Refuses layers that keep something from one signal to the next.

    Raises:
      InputError: there is one.
    """
    for step in graph.steps:
        if getattr(step.operation, "stateful", False):
            raise InputError(
                f"{step.name} of {model} is recurrent and keeps its state from signal to signal; build it "
                f"with stateful=False"
            )


def checked_preprocessing(
    preprocess: Callable[[tf.Tensor], tf.Tensor] | None, signal: SignalSpec, model: Any
) -> Callable[[tf.Tensor], tf.Tensor]:
    """The preprocessing function, tried out on two random signals within the signal's range.

    Args:
      preprocess: from float32 [batch, *signal.shape] to the model's input; None to hand the
        signals on as they are.
      signal: what the network is fed.
      model: the Keras model.

    Raises:
      InputError: it cannot be computed in a TensorFlow graph, gives another shape than the model
        takes, gives values that are not finite, or lets no gradient through.
    """
    if preprocess is not None and not callable(preprocess):
        raise InputError(f"preprocess={preprocess!r}: expected a function; {_MEND}")
    function = preprocess or tf.identity
    expected = tuple(model.inputs[0].shape[1:])
    signals = _random_signals(signal)

    @tf.function(autograph=False)
    def probe(batch):
        with tf.GradientTape() as tape:
            tape.watch(batch)
            given = tf.convert_to_tensor(function(batch))
            _check_shape(tuple(given.shape[1:]) if given.shape.rank else None, expected, model.name)
            if not given.dtype.is_floating:
                return given, None
            # Summed with random weights: a plain sum has no gradient where the mean is subtracted.
            given = tf.cast(given, tf.float32)
            total = tf.reduce_sum(given * tf.random.stateless_normal(tf.shape(given), [0, 1]))
        return given, tape.gradient(total, batch)

    try:
        spec = tf.TensorSpec([None, *signal.shape], tf.float32)
        given, gradient = probe.get_concrete_function(spec)(tf.constant(signals))
    except InputError:
        raise
    except Exception as error:  # whatever a function of the user's may raise
        reason = (str(error).strip().splitlines() or [""])[0]
        raise InputError(
            f"preprocess cannot be computed ({type(error).__name__}: {reason[:120]}); {_MEND}"
        ) from error
    if not np.isfinite(given).all() or (gradient is not None and not np.isfinite(gradient).all()):
        raise InputError(
            f"preprocess gives NaN or infinite values or gradients for signals in "
            f"[{signal.low:g}, {signal.high:g}]; does it expect another range?"
        )
    if gradient is None or not np.any(gradient):
        raise InputError(f"no gradient comes back through preprocess, which the search needs; {_MEND}")
    return function


def one_number(graph: KerasGraph, model: str) -> str:
    """Whether the only output of a model is a "probability" (its activation gives 0 to 1) or a "logit".

    Raises:
      InputError: the output is the same for every signal, as a softmax of one number is.
    """
    step = graph.maker(graph.output)
    while step is not None and _is_identity(step):
        step = graph.maker(step.inputs[0])
    if step is None:
        return "logit"
    numbers = np.linspace(-20.0, 20.0, 82, dtype=np.float32)[:, np.newaxis]
    given = numbers
    activation = getattr(step.operation, "activation", None)
    try:
        if callable(activation):
            given = np.asarray(activation(tf.constant(numbers)), np.float32)
        elif not getattr(step.operation, "weights", None):
            given = np.asarray(step.call(lambda _: tf.constant(numbers)), np.float32)
    except Exception:  # the step is no function of one number
        return "logit"
    if np.ptp(given) < 1e-5:  # a softmax of one number is 1, up to rounding
        raise InputError(
            f"the one output of {model} is {given.min():g} for every signal; a softmax takes two outputs or "
            f"more, one output takes a sigmoid"
        )
    return "probability" if given.min() >= 0 and given.max() <= 1 else "logit"


def check_answers(network: Network, model: Any, preprocess: Callable) -> None:
    """Checks that the network answers a random signal as the Keras model itself does.

    Raises:
      InputError: the answers differ or are not finite.
    """
    signals = tf.constant(_random_signals(network.signal)[:1])
    given = tf.cast(preprocess(signals), model.inputs[0].dtype)
    wanted = tf.cast(model(given, training=False), tf.float32).numpy()
    got = network.forward(signals)[network.logits_stage].output.numpy()[:, -wanted.shape[-1] :]
    if not np.isfinite(wanted).all():
        raise InputError(f"{model.name} answers with NaN or infinite values; look at its weights")
    exact = model.outputs[0].dtype in ("float32", "float64")
    tolerance = (1e-4 if exact else 0.05) * np.abs(wanted).max()
    if not np.allclose(got, wanted, rtol=0, atol=tolerance):
        raise InputError(
            f"{model.name} does not answer as its layers do one by one: it draws at random, or a layer keeps "
            f"a state; write a Network for it ({_PAGE})"
        )


def check_gradients(graph: KerasGraph, layers: Sequence[str], model: str) -> None:
    """Checks that a gradient can flow from each of the named layers back to the signal.

    Raises:
      InputError: a step between a layer and the signal has no gradient.
    """
    reached = {0} if is_float(graph.tensors[0]) else set()
    cut = f"the model takes {graph.tensors[0].dtype}; let it take float32"
    for step in graph.steps:
        if step.operation is None or not reached.intersection(step.inputs):
            continue
        given = {slot for slot in step.outputs if is_float(graph.tensors[slot])}
        if given and passes_gradients(graph, step):
            reached |= given
        else:
            cut = f"{step.name or 'a change of type'} rounds, turns into integers or stops gradients"
    without = [layer for layer in layers if graph.stages.get(layer, 0) not in reached]
    if without:
        raise InputError(
            f"no gradient comes from {', '.join(without)} of {model} to the signal; the search needs one: "
            f"{cut}"
        )


def _is_identity(step: Any) -> bool:
    """Whether a step returns its input unchanged, as dropout at test and a linear activation do."""
    operation = step.operation
    if len(step.inputs) != 1 or getattr(operation, "weights", None):
        return False
    clip = clip_of(getattr(operation, "activation", None) or (lambda x: step.call(lambda _: x)))
    return clip is not None and clip == type(clip)()


def _check_shape(given: tuple | None, expected: tuple, model: str) -> None:
    same_rank = given is not None and len(given) == len(expected)
    if not same_rank or any(e not in (None, g) for e, g in zip(expected, given or (), strict=True)):
        shown = "an unknown shape" if given is None else list(given)
        raise InputError(
            f"{model} takes {list(expected)}, but the signal gives {shown} after preprocessing; change "
            f"`signal` or `preprocess`"
        )


def _random_signals(signal: SignalSpec) -> np.ndarray:
    """Two random signals within the range, float32 [2, *signal.shape]."""
    high = signal.high if np.isfinite(signal.high) else signal.low + 1.0
    shape = (2, *signal.shape)
    return np.random.default_rng(0).uniform(signal.low, high, shape).astype(np.float32)
