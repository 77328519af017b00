"""Which pairs of stimuli a null distribution is measured on.

A design is a list of blocks: stimuli that are run together, and the pairs of them that
count. Blocks are independent of one another, so they can be done anywhere, in any order.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Hashable, Iterator, Sequence

import numpy as np

from model_metamers.errors import InputError
from model_metamers.signals.arguments import check_range, seed_number, whole_number

DESIGNS = ("blocks", "independent", "all_pairs")
_MOST_REPEATS = 10  # of a pair, in the mean: drawing it more often tells nothing new
_MOST_PAIRS = 10**9
_LARGEST_BLOCK = 10**5  # its pairs are listed
_MOST_BLOCKS = 10_000_000  # minutes of drawing


@dataclasses.dataclass(frozen=True)
class Block:
    """Stimuli that are run together.

    Attributes:
      index: of the block in its design.
      stimuli: int64 [stimuli] indices into all stimuli, each once.
      pairs: int64 [pairs, 2] positions in `stimuli`.
    """

    index: int
    stimuli: np.ndarray
    pairs: np.ndarray


def make_design(
    design: str,
    num_stimuli: int,
    pairs: int,
    block_size: int = 120,
    seed: int = 0,
    recordings: Sequence[Hashable] | None = None,
) -> list[Block]:
    """The blocks of a design.

    No stimulus is paired with itself, or with one of the same recording.

    Args:
      design: "blocks": all pairs within blocks of random stimuli, at least `pairs` of them
        (1,006,740 of 141 blocks of 120 for a million); "independent": random pairs,
        the paper's, some of them again where `pairs` are many; "all_pairs": every pair of the stimuli.
      num_stimuli: there are.
      pairs: asked for; "all_pairs" ignores it, and "blocks" becomes "all_pairs" where all
        pairs of the stimuli are no more.
      block_size: stimuli in a block.
      seed: of the draws.
      recordings: of each stimulus; all different when None.

    Raises:
      InputError: unknown design, too few stimuli, none that may be paired, or so few pairs of them
        that drawing as many as asked for would hardly end.
    """
    if design not in DESIGNS:
        raise InputError(f"design={design!r}: expected one of {', '.join(DESIGNS)}")
    if num_stimuli < 2:
        raise InputError(f"a null distribution needs at least 2 unrelated signals, got {num_stimuli}")
    pairs, block_size = whole_number("pairs", pairs), whole_number("block_size", block_size)
    check_range("pairs", pairs, 1, _MOST_PAIRS)
    check_range("block_size", block_size, 2, _LARGEST_BLOCK)
    seed = seed_number("seed", seed)
    recordings = list(range(num_stimuli)) if recordings is None else list(recordings)
    if len(recordings) != num_stimuli:
        raise InputError(f"{len(recordings)} recordings were named for {num_stimuli} stimuli")
    groups = np.unique(np.array([str(r) for r in recordings]), return_inverse=True)[1]
    if groups.max() == 0:
        raise InputError(f"all {num_stimuli} stimuli are of one recording; a pair needs two")
    everything = num_stimuli * (num_stimuli - 1) // 2 <= pairs
    whole = design == "all_pairs" or (design == "blocks" and everything)
    if whole:
        candidates = _all_pairs(num_stimuli, block_size)
    else:
        size = min(block_size, num_stimuli)
        _check_ends(design, groups, pairs, size)
        candidates = _random_blocks(num_stimuli, size, seed, design == "independent")
    blocks: list[Block] = []
    taken = 0
    for stimuli, couples in candidates:
        kept = couples[groups[stimuli[couples[:, 0]]] != groups[stimuli[couples[:, 1]]]]
        if design == "independent":
            kept = kept[: pairs - taken]
        if len(kept):
            blocks.append(Block(len(blocks), stimuli, kept))
            taken += len(kept)
        if taken >= pairs and not whole:
            break
    return blocks


def _check_ends(design: str, groups: np.ndarray, pairs: int, size: int) -> None:
    """Refuses draws of which nearly all would be repeats, or of one recording."""
    everything = math.comb(len(groups), 2)
    possible = everything - sum(math.comb(int(count), 2) for count in np.bincount(groups))
    couples = size // 2 if design == "independent" else math.comb(size, 2)
    if design == "independent" and pairs > _MOST_REPEATS * possible:
        raise InputError(
            f"pairs={pairs}: {len(groups)} stimuli make no more than {possible} different pairs, which would "
            f"be drawn {pairs / possible:.0f} times each; ask for fewer, or take design=all_pairs"
        )
    if pairs / couples * everything / possible > _MOST_BLOCKS:
        raise InputError(
            f"pairs={pairs}: of the {everything} pairs of {len(groups)} stimuli only {possible} are of two "
            f"recordings, too few to come up often enough by chance; ask for fewer, or take design=all_pairs"
        )


def shard_of(blocks: Sequence[Block], shard: int, num_shards: int) -> list[Block]:
    """Every `num_shards`-th block from `shard` on.

    Raises:
      InputError: the shard is not one of them.
    """
    if not 0 <= shard < num_shards:
        raise InputError(
            f"shard {shard}/{num_shards}: expected 0/{num_shards} to {num_shards - 1}/{num_shards}"
        )
    return list(blocks[shard::num_shards])


def _random_blocks(
    num_stimuli: int, size: int, seed: int, disjoint: bool
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Blocks cut from shuffled stimuli, over and over; all pairs or disjoint ones."""
    random = np.random.RandomState(seed)
    positions = np.arange(size - size % 2).reshape(-1, 2) if disjoint else _triangle(size)
    while True:
        order = random.permutation(num_stimuli)
        for first in range(0, num_stimuli - size + 1, size):
            yield order[first : first + size], positions


def _all_pairs(num_stimuli: int, block_size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Every pair once: all within a part of the stimuli, then all between two parts."""
    parts = np.array_split(np.arange(num_stimuli), -(-num_stimuli // max(1, block_size // 2)))
    if num_stimuli <= block_size:
        parts = [np.arange(num_stimuli)]
    for a, part in enumerate(parts):
        if len(part) > 1:
            yield part, _triangle(len(part))
        for other in parts[a + 1 :]:
            cross = np.stack(np.meshgrid(np.arange(len(part)), len(part) + np.arange(len(other))), -1)
            yield np.concatenate([part, other]), cross.reshape(-1, 2)


def _triangle(size: int) -> np.ndarray:
    return np.stack(np.triu_indices(size, 1), axis=1)
