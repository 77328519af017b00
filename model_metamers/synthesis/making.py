"""From a natural signal to its metamer, in one call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from model_metamers import criteria
from model_metamers.errors import InputError, Stopped
from model_metamers.networks.network import Network
from model_metamers.synthesis.config import SynthesisConfig
from model_metamers.synthesis.metamer import Metamer
from model_metamers.synthesis.search import Search
from model_metamers.synthesis.state import SearchState
from model_metamers.synthesis.stopping import reason

if TYPE_CHECKING:
    from model_metamers.criteria.null import NullDistribution


def synthesize(
    network: Network,
    layer: str,
    target: np.ndarray,
    config: SynthesisConfig | None = None,
    start: np.ndarray | None = None,
    progress: bool = True,
    null: NullDistribution | None = None,
) -> Metamer | list[Metamer]:
    """Finds the metamer of a natural signal, or of each signal in a batch.

    Args:
      network: a network that has its weights.
      layer: name of the stage to match.
      target: one signal [*network.signal.shape], or a batch of them [batch, *shape], in the
        network's range.
      config: settings of the search; None for the defaults.
      start: what to begin from, one signal or a batch; noise of the config's seed when None.
      progress: whether to show a bar.
      null: the null distribution of the network, which `config.stop_when` needs.

    Returns:
      A Metamer for one signal, a list of them for a batch.

    Raises:
      InputError: the layer is unknown, the network cannot take the target or the start, or the null
        distribution that `config.stop_when` needs is missing or another network's.
      DivergedError: the loss of a signal became NaN or infinite. The search went on to the end for
        the others of its batch, and the error holds their metamers.
      Stopped: Ctrl-C was pressed. As a KeyboardInterrupt it also stops a loop over images; it
        holds the metamers as far as they had come.

    Example, which keeps all metamers that there are:
      try:
          metamers = mm.synthesize(network, "conv5_4", photographs)
      except mm.Stopped as stopped:
          for metamer in stopped.metamers:
              mm.save(metamer, out / metamer.stimulus)
          raise
      except mm.DivergedError as error:
          print("left out:", *error.stimuli)
          metamers = error.metamers
    """
    config = SynthesisConfig() if config is None else config
    if not isinstance(config, SynthesisConfig):
        raise InputError(f"config: expected a SynthesisConfig, got {type(config).__name__}")
    if not isinstance(layer, str):
        raise InputError(f"layer={layer!r}: expected the name of one layer; search at several in turn")
    search = Search(network, layer, config, null)
    targets = network.signal.check(target, "target")
    if start is not None:
        start = network.signal.check(start, "start")
        if len(start) not in (1, len(targets)):
            raise InputError(f"start: {len(start)} of them for {len(targets)} targets; give one, or one each")
    state, finished = search.run(targets, start, progress=progress)
    names = [f"signal_{i}" for i in range(len(targets))]
    metamers = to_metamers(search, names, targets, state)
    if not finished:
        raise Stopped(f"stopped at iteration {state.step} of {search.config.iterations}", metamers)
    if state.diverged:
        raise search.diverged_error({names[i]: step for i, step in state.diverged.items()}, metamers)
    return metamers[0] if np.ndim(target) == len(network.signal.shape) else metamers


def to_metamers(search: Search, names: list[str], targets: np.ndarray, state: SearchState) -> list[Metamer]:
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
        stop_reason=None if stopped is None else reason(config, stopped),
        checkpoint_place=network.checkpoint_place,
    )
