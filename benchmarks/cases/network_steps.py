"""One step of the search for a metamer: forward, gradient, Adam and clipping."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Iterator, Mapping

import numpy as np

from benchmarks import ceilings, signals, tables, timing, untrained
from benchmarks.agreement import error_of_norm
from benchmarks.our_search import OurSearch
from benchmarks.references.tf1_forms import form
from benchmarks.references.tf1_search import GraphSearch
from benchmarks.results import Result, Table
from benchmarks.settings import Settings
from benchmarks.timing import Contender, Spread, Times
from model_metamers import catalog
from model_metamers.errors import InputError
from model_metamers.networks.network import Network
from model_metamers.networks.vgg import VGG
from model_metamers.synthesis.config import SynthesisConfig

_LAYERS = {
    "vgg_19": ("conv3_4", "conv5_4", "fc8"),
    "inception_v3": ("Mixed_6e",),
    "resnet_v2_101": ("block3",),
    "mobilenet_v1_025": ("Conv2d_13_pointwise",),
    "word_aliased": ("conv_4", "logits"),
    "word_reduced_aliasing": ("conv_4", "logits"),
    "vgg_19_small": ("conv4_4",),
    "inception_v3_small": ("Mixed_6e",),
    "resnet_v2_small": ("block3",),
    "word_aliased_small": ("conv_4",),
    "word_reduced_aliasing_small": ("conv_4",),
}
_SMALL = tuple(name for name in _LAYERS if name.endswith("_small"))
_WAYS = {
    "precision=bfloat16": SynthesisConfig(precision="bfloat16"),
    "frontend=fast": SynthesisConfig(frontend="fast"),
    "batch_norm=folded": SynthesisConfig(batch_norm="folded"),
    "convolutions=winograd": SynthesisConfig(convolutions="winograd"),
}
_ALWAYS = {"vgg_19": ("convolutions=winograd",)}  # of `_WAYS`, without being asked for
_TF1, _TORCH, _PLENOPTIC = "TF1 graph", "PyTorch", "plenoptic"
_COLUMNS = ("at", *tables.COLUMNS, "GFLOP/s", "of the ceiling")


def run(name: str, settings: Settings) -> Result:
    """Times a step at layers of one network, or of each of the small ones.

    Args:
      name: of the network, or "small_networks".
      settings: `layers`, `checkpoint` and `batch_size` may replace the case's own.
    """
    names = settings.networks or (_SMALL if name == "small_networks" else (name,))
    found, notes = [], list(_left_out(names))
    for network_name in names:
        if network_name in _SMALL or settings.checkpoint:
            network = catalog.load_network(network_name, settings.checkpoint)
        else:
            network = untrained.load(network_name)
        batch = settings.batch_size or (16 if network_name in _SMALL else 1)
        rows, numbers = [], {}
        for layer in network.check_layers(settings.layers or _LAYERS[network_name]):
            measured = _measure(network, layer, batch, settings)
            rows += measured[0]
            numbers[layer] = measured[1]
            notes += measured[2]
        title = f"{network_name}, {batch} signal{'s' if batch > 1 else ''} at once"
        found.append(Table(title, _COLUMNS, tuple(rows), numbers))
    return Result(tuple(found), tuple(notes))


def _left_out(names: tuple[str, ...]) -> Iterator[str]:
    if any(name.startswith("vgg_19") for name in names):
        for package, who in (("torch", _TORCH), ("plenoptic", _PLENOPTIC)):
            if not _is_there(package):
                yield f"{who} is not installed (pip install 'model_metamers[bench]') and was left out."


def _is_there(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def _measure(
    network: Network, layer: str, batch: int, settings: Settings
) -> tuple[list[tuple[str, ...]], dict, list[str]]:
    """The rows, numbers and notes of one layer."""
    target, start = signals.target_and_start(network.signal, batch)
    with contextlib.ExitStack() as stack:
        ours = OurSearch(network, layer, target, start)
        gflop = ours.operations_gflop()
        references, notes = _references(stack, network, layer, target, start, ours)
        ways = tuple(_WAYS) if settings.ways else _ALWAYS.get(network.name, ())
        others, refused = _other_ways(network, layer, target, start, ways)
        references, notes = references + others, notes + refused
        contenders = [Contender(tables.OURS, ours.steps), *references, *ceilings.contenders()]
        times = timing.in_turn(contenders, settings.rounds, settings.seconds)
    found = ceilings.gflops(times)
    best = [max(pair) for pair in zip(*found.values(), strict=True)]
    steps = {name: own for name, own in times.items() if name not in found}
    ours_reached = _reached(steps[tables.OURS], gflop, best)
    rows = [
        (layer, *row, *(ours_reached if row[0] == tables.OURS else ("", ""))) for row in tables.rows(steps)
    ]
    reached = ", ".join(f"{name} {Spread.of(values).text()}" for name, values in found.items())
    notes += [f"{network.name} {layer}: {line}." for line in _beside_references(steps)]
    notes.append(f"{network.name} {layer}: {gflop:.3g} GFLOP a step; ceilings in GFLOP/s: {reached}.")
    return rows, {"gflop": gflop, "ceilings_gflops": found, **tables.numbers(steps)}, notes


def _references(
    stack: contextlib.ExitStack,
    network: Network,
    layer: str,
    target: np.ndarray,
    start: np.ndarray,
    ours: OurSearch,
) -> tuple[list[Contender], list[str]]:
    """The other contenders, and how far their gradients at the start are from ours."""
    values = {name: variable.numpy() for name, variable in network.weights.items()}
    spec = network.signal
    bounds = (spec.low, spec.high) if spec.bounded else None
    expected = ours.gradient()
    notes = []

    def stepping(name: str, search) -> Contender:
        error = error_of_norm(search.gradient(), expected)
        notes.append(f"{network.name} {layer}: {name}'s first gradient is {error:.1e} of its norm from ours.")
        return Contender(name, lambda repetitions: [search.step() for _ in range(repetitions)])

    graph = stack.enter_context(
        GraphSearch(form(network, layer), values, target, start, bounds, network.learning_rate)
    )
    found = [stepping(_TF1, graph)]
    if isinstance(network, VGG) and _is_there("torch"):
        from benchmarks.references import torch_vgg

        model = torch_vgg.VGG19(values, layer, network._pixel_std)
        found.append(stepping(_TORCH, torch_vgg.TorchSearch(model, target, start)))
        if _is_there("plenoptic"):
            found.append(Contender(_PLENOPTIC, torch_vgg.plenoptic_metamer(model, target, start)))
            notes.append(f"{network.name} {layer}: plenoptic ends each round with a further forward pass.")
    return found, notes


def _other_ways(
    network: Network, layer: str, target: np.ndarray, start: np.ndarray, ways: tuple[str, ...]
) -> tuple[list[Contender], list[str]]:
    """Ours in each of some other ways, and why not in one."""
    found, notes = [], []
    for how in ways:
        try:
            search = OurSearch(network, layer, target, start, _WAYS[how])
        except InputError as error:
            notes.append(f"{network.name} {layer}: {error}.")
        else:
            found.append(Contender(f"{tables.OURS}, {how}", search.steps))
    return found, notes


def _beside_references(steps: Mapping[str, Times]) -> Iterator[str]:
    """How many times as fast as each reference ours is in its other ways."""
    for ours in (name for name in steps if name.startswith(f"{tables.OURS}, ")):
        for name, (wall, processor) in timing.against(steps, ours).items():
            if not name.startswith(tables.OURS):
                yield f"{name} takes {wall.text()} times as long as {ours}, processor time {processor.text()}"


def _reached(own: Times, gflop: float, best: list[float]) -> tuple[str, str]:
    """GFLOP/s of ours, and its share of the ceiling of the same round."""
    reached = [gflop / seconds for seconds in own.wall]
    share = Spread.of([a / b for a, b in zip(reached, best, strict=True)])
    return Spread.of(reached).text(), share.text(100, " %")
