"""The parts of a search, each computed in one way: eased hidden ReLUs, a draft, and the exact end."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from model_metamers.networks import ways
from model_metamers.networks.network import Network
from model_metamers.networks.ways import Ways
from model_metamers.synthesis import adam, easier, lbfgs
from model_metamers.synthesis.config import SynthesisConfig

OPTIMIZERS = {"adam": adam, "lbfgs": lbfgs}


class Phase(NamedTuple):
    """A part of a search that is computed in one way.

    Attributes:
      end: how many iterations the search has taken when it is over.
      burst: its compiled loop over steps.
      rounded: whether that takes the widths of rounded bends besides (`easier.widths`).
    """

    end: int
    burst: Callable
    rounded: bool = False


def exact_ways(config: SynthesisConfig) -> Ways:
    """How the last phase is computed."""
    return Ways(batch_norm=config.batch_norm, convolutions=config.convolutions)


def phases(network: Network, layer: str, config: SynthesisConfig) -> tuple[Phase, ...]:
    """The phases of a search in their order, each with at least one iteration; the last one is exact."""
    exact = exact_ways(config)
    draft = exact._replace(precision=config.precision, frontend=config.frontend)
    rounded = config.rounded_iterations > 0
    found = []
    if config.leaky_iterations:
        burst = _compiled(network, layer, config, draft, slope=easier.SLOPE)
        found.append(Phase(config.leaky_iterations, burst, rounded))
    burst = _compiled(network, layer, config, draft)
    if rounded:
        found.append(Phase(config.rounded_iterations, burst, True))
    if config.draft_iterations > config.rounded_iterations:
        found.append(Phase(config.draft_iterations, burst))
    found.append(Phase(config.iterations, _compiled(network, layer, config, exact)))
    return tuple(found)


def _compiled(
    network: Network, layer: str, config: SynthesisConfig, how: Ways, slope: float = 0.0
) -> Callable:
    """The loop over steps that are computed in these ways; the network keeps it for further searches."""
    optimizer = OPTIMIZERS[config.optimizer]
    leaking = {"slope": slope} if slope else {}  # of L-BFGS alone

    def build():
        return ways.compiled(
            network, optimizer.compiled_steps(network, layer, config.relu_gradient, **leaking), how
        )

    key = ("search", config.optimizer, layer, config.relu_gradient, *how, str(slope))
    return network.compiled(key, build)
