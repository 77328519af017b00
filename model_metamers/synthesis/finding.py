"""What searches found, as metamers: from one start, or from several where the first does not do."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from model_metamers import criteria
from model_metamers.synthesis.metamer import Metamer, Start
from model_metamers.synthesis.search import Search
from model_metamers.synthesis.starts import further_seed
from model_metamers.synthesis.state import SearchState
from model_metamers.synthesis.stopping import reason

# Searches for the signals at some places of a batch; gives what `Search.run` does.
RunSearch = Callable[[Search, list[int]], tuple[SearchState, bool]]


class Found(NamedTuple):
    """What was found for a batch of targets.

    Attributes:
      metamers: one of each signal that has one, in order.
      diverged: by name of each other signal, the iteration from which on its loss was no number.
      stopped_at: the iteration of the search that Ctrl-C stopped; None where all came to their end.
    """

    metamers: list[Metamer]
    diverged: dict[str, int]
    stopped_at: int | None


class _Tried(NamedTuple):
    """What came of one start of a signal: a metamer and its verdict, or where it diverged."""

    seed: int
    metamer: Metamer | None
    verdict: criteria.Verdict | None
    diverged: int | None

    @property
    def stuck(self) -> bool:
        """Whether another noise may help; none does where the target's own activations are no numbers."""
        return self.diverged != 0 and not (self.verdict and self.verdict.passes)


def find(search: Search, names: Sequence[str], targets: np.ndarray, run: RunSearch) -> Found:
    """Searches for the metamers of a batch, and again for those that are stuck (`SynthesisConfig.starts`).

    Every start depends on nothing but the search, the targets and what the starts before it came to, so that
    a search that is done again, or goes on from saved states, gives the same bits.

    Args:
      search: from the first start.
      names: of the targets.
      targets: [batch, *shape].
      run: runs a search; the places are all in the first start, and of the signals that are stuck in
        further ones.

    Returns:
      What was found. A further start that Ctrl-C stopped does not count.
    """
    places = list(range(len(names)))
    tried: list[list[_Tried]] = [[] for _ in names]
    stopped_at = None
    for number in range(search.config.starts):
        one = _from_start(search, number)
        state, finished = run(one, places)
        if not finished:
            stopped_at = state.step
            if number == 0:
                return Found(to_metamers(search, names, targets, state), {}, stopped_at)
            break
        own = _tried(one, [names[place] for place in places], targets[places], state)
        for place, what in zip(places, own, strict=True):
            tried[place].append(what)
        places = [place for place in places if tried[place][-1].stuck]
        if not places:
            break
    chosen = [_chosen(of_one, search) for of_one in tried]
    lost = {
        name: of_one[0].diverged or 0
        for name, of_one, metamer in zip(names, tried, chosen, strict=True)
        if metamer is None
    }
    return Found([metamer for metamer in chosen if metamer is not None], lost, stopped_at)


def _from_start(search: Search, number: int) -> Search:
    """The search from another noise, `number` of them after the first."""
    if number == 0:
        return search
    config = dataclasses.replace(search.config, seed=further_seed(search.config.seed, number))
    return Search(search.network, search.layer, config, search.null)


def _tried(search: Search, names: Sequence[str], targets: np.ndarray, state: SearchState) -> list[_Tried]:
    """What came of one start, of every signal of its batch."""
    metamers = {metamer.stimulus: metamer for metamer in to_metamers(search, names, targets, state)}
    tried = []
    for place, name in enumerate(names):
        metamer = metamers.get(name)
        verdict = None
        if metamer is not None and search.config.starts > 1 and search.null is not None:
            verdict = criteria.verdict_on(metamer.measurement, search.layer, search.null)
        tried.append(_Tried(search.config.seed, metamer, verdict, state.diverged.get(place)))
    return tried


def _chosen(tried: Sequence[_Tried], search: Search) -> Metamer | None:
    """The metamer of the start that is kept; None where all diverged.

    The first that meets the conditions; where none does, the one of the lowest loss, the earliest of equals.
    """
    metamers = [one.metamer for one in tried if one.metamer is not None]
    if not metamers:
        return None
    if search.config.starts == 1:
        return metamers[0]
    passing = (one.metamer for one in tried if one.verdict and one.verdict.passes)
    kept = next(passing, None) or min(metamers, key=lambda metamer: metamer.loss[-1])
    starts = tuple(_start(one, one.metamer is kept) for one in tried)
    return dataclasses.replace(kept, config=search.config, starts=starts)


def _start(tried: _Tried, kept: bool) -> Start:
    metamer = tried.metamer
    if metamer is None:
        return Start(tried.seed, tried.diverged or 0, None, None, None, kept)
    loss = float(metamer.loss[-1])
    return Start(tried.seed, metamer.iterations, loss, metamer.metamer_class, tried.verdict, kept)


def to_metamers(
    search: Search, names: Sequence[str], targets: np.ndarray, state: SearchState
) -> list[Metamer]:
    """The metamers in a search's state, measured; signals that diverged are left out."""
    return [
        _to_metamer(search, name, targets[place], state, place)
        for place, name in enumerate(names)
        if place not in state.diverged
    ]


def _to_metamer(search: Search, name: str, target: np.ndarray, state: SearchState, place: int) -> Metamer:
    network, config, stopped = search.network, search.config, state.stopped_at(place)
    end = state.step if stopped is None else stopped
    logged = np.unique(np.append(np.arange(0, end, config.log_every), end))
    if np.isnan(state.losses[end, place]):  # stopped early, by Ctrl-C
        logged = logged[:-1]
    signal = state.signals[place]
    return Metamer(
        network=network.name,
        checkpoint=network.checkpoint_digest,
        layer=search.layer,
        stimulus=name,
        signal=signal,
        target=target,
        spec=network.signal,
        config=config,
        iterations=end,
        loss=state.losses[logged, place],
        loss_iterations=logged,
        measurement=criteria.measure(network, target, signal, search.layer),
        relu_gradient_used=search.relu_gradient_used,
        restarts=state.restarts(place),
        stopped_at=stopped,
        stop_reason=None if stopped is None else reason(config, stopped, search.null_rule),
        checkpoint_place=network.checkpoint_place,
    )
