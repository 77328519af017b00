"""What a worker does for a block that a judge looks at. Judges stay loaded."""

from __future__ import annotations

import functools
import platform
from pathlib import Path

from model_metamers.errors import InputError
from model_metamers.networks.network import Network
from model_metamers.recognition.judged_blocks import JudgedBlock
from model_metamers.recognition.kept import Block
from model_metamers.recognition.network_judge import reader
from model_metamers.recognition.presentations import read_presentation
from model_metamers.runs.batch_worker import loaded_network
from model_metamers.signals.spec import SignalSpec


def look(unit: JudgedBlock) -> None:
    """Computes and keeps the logits of a block; see `JudgedBlock.run`."""
    network = loaded_network(unit.network, unit.checkpoint, unit.signal)
    if network.checkpoint_digest != unit.weights:
        raise InputError(f"{unit.checkpoint or unit.network}: other weights on {platform.node()}")
    shown = tuple(
        read_presentation(Path(place), stem, unit.part)
        for place, stem in zip(unit.places, unit.stems, strict=True)
    )
    block = Block(_reader(network, shown[0].spec), shown, Path(unit.folder), unit.number)
    if block.digest != unit.digest:
        raise InputError(f"{unit.places[0]}: it or others of its block are other files on {platform.node()}")
    block.run()


@functools.lru_cache(2)
def _reader(network: Network, spec: SignalSpec) -> Network:
    """`reader`, with the view that this network had before."""
    return reader(network, spec)
