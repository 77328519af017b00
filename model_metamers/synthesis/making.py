"""From a natural signal to its metamer, in one call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from model_metamers.errors import InputError, Stopped
from model_metamers.networks.network import Network
from model_metamers.synthesis.config import SynthesisConfig
from model_metamers.synthesis.finding import find
from model_metamers.synthesis.metamer import Metamer
from model_metamers.synthesis.search import Search
from model_metamers.synthesis.state import SearchState

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
      null: the null distribution of the network, which `config.stop_when` and `config.starts` need.

    Returns:
      A Metamer for one signal, a list of them for a batch.

    Raises:
      InputError: the layer is unknown, the network cannot take the target or the start, a start is given
        and `config.starts` asks for noise, or the null distribution that is needed is missing or another
        network's.
      DivergedError: the loss of a signal became NaN or infinite. The search went on to the end for
        the others of its batch, and the error holds their metamers.
      Stopped: Ctrl-C was pressed. As a KeyboardInterrupt it also stops a loop over images; it
        holds the metamers as far as they had come, of the starts before the one that was stopped.

    Example:
      >>> import model_metamers as mm
      >>> network = mm.load_network("vgg_19_small")
      >>> grey = np.full([2, 32, 32, 3], 0.5)
      >>> search = mm.SynthesisConfig(iterations=20)
      >>> try:
      ...     metamers = mm.synthesize(network, "conv1_2", grey, search, progress=False)
      ... except mm.DivergedError as error:
      ...     metamers = error.metamers  # without error.stimuli
      >>> [metamer.stimulus for metamer in metamers]
      ['signal_0', 'signal_1']
      >>> bool(metamers[0].loss[-1] < metamers[0].loss[0])
      True
    """
    config = SynthesisConfig() if config is None else config
    if not isinstance(config, SynthesisConfig):
        raise InputError(f"config: expected a SynthesisConfig, got {type(config).__name__}")
    if not isinstance(layer, str):
        raise InputError(f"layer={layer!r}: expected the name of one layer; search at several in turn")
    search = Search(network, layer, config, null)
    targets = network.signal.check(target, "target")
    if start is not None:
        if config.starts > 1:
            raise InputError(
                f"starts={config.starts}: searches from noise, and a start is given; leave one out"
            )
        start = network.signal.check(start, "start")
        if len(start) not in (1, len(targets)):
            raise InputError(f"start: {len(start)} of them for {len(targets)} targets; give one, or one each")
    names = [f"signal_{i}" for i in range(len(targets))]

    def run(search: Search, places: list[int]) -> tuple[SearchState, bool]:
        return search.run(targets[places], start, progress=progress)

    found = find(search, names, targets, run)
    if found.stopped_at is not None:
        told = f"stopped at iteration {found.stopped_at} of {search.config.iterations}"
        raise Stopped(told, found.metamers)
    if found.diverged:
        raise search.diverged_error(found.diverged, found.metamers)
    return found.metamers[0] if np.ndim(target) == len(network.signal.shape) else found.metamers
