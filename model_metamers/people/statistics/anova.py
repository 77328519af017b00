"""Analyses of variance of proportions correct, with permutations, as the authors' later work has them.

Feather et al. 2023 (doi:10.1038/s41593-023-01442-0) test for an effect of the layer, of the network and the
layer, and of the observer and the layer. The first two have all factors within people; in the third people
and the network, on what each of them saw, are two groups of the same size. All are F tests of scores on
orthonormal contrasts, so that one formula serves all three and whole stacks of permutations.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import numpy as np
from scipy import special

from model_metamers.errors import InputError

_CHUNK = 1 << 21  # permuted numbers that are kept in memory at a time
_ROUNDING = 1e-9  # below which a permuted F is the observed one

Statistic = Callable[[np.ndarray], np.ndarray]
Shuffle = Callable[[np.ndarray, np.random.Generator], np.ndarray]


@dataclasses.dataclass(frozen=True)
class Effect:
    """An F test; numbers that are not defined are NaN.

    Attributes:
      name: of the effect, such as "layer" or "observer x layer".
      f, df1, df2: F and its degrees of freedom.
      p: of the F distribution.
      epsilon: Greenhouse and Geisser's, 1 for an effect of two levels and between groups.
      p_gg: of the F distribution with both degrees of freedom times epsilon.
      partial_eta2: share of the effect in its and its error's sum of squares.
      p_permutation: share of permutations whose F is at least as large; 1 / permutations where none is.
      permutations: how many.
    """

    name: str
    f: float
    df1: int
    df2: int
    p: float
    epsilon: float
    p_gg: float
    partial_eta2: float
    p_permutation: float
    permutations: int


def layer_test(values: np.ndarray, permutations: int = 10_000, seed: int = 0) -> list[Effect]:
    """Whether proportions differ between layers; layers are permuted within each person.

    Args:
      values: [people, layers], at least two of each.
      permutations, seed: of the test.

    Returns:
      One effect, "layer".

    Raises:
      InputError: fewer, or a value is missing.
    """
    values = _checked(values)
    contrasts = _contrasts(values.shape[-1])

    def scores(x: np.ndarray) -> np.ndarray:
        return x @ contrasts

    return [_effect("layer", values, scores, None, _within_rows, permutations, seed)]


def network_by_layer_test(values: np.ndarray, permutations: int = 10_000, seed: int = 0) -> list[Effect]:
    """Whether proportions over layers differ between networks whose metamers the same people judged.

    For the network, networks are permuted within each person; for the layer, layers are; for both
    together, networks within each person and layers within each person and network.

    Args:
      values: [people, networks, layers], at least two of each.
      permutations, seed: of the tests.

    Returns:
      Three effects, "network", "layer" and "network x layer".

    Raises:
      InputError: fewer, or a value is missing.
    """
    values = _checked(values)
    networks, layers = (_contrasts(size) for size in values.shape[-2:])

    def of_networks(x: np.ndarray) -> np.ndarray:
        return x.sum(axis=-1) / math.sqrt(x.shape[-1]) @ networks

    def of_layers(x: np.ndarray) -> np.ndarray:
        return x.sum(axis=-2) / math.sqrt(x.shape[-2]) @ layers

    def of_both(x: np.ndarray) -> np.ndarray:
        return np.einsum("...nl,na,lb->...ab", x, networks, layers).reshape(*x.shape[:-2], -1)

    def shuffle_networks(x: np.ndarray, random: np.random.Generator) -> np.ndarray:
        order = random.permuted(np.broadcast_to(np.arange(x.shape[-2]), x.shape[:-1]), axis=-1)
        return np.take_along_axis(x, order[..., np.newaxis], axis=-2)

    def shuffle_layers(x: np.ndarray, random: np.random.Generator) -> np.ndarray:
        order = random.permuted(
            np.broadcast_to(np.arange(x.shape[-1]), (*x.shape[:-2], x.shape[-1])), axis=-1
        )
        return np.take_along_axis(x, order[..., np.newaxis, :], axis=-1)

    def shuffle_both(x: np.ndarray, random: np.random.Generator) -> np.ndarray:
        return shuffle_networks(_within_rows(x, random), random)

    return [
        _effect("network", values, of_networks, None, shuffle_networks, permutations, seed),
        _effect("layer", values, of_layers, None, shuffle_layers, permutations, seed),
        _effect("network x layer", values, of_both, None, shuffle_both, permutations, seed),
    ]


def observer_by_layer_test(
    people: np.ndarray, network: np.ndarray, permutations: int = 10_000, seed: int = 0
) -> list[Effect]:
    """Whether proportions over layers differ between people and the network, as two groups.

    For the observer, rows are permuted between the groups; for the layer, layers within rows; for both
    together, both are.

    Args:
      people: [people, layers], at least two of each.
      network: [people, layers]: a row for what each of them saw.
      permutations, seed: of the tests.

    Returns:
      Three effects, "observer", "layer" and "observer x layer".

    Raises:
      InputError: fewer, a value is missing, or the two differ in shape.
    """
    people, network = _checked(people), _checked(network)
    if people.shape != network.shape:
        raise InputError(
            f"people's values are {people.shape}, the network's {network.shape}; expected the same"
        )
    values = np.concatenate([people, network])
    contrasts, groups = _contrasts(values.shape[-1]), (len(people), len(network))

    def of_rows(x: np.ndarray) -> np.ndarray:
        return x.sum(axis=-1, keepdims=True) / math.sqrt(x.shape[-1])

    def of_layers(x: np.ndarray) -> np.ndarray:
        return x @ contrasts

    def shuffle_rows(x: np.ndarray, random: np.random.Generator) -> np.ndarray:
        order = random.permuted(np.broadcast_to(np.arange(x.shape[-2]), x.shape[:-1]), axis=-1)
        return np.take_along_axis(x, order[..., np.newaxis], axis=-2)

    def shuffle_both(x: np.ndarray, random: np.random.Generator) -> np.ndarray:
        return shuffle_rows(_within_rows(x, random), random)

    return [
        _effect("observer", values, of_rows, groups, shuffle_rows, permutations, seed),
        _effect("layer", values, of_layers, groups, _within_rows, permutations, seed, between=False),
        _effect("observer x layer", values, of_layers, groups, shuffle_both, permutations, seed),
    ]


def _effect(
    name: str,
    values: np.ndarray,
    scores: Statistic,
    groups: tuple[int, int] | None,
    shuffle: Shuffle,
    permutations: int,
    seed: int,
    between: bool = True,
) -> Effect:
    """An F test of scores: of their mean, or with `between` of the groups' difference."""

    def sums(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return _sums_of_squares(scores(x), groups, between)

    observed = scores(values)
    people, width = observed.shape
    df1, df2 = width, width * (people - len(groups or (1,)))
    effect, error = (float(part) for part in sums(values))
    f = float(_ratio(np.array(effect / df1), np.array(error / df2)))
    epsilon = _epsilon(observed, groups)
    stack = max(1, _CHUNK // values.size)
    random, larger = np.random.default_rng(seed), 0
    for first in range(0, permutations, stack):
        shape = (min(stack, permutations - first), *values.shape)
        permuted = sums(shuffle(np.broadcast_to(values, shape), random))
        larger += int((_ratio(permuted[0] / df1, permuted[1] / df2) >= f * (1 - _ROUNDING)).sum())
    defined = not math.isnan(f)
    return Effect(
        name=name,
        f=f,
        df1=df1,
        df2=df2,
        p=float(special.fdtrc(df1, df2, f)) if defined else math.nan,
        epsilon=epsilon,
        p_gg=float(special.fdtrc(df1 * epsilon, df2 * epsilon, f)) if defined else math.nan,
        partial_eta2=effect / (effect + error) if defined else math.nan,
        p_permutation=max(larger, 1) / permutations if defined else math.nan,
        permutations=permutations,
    )


def _sums_of_squares(
    scores: np.ndarray, groups: tuple[int, int] | None, between: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Sums of squares of an effect and of its error, [...], from scores [..., people, contrasts]."""
    people = scores.shape[-2]
    parts = [scores] if groups is None else np.split(scores, [groups[0]], axis=-2)
    error = sum(((part - part.mean(axis=-2, keepdims=True)) ** 2).sum(axis=(-2, -1)) for part in parts)
    mean = scores.mean(axis=-2)
    if groups is None or not between:
        return people * (mean**2).sum(axis=-1), np.asarray(error)
    effect = sum(part.shape[-2] * ((part.mean(axis=-2) - mean) ** 2).sum(axis=-1) for part in parts)
    return np.asarray(effect), np.asarray(error)


def _ratio(effect: np.ndarray, error: np.ndarray) -> np.ndarray:
    """Effect over error; NaN where both are nothing but rounding, infinite where the error alone is."""
    nothing = error < 1e-14
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(nothing, np.where(effect < 1e-14, np.nan, np.inf), effect / error)


def _epsilon(scores: np.ndarray, groups: tuple[int, int] | None) -> float:
    """Greenhouse and Geisser's epsilon (1959, doi:10.1007/BF02289823), of covariances within groups."""
    parts = [scores] if groups is None else np.split(scores, [groups[0]])
    centred = np.concatenate([part - part.mean(axis=0) for part in parts])
    covariance = centred.T @ centred
    width, trace = len(covariance), float(np.trace(covariance))
    return trace**2 / (width * float((covariance**2).sum())) if trace > 1e-14 else 1.0


def _contrasts(levels: int) -> np.ndarray:
    """Orthonormal contrasts between levels, [levels, levels - 1] (Helmert's)."""
    columns = np.zeros([levels, levels - 1])
    for k in range(1, levels):
        columns[:k, k - 1], columns[k, k - 1] = 1.0, -k
    return columns / np.linalg.norm(columns, axis=0)


def _within_rows(x: np.ndarray, random: np.random.Generator) -> np.ndarray:
    return random.permuted(x, axis=-1)


def _checked(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, np.float64)
    if min(values.shape, default=0) < 2:
        raise InputError(f"expected at least two people and two conditions to compare, got {values.shape}")
    if not np.isfinite(values).all():
        raise InputError("a person has no answers to a condition; an analysis of variance needs all of them")
    return values
