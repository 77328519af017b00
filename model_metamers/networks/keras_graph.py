"""A built Keras model as one list of steps, including the steps of models inside it."""

from __future__ import annotations

import collections
import dataclasses
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

keras = tf.keras


@dataclasses.dataclass(frozen=True)
class Slot:
    """The number under which a tensor's value is kept while the steps are computed."""

    index: int


@dataclasses.dataclass(frozen=True)
class Step:
    """One use of an operation, which is a layer or a function such as `keras.ops.relu`.

    Attributes:
      name: name of the stage; "" for a change of type, which is no stage.
      operation: what is called; None for a whole inner model, whose own steps come before this one
        and compute its outputs.
      args, kwargs: arguments of the call, with a `Slot` in place of every tensor.
      inputs: slots that the step reads.
      outputs: slots that the step fills.
    """

    name: str
    operation: Any
    args: tuple
    kwargs: dict[str, Any]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    def call(self, value_of: Callable[[int], tf.Tensor], training: bool = False) -> Any:
        """Calls the operation; `value_of` gives the tensor of a slot."""
        args, kwargs = tf.nest.map_structure(
            lambda x: value_of(x.index) if isinstance(x, Slot) else x, (self.args, self.kwargs)
        )
        if _takes_training(self.operation):
            kwargs["training"] = training
        return self.operation(*args, **kwargs)

    @property
    def stages(self) -> dict[str, int]:
        """The slots by stage name: the step's own name or, of several outputs, "name[0]", "name[1]", ..."""
        if not self.name or len(self.outputs) == 1:
            return {self.name: self.outputs[0]} if self.name else {}
        return {f"{self.name}[{i}]": slot for i, slot in enumerate(self.outputs)}


class KerasGraph:
    """The steps of a model in the order in which they can be computed, early to late.

    A step has the name of its layer or function. Within a model named "base" it is "base/conv",
    at any depth; where "relu" is used more than once, its uses are "relu@0", "relu@1", ...

    Args:
      model: functional or sequential, with one input and one output.

    Attributes:
      steps: every step, including those of inner models.
      tensors: Keras's symbolic tensor of each slot, which tells its shape and type.
      stages: the slot of each stage by name, early to late.
      output: slot of the model's output; slot 0 is its input.
    """

    def __init__(self, model: Any):
        self.steps: list[Step] = []
        self.tensors: list[Any] = [model.inputs[0]]
        (self.output,) = self._add(model, [0], "")
        self.stages = {name: slot for step in self.steps for name, slot in step.stages.items()}
        self._makers = {slot: step for step in self.steps if step.operation for slot in step.outputs}

    def maker(self, slot: int) -> Step | None:
        """The step that fills a slot; None for the model's input."""
        return self._makers.get(slot)

    def _add(self, model: Any, inputs: Sequence[int], prefix: str) -> list[int]:
        """Adds the steps of a model whose inputs are in these slots; returns its outputs' slots."""
        slots = {
            id(tensor): self._converted(slot, tensor)
            for tensor, slot in zip(model.inputs, inputs, strict=True)
        }
        nodes = _ordered_nodes(model)
        uses = collections.Counter(id(node.operation) for node in nodes)
        uses_so_far: dict[int, int] = collections.Counter()
        for node in nodes:
            key, name = id(node.operation), prefix + node.operation.name
            if uses[key] > 1:
                name = f"{name}@{uses_so_far[key]}"
                uses_so_far[key] += 1
            outputs = self._add_node(node, slots, name)
            slots.update({id(t): slot for t, slot in zip(node.output_tensors, outputs, strict=True)})
        return [slots[id(tensor)] for tensor in model.outputs]

    def _add_node(self, node: Any, slots: dict[int, int], name: str) -> list[int]:
        inputs = [slots[id(tensor)] for tensor in node.input_tensors]
        if _can_be_opened(node):
            outputs = self._add(node.operation, inputs, f"{name}/")
            self.steps.append(Step(name, None, (), {}, tuple(inputs), tuple(outputs)))
            return outputs
        args, kwargs = tf.nest.map_structure(
            lambda x: Slot(slots[id(x)]) if isinstance(x, keras.KerasTensor) else x,
            (tuple(node.arguments.args), dict(node.arguments.kwargs)),
        )
        outputs = [self._new_slot(tensor) for tensor in node.output_tensors]
        self.steps.append(Step(name, node.operation, args, kwargs, tuple(inputs), tuple(outputs)))
        return outputs

    def _converted(self, slot: int, tensor: Any) -> int:
        """A slot of the same values in the type of an inner model's input, as Keras converts them."""
        if self.tensors[slot].dtype == tensor.dtype:
            return slot
        new = self._new_slot(tensor)
        self.steps.append(Step("", _Cast(tensor.dtype), (Slot(slot),), {}, (slot,), (new,)))
        return new

    def _new_slot(self, tensor: Any) -> int:
        self.tensors.append(tensor)
        return len(self.tensors) - 1


@dataclasses.dataclass(frozen=True)
class _Cast:
    dtype: str

    def __call__(self, value: tf.Tensor) -> tf.Tensor:
        return tf.cast(value, self.dtype)


def has_graph(model: Any) -> bool:
    """Whether a Keras model computes what its graph of layers shows: built, functional or sequential."""
    if not isinstance(model, keras.Model) or not model.built:
        return False
    # A class with a `call` of its own may use the layers of its graph in any way.
    if not type(model).call.__module__.startswith("keras."):
        return False
    return bool(getattr(model, "inputs", None) and getattr(model, "outputs", None))


def _can_be_opened(node: Any) -> bool:
    """Whether this use of a model can be replaced by the model's own steps.

    The model must have a graph and take its inputs one by one, with the number of axes they have.
    """
    model, given = node.operation, node.input_tensors
    if not has_graph(model) or len(given) != len(model.inputs) or isinstance(node.arguments.args[0], dict):
        return False
    return all(len(a.shape) == len(b.shape) for a, b in zip(given, model.inputs, strict=True))


def _ordered_nodes(model: Any) -> list[Any]:
    """The uses of operations in a model ("nodes"), in the order in which Keras lists its layers.

    Those farther from the output, counted in steps, come first; at equal distance, those that a
    walk back from the output visits first.
    """
    inputs = {id(tensor) for tensor in model.inputs}

    def makers(tensors):
        histories = [tensor._keras_history for tensor in tensors if id(tensor) not in inputs]
        return [history.operation._inbound_nodes[history.node_index] for history in histories]

    visits: dict[Any, int] = {}  # the number of each node on the walk
    order = []  # a node comes after those whose outputs it reads
    waiting = [(node, False) for node in reversed(makers(model.outputs))]
    while waiting:
        node, finished = waiting.pop()
        if finished:
            order.append(node)
        elif node not in visits:
            visits[node] = len(visits)
            waiting.append((node, True))
            waiting += [(n, False) for n in reversed(makers(node.input_tensors))]
    distances: dict[Any, int] = collections.Counter()
    for node in reversed(order):
        for maker in makers(node.input_tensors):
            distances[maker] = max(distances[maker], distances[node] + 1)
    order.sort(key=lambda node: visits[node])
    return sorted(order, key=lambda node: distances[node], reverse=True)  # keeps ties as they are


def _takes_training(operation: Any) -> bool:
    call = getattr(operation, "call", operation)
    return "training" in inspect.signature(call).parameters
