"""Checking an auditory architecture before anything is built from it.

`normalized` turns a list of `{"layer_type", "args"}`, from `word_architecture` or from
one of the authors' files, into plain data with every default filled in.
"""

from __future__ import annotations

import numbers
import reprlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from model_metamers.errors import InputError
from model_metamers.networks.audio_layers import LAYER_TYPES, REQUIRED

Architecture = Sequence[Mapping[str, Any]]

# No number in an architecture may be larger: a file that asks for more is damaged or malicious.
_LARGEST_NUMBER = 1 << 20
_MOST_LAYERS = 1000
# Arguments that change training only, or how TF1 built the graph.
_WITHOUT_EFFECT = frozenset(
    {
        "kernel_initializer",
        "bias_initializer",
        "beta_initializer",
        "gamma_initializer",
        "moving_mean_initializer",
        "moving_variance_initializer",
        "kernel_regularizer",
        "bias_regularizer",
        "beta_regularizer",
        "gamma_regularizer",
        "activity_regularizer",
        "kernel_constraint",
        "bias_constraint",
        "beta_constraint",
        "gamma_constraint",
        "trainable",
        "training",
        "reuse",
        "_reuse",
        "fused",
        "seed",
    }
)


class _Unfit(Exception):
    """A value is not of the kind that its argument takes; the message says which kind that is."""


def normalized(architecture: Architecture) -> list[dict[str, Any]]:
    """The architecture as plain data: known arguments only, checked, defaults filled in.

    Args:
      architecture: layers in order; a layer without a name gets the one TF1 gives.

    Returns:
      A new list of `{"layer_type": str, "args": dict}`; pairs are tuples.

    Raises:
      InputError: an unknown layer type or argument, a value of the wrong kind, two layers
        of one name, or a last layer that does not classify. The message names the layer.
    """
    if not isinstance(architecture, (list, tuple)) or not 0 < len(architecture) <= _MOST_LAYERS:
        raise InputError(
            f"architecture: expected a list of 1 to {_MOST_LAYERS} layers, got {shown(architecture)}"
        )
    result: list[dict[str, Any]] = []
    for index, item in enumerate(architecture):
        result.append(_normalized_layer(index, item, [layer["args"]["name"] for layer in result]))
    classifying = [i for i, layer in enumerate(result) if "n_classes_dict" in layer["args"]]
    if classifying != [len(result) - 1]:
        raise InputError(
            "architecture: its last layer, and no other, must be fc_top_classification or "
            f"multi_fc_top_classification; the layer types are {shown([x['layer_type'] for x in result])}"
        )
    return result


def shown(value: Any) -> str:
    """Any value as text short enough for a message."""
    try:
        return reprlib.repr(value)
    except ValueError:  # an integer of thousands of digits
        return "a very large number"


def _normalized_layer(index: int, item: Any, taken: Sequence[str]) -> dict[str, Any]:
    if not isinstance(item, Mapping) or set(item) != {"layer_type", "args"}:
        raise InputError(f"architecture, layer {index}: expected {{layer_type, args}}, got {shown(item)}")
    layer_type, args = item["layer_type"], item["args"]
    if not isinstance(layer_type, str) or layer_type not in LAYER_TYPES:
        raise InputError(
            f"architecture, layer {index}: unknown layer_type {shown(layer_type)}; known are "
            f"{', '.join(LAYER_TYPES)}"
        )
    if not isinstance(args, Mapping) or not all(isinstance(key, str) for key in args):
        raise InputError(f"architecture, layer {index}: args must be a dict by name, got {shown(args)}")
    name = _name(index, layer_type, args.get("name"), taken)
    return {"layer_type": layer_type, "args": {**_arguments(layer_type, name, args), "name": name}}


def _name(index: int, layer_type: str, name: Any, taken: Sequence[str]) -> str:
    if name is None:
        base = LAYER_TYPES[layer_type].default_name or layer_type.rpartition(".")[2]
        count = sum(other == base or other.startswith(f"{base}_") for other in taken)
        name = f"{base}_{count}" if count else base
    if not isinstance(name, str) or not 0 < len(name) <= 200:
        raise InputError(f"architecture, layer {index}: {shown(name)} is no name of a layer")
    if name in taken or name in ("cochleagram", "logits"):
        raise InputError(f"architecture, layer {index}: the name {name!r} is taken already")
    return name


def _arguments(layer_type: str, name: str, args: Mapping[str, Any]) -> dict[str, Any]:
    known = LAYER_TYPES[layer_type].arguments
    for key, value in args.items():
        if key not in known and key != "name" and key not in _WITHOUT_EFFECT and value is not None:
            raise InputError(
                f"architecture, {layer_type} {name!r}: unknown argument {key}={shown(value)}; known are "
                f"{', '.join(known)}"
            )
    result = {}
    for key, (kind, default) in known.items():
        value = args.get(key)
        if value is None and default is REQUIRED:
            raise InputError(f"architecture, {layer_type} {name!r}: the argument {key} is missing")
        try:
            result[key] = default if value is None else _KINDS[kind](value)
        except _Unfit as error:
            raise InputError(
                f"architecture, {layer_type} {name!r}: {key} must be {error}, got {shown(value)}"
            ) from None
    return result


def _integer(value: Any, low: int = -_LARGEST_NUMBER, what: str = "an integer") -> int:
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise _Unfit(what)
    if not low <= int(value) <= _LARGEST_NUMBER:
        raise _Unfit(what)
    return int(value)


def _size(value: Any) -> int:
    return _integer(value, 1, "a positive integer")


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise _Unfit("a number")
    if not abs(float(value)) <= _LARGEST_NUMBER:  # NaN is refused as well
        raise _Unfit("a number")
    return float(value)


def _flag(value: Any) -> bool:
    if value not in (True, False) or not isinstance(value, (bool, int)):
        raise _Unfit("True or False")
    return bool(value)


def _sequence(value: Any, what: str, lengths: Sequence[int], item: Callable = _integer) -> tuple:
    if not isinstance(value, (list, tuple)) or len(value) not in lengths:
        raise _Unfit(what)
    return tuple(item(part) for part in value)


def _pair(value: Any) -> tuple[int, int]:
    if isinstance(value, numbers.Integral) and not isinstance(value, bool):
        return (_size(value),) * 2
    return _sequence(value, "a positive integer or two", [2], _size)


def _window(value: Any) -> tuple[int, ...]:
    window = _sequence(value, "four positive integers, 1 for batch and channels", [4], _size)
    if window[0] != 1 or window[3] != 1:
        raise _Unfit("four positive integers, 1 for batch and channels")
    return window


def _padding(value: Any) -> str:
    if not isinstance(value, str) or value.upper() not in ("SAME", "VALID"):
        raise _Unfit("SAME or VALID")
    return value.upper()


def _axis_paddings(value: Any) -> tuple[str, str]:
    if isinstance(value, str) and value.upper() == "VALID_TIME":
        return ("SAME", "VALID")
    if isinstance(value, (list, tuple)) and len(value) == 2:
        return (_padding(value[0]), _padding(value[1]))
    try:
        return (_padding(value), _padding(value))
    except _Unfit:
        raise _Unfit("SAME, VALID, VALID_TIME or one of the first two for each axis") from None


def _none(value: Any) -> None:
    raise _Unfit("None (a nonlinearity is a layer of its own)")


def _last_axis(value: Any) -> int:
    if _integer(value) not in (-1, 3):
        raise _Unfit("the last axis")
    return -1


def _channels_last(value: Any) -> None:
    if value not in ("channels_last", "NHWC"):
        raise _Unfit("channels_last")


def _pad_mode(value: Any) -> str:
    if value not in ("CONSTANT", "REFLECT", "SYMMETRIC"):
        raise _Unfit("CONSTANT, REFLECT or SYMMETRIC")
    return value


def _pairs(value: Any) -> tuple:
    what = "two integers for each axis, none for the batch"
    pads = _sequence(
        value, what, [2, 4], lambda pad: _sequence(pad, what, [2], lambda v: _integer(v, 0, what))
    )
    if pads[0] != (0, 0):
        raise _Unfit(what)
    return pads


def _begin(value: Any) -> tuple[int, ...]:
    what = "an integer for each axis, 0 for the batch"
    begin = _sequence(value, what, [2, 4], lambda part: _integer(part, 0, what))
    if begin[0] != 0:
        raise _Unfit(what)
    return begin


def _permutation(value: Any) -> tuple[int, ...]:
    perm = _sequence(value, "an order of the axes, batch first", [2, 4])
    if perm[0] != 0 or sorted(perm) != list(range(len(perm))):
        raise _Unfit("an order of the axes, batch first")
    return perm


def _classes(value: Any) -> dict[str, int]:
    if not isinstance(value, Mapping) or not 0 < len(value) <= 100:
        raise _Unfit("a dict of classes by task")
    if not all(isinstance(task, str) for task in value):
        raise _Unfit("a dict of classes by task")
    return {task: _size(count) for task, count in value.items()}


# The kinds of argument that `audio_layers` names: each function returns the value in its plain
# form, or raises _Unfit.
_KINDS: Mapping[str, Callable[[Any], Any]] = {
    "size": _size,
    "number": _number,
    "flag": _flag,
    "pair": _pair,
    "window": _window,
    "padding": _padding,
    "axis paddings": _axis_paddings,
    "none": _none,
    "last axis": _last_axis,
    "channels last": _channels_last,
    "pad mode": _pad_mode,
    "pairs": _pairs,
    "begin": _begin,
    "integers": lambda value: _sequence(value, "an integer for each axis", [2, 4]),
    "permutation": _permutation,
    "classes": _classes,
}
