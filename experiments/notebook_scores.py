"""How our network finds the metamers that TensorFlow 1 made, which needs no seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from model_metamers import criteria
from model_metamers.criteria.null import NullDistribution
from model_metamers.errors import InputError
from model_metamers.frontends.numpy_cochleagram import numpy_cochleagram
from model_metamers.signals import images, sounds
from model_metamers.signals.cochleagram_config import CochleagramConfig
from model_metamers_experiments.notebook_metamers import Embedded
from model_metamers_experiments.original_numbers import OriginalCase

if TYPE_CHECKING:
    from model_metamers.networks.network import Network

# Of the recorded loss of the noise: what may be left in our network of a metamer that was found in theirs.
# The recorded searches ended at 3e-5 and 1e-3 of it; rounding the original to 16 bits leaves, at the
# cochleagram, 1e-5 of it.
LOSS_LEFT = 0.01

_LEVELS = np.logspace(-2.5, 0.5, 9)  # RMS that are tried first
_RMS = 0.1  # of the originals, docs/sources.md 6


def cases_of(
    embedded: Embedded, cases: Sequence[OriginalCase], name: str
) -> list[tuple[OriginalCase, np.ndarray]]:
    """The recorded case of each embedded metamer.

    Raises:
      InputError: a layer that is in none; `name` is of the notebook.
    """
    by_layer = {case.original_layer: case for case in cases}
    unknown = [layer for layer in embedded.metamers if layer not in by_layer]
    if unknown:
        raise InputError(
            f"{name}: has a metamer of {unknown[0]}, whose numbers are not recorded; recorded are "
            f"{', '.join(by_layer)}"
        )
    return [(by_layer[layer], signal) for layer, signal in embedded.metamers.items()]


def score(
    embedded: Embedded,
    case: OriginalCase,
    metamer: np.ndarray,
    network: Network,
    null: NullDistribution | None,
) -> dict[str, Any]:
    """What our network makes of one embedded metamer.

    Args:
      embedded: the notebook's.
      case: the recorded numbers of this metamer.
      metamer: as it is in the notebook. A sound is brought to the level at which it comes nearest to the
        original at the layer, since its own is not in the notebook.
      network: with the original's weights.
      null: of these weights; None leaves the second condition out.

    Returns:
      To be written as JSON: `rho` by layer, `loss` at the layer, `level` (RMS; None of pictures), `checks`,
      `agrees`, and a `sentence`. Of pictures, of which the figure has every second pixel or so, the two
      conditions alone are checked, against the original's picture from the same figure.
    """
    if embedded.kind == "image":
        target, signal = (_picture(pixels, network) for pixels in (embedded.target, metamer))
        level = None
    else:
        if (embedded.rate_hz, metamer.shape) != (network.signal.rate_hz, network.signal.shape):
            raise InputError(
                f"the notebook's sounds have {len(metamer)} samples at {embedded.rate_hz} Hz; {network.name} "
                f"takes {network.signal.shape[0]} at {network.signal.rate_hz} Hz"
            )
        target = sounds.set_level(embedded.target, network.signal.rms)

        def activations(signals: np.ndarray) -> np.ndarray:
            return network.activations(signals.astype(np.float32), (case.layer,))[case.layer].numpy()

        level, signal = _at_nearest_level(activations, target, metamer)
    found = criteria.measure(network, target, signal.astype(np.float32), case.layer)
    pair = network.activations(np.stack([target, signal]).astype(np.float32), (case.layer,))[
        case.layer
    ].numpy()
    loss = 0.5 * float(np.sum((np.float64(pair[0]) - pair[1]) ** 2))
    checks = [_check("same class", case.same_class, found.same_class, found.same_class == case.same_class)]
    if embedded.kind == "sound":
        limit = LOSS_LEFT * case.loss[0]
        checks.append(_check(f"loss at {case.layer} below {limit:.4g}", case.loss[-1], loss, loss < limit))
    if null is not None:
        criteria.check_null(null, network.name, network.checkpoint_digest)
        above = criteria.verdict_on(found, case.layer, null).above_null
        checks.append(_check("above the null", case.outside_null, above, above == case.outside_null))
    failed = [check["check"] for check in checks if not check["agrees"]]
    told = f"differs in: {', '.join(failed)}" if failed else f"agrees in all {len(checks)} checks"
    return {
        "network": network.name,
        "layer": case.layer,
        "original_layer": case.original_layer,
        "level": level,
        "rho": found.spearman,
        "recorded_rho": {case.layer: case.spearman_layer, network.logits_stage: case.spearman_logits},
        "loss": loss,
        "recorded_loss": case.loss[-1],
        "checks": checks,
        "agrees": not failed,
        "sentence": f"{network.name} {case.layer}: the notebook's own metamer, in our network, {told}.",
    }


def score_cochleagram(
    embedded: Embedded, case: OriginalCase, metamer: np.ndarray, config: CochleagramConfig
) -> dict[str, Any]:
    """What the front end alone makes of an embedded sound, without weights; nothing is checked.

    Args:
      embedded, case, metamer: as for `score`.
      config: of the front end.
    """

    def activations(signals: np.ndarray) -> np.ndarray:
        return np.stack([numpy_cochleagram(signal, config) for signal in signals])

    target = sounds.set_level(embedded.target, _RMS)
    level, signal = _at_nearest_level(activations, target, metamer)
    rho = criteria.spearman(*activations(np.stack([target, signal])))
    return {
        "network": None,
        "layer": case.layer,
        "original_layer": case.original_layer,
        "level": level,
        "rho": {"cochleagram": rho},
        "checks": [],
        "agrees": None,
        "sentence": f"{case.network} {case.layer}: without weights, the cochleagram of the notebook's own "
        f"metamer correlates with the original's at {rho:.5f} (rho), at an RMS of {level:.4f}.",
    }


def _picture(pixels: np.ndarray, network: Network) -> np.ndarray:
    """A panel as the network takes it; pixels are repeated, as the figure left them out."""
    height, width = network.signal.shape[:2]
    whole = Image.fromarray(pixels).resize((width, height), Image.Resampling.NEAREST)
    return images.from_uint8(np.asarray(whole), network.signal)


def _at_nearest_level(
    activations: Callable[[np.ndarray], np.ndarray], target: np.ndarray, metamer: np.ndarray
) -> tuple[float, np.ndarray]:
    """The RMS at which a sound's activations are nearest to the target's, and the sound at it."""
    from scipy.optimize import minimize_scalar

    wanted = np.float64(activations(target[None])[0])
    unit = metamer / np.sqrt(np.mean(metamer**2))

    def loss(level: float) -> float:
        return float(np.sum((np.float64(activations(level * unit[None])[0]) - wanted) ** 2))

    best = int(np.argmin([loss(level) for level in _LEVELS]))
    around = np.log(_LEVELS[[max(best - 1, 0), min(best + 1, len(_LEVELS) - 1)]])
    found = minimize_scalar(
        lambda x: loss(np.exp(x)), bounds=around, method="bounded", options={"xatol": 1e-3}
    )
    level = float(np.exp(found.x))
    return level, level * unit


def _check(name: str, original: Any, ours: Any, agrees: bool) -> dict[str, Any]:
    return {"check": name, "original": original, "ours": ours, "agrees": bool(agrees)}
