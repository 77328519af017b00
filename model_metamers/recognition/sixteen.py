"""The 16 entry-level categories and the ImageNet classes that belong to each."""

from __future__ import annotations

import functools
import json
from importlib import resources


@functools.cache
def imagenet_classes() -> tuple[str, ...]:
    """Names of the 1000 ILSVRC classes in their order; two names stand twice."""
    return tuple(_data("imagenet_classes.txt").splitlines())


@functools.cache
def imagenet_wnids() -> tuple[str, ...]:
    """WordNet's names of the 1000 ILSVRC classes in the same order, which is theirs in the alphabet too."""
    return tuple(_data("imagenet_wnids.txt").splitlines())


def sixteen_categories(by_name: bool = False) -> dict[str, tuple[int, ...]]:
    """Indices among the 1000 classes, from 0, by category.

    Args:
      by_name: as the authors' code maps by class name, which takes 544, "Dutch oven", for
        an oven: 208 classes. Otherwise the 207 of Geirhos et al. (docs/sources.md 4d).
    """
    data = json.loads(_data("sixteen_categories.json"))
    added = data["added_by_name"] if by_name else {}
    return {
        name: tuple(sorted([*indices, *added.get(name, [])])) for name, indices in data["by_index"].items()
    }


def _data(file: str) -> str:
    return (resources.files("model_metamers") / "data" / file).read_text(encoding="utf-8")
