"""What the authors' pickles hold: architectures and words, read by `safe_pickle`.

An architecture pickle (`word_network_*.pckl`) is a dict of `instructions`,
`graph_architecture` (the layers as data) and `layer_list` (the same layers as
functools.partial objects; docs/sources.md 1a). The number of classes stands in the last partial
alone, from where it is taken.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from model_metamers.errors import InputError
from model_metamers.networks.audio_architecture import normalized, shown
from model_metamers.weights.safe_pickle import Partial, unpickle

_TOPS = ("fc_top_classification", "multi_fc_top_classification")


def read_architecture(path: str | os.PathLike) -> list[dict[str, Any]]:
    """Layers of an architecture pickle, in the grammar of `audio_architecture`.

    Args:
      path: such as `word_network_reduced_aliasing.pckl`.

    Returns:
      List of `{"layer_type": str, "args": dict}`, plain data, checked, with defaults.

    Raises:
      InputError: not there, too large, damaged, no such pickle, a name in it that is
        not on the list (the message says which), or a layer outside the grammar.
    """
    path = Path(path)
    content = unpickle(path)
    if not isinstance(content, Mapping) or "graph_architecture" not in content:
        raise InputError(
            f"architecture {path}: expected a dict with layer_list and graph_architecture, got "
            f"{shown(content)}"
        )
    try:
        return normalized(_with_classes(content["graph_architecture"], content.get("layer_list")))
    except InputError as error:
        raise InputError(f"architecture {path}: {error}") from None


def read_word_encodings(path: str | os.PathLike) -> tuple[str, ...]:
    """The words by class index of `metamer_word_encodings.pckl`: 794 in the released file.

    Raises:
      InputError: as `read_architecture`; or the two dicts in it, word_idx_to_word and
        word_to_word_idx, are not each other's inverse over the indices 0, 1, 2 ...
    """
    path = Path(path)
    content = unpickle(path)
    expected = f"word encodings {path}: expected a dict with word_idx_to_word and word_to_word_idx"
    if not isinstance(content, Mapping):
        raise InputError(f"{expected}, got {shown(content)}")
    words, indices = content.get("word_idx_to_word"), content.get("word_to_word_idx")
    if not isinstance(words, dict) or not isinstance(indices, dict) or not words:
        raise InputError(f"{expected}, got {shown(content)}")
    if not all(type(k) is int and isinstance(v, str) for k, v in words.items()):
        raise InputError(f"{expected}; the first must map integers to words, got {shown(words)}")
    if sorted(words) != list(range(len(words))):
        raise InputError(f"{expected}; its {len(words)} indices are not 0 to {len(words) - 1}")
    if not all(isinstance(k, str) and type(v) is int for k, v in indices.items()):
        raise InputError(f"{expected}; the second must map words to integers, got {shown(indices)}")
    if indices != {word: index for index, word in words.items()} or len(indices) != len(words):
        raise InputError(f"{expected}; they are not each other's inverse")
    return tuple(words[index] for index in range(len(words)))


def _with_classes(architecture: Any, layer_list: Any) -> Any:
    """The architecture, its top completed with the classes that stand in the partial alone."""
    if not isinstance(architecture, list) or not architecture or not isinstance(architecture[-1], dict):
        return architecture
    top, args = architecture[-1], architecture[-1].get("args")
    if top.get("layer_type") not in _TOPS or not isinstance(args, dict) or "n_classes_dict" in args:
        return architecture
    if not isinstance(layer_list, list) or len(layer_list) != len(architecture):
        raise InputError("layer_list must hold one entry per layer of graph_architecture")
    partial = layer_list[-1]
    if not isinstance(partial, Partial) or partial.keywords.get("name") != args.get("name"):
        raise InputError(f"layer_list must end in the partial of the top {shown(args.get('name'))}")
    classes = partial.keywords.get("n_classes_dict")
    return [*architecture[:-1], {**top, "args": {**args, "n_classes_dict": classes}}]
