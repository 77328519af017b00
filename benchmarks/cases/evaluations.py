"""How many evaluations L-BFGS needs to reach the loss of Adam's 15,000 steps, and how long they take."""

from __future__ import annotations

import dataclasses
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.results import Result, Table
from benchmarks.settings import Settings
from benchmarks.timing import Spread
from model_metamers import catalog
from model_metamers.corpora import demo_stimuli
from model_metamers.errors import InputError
from model_metamers.networks.network import Network
from model_metamers.signals import collection, files
from model_metamers.synthesis.config import SynthesisConfig
from model_metamers.synthesis.search import Search

_NETWORKS = (
    "vgg_19_small",
    "resnet_v2_small",
    "inception_v3_small",
    "word_aliased_small",
    "word_reduced_aliasing_small",
    "mobilenet_v1_025",
)
_COLUMNS = (
    "at",
    "hidden ReLUs",
    "Adam's loss",
    "evaluations to it",
    "never, of all",
    "L-BFGS's last loss",
    "Adam, s",
    "an evaluation, ms",
    "faster by, in wall time",
)


_ON_THE_WAY = (300, 1000, 1500)
_COMPILES = 10  # iterations of a search, one of them leaky and five rounded where some are


def run(name: str, settings: Settings) -> Result:
    """Searches by both from the same start, an early, a middle and a late layer of each network.

    L-BFGS begins with hidden ReLUs as they are, leaky, and rounded off; the loss counts from where
    they are exact. Columns hold the median over the stimuli, with the smallest and the largest. A
    stimulus whose loss L-BFGS never reached counts with all its evaluations. Each layer's rows are
    printed as they are found.

    Raises:
      InputError: there are fewer stimuli than asked for.
    """
    del name
    found = []
    for network_name in settings.networks or _NETWORKS:
        network = catalog.load_network(network_name, settings.checkpoint)
        targets = _targets(network, settings)
        layers = network.check_layers(settings.layers or early_middle_late(network))
        rows, numbers = [], {}
        for layer in layers:
            of_layer, numbers[layer] = _measure(network, layer, targets, settings)
            rows += of_layer
            for row in of_layer:
                print(f"{network_name} {' | '.join(row)}", flush=True)
        title = f"{network_name}, {len(targets)} stimuli, Adam's {settings.iterations:,} steps"
        found.append(Table(title, _COLUMNS, tuple(rows), numbers))
    return Result(tuple(found))


def early_middle_late(network: Network) -> tuple[str, ...]:
    """Three metamer layers: the second, the middle one, and the last before the logits."""
    layers = network.layers
    return tuple(dict.fromkeys((layers[1], layers[len(layers) // 2], layers[-2])))


def evaluations_to(losses: np.ndarray, wanted: float, first: int = 0) -> int | None:
    """How many evaluations it takes until a loss is at most the wanted one; None where it never is.

    Args:
      losses: [evaluations + 1], the smallest so far after each but the last, and at the end.
      wanted: to be reached.
      first: so many evaluations at the beginning are of another function, and count but do not reach it.
    """
    reached = np.flatnonzero(losses[first:] <= wanted)
    return int(min(first + reached[0] + 1, len(losses) - 1)) if reached.size else None


def _measure(
    network: Network, layer: str, targets: np.ndarray, settings: Settings
) -> tuple[list[tuple[str, ...]], dict]:
    adam, adam_seconds = _searched(network, layer, targets, SynthesisConfig(iterations=settings.iterations))
    rows, numbers = [], {"adam_losses": adam[-1].tolist(), "adam_seconds": adam_seconds}
    for hidden_relu in ("exact", "leaky", "rounded"):
        config = SynthesisConfig(iterations=settings.evaluations, optimizer="lbfgs", hidden_relu=hidden_relu)
        lbfgs, seconds = _searched(network, layer, targets, config)
        counts = [
            evaluations_to(lbfgs[:, i], adam[-1, i], config.eased_iterations) for i in range(len(targets))
        ]
        spent = [settings.evaluations if count is None else count for count in counts]
        evaluation = seconds / settings.evaluations
        row = (
            layer,
            hidden_relu,
            Spread.of(adam[-1]).text(),
            _whole(spent),
            f"{counts.count(None)} of {len(counts)}",
            Spread.of(lbfgs[-1]).text(),
            f"{adam_seconds:.0f}",
            f"{1e3 * evaluation:.1f}",
            Spread.of([adam_seconds / (count * evaluation) for count in spent]).text(unit="x"),
        )
        rows.append(row)
        numbers[hidden_relu] = {
            "lbfgs_losses": lbfgs[-1].tolist(),
            "losses_on_the_way": {n: lbfgs[n].tolist() for n in _ON_THE_WAY if n < len(lbfgs)},
            "evaluations": counts,
            "lbfgs_seconds": seconds,
            "lbfgs_evaluations": settings.evaluations,
        }
    return rows, numbers


def _whole(counts: Sequence[int]) -> str:
    spread = Spread.of(counts)
    return f"{spread.median:.0f} ({spread.low}-{spread.high})"


def _searched(
    network: Network, layer: str, targets: np.ndarray, config: SynthesisConfig
) -> tuple[np.ndarray, float]:
    """Losses [iterations + 1, batch] of a search, and the seconds it took once it was compiled."""
    search = Search(network, layer, config)
    short = dataclasses.replace(config, iterations=_COMPILES)
    Search(network, layer, short).run(targets, progress=False)
    began = time.perf_counter()
    state, _ = search.run(targets, progress=False)
    return np.asarray(state.losses), time.perf_counter() - began


def _targets(network: Network, settings: Settings) -> np.ndarray:
    """Natural signals [stimuli, *shape]: the user's, test images below METAMERS_DATA, or the demo's."""
    with tempfile.TemporaryDirectory() as folder:
        paths = list(settings.inputs) or _paths(network, Path(folder))
        stimuli = collection.find_stimuli(paths, network.signal)
        if len(stimuli) < settings.stimuli:
            raise InputError(
                f"--stimuli={settings.stimuli}: {network.name} was given only {len(stimuli)} with --inputs"
            )
        chosen = np.linspace(0, len(stimuli) - 1, settings.stimuli).astype(int)
        return np.stack([stimuli[int(i)] for i in chosen])


def _paths(network: Network, folder: Path) -> list[Path]:
    if network.signal.kind == "sound":
        demo_stimuli.write_words(folder)
    else:
        cifar10 = Path(os.environ.get("METAMERS_DATA", folder)) / "cifar10"
        tests = sorted(cifar10.glob("test-*"))
        if tests and network.signal.shape[0] == 32:
            return tests
        demo_stimuli.write_photographs(folder)
    return sorted(files.find_files([folder], network.signal).values())
