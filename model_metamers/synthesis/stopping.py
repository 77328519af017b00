"""When a signal's search ends before its iterations are over: what `SynthesisConfig.stop_when` asks for.

Every signal of a batch ends by itself. It keeps its place in the batch, since the other signals' bits
depend on the size of the batch; so a step costs the same until all have ended.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from model_metamers import criteria
from model_metamers.criteria.null_rule import MAXIMUM
from model_metamers.errors import InputError
from model_metamers.synthesis.config import SynthesisConfig

if TYPE_CHECKING:
    from model_metamers.criteria.null import NullDistribution
    from model_metamers.networks.network import Network
    from model_metamers.synthesis.under_way import UnderWay

# Iterations between checks. A check costs a signal what one to eight iterations cost it on the small
# networks, and so at most 3 % of the time by Adam and 5 % by L-BFGS, whose metamers come much sooner.
EVERY = {"adam": 250, "lbfgs": 50}
# So many checks in a row must pass: rho and the class go to and fro where they are near their limits.
CHECKS = 2
# "converged": the least loss falls by less than this share over the last tenth of the iterations asked
# for. Over the last tenth of the paper's 15,000 iterations it fell by 4 to 15 % (vgg_19_small, conv4_4), so
# that this ends a search near the paper's end; one of 1 % would end none.
LEAST_FALL = 0.1


class Stopping:
    """The checks of the searches at one layer.

    Args:
      network, layer, config: as for `Search`; the config asks for stopping.
      null: the null distribution of the network, which has the layer (`needed_null`).
    """

    def __init__(self, network: Network, layer: str, config: SynthesisConfig, null: NullDistribution):
        self._network, self._layer, self._config, self._null = network, layer, config, null

    def until_next(self, step: int) -> int:
        """Iterations from a finished one to the next check."""
        every = EVERY[self._config.optimizer]
        return every - step % every

    def due(self, step: int) -> bool:
        """Whether to check after a finished iteration: where it was exact, and not at the very end."""
        config = self._config
        exact = max(config.draft_iterations, config.eased_iterations)
        return step % EVERY[config.optimizer] == 0 and exact < step < config.iterations

    def check(self, now: UnderWay, targets: np.ndarray) -> tuple[np.ndarray, list[int]]:
        """Checks the signals that are still searched.

        Args:
          now: the search.
          targets: [batch, *shape].

        Returns:
          The checks in a row that each signal has passed, and the places of those to be stopped.
        """
        passes, stops = now.passes.copy(), []
        for place in now.searched:
            passed = self._passes(targets[place], now.signals[place].numpy())
            passes[place] = passes[place] + 1 if passed else 0
            if passes[place] >= CHECKS and self._falls_no_more(
                now.losses[self._config.eased_iterations : now.step, place]
            ):
                stops.append(place)
        return passes, stops

    def _passes(self, target: np.ndarray, signal: np.ndarray) -> bool:
        measured = criteria.measure(self._network, target, signal, self._layer, all_layers=False)
        return criteria.verdict_on(measured, self._layer, self._null).passes

    def _falls_no_more(self, losses: np.ndarray) -> bool:
        """Whether the loss has converged, or need not."""
        if self._config.stop_when != "converged":
            return True
        before = len(losses) - stretch(self._config)
        return before > 0 and losses.min() >= (1 - LEAST_FALL) * losses[:before].min()


def needed_null(
    network: Network, layer: str, config: SynthesisConfig, null: NullDistribution | None
) -> NullDistribution:
    """The null distribution, where it is one that settings need.

    Raises:
      InputError: there is none, it is of another network, lacks the layer, or tells too little for its
        own rule.
    """
    if null is None:
        raise InputError(
            f"{config.needs_null}: needs a null distribution; give one (null, --null), or further natural "
            f"signals to measure one on (--null_inputs)"
        )
    criteria.check_null(null, network.name, network.checkpoint_digest)
    null.limit(layer)
    return null


def stretch(config: SynthesisConfig) -> int:
    """The iterations over which a loss that has converged hardly falls."""
    return math.ceil(config.iterations / 10)


def reason(config: SynthesisConfig, iteration: int, null_rule: str = MAXIMUM) -> str:
    """Why a search was stopped at an iteration, in words."""
    limit = "null maximum" if null_rule == MAXIMUM else f"null's limit ({null_rule})"
    every = EVERY[config.optimizer]
    checks = " and ".join(str(iteration - every * i) for i in reversed(range(CHECKS)))
    text = f"rho was above the {limit}, with the target's class, at iterations {checks}"
    if config.stop_when == "converged":
        text += f"; the loss fell by less than {LEAST_FALL:.0%} over the last {stretch(config)}"
    return text
